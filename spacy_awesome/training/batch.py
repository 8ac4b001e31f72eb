"""A batch of training pairs, its runs of the encoder, and the losses of all objectives."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, Self

import torch
from torch import Tensor

from spacy_awesome.encoders.encoder import SubwordEncoder, Vectors
from spacy_awesome.encoders.finetuning import drops_activations
from spacy_awesome.encoders.tokenization import batches_by_length, pair_batches
from spacy_awesome.extraction.extractor import LinkExtractor, subword_links

if TYPE_CHECKING:
    from spacy_awesome.encoders.tokenization import Ids, Subwords
    from spacy_awesome.extraction import LinkProbabilities
    from spacy_awesome.extraction.similarity import SubwordPairs
    from spacy_awesome.tokens.word_alignment import WordAlignment
    from spacy_awesome.training.objectives import Objective

logger = logging.getLogger("spacy_awesome")


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """What the objectives of one update share. Pairs with an empty side are left out.

    Attributes:
        encoder: In training mode; it is left so.
        extractor: The links that self-training follows, and the probabilities that it trains.
        pairs: Subwords of both sides.
        gold: Known links of each pair, or None.
        generator: What masks and mismatched pairs are drawn from, for all pairs at once: it does not matter for them
            how the pairs are split into runs.
        max_tokens: The most padded subwords in one run of the encoder, both sides together.
    """

    encoder: SubwordEncoder
    extractor: LinkExtractor
    pairs: Sequence[tuple[Subwords, Subwords]]
    gold: Sequence[WordAlignment | None]
    generator: torch.Generator
    max_tokens: int = 4096

    def __post_init__(self) -> None:
        kept = [row for row, (x, y) in enumerate(self.pairs) if len(x.ids) and len(y.ids)]
        # A frozen dataclass sets its own fields this way.
        object.__setattr__(self, "pairs", [self.pairs[row] for row in kept])
        object.__setattr__(self, "gold", [self.gold[row] for row in kept])

    def runs(self, inputs: Sequence[Ids]) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Rows, padded ids and attention mask of inputs of similar length, within the token budget."""
        lengths = [len(ids) for ids in inputs]
        for rows in batches_by_length(lengths, lambda count, width: count * width <= self.max_tokens):
            yield rows, *self.encoder.pad([inputs[row] for row in rows])

    def short_pairs(self, objective: str) -> list[int]:
        """Rows of the pairs that the encoder takes as one input; how many are longer is logged as a warning."""
        rows = [row for row, (x, y) in enumerate(self.pairs) if len(x.ids) + len(y.ids) <= self.pair_window]
        if len(rows) < len(self.pairs):
            logger.warning(
                "%s: left out %d of %d pairs, which have more than %d subwords together.",
                objective,
                len(self.pairs) - len(rows),
                len(self.pairs),
                self.pair_window,
            )
        return rows

    @property
    def pair_window(self) -> int:
        """How many subwords of two sentences together the encoder takes as one input."""
        return self.encoder.window - len(self.encoder.tokenizer.middle)


class Run(Protocol):
    """What one or several objectives are computed from, and what the encoder is run on once for all of them."""

    @classmethod
    def over(cls, batch: TrainingBatch, objectives: Sequence[Objective]) -> Iterator[Self]:
        """The runs that a batch takes, for all objectives that are computed from this kind of run."""


@dataclass(frozen=True, eq=False)
class SentenceRun:
    """Vectors of both sides of pairs, for the objectives that compare them.

    Attributes:
        batch: The batch that all pairs are from.
        parts: The pairs. Several parts, which the encoder is run on one after the other, only if an objective compares
            all pairs of the batch with each other: their activations are then held at once.
    """

    batch: TrainingBatch
    parts: Sequence[SentencePart]

    @classmethod
    def over(cls, batch: TrainingBatch, objectives: Sequence[Objective]) -> Iterator[SentenceRun]:
        """One run with all pairs if an objective compares them, else one for each part."""
        parts = (
            SentencePart(batch, [batch.pairs[row] for row in rows], [batch.gold[row] for row in rows])
            for rows in pair_batches(batch.pairs, batch.max_tokens, special_tokens=batch.encoder.special_tokens)
        )
        together = any(objective.compares_all_pairs for objective in objectives)
        for run in [list(parts)] if together else ([part] for part in parts):
            if any(objective.needs_links for objective in objectives):
                # Before any run with gradient, so that the memory of finding them is free again.
                for part in run:
                    part.links  # noqa: B018
            yield cls(batch, run)


