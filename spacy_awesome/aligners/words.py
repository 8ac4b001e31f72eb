"""Pairs of word lists to word alignments: the engine behind the `word_aligner` component."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch

from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.tokenization import Subwords, pair_batches, windows
from spacy_awesome.extraction.extractor import LinkExtractor, link_scores
from spacy_awesome.tokens.word_alignment import WordAlignment

Pair = tuple[Sequence[str] | Subwords, Sequence[str] | Subwords]

# Pairs that are read ahead: enough to batch sentences of like length, few enough to keep memory flat.
_READ_AHEAD = 1024
# Subwords above which, on both sides, a pair is aligned in windows. A link finds its words more surely among fewer
# others: on XL-WA es dev in one text of 100 sentences, F1 is 75 with windows of 510 subwords and 79 with 256.
_LONG_PAIR = 256


class PairAligner:
    """Aligns pairs of word lists: batches and encodes them, and has their links extracted.

    encoder: words to subword vectors.
    extractor: subword vectors to word links.
    max_batch_tokens: padded subwords that the encoder sees at once, both sides together.
    """

    def __init__(self, encoder: SubwordEncoder, extractor: LinkExtractor, *, max_batch_tokens: int = 4096) -> None:
        self.encoder = encoder
        self.extractor = extractor
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
                vectors = self.encoder.encode_pairs([(x, y)], max_tokens=self.max_batch_tokens)
                scores = link_scores(self.extractor.extraction.probabilities(self.extractor.pairs(*vectors)))
            values = scores[0].cpu().numpy()
            np.maximum.at(matrix, (x.words[:, None], y.words[None, :]), values)
        return matrix

    def tokenize(self, pairs: Sequence[Pair]) -> list[tuple[Subwords, Subwords]]:
        """The subwords of both sides of each pair."""
        sides = [side for pair in pairs for side in pair]
        made = iter(self.encoder.tokenizer([words for words in sides if not isinstance(words, Subwords)]))
        subwords = [side if isinstance(side, Subwords) else next(made) for side in sides]
        return list(zip(subwords[::2], subwords[1::2]))

    def _align_chunk(self, pairs: Sequence[Pair]) -> list[WordAlignment]:
        both = self.tokenize(pairs)
        pieces = [(row, *piece) for row, (x, y) in enumerate(both) for piece in self._pieces(x, y)]
        found: list[list[WordAlignment]] = [[] for _ in both]
        for batch in pair_batches(
            [(x, y) for _, x, y, _ in pieces], self.max_batch_tokens, special_tokens=self.encoder.special_tokens
        ):
            together = [pieces[place][1:3] for place in batch]
            with torch.inference_mode():
                vectors = self.encoder.encode_pairs(together, max_tokens=self.max_batch_tokens)
                alignments = self.extractor.align(*vectors, [(x.length, y.length) for x, y in together])
            for (row, _, _, kept), alignment in zip((pieces[place] for place in batch), alignments):
                found[row].append(alignment if kept is None else _within(alignment, kept, *both[row]))
        return [
            parts[0] if len(parts) == 1 else _joined(parts, x.length, y.length) for parts, (x, y) in zip(found, both)
        ]

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
    return WordAlignment(
        np.concatenate([np.empty((0, 2), dtype=np.int32), *(part.pairs for part in parts)]),
        np.concatenate([np.empty(0, dtype=np.float32), *(part.scores for part in parts)]),
        source_length=source_length,
        target_length=target_length,
    )
