"""What each n–m sentence alignment adds, and the alignment of highest gain, of texts in order or reordered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from spacy_awesome.sentence_alignment import BeadSettings
from spacy_awesome.sentence_alignment.path import BeadRange, PathBand, best_path, coarse_band
from spacy_awesome.sentence_alignment.scores import NO_SCORE, Floats, Ints, TextVectors, bead_scores
from spacy_awesome.similarity.normalization import Biases, frozen_biases, normalize

# Parts of each text, as long as the longest bead, that the other text's sentences are compared with for their biases.
_SAMPLED_PARTS = 8
# Target sentences on each side of the coarse way through both texts whose beads are scored.
_RADIUS = 10
# What a bead costs for each of its sentences, so that of equal ways the one with smaller beads is taken.
_TIE = np.float32(0.001)
# Subwords that both texts are taken to have more than they have: a short text's ratio of lengths says little.
_RATIO_PRIOR = 200
# Source sentences whose beads are scored at once: the band around them is scored as one rectangle.
_ROWS = 16


class BeadScorer:
    """Scores the beads of two texts.

    source, target: texts with unit vectors.
    biases: [n - 1][m - 1] those of n neighbouring source with m target sentences, from `frozen_bead_biases`.
    length_ratio: source subwords for each target subword; None takes that of these texts.
    """

    def __init__(
        self,
        source: TextVectors,
        target: TextVectors,
        biases: Sequence[Sequence[Biases]],
        settings: BeadSettings,
        *,
        length_ratio: float | None = None,
    ) -> None:
        self.source, self.target, self.settings = source, target, settings
        self._biases = biases
        if length_ratio is None:
            length_ratio = (len(source.vectors) + _RATIO_PRIOR) / (len(target.vectors) + _RATIO_PRIOR)
        self._length_ratio = length_ratio

    def part(self, sources: slice, targets: slice) -> BeadScorer:
        """The scorer of some sentences of each text; it gives their beads the same scores."""
        biases = [[Biases(b.source[sources], b.target[targets], b.overall) for b in row] for row in self._biases]
        return BeadScorer(
            self.source[sources], self.target[targets], biases, self.settings, length_ratio=self._length_ratio
        )

    def scores(self, *, max_sentences: int | None = None) -> Floats:
        """Normalised BERT-scores of all beads, or of the smaller ones, shaped as in `bead_scores`."""
        scores = bead_scores(self.source, self.target, max_sentences=max_sentences or self.settings.max_sentences)
        for n, row in enumerate(self._biases[: len(scores)]):
            for m, biases in enumerate(row[: len(scores)]):
                scores[n, m] = normalize(torch.from_numpy(scores[n, m]), biases, alpha=self.settings.alpha).numpy()
        # What cannot be scored has no bias either, and would come out as NaN.
        known: Floats = np.nan_to_num(scores, copy=False, nan=float(NO_SCORE), neginf=float(NO_SCORE))
        return known

    def banded_scores(self, band: PathBand) -> Iterator[Floats]:
        """For each source sentence the normalised scores of the beads that begin in its row of the band.

        Each is (max_sentences, max_sentences, band.width(row)), -inf where there is no such bead.
        """
        reach = self.settings.max_sentences
        for start in range(0, len(self.source), _ROWS):
            stop = min(start + _ROWS, len(self.source))
            left, right = int(band.low[start]), int(band.high[stop - 1]) + reach
            scores = self.part(slice(start, stop + reach - 1), slice(left, right)).scores()
            for row in range(start, stop):
                first = int(band.low[row]) - left
                # A place behind the last target sentence begins no bead, but has its place in the row.
                padded = np.full((reach, reach, band.width(row)), NO_SCORE, dtype=np.float32)
                found = scores[:, :, row - start, first : first + band.width(row)]
                padded[:, :, : found.shape[2]] = found
                yield padded

    def banded_gains(self, scores: Sequence[Floats], band: PathBand) -> list[Floats]:
        """What the beads of `banded_scores` add to an alignment."""
        reach = self.settings.max_sentences
        left, right = _bead_lengths(self.source.lengths, reach), _bead_lengths(self.target.lengths, reach)
        # A place behind the last sentence.
        right = self._length_ratio * np.pad(right, ((0, 0), (0, 1)))
        counts = np.arange(1, reach + 1, dtype=np.float32)
        ties = _TIE * (counts[:, None] + counts)[:, :, None]
        gains = []
        for row, values in enumerate(scores):
            lengths = right[:, band.low[row] : band.high[row] + 1]
            shorter = np.minimum(left[:, None, row, None], lengths[None])
            gains.append(np.maximum(shorter, 1) * (values - self.settings.min_score) - ties)
        return gains


def align_in_order(scorer: BeadScorer) -> list[tuple[BeadRange, float]]:
    """The best beads of two texts with the same order, and their normalised scores; 0 for a sentence left alone."""
    band = coarse_band(scorer.source, scorer.target, radius=_RADIUS)
    scores = list(scorer.banded_scores(band))
    path = best_path(scorer.banded_gains(scores, band), band, gap=scorer.settings.gap_cost)
    return [
        ((a, b, c, d), float(scores[a][b - a - 1, d - c - 1, c - band.low[a]]) if a < b and c < d else 0.0)
        for a, b, c, d in path
    ]


def frozen_bead_biases(
    source: TextVectors,
    target: TextVectors,
    *,
    source_background: Sequence[TextVectors] = (),
    target_background: Sequence[TextVectors] = (),
    max_sentences: int,
) -> list[list[Biases]]:
    """What the beads of two texts score on average with others: what their scores are normalised with.

    Each is a mean over a sample of the other text, and over text that has nothing to do with either. So a score does
    not depend on the part of the text that it is computed with, and even for two single sentences there are others.

    source, target: texts with unit vectors.
    source_background, target_background: unrelated texts in the language of each, or none.
    Returns [n - 1][m - 1]: the biases of n neighbouring source and of m neighbouring target sentences with each other.
    """
    left = [
        bead_scores(source, part, max_sentences=max_sentences)
        for part in (*_sampled_parts(target, max_sentences), *target_background)
    ]
    right = [
        bead_scores(part, target, max_sentences=max_sentences)
        for part in (*_sampled_parts(source, max_sentences), *source_background)
    ]
    return [
        [
            frozen_biases(
                _finite(np.concatenate([part[n, m] for part in left], axis=1)),
                _finite(np.concatenate([part[n, m] for part in right], axis=0).T),
            )
            for m in range(max_sentences)
        ]
        for n in range(max_sentences)
    ]


def _sampled_parts(text: TextVectors, max_sentences: int) -> list[TextVectors]:
    """Some parts from all over a text, each as long as the longest bead."""
    last = max(0, len(text) - max_sentences)
    starts = np.unique(np.linspace(0, last, _SAMPLED_PARTS).astype(np.int64))
    return [text[start : start + max_sentences] for start in starts.tolist()]


def _finite(scores: Floats) -> torch.Tensor:
    return torch.from_numpy(np.where(np.isfinite(scores), scores, np.nan))


def _bead_lengths(lengths: Ints, max_sentences: int) -> Floats:
    """(max_sentences, sentences): [n - 1, s] is the number of subwords of sentences s to s + n - 1."""
    ends = np.pad(np.cumsum([0, *lengths]), (0, max_sentences), mode="edge").astype(np.float32)
    return np.stack([ends[n:][: len(lengths)] - ends[: len(lengths)] for n in range(1, max_sentences + 1)])


# How far a pair may be from the one before it, in sentences of each text, and still go on in the same order.
_STEP = 4
# An anchor that stands alone needs so many times the score that is asked of a bead: it is the best of many.
_SURE = 2.0

Anchor = tuple[int, int]


def align_reordered(scorer: BeadScorer) -> list[tuple[BeadRange, float]]:
    """The beads of two texts, whatever the order of their parts, and their normalised scores.

    Sentences that are each other's best translation are anchors; anchors that follow each other in both texts are a
    run. Inside the runs, and in the free sentences at their ends, the texts are aligned in order, the runs with the
    highest scores first. This is repeated with the sentences that are left, and then with anchors that stand alone.
    Every source sentence is compared with every target sentence: time, and memory for the scores, grow with the product
    of both lengths.

    Returns beads that cover both texts once, sorted by source sentence; those of target sentences alone come last.
    """
    scores = _single_scores(scorer)
    found: dict[BeadRange, float] = {}
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
