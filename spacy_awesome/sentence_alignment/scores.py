"""BERT-scores of groups of neighboring sentences, and of whole documents, with each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from spacy_awesome.similarity.bert_score import harmonic_means

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# Similarities that are held at once; more than that are computed in parts.
_MAX_CELLS = 4_000_000
# The score of what cannot be scored: a bead past the end of the text, or without subwords on a side.
NO_SCORE = np.float32(-np.inf)


@dataclass(frozen=True, slots=True)
class TextVectors:
    """The subword vectors of all sentences of a text, one after the other.

    vectors: (subwords, d) float32. lengths: (sentences,) subwords of each; 0 is valid.
    """

    vectors: Floats
    lengths: Ints

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != self.lengths.sum():
            raise ValueError(
                f"Expected a vector for each of {self.lengths.sum()} subwords, got shape {self.vectors.shape}."
            )

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, sentences: slice) -> TextVectors:
        """Some neighbouring sentences, without a copy of their vectors."""
        start, stop, _ = sentences.indices(len(self))
        stop = max(start, stop)
        first = int(self.lengths[:start].sum())
        lengths = self.lengths[start:stop]
        return TextVectors(self.vectors[first : first + int(lengths.sum())], lengths)

    def means(self) -> Floats:
        """The mean vector of each sentence, (sentences, d); zeros for a sentence without subwords."""
        sums = _segment_sums(self.vectors.T, self.lengths).T
        pooled: Floats = (sums / np.maximum(self.lengths, 1)[:, None]).astype(np.float32)
        return pooled


def unit_vectors(vectors: Floats) -> Floats:
    """Vectors of length 1 in the same directions, so that dot products are cosines; zeros stay zeros."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Floats = (vectors / np.maximum(norms, np.finfo(np.float32).tiny)).astype(np.float32)
    return scaled


def bead_scores(source: TextVectors, target: TextVectors, *, max_sentences: int = 3) -> Floats:
    """The BERT-score F of every bead of up to `max_sentences` neighbouring sentences on each side.

    P = mean_j max_i s_i·t_j over the subwords of all sentences of the bead together, R = mean_i max_j s_i·t_j,
    F = 2PR / (P + R), as in `bert_scores`. The maxima are taken once for each sentence: those of a bead are the largest
    of its sentences' maxima.

    source, target: texts of N and of M sentences, with unit vectors for cosines.
    Returns (max_sentences, max_sentences, N, M): [n - 1, m - 1, s, t] is the F of source sentences s to s + n - 1 with
    target sentences t to t + m - 1; -inf where either goes past the end or has no subword. As in `bert_scores`, F is 0
    where P and R differ in sign.

    >>> one = TextVectors(np.eye(2, dtype=np.float32), np.array([1, 1]))
    >>> bead_scores(one, one, max_sentences=2)[1, 1]
    array([[  1., -inf], [-inf, -inf]], dtype=float32)
    """
    by_source, by_target = _sentence_maxima(source, target)
    # [n - 1, s, t]: sums, over the subwords of target sentence t, of their maxima in source sentences s to s + n - 1.
    precision = _merged_sums(by_source, target.lengths, max_sentences)
    recall = _merged_sums(by_target, source.lengths, max_sentences).transpose(0, 2, 1)
    source_lengths, target_lengths = source.lengths.astype(np.float32), target.lengths.astype(np.float32)
    scores = np.full((max_sentences, max_sentences, len(source), len(target)), NO_SCORE, dtype=np.float32)
    for n in range(1, min(max_sentences, len(source)) + 1):
        for m in range(1, min(max_sentences, len(target)) + 1):
            scores[n - 1, m - 1, : len(source) - n + 1, : len(target) - m + 1] = _f_scores(
                _neighbour_sums(precision[n - 1], m)[: len(source) - n + 1],
                _neighbour_sums(target_lengths, m)[None],
                _neighbour_sums(recall[m - 1].T, n).T[:, : len(target) - m + 1],
                _neighbour_sums(source_lengths, n)[:, None],
            )
    return scores


def _sentence_maxima(source: TextVectors, target: TextVectors) -> tuple[Floats, Floats]:
    """Each subword's best similarity in each sentence of the other text: (N, target subwords), (M, source subwords)."""
    by_source = np.full((len(source), len(target.vectors)), NO_SCORE, dtype=np.float32)
    by_target = np.empty((len(target), len(source.vectors)), dtype=np.float32)
    rows = max(1, _MAX_CELLS // max(1, len(target.vectors)))
    owner = np.repeat(np.arange(len(source)), source.lengths)
    for start in range(0, len(source.vectors), rows):
        part = slice(start, start + rows)
        similarity = source.vectors[part] @ target.vectors.T
        by_target[:, part] = _reduced(np.maximum, similarity, target.lengths, NO_SCORE).T
        sentences, first = np.unique(owner[part], return_index=True)
        # A sentence may begin in one part and end in the next.
        best = np.maximum.reduceat(similarity, first, axis=0)
        by_source[sentences] = np.maximum(by_source[sentences], best)
    return by_source, by_target


def _segment_sums(values: Floats, lengths: Ints) -> Floats:
    """Sums over neighbouring columns, `lengths` of them each; 0 for no column. (rows, columns) → (rows, segments)."""
    return _reduced(np.add, values, lengths, 0.0)


def _merged_sums(maxima: Floats, lengths: Ints, max_sentences: int) -> Floats:
    """From (sentences, subwords of the other side): for each n, summed over each sentence of the other side.

    Returns (max_sentences, sentences, other side's sentences).
    """
    merged = maxima.copy()
    sums = np.empty((max_sentences, len(maxima), len(lengths)), dtype=np.float32)
    for n in range(max_sentences):
        if n:
            kept = max(0, len(maxima) - n)
            merged[:kept] = np.maximum(merged[:kept], maxima[n:])
        sums[n] = _segment_sums(merged, lengths)
    return sums


def _neighbour_sums(values: Floats, count: int) -> Floats:
    """Sums of `count` neighbours along the last axis, which gets count - 1 shorter."""
    width = values.shape[-1] - count + 1
    total = values[..., :width].copy()
    for shift in range(1, count):
        total += values[..., shift : shift + width]
    return total


def _f_scores(precision: Floats, target_length: Floats, recall: Floats, source_length: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        p, r = precision / target_length, recall / source_length
    f = harmonic_means(torch.from_numpy(p), torch.from_numpy(r)).numpy()
    scored = (target_length > 0) & (source_length > 0)
    means: Floats = np.where(scored, f, NO_SCORE).astype(np.float32)
    return means


def _reduced(function: np.ufunc, values: Floats, lengths: Ints, empty: float | np.float32) -> Floats:
    """A reduction over neighbouring columns; `reduceat` itself knows no empty segment."""
    result = np.full((len(values), len(lengths)), empty, dtype=np.float32)
    filled = lengths > 0
    if filled.any():
        starts = (np.cumsum(lengths) - lengths)[filled]
        result[:, filled] = function.reduceat(values, starts, axis=1)
    return result


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
