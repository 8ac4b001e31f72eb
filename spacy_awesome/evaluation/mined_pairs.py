"""Precision, recall and F1 of mined sentence pairs, as in BUCC (Zweigenbaum et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spacy_awesome.formats.bucc import IdPair
from spacy_awesome.tokens.symmetrization import harmonic_mean


@dataclass(frozen=True, slots=True)
class MiningScores:
    """Counts of pairs: gold ones, mined ones, and those that are both; figures as fractions, 0 where nothing counts."""

    gold: int
    mined: int
    correct: int

    @property
    def precision(self) -> float:
        """Share of the mined pairs that are gold."""
        return self.correct / self.mined if self.mined else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold pairs that are mined."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return harmonic_mean(self.precision, self.recall)


@dataclass(frozen=True, slots=True)
class MiningCurve:
    """What is found as the threshold falls.

    scores: (n,) of the mined pairs, descending; correct: (n,) how many of the pairs up to there are gold; gold: how
    many gold pairs there are.
    """

    scores: npt.NDArray[np.float64]
    correct: npt.NDArray[np.int64]
    gold: int

    def best(self, size: int | None = None) -> MiningScores:
        """The scores of the `size` best pairs, or of all."""
        size = len(self.scores) if size is None else min(size, len(self.scores))
        return MiningScores(self.gold, size, int(self.correct[size - 1]) if size else 0)

    def above(self, threshold: float) -> MiningScores:
        """The scores of the pairs that reach a threshold."""
        return self.best(int((self.scores >= threshold).sum()))

    @property
    def precision(self) -> npt.NDArray[np.float64]:
        """Precision of the 1, 2, … best pairs, (n,)."""
        return self.correct / np.arange(1, len(self.correct) + 1)

    @property
    def recall(self) -> npt.NDArray[np.float64]:
        """Recall of the 1, 2, … best pairs, (n,)."""
        return self.correct / max(self.gold, 1)

    def best_threshold(self) -> float:
        """The threshold with the highest F1, half-way between the last score that reaches it and the next.

        Raises ValueError if no mined pair is gold: then no threshold is better than another.
        """
        if not len(self.correct) or not self.correct[-1]:
            raise ValueError(
                "None of the mined pairs is a gold pair, so no threshold can be fitted. Do both files name sentences "
                "by the same ids, source first?"
            )
        f1 = 2 * self.correct / (np.arange(1, len(self.correct) + 1) + self.gold)
        # Equal scores are kept or dropped together.
        separable = np.append(self.scores[1:] < self.scores[:-1], True)
        last = self.scores[int(np.argmax(np.where(separable, f1, 0.0)))]
        below = self.scores[self.scores < last]
        return float((last + below[0]) / 2) if len(below) else float(last)


def mining_curve(mined: Sequence[tuple[float, IdPair]], gold: Sequence[IdPair]) -> MiningCurve:
    """Compare mined pairs, (score, (source id, target id)), with the gold pairs.

    >>> curve = mining_curve([(0.9, ("a", "x")), (0.5, ("b", "z")), (0.4, ("b", "y"))], [("a", "x"), ("b", "y")])
    >>> curve.above(0.8)
    MiningScores(gold=2, mined=1, correct=1)
    >>> curve.best_threshold(), round(curve.above(0.0).f1, 3)
    (0.4, 0.8)
    """
    true = set(gold)
    ranked = sorted(mined, key=lambda pair: -pair[0])
    correct = np.cumsum([pair in true for _, pair in ranked], dtype=np.int64)
    return MiningCurve(np.array([score for score, _ in ranked], dtype=np.float64), correct, len(true))
