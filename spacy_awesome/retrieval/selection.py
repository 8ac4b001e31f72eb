"""From scored candidates to the pairs that are kept."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]

DIRECTIONS = ("forward", "backward", "intersection", "max")


def select_pairs(source: Rows, target: Rows, scores: Scores, *, direction: str = "intersection") -> Rows:
    """The candidates that are kept (Artetxe and Schwenk 2019, section 3.2), as indices, best first.

    source, target, scores: (P,) the two sentences of each candidate, and its score.
    direction: "forward" keeps the best candidate of each source sentence, "backward" of each target sentence,
        "intersection" those that are both. "max" takes those that are either, in the order of their scores, as long as
        neither sentence is taken yet; so in these last two no sentence occurs twice.
    Of equal scores, the sentence that comes first in the text wins. Raises ValueError at another direction.

    >>> source, target = np.array([0, 0, 1]), np.array([0, 1, 1])
    >>> scores = np.array([0.9, 0.8, 0.7], dtype=np.float32)
    >>> for direction in DIRECTIONS:
    ...     print(direction, select_pairs(source, target, scores, direction=direction).tolist())
    forward [0, 2]
    backward [0, 1]
    intersection [0]
    max [0, 2]
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"Unknown direction {direction!r}; expected one of: {', '.join(DIRECTIONS)}.")
    forward = _best_of_each(source, target, scores)
    backward = _best_of_each(target, source, scores)
    chosen: Rows = {
        "forward": forward,
        "backward": backward,
        "intersection": np.intersect1d(forward, backward),
        "max": np.union1d(forward, backward),
    }[direction]
    chosen = chosen[np.lexsort((target[chosen], source[chosen], -scores[chosen]))]
    return _first_uses(chosen, source, target) if direction == "max" else chosen


def _best_of_each(sentences: Rows, others: Rows, scores: Scores) -> Rows:
    order = np.lexsort((others, -scores, sentences))
    best: Rows = order[np.unique(sentences[order], return_index=True)[1]]
    return best


def _first_uses(chosen: Rows, source: Rows, target: Rows) -> Rows:
    used_source: set[int] = set()
    used_target: set[int] = set()
    kept = []
    for candidate, i, j in zip(chosen.tolist(), source[chosen].tolist(), target[chosen].tolist()):
        if i not in used_source and j not in used_target:
            used_source.add(i)
            used_target.add(j)
            kept.append(candidate)
    return np.array(kept, dtype=np.int64)
