"""A first, cheap way through two texts, to know around which places the beads are worth scoring."""

from __future__ import annotations

import numpy as np

from spacy_awesome.retrieval.beads import Floats, TextVectors, unit_vectors
from spacy_awesome.retrieval.monotone import Band, Bead, best_path

# Texts of no more sentences than this, on both sides, are compared as a whole; longer ones are halved until they are.
_SHORT = 256
# Cosine of centred mean vectors above which two sentences may belong together.
_RELATED = 0.1


def coarse_band(source: TextVectors, target: TextVectors, *, radius: int) -> Band:
    """The places near which the best way through two texts must lie.

    Mean vectors of sentences are aligned one to one. In long texts pairs of neighbours are averaged first, and pairs of
    those, until the texts are short; then each way is refined within a band around that of the level above (as Thompson
    & Koehn 2019, section 3.2, do). Time and memory are linear in the number of sentences.

    radius: target sentences on each side of the way that belong to the band.
    """
    if max(len(source), len(target)) <= radius:
        return Band.full(len(source), len(target))
    path = _coarse_path(_centred(source.means()), _centred(target.means()), radius=radius)
    return Band.around(path, len(source), len(target), radius=radius)


def _coarse_path(source: Floats, target: Floats, *, radius: int) -> list[Bead]:
    if max(len(source), len(target)) <= _SHORT:
        band = Band.full(len(source), len(target))
    else:
        above = _coarse_path(_halved(source), _halved(target), radius=radius)
        band = Band.around(above, len(source), len(target), radius=radius, factor=2)
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
