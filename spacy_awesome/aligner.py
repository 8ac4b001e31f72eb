"""Pairs of word lists to word alignments: the engine behind the `word_aligner` component."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spacy_awesome.alignment import WordAlignment, check_symmetrization
from spacy_awesome.encoders.batching import batches_by_length
from spacy_awesome.encoders.encoder import SubwordEncoder, Vectors
from spacy_awesome.encoders.tokenization import Subwords, windows
from spacy_awesome.extraction.probabilities import LinkProbabilities
from spacy_awesome.extraction.similarity import length_factor, relative_distance, similarity_matrix
from spacy_awesome.extraction.words import to_alignments, word_links

if TYPE_CHECKING:
    from spacy_awesome.extraction.methods import Extraction

Pair = tuple[Sequence[str] | Subwords, Sequence[str] | Subwords]

# Pairs that are read ahead: enough to batch sentences of like length, few enough to keep memory flat.
_READ_AHEAD = 1024
# Subwords above which, on both sides, a pair is aligned in windows. A link finds its words more surely among fewer
# others: on XL-WA es dev in one text of 100 sentences, F1 is 75 with windows of 510 subwords and 79 with 256.
_LONG_PAIR = 256
# Cells of one batch's similarity matrices; keeps few long pairs from taking all memory.
_MAX_CELLS = 4_000_000


class PairAligner:
    """Aligns pairs of word lists.

    encoder: words to subword vectors.
    extraction: the method, from `spacy_awesome.extraction.methods`.
    threshold, scale, distortion: None takes the method's default, or else the encoder's own.
    symmetrization: one of `spacy_awesome.alignment.SYMMETRIZATIONS`.
    max_batch_tokens: padded subwords that the encoder sees at once, both sides together.
    """

    def __init__(
        self,
        encoder: SubwordEncoder,
        extraction: Extraction,
        *,
        threshold: float | None = None,
        scale: float | None = None,
        distortion: float | None = None,
        symmetrization: str = "intersection",
        max_batch_tokens: int = 4096,
    ) -> None:
        check_symmetrization(symmetrization)
        defaults = encoder.defaults
        self.encoder = encoder
        self.extraction = extraction
        self.extract = extraction.load()
        own_threshold = defaults.threshold if extraction.threshold is None else extraction.threshold
        self.threshold = own_threshold if threshold is None else threshold
        self.scale = defaults.scale if scale is None else scale
        self.distortion = defaults.distortion if distortion is None else distortion
        self.symmetrization = symmetrization
        self.max_batch_tokens = max_batch_tokens

    def align(self, pairs: Iterable[Pair]) -> Iterator[WordAlignment]:
        """One alignment for each (source words, target words), in order; reads ahead by about a thousand pairs.

        Either side may be subwords instead.
        """
        stream = iter(pairs)
        while chunk := list(islice(stream, _READ_AHEAD)):
            yield from self._align_chunk(chunk)

    def similarity(self, source: Sequence[str], target: Sequence[str]) -> npt.NDArray[np.float32]:
        """Link probability of every word pair: the best harmonic mean of both directions over its subwords.

        Returns (source words, target words), 0 for words without a subword.
        """
        matrix = np.zeros((len(source), len(target)), dtype=np.float32)
        x, y = self.tokenize([(source, target)])[0]
        if len(x.ids) and len(y.ids):
            with torch.inference_mode():
                forward, backward = self.probabilities(*self.encode([(x, y)]))
            best = 2 * forward * backward / (forward + backward).clamp(min=torch.finfo(torch.float32).tiny)
            values = best[0, : len(x.ids), : len(y.ids)].cpu().numpy()
            np.maximum.at(matrix, (x.words[:, None], y.words[None, :]), values)
        return matrix

    def tokenize(self, pairs: Sequence[Pair]) -> list[tuple[Subwords, Subwords]]:
        """The subwords of both sides of each pair."""
        sides = [side for pair in pairs for side in pair]
        made = iter(self.encoder.tokenizer([words for words in sides if not isinstance(words, Subwords)]))
        subwords = [side if isinstance(side, Subwords) else next(made) for side in sides]
        return list(zip(subwords[::2], subwords[1::2]))

    def encode(self, pairs: Sequence[tuple[Subwords, Subwords]]) -> tuple[Vectors, Vectors]:
        """Vectors of all source and of all target sentences, from one run of the encoder."""
        sentences = [source for source, _ in pairs] + [target for _, target in pairs]
        return _halves(self.encoder.encode(sentences, max_tokens=self.max_batch_tokens))

    def probabilities(self, source: Vectors, target: Vectors) -> LinkProbabilities:
        """Both directions' link probabilities, (batch, n, m)."""
        return self.extract(self._comparable(source, target), source.mask, target.mask)

    def logits(self, source: Vectors, target: Vectors) -> Tensor:
        """β · (dot product) − λ · |i/n − j/m|, λ greater in long pairs: what training compares too; (batch, n, m)."""
        similarity = similarity_matrix(source.values, target.values, "dot")
        if not self.distortion:
            return self.scale * similarity
        return self.scale * similarity - self._penalty(source, target) * _distance(source, target)

    def _comparable(self, source: Vectors, target: Vectors) -> Tensor:
        """Similarities in the range that the extraction method expects; (batch, n, m)."""
        if self.extraction.values == "logits":
            return self.logits(source, target)
        similarity = similarity_matrix(source.values, target.values, self.extraction.similarity)
        if self.distortion:
            # λ is in units of scaled similarity; methods that do not scale get its equivalent.
            similarity = similarity - self._penalty(source, target) / self.scale * _distance(source, target)
        if self.extraction.values == "unit":
            lowest = -1 - self._penalty(source, target) / self.scale
            similarity = ((similarity - lowest) / (1 - lowest)).clamp(min=torch.finfo(torch.float32).tiny)
        return similarity

    def _penalty(self, source: Vectors, target: Vectors) -> Tensor:
        """λ of each pair, greater in long ones; (batch, 1, 1)."""
        return self.distortion * length_factor(source.mask, target.mask)

    def _align_chunk(self, pairs: Sequence[Pair]) -> list[WordAlignment]:
        both = self.tokenize(pairs)
        pieces = [(row, *piece) for row, (x, y) in enumerate(both) for piece in self._pieces(x, y)]
        found: list[list[WordAlignment]] = [[] for _ in pairs]
        for batch in self.batches([(x, y) for _, x, y, _ in pieces]):
            alignments = self._align_batch([pieces[place][1:3] for place in batch])
            for (row, _, _, kept), alignment in zip((pieces[place] for place in batch), alignments):
                found[row].append(alignment if kept is None else _within(alignment, kept, *both[row]))
        return [_joined(parts, x.length, y.length) for parts, (x, y) in zip(found, both)]

    def _pieces(self, x: Subwords, y: Subwords) -> Iterator[tuple[Subwords, Subwords, tuple[float, float] | None]]:
        """The pair itself; or, if both sides are long, windows over the same part of both.

        With each window comes the part of the pair, from 0 to 1, whose links have most context in it. Half of a window
        is shared with the next one, so that both ends of a link may lie as far apart as half a window.
        """
        n, m, size = len(x.ids), len(y.ids), min(_LONG_PAIR, self.encoder.window)
        if min(n, m) <= size:
            yield x, y, None
            return
        longest = max(n, m)
        for start, end, keep, stop in windows(longest, size, shared=0.5):
            part = (start / longest, end / longest)
            yield x.part(*part), y.part(*part), (keep / longest, stop / longest)

    def _align_batch(self, pairs: Sequence[tuple[Subwords, Subwords]]) -> list[WordAlignment]:
        with torch.inference_mode():
            source, target = self.encode(pairs)
            links = word_links(
                self.probabilities(source, target),
                source.words,
                target.words,
                threshold=self.threshold,
                symmetrization=self.symmetrization,
            )
        lengths = [(x.length, y.length) for x, y in pairs]
        return to_alignments(links, lengths, symmetrization=self.symmetrization)

    def batches(self, pairs: Sequence[tuple[Subwords, Subwords]]) -> Iterator[list[int]]:
        """Rows of pairs of like length, within the token budget; pairs with an empty side are left out."""
        longest = [max(len(x.ids), len(y.ids)) if len(x.ids) and len(y.ids) else 0 for x, y in pairs]

        def fits(rows: int, width: int) -> bool:
            tokens = 2 * rows * (width + self.encoder.special_tokens)
            return tokens <= self.max_batch_tokens and rows * width * width <= _MAX_CELLS

        return batches_by_length(longest, fits)


