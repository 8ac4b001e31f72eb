"""Candidates for translations from two collections, and their scores."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spacy_awesome.encoders.sentences import SentenceVectors
from spacy_awesome.mining.collection import Collection, Progress, no_progress
from spacy_awesome.mining.index import IndexKind, has_faiss, make_search
from spacy_awesome.mining.resumable import ResumableArray, map_array, save_array
from spacy_awesome.similarity.bert_score import harmonic_means
from spacy_awesome.similarity.normalization import NORMALIZATIONS, Biases, frozen_biases
from spacy_awesome.similarity.pooling import whiten

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
    return harmonic_means(torch.from_numpy(precision), torch.from_numpy(recall))


def _subwords_of(sentences: Rows, starts: Rows) -> tuple[Rows, Rows]:
    """The subwords of sentences, one after the other, and where each sentence begins among them."""
    lengths = starts[sentences + 1] - starts[sentences]
    first = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    return first, np.repeat(starts[sentences] - first, lengths) + np.arange(lengths.sum())


Scores = npt.NDArray[np.float32]

# Sentences between two points at which an interrupted run can go on.
_CHUNK = 2048
_VERSION = 1
# Best candidates of a sentence whose mean score is its bias: as in the margins of Artetxe and Schwenk (2019).
_BIAS_NEIGHBOURS = 4


@dataclass(frozen=True)
class Candidates:
    """Pairs of sentences that may translate each other.

    source, target: (P,) the two sentences of each pair, as rows of their collections; in this order, none twice.
    scores: (P,) BERT-score F1, in whose means subwords are weighted by inverse document frequency.
    """

    source: Rows
    target: Rows
    scores: Scores

    def biases(self, source_size: int, target_size: int) -> Biases:
        """What each sentence scores on average with its best four candidates, frozen."""
        return frozen_biases(
            _best_scores(self.source, self.scores, source_size), _best_scores(self.target, self.scores, target_size)
        )

    def normalized(self, biases: Biases, method: str) -> Scores:
        """The scores, normalised; method: one of NORMALIZATIONS, or "none"."""
        check_normalization(method)
        if method == "none":
            return self.scores
        own = biases.of_pairs(torch.from_numpy(self.source), torch.from_numpy(self.target))
        return NORMALIZATIONS[method](torch.from_numpy(self.scores), own).numpy()


def check_normalization(method: str) -> None:
    """Raise ValueError unless `method` is "none" or one of NORMALIZATIONS."""
    if method not in ("none", *NORMALIZATIONS):
        raise ValueError(f"Unknown normalisation {method!r}; expected one of: none, {', '.join(NORMALIZATIONS)}.")


def find_translation_candidates(
    source: Collection,
    target: Collection,
    folder: Path,
    *,
    neighbours: int = 16,
    index: IndexKind = "auto",
    progress: Progress[int] = no_progress,
) -> Candidates:
    """The nearest sentences of each sentence of both collections, scored; goes on where an interrupted call was.

    folder: work folder; the candidates get one of their own in it, named after collections and options.
    neighbours: how many nearest sentences of the other side each sentence is compared with; all, where there are fewer.
    index: how they are found; see `spacy_awesome.mining.index.make_search`.
    Raises ValueError at fewer than one neighbour.
    """
    if neighbours < 1:
        raise ValueError(f"Expected at least 1 neighbour for each sentence, got {neighbours}.")
    if not (len(source) and len(target)):
        nothing = np.empty(0, dtype=np.int64)
        return Candidates(nothing, nothing, np.empty(0, dtype=np.float32))
    # faiss and the plain product may order equal similarities differently.
    key = f"{_VERSION} {source.folder.name} {target.folder.name} {neighbours} {index} {has_faiss()}"
    folder = folder / f"candidates-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    _pool(source, target, folder, progress)
    forward = _neighbours(folder, "source", "target", neighbours, index, progress)
    backward = _neighbours(folder, "target", "source", neighbours, index, progress)
    rows, columns = _either_way(forward, backward, len(target))
    return Candidates(rows, columns, score_pairs(source, target, rows, columns, folder / "scores.npy", progress))


def score_pairs(
    source: Collection,
    target: Collection,
    rows: Rows,
    columns: Rows,
    path: Path,
    progress: Progress[int] = no_progress,
) -> Scores:
    """Weighted BERT-score F1 of each source sentence rows[p] with target sentence columns[p], (P,); rows ascending.

    path: .npy file that the scores are kept in, to go on from after an interruption.
    """
    scores = ResumableArray(path, (len(rows),), np.float32)
    # A chunk holds all pairs of its source sentences.
    bounds = np.unique(np.searchsorted(rows, np.arange(0, len(source) + _CHUNK, _CHUNK)))
    chunks = [start for start in bounds[:-1].tolist() if start >= scores.done]
    ends = dict(zip(bounds.tolist(), bounds[1:].tolist()))
    weights = {"source_weights": source.weights().numpy(), "target_weights": target.weights().numpy()}
    for start in progress(chunks, "scoring", len(chunks)):
        part = slice(start, ends[start])
        # Mapped anew for each chunk, so that what has been read no longer counts as this process's memory.
        pairs = rows[part], columns[part]
        scores.append(candidate_scores(source.vectors(), target.vectors(), *pairs, **weights).numpy())
    return np.array(scores.read())


def _pool(source: Collection, target: Collection, folder: Path, progress: Progress[int]) -> None:
    paths = [folder / "source.npy", folder / "target.npy"]
    if not all(path.exists() for path in paths):
        sides = whiten(source.pooled(progress), target.pooled(progress))
        for path, side in zip(paths, sides):
            save_array(path, side.numpy())


def _neighbours(
    folder: Path, queries_name: str, vectors_name: str, k: int, kind: IndexKind, progress: Progress[int]
) -> npt.NDArray[np.int32]:
    queries, vectors = (map_array(folder / f"{name}.npy") for name in (queries_name, vectors_name))
    found = ResumableArray(folder / f"{queries_name}-neighbours.npy", (len(queries), min(k, len(vectors))), np.int32)
    starts = range(found.done, len(queries), _CHUNK)
    if starts:
        search = make_search(vectors, k, kind=kind, cache=folder / f"{vectors_name}.index")
        for start in progress(starts, f"neighbours of {queries_name}", len(starts)):
            found.append(search(queries[start : start + _CHUNK]))
    return np.array(found.read())


def _either_way(forward: npt.NDArray[np.int32], backward: npt.NDArray[np.int32], width: int) -> tuple[Rows, Rows]:
    """The pairs of all neighbours, sorted and without repetitions. (N, k), (M, k) to (P,), (P,)."""
    sources = np.concatenate([np.arange(len(forward)).repeat(forward.shape[1]), backward.ravel().astype(np.int64)])
    targets = np.concatenate([forward.ravel().astype(np.int64), np.arange(len(backward)).repeat(backward.shape[1])])
    # An index with cells may find fewer than were asked for; the rest is −1.
    found = (sources >= 0) & (targets >= 0)
    cells = np.unique(sources[found] * width + targets[found])
    return cells // width, cells % width


def _best_scores(sentences: Rows, scores: Scores, size: int) -> torch.Tensor:
    """The best scores of each sentence, (size, 4), NaN where it has fewer."""
    order = np.lexsort((-scores, sentences))
    ordered = sentences[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    best = np.full((size, _BIAS_NEIGHBOURS), np.nan, dtype=np.float32)
    kept = rank < _BIAS_NEIGHBOURS
    best[ordered[kept], rank[kept]] = scores[order][kept]
    return torch.from_numpy(best)
