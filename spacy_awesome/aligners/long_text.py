"""Documents taken apart into their sentence beads, and the word links of these put together again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from spacy.tokens import Doc, Span

from spacy_awesome.tokens.pair import checked_sentence_alignment, get_parallel, sentences_of
from spacy_awesome.tokens.word_alignment import WordAlignment

# Source start and end, target start and end, in tokens.
Part = tuple[int, int, int, int]


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
            found = [(part, next(stream)) for part in parts]
            links = [alignment.pairs + np.array([a, c], dtype=np.int32) for (a, _, c, _), alignment in found]
            yield WordAlignment(
                np.concatenate([np.empty((0, 2), dtype=np.int32), *links]),
                np.concatenate([np.empty(0, dtype=np.float32), *(alignment.scores for _, alignment in found)]),
                source_length=len(source),
                target_length=len(target),
            )


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
