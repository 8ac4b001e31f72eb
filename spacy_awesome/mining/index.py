"""Nearest neighbours among many vectors: by faiss where it is installed, else by a plain matrix product in blocks."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from spacy_awesome.formats.atomic import atomic_file

PooledVectors = npt.NDArray[np.float32]
Neighbors = npt.NDArray[np.int32]
Search = Callable[[PooledVectors], Neighbors]
IndexKind = Literal["auto", "exact", "ivf"]

INDEX_KINDS = ("auto", "exact", "ivf")
# Vectors up to which every one is compared. At 200,000, on two cores, that takes a few minutes for each direction.
_MAX_EXACT = 200_000
# Cells of similarity that are held at once.
_BLOCK_QUERIES, _BLOCK_VECTORS = 512, 65_536


def has_faiss() -> bool:
    """Whether the extra `mining` is installed."""
    return importlib.util.find_spec("faiss") is not None


def make_search(vectors: PooledVectors, k: int, *, kind: IndexKind = "auto", cache: Path | None = None) -> Search:
    """A function from queries (Q, d) to the rows (Q, k) of the vectors (N, d) with the highest dot product, best first.

    kind: "exact" compares with every vector; "ivf" with those in the nearest cells of a k-means partition, and gives
        row −1 where these hold fewer than k; "auto" is exact up to 200,000 vectors or without faiss.
    cache: file that keeps a partition, so that the next call with the same vectors need not make it again.
    k is lowered to N. Raises ValueError at another kind, and at "ivf" without faiss.

    >>> search = make_search(np.eye(3, dtype=np.float32), 2, kind="exact")
    >>> search(np.array([[0.0, 0.5, 1.0]], dtype=np.float32))
    array([[2, 1]], dtype=int32)
    """
    if kind not in INDEX_KINDS:
        raise ValueError(f"Unknown kind of index {kind!r}; expected one of: {', '.join(INDEX_KINDS)}.")
    if kind == "ivf" and not has_faiss():
        raise ValueError("An ivf index needs faiss: pip install 'spacy-awesome[mining]', or ask for an exact one.")
    k = min(k, len(vectors))
    if kind == "auto":
        kind = "ivf" if has_faiss() and len(vectors) > _MAX_EXACT else "exact"
    if not has_faiss() or not k:
        return lambda queries: exact_search(queries, vectors, k)
    index = _flat_index(vectors) if kind == "exact" else _partitioned_index(vectors, cache)
    return lambda queries: index.search(np.ascontiguousarray(queries, dtype=np.float32), k)[1].astype(np.int32)


def exact_search(queries: PooledVectors, vectors: PooledVectors, k: int) -> Neighbors:
    """The rows (Q, k) of the k vectors (N, d) with the highest dot product with each query (Q, d); k ≤ N."""
    found = [
        _search_block(torch.from_numpy(np.array(queries[start : start + _BLOCK_QUERIES])), vectors, k)
        for start in range(0, len(queries), _BLOCK_QUERIES)
    ]
    return np.concatenate([np.empty((0, k), dtype=np.int32), *found])


def _search_block(queries: torch.Tensor, vectors: PooledVectors, k: int) -> Neighbors:
    best, rows = torch.empty(len(queries), 0), torch.empty(len(queries), 0, dtype=torch.int64)
    for start in range(0, len(vectors), _BLOCK_VECTORS):
        block = torch.from_numpy(np.array(vectors[start : start + _BLOCK_VECTORS]))
        here = (queries @ block.T).topk(min(k, len(block)), dim=1)
        best, rows = torch.cat([best, here.values], dim=1), torch.cat([rows, here.indices + start], dim=1)
        best, order = best.topk(min(k, best.shape[1]), dim=1)
        rows = rows.gather(1, order)
    return rows.numpy().astype(np.int32)


def _flat_index(vectors: PooledVectors) -> Any:
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    return index


def _partitioned_index(vectors: PooledVectors, cache: Path | None) -> Any:
    import faiss

    if cache is not None and cache.exists():
        return faiss.read_index(str(cache))
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    # faiss advises 4√N to 16√N cells; each is to hold some tens of vectors.
    cells = max(1, min(int(4 * len(vectors) ** 0.5), len(vectors) // 39))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(vectors.shape[1]), vectors.shape[1], cells, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    # Whitened vectors hardly cluster: fewer cells would miss many neighbours (figures in docs/mining.md).
    index.nprobe = max(1, cells // 4)
    if cache is not None:
        with atomic_file(cache) as stream:
            faiss.write_index(index, faiss.PyCallbackIOWriter(stream.write))  # type: ignore[attr-defined]
    return index
