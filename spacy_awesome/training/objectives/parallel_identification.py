"""Parallel sentence identification: tell translations from other pairs of sentences."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from spacy_awesome.encoders.tokenization import Ids
from spacy_awesome.training.batch import TrainingBatch, are_translations
from spacy_awesome.training.objectives import Objective

logger = logging.getLogger("spacy_awesome")

# Pairs of earlier batches that are kept: far more than a batch has, few enough to compare each source with all.
_RESERVOIR = 1024


class LabeledRun:
    """Pairs of sentences in one run of the encoder, and whether they are translations.

    Attributes:
        scores: Logits of "these are translations", (pairs,).
        labels: 1 for translations, 0 for others, (pairs,).
    """

    def __init__(self, scores: Tensor, labels: Tensor) -> None:
        self.scores = scores
        self.labels = labels

    @classmethod
    def over(cls, batch: TrainingBatch, objectives: Sequence[Objective]) -> Iterator[LabeledRun]:
        """Runs over the sampled pairs. Raises ValueError without the head, or a first special token to read it from."""
        encoder = batch.encoder
        if encoder.parallel_head is None or not len(encoder.tokenizer.prefix):
            raise ValueError(
                "parallel_identification needs a tokenizer that puts a special token first, and an encoder loaded with "
                "its head; name it in the component's config, before the encoder is loaded."
            )
        [objective] = objectives
        assert isinstance(objective, ParallelIdentification)
        inputs, labels = objective.sample(batch)
        for rows, ids, attention in batch.runs(inputs):
            scores = encoder.parallel_head(encoder(ids, attention)[:, 0])
            yield cls(scores.float(), labels[rows].to(scores.device))


@dataclass(eq=False)
class ParallelIdentification(Objective):
    """PSI, on pairs of which half are parallel (Dou & Neubig 2021, section 2.2, eq. 5).

    L = −l log s(x′, y′) − (1 − l) log(1 − s(x′, y′))

    Non-parallel targets are drawn from the batch and from a reservoir of pairs of earlier batches, which is a uniform
    sample of all training data so far (algorithm R, Vitter 1985). Batches alone would not do: their sentences are of
    similar length. Pairs longer than the encoder are left out, and so is a batch without two pairs to mix; each with a
    warning.
    """

    run = LabeledRun
    parallel_head = True
    reservoir: list[tuple[Ids, Ids]] = field(default_factory=list, init=False, repr=False)
    seen: int = field(default=0, init=False, repr=False)

    def loss(self, run: LabeledRun) -> Tensor:
        return parallel_identification_loss(run.scores, run.labels).sum()

    def sample(self, batch: TrainingBatch) -> tuple[list[Ids], Tensor]:
        """Inputs of the encoder and their labels, 1 for translations; the batch then goes into the reservoir."""
        rows = batch.short_pairs("parallel_identification")
        pairs = [(batch.pairs[row][0].ids, batch.pairs[row][1].ids) for row in rows]
        others = [*pairs, *self.reservoir]
        lengths = np.array([len(x) for x, _ in pairs])[:, None] + np.array([len(y) for _, y in others])[None, :]
        fits = torch.from_numpy(lengths <= batch.pair_window)
        sources, targets, labels = sample_pairs(fits & ~are_translations(pairs, others), generator=batch.generator)
        if rows and not len(labels):
            logger.warning(
                "parallel_identification: left out a batch of %d, which has no two pairs to mix; give it larger "
                "batches.",
                len(rows),
            )
        self._remember(pairs, batch.generator)
        chosen = zip(sources.tolist(), targets.tolist())
        return [batch.encoder.tokenizer.joined(pairs[i][0], others[j][1]) for i, j in chosen], labels

    def state(self) -> dict[str, Tensor]:
        sentences = [ids for pair in self.reservoir for ids in pair]
        return {
            "seen": torch.tensor(self.seen),
            "lengths": torch.tensor([len(ids) for ids in sentences], dtype=torch.int64),
            "ids": torch.from_numpy(np.concatenate([np.empty(0, dtype=np.int64), *sentences])),
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self.seen, self.reservoir = 0, []
        if state:
            self.seen = int(state["seen"])
            sentences = [part.numpy() for part in state["ids"].split(state["lengths"].tolist())]
            self.reservoir = list(zip(sentences[::2], sentences[1::2]))

    def _remember(self, pairs: Sequence[tuple[Ids, Ids]], generator: Generator) -> None:
        places = torch.rand(len(pairs), generator=generator) * torch.arange(self.seen + 1, self.seen + len(pairs) + 1)
        for pair, place in zip(pairs, places.long().tolist()):
            if len(self.reservoir) < _RESERVOIR:
                self.reservoir.append(pair)
            elif place < _RESERVOIR:
                self.reservoir[place] = pair
        self.seen += len(pairs)


def sample_pairs(mismatches: Tensor, *, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of sentences, half of them parallel.

    Each source is used once: with its own target, or with one drawn from those it does not translate to.

    mismatches: (batch, targets) bool, True where a target may be paired with a source as its non-translation. The first
        targets are those of the batch, in its order.
    generator: where all randomness comes from, on the CPU.
    Returns (k,) indices of sources and of targets, and (k,) float labels, 1 for parallel. As many pairs are parallel as
    not, but for one if the batch is odd; k is less than the batch if mismatches are too few, and 0 if there are none.

    >>> mismatches = ~torch.eye(4, dtype=torch.bool)
    >>> sources, targets, labels = sample_pairs(mismatches, generator=torch.Generator().manual_seed(0))
    >>> torch.equal(sources == targets, labels.bool()), labels.sum()
    (True, tensor(2.))
    """
    order = torch.randperm(len(mismatches), generator=generator)
    # The odd one of a batch is as often parallel as not.
    half = (len(order) + int(torch.randint(2, (), generator=generator))) // 2
    able = mismatches[order].any(dim=1)
    different = able & (able.cumsum(0) <= half)
    negatives, positives = order[different], order[~different]
    if not able.any():
        return order[:0], order[:0], torch.zeros(0)
    positives = positives[: len(negatives) + 1]
    drawn = negatives
    if len(negatives):
        drawn = torch.multinomial(mismatches[negatives].float(), 1, generator=generator)[:, 0]
    labels = torch.cat((torch.ones(len(positives)), torch.zeros(len(negatives))))
    return torch.cat((positives, negatives)), torch.cat((positives, drawn)), labels


def parallel_identification_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of "these are translations", eq. 5.

    scores: (batch,) logits; s is their sigmoid. labels: (batch,) 1 for parallel, 0 for not.
    Returns (batch,). The value of a pair does not depend on the other pairs.

    >>> parallel_identification_loss(torch.tensor([0.0, 9.0]), torch.tensor([1.0, 0.0])).round(decimals=4)
    tensor([0.6931, 9.0001])
    """
    return binary_cross_entropy_with_logits(scores, labels, reduction="none")
