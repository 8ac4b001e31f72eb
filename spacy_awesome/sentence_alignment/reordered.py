"""Sentence beads of two texts whose parts may stand in another order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spacy_awesome.sentence_alignment.gains import BeadScorer, align_in_order
from spacy_awesome.sentence_alignment.path import Bead
from spacy_awesome.sentence_alignment.scores import NO_SCORE, Floats

# Source sentences that are compared with all target sentences at once.
_ROWS = 16
# How far a pair may be from the one before it, in sentences of each text, and still go on in the same order.
_STEP = 4
# An anchor that stands alone needs so many times the score that is asked of a bead: it is the best of many.
_SURE = 2.0

Anchor = tuple[int, int]


def align_reordered(scorer: BeadScorer) -> list[tuple[Bead, float]]:
    """The beads of two texts, whatever the order of their parts, and their normalised scores.

    Sentences that are each other's best translation are anchors; anchors that follow each other in both texts are a
    run. Inside the runs, and in the free sentences at their ends, the texts are aligned in order, the runs with the
    highest scores first. This is repeated with the sentences that are left, and then with anchors that stand alone.
    Every source sentence is compared with every target sentence: time, and memory for the scores, grow with the product
    of both lengths.

    Returns beads that cover both texts once, sorted by source sentence; those of target sentences alone come last.
    """
    scores = _single_scores(scorer)
    found: dict[Bead, float] = {}
    free_sources, free_targets = (np.ones(length, dtype=np.bool_) for length in scores.shape)
    while runs := _runs(scores, min_score=scorer.settings.min_score):
        taken = [free.copy() for free in (free_sources, free_targets)]
        for side, places in zip(taken, zip(*(anchor for run in runs for anchor in run))):
            side[list(places)] = False
        for run in runs:
            (a, b), (c, d) = _block(run, *taken, reach=scorer.settings.max_sentences)
            for bead, score in align_in_order(scorer.part(slice(a, b), slice(c, d))):
                if score > 0:
                    sources, targets = slice(a + bead[0], a + bead[1]), slice(c + bead[2], c + bead[3])
                    found[sources.start, sources.stop, targets.start, targets.stop] = score
                    free_sources[sources] = free_targets[targets] = False
            taken = [side & free for side, free in zip(taken, (free_sources, free_targets))]
        # An anchor whose block came to nothing would come up for ever.
        for run in runs:
            scores[tuple(np.array(run).T)] = NO_SCORE
        scores[~free_sources], scores[:, ~free_targets] = NO_SCORE, NO_SCORE
    alone = [((s, s + 1, 0, 0), 0.0) for s in np.flatnonzero(free_sources).tolist()]
    beads = sorted([*found.items(), *alone])
    return beads + [((len(scores), len(scores), t, t + 1), 0.0) for t in np.flatnonzero(free_targets).tolist()]


def _single_scores(scorer: BeadScorer) -> Floats:
    """Normalised scores of single sentences, (N, M)."""
    parts = [
        scorer.part(slice(start, start + _ROWS), slice(None)).scores(max_sentences=1)[0, 0]
        for start in range(0, len(scorer.source), _ROWS)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, len(scorer.target)), dtype=np.float32)


def _runs(scores: Floats, *, min_score: float) -> list[list[Anchor]]:
    """The anchors in runs, those with the highest sum of scores first; anchors that stand alone if there are no others.

    Of two neighbours in a run no other anchor lies between on either side.
    """
    if not scores.size:
        return []
    best_target, best_source = scores.argmax(axis=1), scores.argmax(axis=0)
    sources = np.flatnonzero(best_source[best_target] == np.arange(len(scores)))
    sources = sources[scores[sources, best_target[sources]] > min_score]
    targets = best_target[sources]
    ranks = np.argsort(np.argsort(targets))
    goes_on = (np.diff(ranks) == 1) & (np.diff(sources) <= _STEP) & (np.diff(targets) <= _STEP)
    cuts = np.flatnonzero(~goes_on) + 1
    parts = zip(np.split(sources, cuts), np.split(targets, cuts))
    runs = [list(zip(left.tolist(), right.tolist())) for left, right in parts]
    long = [run for run in runs if len(run) > 1]
    runs = long or [run for run in runs if run and scores[run[0]] > _SURE * min_score]
    return sorted(runs, key=lambda run: -float(sum(scores[anchor] for anchor in run)))


def _block(
    run: list[Anchor], free_sources: npt.NDArray[np.bool_], free_targets: npt.NDArray[np.bool_], *, reach: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The sentences of both texts from a run's first to its last anchor, and free ones around them."""
    sides = []
    for free, places in zip((free_sources, free_targets), zip(*run)):
        start, end = min(places), max(places) + 1
        for _ in range(reach - 1):
            start -= start > 0 and bool(free[start - 1])
            end += end < len(free) and bool(free[end])
        sides.append((start, end))
    return sides[0], sides[1]
