"""Long text taken apart into sentence alignments or windows, and the word links of the parts joined again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from spacy.tokens import Doc, Span

from spacy_awesome.encoders.tokenization import Subwords, windows
from spacy_awesome.tokens.pair import checked_sentence_alignment, get_parallel, sentences_of
from spacy_awesome.tokens.word_alignment import WordAlignment

# Source start and end, target start and end, in tokens.
Part = tuple[int, int, int, int]

# Subwords above which, on both sides, a pair is aligned in windows. A link finds its words more surely among fewer
# others: on XL-WA es dev in one text of 100 sentences, F1 is 75 with windows of 510 subwords and 79 with 256.
_LONG_PAIR = 256


class BeadPairs:
    """Pairs of Docs as pairs of their parts: one for each bead of two sides if a Doc's sentences are aligned, else one.

    pairs: (source Doc, target Doc). A target Doc's beads count only with the source that it is paired with.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> beads = BeadPairs([(nlp("a b"), nlp("c"))])
    >>> list(beads.spans())
    [(a b, c)]
    """

    def __init__(self, pairs: Iterable[tuple[Doc, Doc]]) -> None:
        self._pairs = list(pairs)
        self._parts = [list(_parts(source, target)) for source, target in self._pairs]

    def spans(self) -> Iterator[tuple[Span, Span]]:
        """The parts to be aligned, pair by pair."""
        for (source, target), parts in zip(self._pairs, self._parts):
            for a, b, c, d in parts:
                yield source[a:b], target[c:d]

    def joined(self, alignments: Iterable[WordAlignment]) -> Iterator[WordAlignment]:
        """One alignment for each pair of Docs, from those of `spans`."""
        stream = iter(alignments)
        for (source, target), parts in zip(self._pairs, self._parts):
            found = [next(stream) for _ in parts]
            if parts == [(0, len(source), 0, len(target))]:
                yield found[0]
            else:
                offsets = [(source_start, target_start) for source_start, _, target_start, _ in parts]
                yield join_alignments(offsets, found, len(source), len(target))


def _parts(source: Doc, target: Doc) -> Iterator[Part]:
    pair = get_parallel(target)
    aligned = pair is not None and pair.sentence_alignment is not None and pair.source is source
    beads = checked_sentence_alignment(target, pair) if aligned and pair is not None else None
    if beads is None:
        yield 0, len(source), 0, len(target)
        return
    source_ends = np.cumsum([0, *(len(sentence) for sentence in sentences_of(source, "source"))]).tolist()
    target_ends = np.cumsum([0, *(len(sentence) for sentence in sentences_of(target, "target"))]).tolist()
    for bead in beads:
        if all(bead.kind):
            yield (
                source_ends[bead.source_start],
                source_ends[bead.source_end],
                target_ends[bead.target_start],
                target_ends[bead.target_end],
            )


def pair_windows(
    x: Subwords, y: Subwords, largest: int
) -> Iterator[tuple[Subwords, Subwords, tuple[float, float] | None]]:
    """The pair itself; or, if both sides are long, windows over the same part of both.

    With each window comes the part of the pair, from 0 to 1, whose links have most context in it. Half of a window
    is shared with the next one, so that both ends of a link may lie as far apart as half a window.

    Args:
        x: The subwords of the source side.
        y: The subwords of the target side.
        largest: Number of subwords that the encoder sees at once.
    """
    n, m, size = len(x.ids), len(y.ids), min(_LONG_PAIR, largest)
    if min(n, m) <= size:
        yield x, y, None
        return
    longest = max(n, m)
    for start, end, keep, stop in windows(longest, size, shared=0.5):
        part = (start / longest, end / longest)
        yield x.part(*part), y.part(*part), (keep / longest, stop / longest)


def links_within(alignment: WordAlignment, part: tuple[float, float], x: Subwords, y: Subwords) -> WordAlignment:
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


def join_alignments(
    offsets: Sequence[tuple[int, int]], parts: Sequence[WordAlignment], source_length: int, target_length: int
) -> WordAlignment:
    """One alignment from those of parts, of which each begins at its offset in source and target words."""
    moved = [part.pairs + np.array(offset, dtype=np.int32) for offset, part in zip(offsets, parts, strict=True)]
    return WordAlignment(
        np.concatenate([np.empty((0, 2), dtype=np.int32), *moved]),
        np.concatenate([np.empty(0, dtype=np.float32), *(part.scores for part in parts)]),
        source_length=source_length,
        target_length=target_length,
    )