def _within(alignment: WordAlignment, part: tuple[float, float], x: Subwords, y: Subwords) -> WordAlignment:
    """The links whose middle lies in a part of the pair, counted in subwords from 0 to 1."""
    sources, targets = alignment.pairs.T
    middle = (x.positions(sources) + y.positions(targets)) / 2
    kept = (middle >= part[0]) & (middle < part[1])
    return WordAlignment(
        alignment.pairs[kept],
        alignment.scores[kept],
        source_length=alignment.source_length,
        target_length=alignment.target_length,
    )


def _joined(parts: Sequence[WordAlignment], source_length: int, target_length: int) -> WordAlignment:
    if len(parts) == 1:
        return parts[0]
    return WordAlignment(
        np.concatenate([np.empty((0, 2), dtype=np.int32), *(part.pairs for part in parts)]),
        np.concatenate([np.empty(0, dtype=np.float32), *(part.scores for part in parts)]),
        source_length=source_length,
        target_length=target_length,
    )


def _distance(source: Vectors, target: Vectors) -> Tensor:
    return relative_distance(source.mask, target.mask)


def _halves(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """Split a batch of all source and then all target sentences into both sides, each as long as its longest."""
    middle = len(vectors.mask) // 2

    def side(part: slice) -> Vectors:
        longest = int(vectors.mask[part].sum(dim=1).amax())
        return Vectors(vectors.values[part, :longest], vectors.mask[part, :longest], vectors.words[part, :longest])

    return side(slice(None, middle)), side(slice(middle, None))
