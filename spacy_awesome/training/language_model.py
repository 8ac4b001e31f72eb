"""Masked sentences as inputs of the language model, and its loss: what MLM and TLM share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy

from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.tokenization import Ids
from spacy_awesome.training.batch import TrainingBatch
from spacy_awesome.training.objectives import Objective

NO_ANSWER = -1

# Of all subwords, 15 % are to be predicted; of these 80 % are masked, 10 % replaced, 10 % left as they are.
_CHOSEN, _MASKED, _REPLACED = 0.15, 0.8, 0.1


class MaskedInput(NamedTuple):
    """One input of the encoder.

    ids: (length,) subwords and special tokens, some of them masked.
    answers: (length,) the original subword where one is to be predicted, else NO_ANSWER.
    """

    ids: Ids
    answers: Ids


class MaskedObjective(Objective):
    """An objective that predicts masked subwords; all of them share their runs of the language model."""

    language_model = True

    @abstractmethod
    def sentences(self, batch: TrainingBatch) -> list[list[MaskedInput]]:
        """The inputs of each sentence of the objective: one, or several windows of what is longer than the encoder."""

    def loss(self, run: MaskedRun) -> Tensor:
        return run.losses[[owner is self for owner in run.owners]].sum()


@dataclass(frozen=True, eq=False)
class MaskedRun:
    """Masked inputs of several objectives in one run of the language model.

    Attributes:
        encoder: With a language model.
        owners: The objective of each sentence.
        masked: How many subwords of each sentence are to be predicted, in this and other runs; (sentences,).
        ids: (rows, length).
        attention: Attention mask, (rows, length).
        answers: The original subword where one is to be predicted, else NO_ANSWER; (rows, length).
        sentences: Number of each row's sentence, (rows,).
    """

    encoder: SubwordEncoder
    owners: Sequence[Objective]
    masked: Tensor
    ids: Tensor
    attention: Tensor
    answers: Tensor
    sentences: Tensor

    @classmethod
    def over(cls, batch: TrainingBatch, objectives: Sequence[Objective]) -> Iterator[MaskedRun]:
        """Runs over all inputs that have something to predict. Raises ValueError without a language model."""
        if batch.encoder.language_model is None:
            raise ValueError(
                "masked_lm and translation_lm need a language model, and the encoder was loaded without; "
                "name them in the component's config, before the encoder is loaded."
            )
        inputs, numbers, masked, owners = masked_inputs(batch, objectives)
        for rows, ids, attention in batch.runs([item.ids for item in inputs]):
            answers, _ = batch.encoder.pad([inputs[row].answers for row in rows], NO_ANSWER)
            sentences = torch.tensor([numbers[row] for row in rows], device=ids.device)
            yield cls(batch.encoder, owners, masked.to(ids.device), ids, attention, answers, sentences)

    @cached_property
    def losses(self) -> Tensor:
        """What this run adds to the loss of each sentence, (sentences,)."""
        assert self.encoder.language_model is not None
        chosen = self.answers != NO_ANSWER
        with self.encoder.arithmetic():
            logits = self.encoder.language_model(self.ids, self.attention, chosen)
        sentences = self.sentences[:, None].expand_as(chosen)[chosen]
        return masked_lm_loss(logits.float(), self.answers[chosen], sentences, self.masked)


def masked_inputs(
    batch: TrainingBatch, objectives: Sequence[Objective]
) -> tuple[list[MaskedInput], list[int], Tensor, list[Objective]]:
    """All inputs of a batch that have something to predict.

    Returns:
        The inputs; for each the number of its sentence; for each sentence how many of its subwords are to be predicted,
        and which objective it belongs to.
    """
    inputs: list[MaskedInput] = []
    numbers: list[int] = []
    masked: list[int] = []
    owners: list[Objective] = []
    for objective in objectives:
        assert isinstance(objective, MaskedObjective)
        for sentence in objective.sentences(batch):
            counts = [int((item.answers != NO_ANSWER).sum()) for item in sentence]
            asked = [item for item, count in zip(sentence, counts) if count]
            inputs += asked
            numbers += [len(owners)] * len(asked)
            masked.append(sum(counts))
            owners.append(objective)
    return inputs, numbers, torch.tensor(masked), owners


def mask_sentences(batch: TrainingBatch) -> list[tuple[MaskedInput, MaskedInput]]:
    """Both sides of each pair, masked, without special tokens.

    Raises:
        ValueError: The tokenizer has no mask token.
    """
    encoder = batch.encoder
    tokenizer = encoder.tokenizer.tokenizer
    if tokenizer.mask_token_id is None:
        raise ValueError("masked_lm and translation_lm need a tokenizer with a mask token; this encoder's has none.")
    sentences = [side.ids for pair in batch.pairs for side in pair]
    ids = np.concatenate(sentences)
    special = np.array(tokenizer.all_special_ids, dtype=np.int64)
    replacements = np.setdiff1d(np.arange(min(len(tokenizer), encoder.transformer.config.vocab_size)), special)
    masked, chosen = mask_subwords(
        torch.from_numpy(ids),
        torch.from_numpy(~np.isin(ids, special)),
        mask_id=tokenizer.mask_token_id,
        replacements=torch.from_numpy(replacements),
        generator=batch.generator,
    )
    answers = np.where(chosen.numpy(), ids, NO_ANSWER)
    ends = np.cumsum([len(sentence) for sentence in sentences])[:-1]
    sides = [MaskedInput(*side) for side in zip(np.split(masked.numpy(), ends), np.split(answers, ends))]
    return list(zip(sides[::2], sides[1::2]))


def mask_subwords(
    ids: Tensor, eligible: Tensor, *, mask_id: int, replacements: Tensor, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Choose 15 % of the subwords; mask 80 % of these, replace 10 % at random (Dou & Neubig 2021, section 2.2, "MLM").

    ids: (n,) int64. eligible: (n,) bool, False at special tokens, which are never chosen.
    replacements: (k,) int64, the subwords that random ones are drawn from.
    generator: where all randomness comes from, on the CPU as the other tensors are.
    Returns the changed ids and, (n,) bool, which were chosen, those that stayed as they were among them.

    >>> ids, eligible = torch.arange(10, 1010), torch.ones(1000, dtype=torch.bool)
    >>> options = {"mask_id": 0, "replacements": torch.tensor([1]), "generator": torch.Generator().manual_seed(0)}
    >>> masked, chosen = mask_subwords(ids, eligible, **options)
    >>> int(chosen.sum()), int((masked == 0).sum()), int((masked == 1).sum())
    (152, 123, 7)
    """
    chosen = (torch.rand(ids.shape, generator=generator) < _CHOSEN) & eligible
    kind = torch.rand(ids.shape, generator=generator)
    drawn = replacements[torch.randint(len(replacements), ids.shape, generator=generator)]
    masked = torch.where(chosen & (kind < _MASKED), mask_id, ids)
    return torch.where(chosen & (kind >= _MASKED) & (kind < _MASKED + _REPLACED), drawn, masked), chosen


def masked_lm_loss(logits: Tensor, answers: Tensor, sentences: Tensor, masked: Tensor) -> Tensor:
    """Minus the log-probability of the hidden subwords (Dou & Neubig 2021, section 2.2, eqs. 2 and 3).

    L = −log p(x | x_mask), here the mean over the chosen subwords of a sentence.

    logits: (k, vocabulary) at the chosen subwords of a batch.
    answers: (k,) int64, the original subwords. sentences: (k,) int64, the sentence that each is from.
    masked: (sentences,) the number of chosen subwords of each sentence. A sentence longer than the encoder comes in
        several windows, not all of which need be in this batch.
    Returns (sentences,), 0 where nothing is chosen; a sentence's windows add up to its loss. The value of a sentence
    does not depend on the others.

    >>> logits = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    >>> masked_lm_loss(logits, torch.tensor([1, 0, 0]), torch.tensor([0, 1, 1]), torch.tensor([1, 2]))
    tensor([0.6931, 0.2201])
    """
    total = logits.new_zeros(len(masked)).index_add(0, sentences, cross_entropy(logits, answers, reduction="none"))
    return total / masked.clamp(min=1)
