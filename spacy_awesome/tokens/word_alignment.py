"""Word links between two token sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from spacy_awesome.tokens.checks import saved_array, saved_count, saved_fields

# The words of a source sentence and those of its translation.
WordPair = tuple[Sequence[str], Sequence[str]]


_LAST_WORD = np.iinfo(np.int32).max


class WordAlignment:
    """Links between the words of a source and of a target sentence.

    pairs: (n, 2) source and target word, 0-based. Kept sorted by source, then target; doubled links are merged.
    scores: (n,) in [0, 1]; 1.0 where not given. Of a doubled link the highest is kept.
    source_length, target_length: number of words of both sides; 0 is valid.
    sure: (n,) False at a "possible" link of a gold alignment (Och & Ney 2003); True where not given.

    Raises ValueError if the arrays do not fit together or a link points outside the sentences.

    >>> links = WordAlignment([(1, 0), (0, 1)], source_length=2, target_length=2)
    >>> links.to_pharaoh()
    '0-1 1-0'
    >>> links.targets_of(0)
    array([1], dtype=int32)
    """

    __slots__ = ("pairs", "scores", "source_length", "sure", "target_length")

    pairs: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    sure: npt.NDArray[np.bool_]
    source_length: int
    target_length: int

    def __init__(
        self,
        pairs: npt.ArrayLike,
        scores: npt.ArrayLike | None = None,
        *,
        source_length: int,
        target_length: int,
        sure: npt.ArrayLike | None = None,
    ) -> None:
        links = np.asarray(pairs, dtype=np.int32)
        links = links.reshape(0, 2) if links.size == 0 else links
        if links.ndim != 2 or links.shape[1] != 2:
            raise ValueError(f"Expected links as an array of shape (n, 2), got shape {links.shape}.")
        weights = _column(scores, np.float32, 1.0, len(links), "scores")
        certain = _column(sure, np.bool_, True, len(links), "sure")
        _check_range(links, source_length, target_length)
        keys = links[:, 0].astype(np.int64) * max(target_length, 1) + links[:, 1]
        if len(keys) > 1 and not (keys[1:] > keys[:-1]).all():
            links, weights, certain = _sort_and_merge(links, weights, certain, keys)
        self.pairs, self.scores, self.sure = links, weights, certain
        self.source_length, self.target_length = int(source_length), int(target_length)

    @classmethod
    def from_dict(cls, data: Any, *, longest_source: int = _LAST_WORD, longest_target: int = _LAST_WORD) -> Self:
        """The inverse of `to_dict`, for data from anywhere.

        longest_source, longest_target: greatest number of words that the sentences can have.
        Raises ValueError, saying what is wrong, at anything that `to_dict` does not write.
        """
        what = "A saved word alignment"
        required = ("pairs", "scores", "source_length", "target_length")
        fields = saved_fields(data, required, optional=("sure",), what=what)
        pairs = saved_array(fields["pairs"], "iu", (None, 2), what=f"{what}: pairs")
        scores = saved_array(fields["scores"], "f", (len(pairs),), what=f"{what}: scores")
        sure = fields.get("sure")
        if sure is not None:
            saved_array(sure, "b", (len(pairs),), what=f"{what}: sure")
        source_length = saved_count(fields["source_length"], largest=longest_source, what=f"{what}: source_length")
        target_length = saved_count(fields["target_length"], largest=longest_target, what=f"{what}: target_length")
        if len(pairs) and int(pairs.max()) > _LAST_WORD:
            raise ValueError(f"{what}: pairs: expected word numbers up to {_LAST_WORD}, got {pairs.max()}.")
        return cls(pairs, scores, source_length=source_length, target_length=target_length, sure=sure)

    @classmethod
    def from_pharaoh(
        cls, line: str, *, source_length: int | None = None, target_length: int | None = None, base: int = 0
    ) -> Self:
        """Read one line of links: `i-j` is sure, `ipj` is possible, in any order.

        base: number of the first word in the line, 0 or 1.
        source_length, target_length: words of both sides; without them the last linked word counts as the last word.
        Raises ValueError at anything that is not a link, and at a link outside the sentences.

        >>> WordAlignment.from_pharaoh("1-1 2p3", base=1).to_pharaoh()
        '0-0 1p2'
        """
        pairs, sure = [], []
        for token in line.split():
            left, mark, right = token.partition("-") if "-" in token else token.partition("p")
            if not (mark and left.isdecimal() and right.isdecimal()):
                raise ValueError(f"Expected links like 0-0 (sure) or 0p0 (possible), got {token!r}.")
            i, j = int(left) - base, int(right) - base
            if max(i, j) > _LAST_WORD:
                raise ValueError(f"Link {token} counts more words than any sentence has.")
            if i < 0 or j < 0:
                raise ValueError(f"Link {token} counts from 0, but base={base} was asked for; use base 0.")
            beyond = source_length is not None and i >= source_length and ("source", source_length)
            beyond = beyond or (target_length is not None and j >= target_length and ("target", target_length))
            if beyond:
                raise ValueError(
                    f"Link {token} points past the end of the {beyond[0]} sentence ({beyond[1]} tokens). "
                    + ("Links are 0-based; use base 1 for files that count from 1." if base == 0 else "")
                )
            pairs.append((i, j))
            sure.append(mark == "-")
        return cls(
            np.array(pairs, dtype=np.int32).reshape(-1, 2),
            sure=sure,
            source_length=max((i for i, _ in pairs), default=-1) + 1 if source_length is None else source_length,
            target_length=max((j for _, j in pairs), default=-1) + 1 if target_length is None else target_length,
        )

    def to_pharaoh(self, *, base: int = 0) -> str:
        """The links as one sorted line; `-` at sure and `p` at possible links.

        base: number of the first word in the line, 0 or 1.
        """
        numbered = (self.pairs + base).tolist()
        return " ".join(f"{i}{'-' if sure else 'p'}{j}" for (i, j), sure in zip(numbered, self.sure.tolist()))

    @property
    def T(self) -> WordAlignment:  # noqa: N802
        """The same links with source and target swapped."""
        return WordAlignment(
            self.pairs[:, ::-1],
            self.scores,
            source_length=self.target_length,
            target_length=self.source_length,
            sure=self.sure,
        )

    def targets_of(self, source: int) -> npt.NDArray[np.int32]:
        """Target words linked to one source word, ascending."""
        start, end = np.searchsorted(self.pairs[:, 0], (source, source + 1))
        return self.pairs[start:end, 1]

    def sources_of(self, target: int) -> npt.NDArray[np.int32]:
        """Source words linked to one target word, ascending."""
        sources: npt.NDArray[np.int32] = self.pairs[self.pairs[:, 1] == target, 0]
        return sources

    def source_view(self) -> list[npt.NDArray[np.int32]]:
        """For each source word the target words it is linked to."""
        bounds = np.searchsorted(self.pairs[:, 0], np.arange(1, self.source_length))
        return np.split(self.pairs[:, 1], bounds) if self.source_length else []

    def target_view(self) -> list[npt.NDArray[np.int32]]:
        """For each target word the source words it is linked to."""
        return self.T.source_view()

    def to_dict(self) -> dict[str, Any]:
        """Plain arrays and numbers; `from_dict` is the inverse."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter([(i, j) for i, j in self.pairs.tolist()])

    def __contains__(self, link: object) -> bool:
        return link in set(self)

    def __eq__(self, other: object) -> bool:
        """Same sentence lengths, links and sure marks; scores may differ."""
        if not isinstance(other, WordAlignment):
            return NotImplemented
        return (
            (self.source_length, self.target_length) == (other.source_length, other.target_length)
            and np.array_equal(self.pairs, other.pairs)
            and np.array_equal(self.sure, other.sure)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"WordAlignment({self.to_pharaoh()!r}, {self.source_length}×{self.target_length})"


def _column(values: npt.ArrayLike | None, dtype: Any, default: Any, length: int, name: str) -> npt.NDArray[Any]:
    if values is None:
        return np.full(length, default, dtype=dtype)
    column = np.asarray(values, dtype=dtype)
    if column.shape != (length,):
        raise ValueError(f"Expected one value in {name} for each of {length} links, got shape {column.shape}.")
    return column


def _check_range(links: npt.NDArray[np.int32], source_length: int, target_length: int) -> None:
    if len(links) and (links.min() < 0 or (links.max(axis=0) >= (source_length, target_length)).any()):
        outside = ((links < 0) | (links >= (source_length, target_length))).any(axis=1)
        i, j = links[outside][0].tolist()
        raise ValueError(
            f"Link {i}-{j} points outside the sentences ({source_length} source and {target_length} target tokens)."
        )


def _sort_and_merge(
    links: npt.NDArray[np.int32],
    scores: npt.NDArray[np.float32],
    sure: npt.NDArray[np.bool_],
    keys: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    order = np.argsort(keys, kind="stable")
    first = np.flatnonzero(np.diff(keys[order], prepend=-1))
    return (
        links[order][first],
        np.maximum.reduceat(scores[order], first),
        np.logical_or.reduceat(sure[order], first),
    )
