"""BERT-scores of chosen pairs of sentences out of large collections."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spacy_awesome.retrieval.bert_score import harmonic_mean
from spacy_awesome.retrieval.sentences import SentenceVectors

Weights = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


def candidate_scores(
    source: SentenceVectors,
    target: SentenceVectors,
    rows: Rows,
    columns: Rows,
    *,
    source_weights: Weights,
    target_weights: Weights,
) -> Tensor:
    """BERT-score F1 of source sentence rows[p] with target sentence columns[p], (P,) float32, on the processor.

    source, target: subword vectors of unit length, so that dot products are cosines; no sentence is without subwords.
    rows: (P,) ascending: the candidates of one sentence are scored together, by one matrix product and without padding.
    source_weights, target_weights: (subwords,) float32, what each subword counts in its sentence's mean (Zhang et al.
        2020, "importance weighting"); with ones this is `bert_scores`.

    >>> vectors, weights = SentenceVectors(torch.eye(2), torch.tensor([0, 1, 2])), np.ones(2, dtype=np.float32)
    >>> both = np.array([0, 0]), np.array([0, 1])
    >>> candidate_scores(vectors, vectors, *both, source_weights=weights, target_weights=weights)
    tensor([1., 0.])
    """
    precision, recall = np.empty(len(rows), dtype=np.float32), np.empty(len(rows), dtype=np.float32)
    bounds = [0, *(np.flatnonzero(np.diff(rows)) + 1).tolist(), len(rows)]
    for start, end in zip(bounds, bounds[1:]):
        if start < end:
            own = slice(*source.starts[rows[start] : rows[start] + 2].tolist())
            first, subwords = _subwords_of(columns[start:end], target.starts.numpy())
            vectors = target.values[torch.from_numpy(subwords)].float()
            cells = (vectors @ source.values[own].float().T).numpy()
            weights = target_weights[subwords]
            precision[start:end] = np.add.reduceat(cells.max(axis=1) * weights, first) / np.add.reduceat(weights, first)
            best = np.maximum.reduceat(cells, first, axis=0)
            recall[start:end] = best @ source_weights[own] / source_weights[own].sum()
    return harmonic_mean(torch.from_numpy(precision), torch.from_numpy(recall))


def _subwords_of(sentences: Rows, starts: Rows) -> tuple[Rows, Rows]:
    """The subwords of sentences, one after the other, and where each sentence begins among them."""
    lengths = starts[sentences + 1] - starts[sentences]
    first = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    return first, np.repeat(starts[sentences] - first, lengths) + np.arange(lengths.sum())
