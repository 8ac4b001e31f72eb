"""Pairs of word lists to word alignments: the engine behind the `word_aligner` component."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch

from spacy_awesome.aligners.long_text import join_alignments, links_within, pair_windows
from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.tokenization import Subwords, pair_batches
from spacy_awesome.extraction.extractor import LinkExtractor, link_scores
from spacy_awesome.tokens.word_alignment import WordAlignment

Pair = tuple[Sequence[str] | Subwords, Sequence[str] | Subwords]

# Pairs that are read ahead: enough to batch sentences of like length, few enough to keep memory flat.
_READ_AHEAD = 1024


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
        pieces = [(row, *piece) for row, (x, y) in enumerate(both) for piece in pair_windows(x, y, self.encoder.window)]
        found: list[list[WordAlignment]] = [[] for _ in both]
        for batch in pair_batches(
            [(x, y) for _, x, y, _ in pieces], self.max_batch_tokens, special_tokens=self.encoder.special_tokens
        ):
            together = [pieces[place][1:3] for place in batch]
            with torch.inference_mode():
                vectors = self.encoder.encode_pairs(together, max_tokens=self.max_batch_tokens)
                alignments = self.extractor.align(*vectors, [(x.length, y.length) for x, y in together])
            for (row, _, _, kept), alignment in zip((pieces[place] for place in batch), alignments):
                found[row].append(alignment if kept is None else links_within(alignment, kept, *both[row]))
        return [
            parts[0] if len(parts) == 1 else join_alignments([(0, 0)] * len(parts), parts, x.length, y.length)
            for parts, (x, y) in zip(found, both)
        ]
