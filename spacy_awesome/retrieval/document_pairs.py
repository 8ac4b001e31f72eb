"""Which documents of two collections translate each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spacy_awesome.retrieval.beads import Floats, TextVectors, unit_vectors


class DocumentPair(NamedTuple):
    """Places of two documents in their collections, and the cosine of their centred mean vectors."""

    source: int
    target: int
    score: float


def pair_documents(
    source: Sequence[TextVectors], target: Sequence[TextVectors], *, min_score: float = 0.3
) -> list[DocumentPair]:
    """The documents that are each other's nearest, by the mean vectors of all their subwords.

    From each vector the mean of its collection is taken away: what all documents of a language and a subject share
    tells nothing about which translates which. A collection of one document keeps what it has.

    source, target: documents with unit vectors.
    min_score: lowest cosine of a pair. Returns pairs in the order of the source, no document in two.
    """
    if not (len(source) and len(target)):
        return []
    scores = _centred_means(source) @ _centred_means(target).T
    best_target, best_source = scores.argmax(axis=1), scores.argmax(axis=0)
    return [
        DocumentPair(i, j, float(scores[i, j]))
        for i, j in enumerate(best_target.tolist())
        if best_source[j] == i and scores[i, j] >= min_score
    ]


def _centred_means(documents: Sequence[TextVectors]) -> Floats:
    means = np.stack([document.vectors.sum(axis=0) / max(1, len(document.vectors)) for document in documents])
    return unit_vectors(means - means.mean(axis=0) if len(documents) > 1 else means)
