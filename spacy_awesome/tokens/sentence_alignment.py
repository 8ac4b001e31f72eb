"""Which sentences of a document translate which: beads of some neighbouring sentences on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from spacy_awesome.tokens.checks import saved_array, saved_count, saved_fields

_LAST = np.iinfo(np.int32).max


class Bead(NamedTuple):
    """Source sentences [source_start, source_end) and target sentences [target_start, target_end) that belong together.

    One of the two may be empty: the other has no translation then. score: how surely they translate each other; 0 for
    what has no translation.
    """

    source_start: int
    source_end: int
    target_start: int
    target_end: int
    score: float

    @property
    def kind(self) -> tuple[int, int]:
        """Number of sentences on both sides: (1, 1), (2, 1), (1, 0), …"""
        return self.source_end - self.source_start, self.target_end - self.target_start


class SentenceAlignment:
    """The beads of two texts: each sentence of both is in exactly one.

    beads: (n, 4) source start and end, target start and end of each, ends exclusive, 0-based. Kept sorted by source,
        then target; where the text was not reordered, both rise.
    scores: (n,); 0.0 where not given.
    source_length, target_length: number of sentences of both texts; 0 is valid.

    Raises ValueError if a sentence is in no bead or in two.

    >>> alignment = SentenceAlignment([(0, 1, 0, 2), (1, 2, 2, 2)], source_length=2, target_length=2)
    >>> alignment.targets_of(0), alignment.targets_of(1)
    (range(0, 2), range(2, 2))
    """

    __slots__ = ("beads", "scores", "source_length", "target_length")

    beads: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    source_length: int
    target_length: int

    def __init__(
        self,
        beads: npt.ArrayLike,
        scores: npt.ArrayLike | None = None,
        *,
        source_length: int,
        target_length: int,
    ) -> None:
        rows = np.asarray(beads, dtype=np.int32)
        rows = rows.reshape(0, 4) if rows.size == 0 else rows
        if rows.ndim != 2 or rows.shape[1] != 4:
            raise ValueError(f"Expected beads as an array of shape (n, 4), got shape {rows.shape}.")
        weights = np.zeros(len(rows), np.float32) if scores is None else np.asarray(scores, np.float32)
        if weights.shape != (len(rows),):
            raise ValueError(f"Expected one score for each of {len(rows)} beads, got shape {weights.shape}.")
        _check_cover(rows[:, :2], source_length, "source")
        _check_cover(rows[:, 2:], target_length, "target")
        # A bead without a side stands where its start says, before the bead that begins there.
        order = np.lexsort((rows[:, 3], rows[:, 2], rows[:, 1], rows[:, 0]))
        self.beads, self.scores = rows[order], weights[order]
        self.source_length, self.target_length = int(source_length), int(target_length)

    @classmethod
    def from_dict(cls, data: Any, *, longest_source: int = _LAST, longest_target: int = _LAST) -> Self:
        """The inverse of `to_dict`, for data from anywhere.

        longest_source, longest_target: greatest number of sentences that the texts can have.
        Raises ValueError, saying what is wrong, at anything that `to_dict` does not write.
        """
        what = "A saved sentence alignment"
        fields = saved_fields(data, ("beads", "scores", "source_length", "target_length"), what=what)
        beads = saved_array(fields["beads"], "iu", (None, 4), what=f"{what}: beads")
        scores = saved_array(fields["scores"], "f", (len(beads),), what=f"{what}: scores")
        source_length = saved_count(fields["source_length"], largest=longest_source, what=f"{what}: source_length")
        target_length = saved_count(fields["target_length"], largest=longest_target, what=f"{what}: target_length")
        if len(beads) and not 0 <= int(beads.min()) <= int(beads.max()) <= _LAST:
            raise ValueError(f"{what}: beads: expected sentence numbers from 0 to {_LAST}.")
        return cls(beads, scores, source_length=source_length, target_length=target_length)

    @property
    def monotone(self) -> bool:
        """Whether both texts have the beads in the same order."""
        return bool((np.diff(self.beads[:, 2]) >= 0).all())

    def targets_of(self, source: int) -> range:
        """The target sentences of a source sentence's bead."""
        [bead] = self.beads[(self.beads[:, 0] <= source) & (source < self.beads[:, 1])]
        return range(*bead[2:].tolist())

    def sources_of(self, target: int) -> range:
        """The source sentences of a target sentence's bead."""
        [bead] = self.beads[(self.beads[:, 2] <= target) & (target < self.beads[:, 3])]
        return range(*bead[:2].tolist())

    def source_view(self) -> list[range]:
        """For each source sentence the target sentences of its bead."""
        view = [range(0)] * self.source_length
        for a, b, c, d in self.beads.tolist():
            view[a:b] = [range(c, d)] * (b - a)
        return view

    def target_view(self) -> list[range]:
        """For each target sentence the source sentences of its bead."""
        view = [range(0)] * self.target_length
        for a, b, c, d in self.beads.tolist():
            view[c:d] = [range(a, b)] * (d - c)
        return view

    @classmethod
    def from_text(cls, lines: Iterable[str]) -> Self:
        """Read beads, one a line: source sentences, target sentences and score between tabs, as `to_text` writes them.

        Sentences count from 0, with commas between them; a column without any is empty. The score may be left out.
        Raises ValueError, with the line's number, at anything else, and where a sentence is in no bead or in two.

        >>> SentenceAlignment.from_text(["0\\t0,1\\t0.8", "1\\t\\t0.0"])
        SentenceAlignment('0:0,1 1:', 2×2)
        """
        beads, scores = [], []
        places = [0, 0]
        for number, line in enumerate(lines, start=1):
            columns = line.rstrip("\r\n").split("\t")
            if len(columns) not in (2, 3):
                raise ValueError(
                    f"Line {number}: expected source sentences, target sentences and score between tabs, "
                    f"found {len(columns)} columns."
                )
            sides = [_read_sentences(column, number) for column in columns[:2]]
            # An empty side stands behind the last one that was read.
            places = [side[1] if side else place for side, place in zip(sides, places)]
            (a, b), (c, d) = (side or (place, place) for side, place in zip(sides, places))
            beads.append((a, b, c, d))
            scores.append(_read_score(columns[2], number) if len(columns) == 3 else 0.0)
        lengths = np.array(beads).reshape(-1, 4).max(axis=0, initial=0)
        return cls(beads, scores, source_length=int(lengths[1]), target_length=int(lengths[3]))

    def to_text(self) -> str:
        """One line for each bead: source sentences, target sentences and score between tabs.

        >>> print(SentenceAlignment([(0, 1, 0, 2)], [0.5], source_length=1, target_length=2).to_text(), end="")
        0	0,1	0.5000
        """
        return "".join(
            f"{_numbers(bead.source_start, bead.source_end)}\t{_numbers(bead.target_start, bead.target_end)}"
            f"\t{bead.score:.4f}\n"
            for bead in self
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain arrays and numbers; `from_dict` is the inverse."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __len__(self) -> int:
        return len(self.beads)

    def __iter__(self) -> Iterator[Bead]:
        return iter([Bead._make((*bounds, score)) for bounds, score in zip(self.beads.tolist(), self.scores.tolist())])

    def __eq__(self, other: object) -> bool:
        """Same texts' lengths and beads; scores may differ."""
        if not isinstance(other, SentenceAlignment):
            return NotImplemented
        return (
            (self.source_length, self.target_length) == (other.source_length, other.target_length)
            and len(self) == len(other)
            and _sides(self) == _sides(other)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        beads = " ".join(f"{_numbers(b[0], b[1])}:{_numbers(b[2], b[3])}" for b in self)
        return f"SentenceAlignment({beads!r}, {self.source_length}×{self.target_length})"


def _sides(alignment: SentenceAlignment) -> set[tuple[range, range]]:
    # Empty ranges are equal wherever they stand, as they should be.
    return {(range(a, b), range(c, d)) for a, b, c, d in alignment.beads.tolist()}


def _check_cover(sides: npt.NDArray[np.int32], length: int, name: str) -> None:
    """Raise ValueError unless the ranges cover 0 to length - 1 once."""
    if (sides[:, 0] > sides[:, 1]).any():
        raise ValueError(f"A bead's {name} sentences end before they start.")
    filled = sides[sides[:, 0] < sides[:, 1]]
    filled = filled[np.argsort(filled[:, 0], kind="stable")]
    starts, ends = np.append(filled[:, 0], length), np.insert(filled[:, 1], 0, 0)
    wrong = np.flatnonzero(starts != ends)
    if len(wrong):
        start, end = int(starts[wrong[0]]), int(ends[wrong[0]])
        if max(start, end) > length:
            raise ValueError(f"A bead goes past the end of the {name} text ({length} sentences).")
        where = f"is in no bead: {name} sentence {end}" if start > end else f"is in two beads: {name} sentence {start}"
        raise ValueError(f"Each sentence must be in one bead, but one {where} (of {length}, counted from 0).")
    if len(sides) and not ((sides >= 0) & (sides <= length)).all():
        raise ValueError(f"A bead goes past the end of the {name} text ({length} sentences).")


def _numbers(start: int, end: int) -> str:
    return ",".join(map(str, range(start, end)))


def _read_sentences(column: str, number: int) -> tuple[int, int] | None:
    fields = column.split(",") if column.strip() else []
    if not all(field.strip().isdecimal() for field in fields):
        raise ValueError(f"Line {number}: expected numbers of sentences like 3 or 3,4, got {column!r}.")
    sentences = [int(field) for field in fields]
    if not sentences:
        return None
    if sentences != list(range(sentences[0], sentences[0] + len(sentences))):
        raise ValueError(f"Line {number}: expected neighbouring sentences in order, got {column!r}.")
    return sentences[0], sentences[-1] + 1


def _read_score(column: str, number: int) -> float:
    try:
        return float(column)
    except ValueError:
        raise ValueError(f"Line {number}: expected a score, got {column!r}.") from None
