"""Where the words of a link diagram stand: lines of words in bands, source above target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# What a cut between two bands costs: see `_next_cut`.
_CUT_MARK = 2.0
_UNEVEN = 6.0
# Where words change places over the whole sentence, the cheapest cut would be behind the first word.
_LEAST_FULL = 0.6


@dataclass(frozen=True, slots=True)
class Band:
    """Source words [source_start, source_end) drawn above target words [target_start, target_end)."""

    source_start: int
    source_end: int
    target_start: int
    target_end: int


def bands(
    source_widths: Sequence[float],
    target_widths: Sequence[float],
    links: npt.NDArray[np.int32],
    *,
    width: float,
    source_cuts: Sequence[float],
    target_cuts: Sequence[float],
) -> list[Band]:
    """Break a pair into bands no wider than `width`, where few links lead from one band into another.

    source_widths, target_widths: width of each word with the gap that follows it.
    links: (n, 2) source and target word.
    source_cuts, target_cuts: how bad a break before each word is (spans that it cuts), one more value for the end.
    A word wider than `width` stands alone on its side.

    >>> bands([50] * 4, [50] * 4, np.array([(0, 0), (3, 3)]), width=100, source_cuts=[0] * 5, target_cuts=[0] * 5)
    [Band(source_start=0, source_end=2, target_start=0, target_end=2), \
Band(source_start=2, source_end=4, target_start=2, target_end=4)]
    """
    sides = tuple(np.concatenate(([0.0], np.cumsum(widths))) for widths in (source_widths, target_widths))
    cuts = (np.asarray(source_cuts, dtype=float), np.asarray(target_cuts, dtype=float))
    ends = (len(source_widths), len(target_widths))
    broken = []
    here = (0, 0)
    while here != ends:
        there = _next_cut(here, sides, links, cuts, width)
        broken.append(Band(here[0], there[0], here[1], there[1]))
        here = there
    return broken


def _next_cut(
    here: tuple[int, int],
    sides: tuple[npt.NDArray[np.float64], ...],
    links: npt.NDArray[np.int32],
    cuts: tuple[npt.NDArray[np.float64], ...],
    width: float,
) -> tuple[int, int]:
    """The best end of the band that begins at `here`: links torn + spans torn + distance from lines of even length."""
    furthest, taken, shares = [], [], []
    lines = max(math.ceil((side[-1] - side[at]) / width) for side, at in zip(sides, here))
    for side, at in zip(sides, here):
        last = len(side) - 1
        reach = max(int(np.searchsorted(side, side[at] + width, side="right")) - 1, min(at + 1, last))
        furthest.append(reach)
        taken.append(side[at : reach + 1] - side[at])
        shares.append((side[-1] - side[at]) / lines)
    if furthest == [len(side) - 1 for side in sides]:
        return furthest[0], furthest[1]
    uneven = [_UNEVEN * ((wide - share) / max(share, 1.0)) ** 2 for wide, share in zip(taken, shares)]
    cost = _torn_links(here, furthest, links) + uneven[0][:, None] + uneven[1][None, :]
    cost += _CUT_MARK * cuts[0][here[0] : furthest[0] + 1, None] + _CUT_MARK * cuts[1][None, here[1] : furthest[1] + 1]
    full = taken[0][:, None] + taken[1][None, :]
    cost[full < min(_LEAST_FULL * sum(shares), full[-1, -1])] = np.inf
    rows, columns = np.unravel_index(int(cost.argmin()), cost.shape)
    return here[0] + int(rows), here[1] + int(columns)


def _torn_links(
    here: tuple[int, int], furthest: Sequence[int], links: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    """For each place where the band may end, the links that have one word before it and one behind it."""
    rows, columns = furthest[0] - here[0] + 1, furthest[1] - here[1] + 1
    # Word k is before a cut at c if k < c: counting it at k + 1 makes the running sums count exactly those.
    at = np.clip(links + 1 - np.array(here), 0, (rows, columns))
    counts = np.zeros((rows + 1, columns + 1))
    np.add.at(counts, (at[:, 0], at[:, 1]), 1)
    before = counts.cumsum(axis=0).cumsum(axis=1)
    before_source, before_target, before_both = before[:rows, -1:], before[-1:, :columns], before[:rows, :columns]
    torn: npt.NDArray[np.float64] = before_source + before_target - 2 * before_both
    return torn
