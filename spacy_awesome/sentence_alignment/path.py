"""The best path through two texts in order: dynamic programming over n–m sentence alignments, within a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spacy_awesome.sentence_alignment.scores import Floats, Ints, TextVectors, unit_vectors

# (source start, source end, target start, target end), ends exclusive, of one bead.
BeadRange = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class PathBand:
    """Which places between sentences a way through both texts may visit.

    low, high: (N + 1,) for each number of source sentences behind, the fewest and the most target sentences behind;
    neither ever falls, low starts at 0 and high ends at M, and neighbouring rows share a place, so that there is a way.
    """

    low: Ints
    high: Ints

    def width(self, row: int) -> int:
        """Number of places in a row."""
        return int(self.high[row] - self.low[row]) + 1

    @classmethod
    def full(cls, source_length: int, target_length: int) -> PathBand:
        """Every place."""
        rows = source_length + 1
        return cls(np.zeros(rows, dtype=np.int64), np.full(rows, target_length, dtype=np.int64))

    @classmethod
    def around(
        cls, path: Sequence[BeadRange], source_length: int, target_length: int, *, radius: int, factor: int = 1
    ) -> PathBand:
        """The places no more than `radius` target sentences away from a path.

        radius: at least half the target sentences of the path's largest bead, or rows may share no place.
        path: beads that cover both texts in order; sentences of it stand for `factor` sentences of the texts.
        source_length, target_length: N and M of the texts.
        """
        places = np.array([(0, 0)] + [(b, d) for _, b, _, d in path], dtype=np.int64)
        rows = np.arange(source_length + 1)
        # From the last place before a row, or its first where it has several, to the first behind it.
        before = np.searchsorted(places[:, 0], rows // factor, side="right") - 1
        before = np.searchsorted(places[:, 0], places[before, 0], side="left")
        behind = np.searchsorted(places[:, 0], -(-rows // factor), side="left")
        behind = np.searchsorted(places[:, 0], places[behind, 0], side="right") - 1
        low = np.clip(factor * places[before, 1] - radius, 0, target_length)
        high = np.clip(factor * places[behind, 1] + radius, 0, target_length)
        low[0], high[-1] = 0, target_length
        return cls(low, high)


def best_path(gains: Sequence[Floats], band: PathBand, *, gap: float) -> list[BeadRange]:
    """The beads of the highest sum of gains that cover both texts once, in order.

    gains: for each source sentence s, (max_n, max_m, band.width(s)): what the bead of sentences s to s + n - 1 and
        t to t + m - 1 adds at [n - 1, m - 1, t - band.low[s]]; -inf where there is no such bead.
    gap: what a sentence without a translation costs.
    Returns beads (source start, source end, target start, target end), in order. Time and memory grow with the places
    in the band: a row is worked on at once, its chains of left-out target sentences by a running maximum.

    >>> best_path([np.array([[[0.1, 0.9]]], dtype=np.float32)], PathBand(np.array([0, 0]), np.array([1, 2])), gap=0.0)
    [(0, 0, 0, 1), (0, 1, 1, 2)]
    """
    rows = len(gains) + 1
    best = [np.full(band.width(row), -np.inf) for row in range(rows)]
    # The bead by which each place is best reached: n and m.
    steps = [np.zeros((band.width(row), 2), dtype=np.int8) for row in range(rows)]
    best[0][0] = 0.0
    for s in range(rows):
        _leave_out_targets(best[s], steps[s], gap)
        if s < len(gains):
            _reach(best, steps, band, s, np.full(band.width(s), -gap), (1, 0))
            for n in range(1, min(gains[s].shape[0], len(gains) - s) + 1):
                for m in range(1, gains[s].shape[1] + 1):
                    _reach(best, steps, band, s, gains[s][n - 1, m - 1], (n, m))
    return _backtrace(steps, band)


def _leave_out_targets(best: npt.NDArray[np.float64], steps: npt.NDArray[np.int8], gap: float) -> None:
    """Beads 0-1 along a row. With costs added along the way they can be had by a running maximum."""
    level = best + gap * np.arange(len(best))
    reached = np.maximum.accumulate(level)
    better = reached > level
    best[better] = (reached - gap * np.arange(len(best)))[better]
    steps[better] = (0, 1)


def _reach(
    best: list[npt.NDArray[np.float64]],
    steps: list[npt.NDArray[np.int8]],
    band: PathBand,
    s: int,
    gains: npt.NDArray[np.floating],
    step: tuple[int, int],
) -> None:
    """Go by one kind of bead from all places of row s, wherever that is better than what was found before."""
    n, m = step
    start = max(band.low[s], band.low[s + n] - m)
    stop = min(band.high[s], band.high[s + n] - m) + 1
    if start >= stop:
        return
    here = slice(start - band.low[s], stop - band.low[s])
    there = slice(start + m - band.low[s + n], stop + m - band.low[s + n])
    reached = best[s][here] + gains[here]
    better = reached > best[s + n][there]
    best[s + n][there][better] = reached[better]
    steps[s + n][there][better] = step


def _backtrace(steps: list[npt.NDArray[np.int8]], band: PathBand) -> list[BeadRange]:
    s, t = len(steps) - 1, int(band.high[-1])
    beads = []
    while s or t:
        n, m = steps[s][t - band.low[s]].tolist()
        beads.append((s - n, s, t - m, t))
        s, t = s - n, t - m
    return beads[::-1]


# Texts of no more sentences than this, on both sides, are compared as a whole; longer ones are halved until they are.
_SHORT = 256
# Cosine of centred mean vectors above which two sentences may belong together.
_RELATED = 0.1


def coarse_band(source: TextVectors, target: TextVectors, *, radius: int) -> PathBand:
    """The places near which the best way through two texts must lie.

    Mean vectors of sentences are aligned one to one. In long texts pairs of neighbours are averaged first, and pairs of
    those, until the texts are short; then each way is refined within a band around that of the level above (as Thompson
    & Koehn 2019, section 3.2, do). Time and memory are linear in the number of sentences.

    radius: target sentences on each side of the way that belong to the band.
    """
    if max(len(source), len(target)) <= radius:
        return PathBand.full(len(source), len(target))
    path = _coarse_path(_centred(source.means()), _centred(target.means()), radius=radius)
    return PathBand.around(path, len(source), len(target), radius=radius)


def _coarse_path(source: Floats, target: Floats, *, radius: int) -> list[BeadRange]:
    if max(len(source), len(target)) <= _SHORT:
        band = PathBand.full(len(source), len(target))
    else:
        above = _coarse_path(_halved(source), _halved(target), radius=radius)
        band = PathBand.around(above, len(source), len(target), radius=radius, factor=2)
    left, right = unit_vectors(source), unit_vectors(target)
    gains = []
    for row, vector in enumerate(left):
        cosines = np.full((1, 1, band.width(row)), -np.inf, dtype=np.float32)
        found = right[band.low[row] : band.high[row] + 1] @ vector
        cosines[0, 0, : len(found)] = found - _RELATED
        gains.append(cosines)
    return best_path(gains, band, gap=0.0)


def _centred(vectors: Floats) -> Floats:
    """What distinguishes each sentence from the others of its text, and its language."""
    centred: Floats = vectors - vectors.mean(axis=0, keepdims=True)
    return centred


def _halved(vectors: Floats) -> Floats:
    """Sums of neighbouring pairs; the last one may be alone."""
    halved: Floats = np.add.reduceat(vectors, np.arange(0, len(vectors), 2), axis=0)
    return halved