@dataclass(frozen=True, eq=False)
class SentencePart:
    """Pairs of a batch that the encoder is run on together, when their vectors are first asked for.

    Attributes:
        batch: The batch that they are from.
        pairs: Subwords of both sides.
        gold: Known links of each pair, or None.
    """

    batch: TrainingBatch
    pairs: Sequence[tuple[Subwords, Subwords]]
    gold: Sequence[WordAlignment | None]

    @cached_property
    def vectors(self) -> tuple[Vectors, Vectors]:
        """Of the source and of the target sentences, with gradient."""
        return self.batch.encoder.encode_pairs(self.pairs, max_tokens=self.batch.max_tokens)

    @cached_property
    def subwords(self) -> SubwordPairs:
        """All pairs of a source and a target subword."""
        return self.batch.extractor.pairs(*self.vectors)

    @cached_property
    def probabilities(self) -> LinkProbabilities:
        """S_xy and S_yx as the extraction method gives them."""
        return self.batch.extractor.extraction.probabilities(self.subwords)

    @cached_property
    def gold_words(self) -> Tensor:
        """The gold links, sure and possible, (batch, source words, target words); 0 for pairs without."""
        return self._word_matrix(sure_only=False)

    @cached_property
    def sure_words(self) -> Tensor:
        """The sure gold links, (batch, source words, target words); 0 for pairs without."""
        return self._word_matrix(sure_only=True)

    def _word_matrix(self, *, sure_only: bool) -> Tensor:
        lengths = max(x.length for x, _ in self.pairs), max(y.length for _, y in self.pairs)
        matrix = torch.zeros(len(self.pairs), *lengths)
        for row, links in zip(matrix, self.gold):
            if links is not None:
                row[tuple(links.pairs[links.sure if sure_only else slice(None)].T)] = 1.0
        return matrix.to(self.batch.encoder.device)

    def own_words(self, source: Vectors, target: Vectors, probabilities: LinkProbabilities) -> Tensor:
        """The current model's links, (batch, source words, target words) bool."""
        lengths = self.gold_words.shape[1], self.gold_words.shape[2]
        return self.batch.extractor.linked_words(probabilities, source, target, lengths)

    @cached_property
    def links(self) -> Tensor:
        """A of eq. 4, (batch, n, m) bool: a pair's gold links, or else those of the current model, over words.

        The model's own are found without gradient and without dropout: from the vectors that are trained, unless
        dropout changes these.
        """
        batch, gold = self.batch, [links is not None for links in self.gold]
        if all(gold):
            return subword_links(self.gold_words, *self.vectors)
        if drops_activations(batch.encoder):
            batch.encoder.eval()
            with torch.no_grad():
                vectors = batch.encoder.encode_pairs(self.pairs, max_tokens=batch.max_tokens)
                probabilities = batch.extractor.extraction.probabilities(batch.extractor.pairs(*vectors))
            batch.encoder.train()
        else:
            vectors, probabilities = self.vectors, self.probabilities
        words = self.own_words(*vectors, probabilities)
        known = torch.tensor(gold, device=words.device)[:, None, None]
        return subword_links(torch.where(known, self.gold_words.bool(), words), *vectors)


def training_losses(batch: TrainingBatch, objectives: Sequence[Objective]) -> Iterator[Tensor]:
    """The weighted objectives, one sum over pairs for each run of the encoder; an objective of weight 0 costs nothing.

    Go backward through each loss before the next is asked for: only one run's activations are then held at a time. A
    loss has no gradient where a run has nothing that its objectives can be trained on.
    """
    active = [objective for objective in objectives if objective.weight] if batch.pairs else []
    for kind in dict.fromkeys(objective.run for objective in active):
        sharing = [objective for objective in active if objective.run is kind]
        for run in kind.over(batch, sharing):
            loss = torch.zeros(())
            for objective in sharing:
                loss = loss + objective.weight * objective.loss(run)
            yield loss


def are_translations(pairs: Sequence[tuple[Ids, Ids]], others: Sequence[tuple[Ids, Ids]] | None = None) -> Tensor:
    """Where a source of `pairs` and a target of `others` are known to be translations of each other.

    Sentences come twice: another pair's target is one if it is the same, or belongs to the same source.

    Args:
        pairs: Subword ids of both sides.
        others: The same, by default of the same pairs.

    Returns:
        (pairs, others) bool.
    """
    texts: dict[bytes, int] = {}

    def keys(sides: Sequence[tuple[Ids, Ids]]) -> Tensor:
        numbers = [texts.setdefault(ids.tobytes(), len(texts)) for pair in sides for ids in pair]
        return torch.tensor(numbers, dtype=torch.int64).reshape(-1, 2)

    own = keys(pairs)
    other = own if others is None else keys(others)
    same: Tensor = (own[:, None] == other[None, :]).any(dim=2)
    return same
