"""Which pairs an epoch consists of, and their order: row numbers that depend on seed and epoch alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def epoch_sizes(sizes: Sequence[int], *, temperature: float = 1.0, cap: int = 0) -> list[int]:
    """How many pairs of each language pair an epoch has.

    sizes: number of pairs that there are of each.
    temperature: T of p ∝ n^(1/T) (Conneau & Lample 2019, section 3.1, where 1/T is α). 1 leaves the proportions as they
        are, more raises the small ones at the cost of the large ones. The epoch is as long as the whole text.
    cap: at most so many of each (200,000 in Dou & Neubig 2021); 0 is no cap.
    Raises ValueError at a temperature that is not positive, a negative cap, and if both options are set.

    >>> epoch_sizes([900, 100], temperature=2.0), epoch_sizes([900, 100], cap=200)
    ([750, 250], [200, 100])
    """
    if temperature <= 0 or cap < 0 or (temperature != 1.0 and cap):
        raise ValueError(
            "Expected a temperature above 0 or a cap of at least 1, and not both; "
            f"got temperature={temperature} and cap={cap}."
        )
    if temperature == 1.0 or not any(sizes):
        return [min(size, cap or size) for size in sizes]
    weights = (np.asarray(sizes) / max(sizes)) ** (1 / temperature)
    # Shares rounded so that they add up: each bound between two of them is rounded instead.
    bounds = np.rint(sum(sizes) * np.cumsum(weights) / weights.sum()).astype(np.int64)
    shares: list[int] = np.diff(bounds, prepend=0).tolist()
    return shares


def epoch_rows(sizes: Sequence[int], taken: Sequence[int], *, seed: int, epoch: int) -> npt.NDArray[Any]:
    """The rows of an epoch in their order, drawn from several parts of a table and mixed.

    sizes: rows of each part; the table has them one after the other.
    taken: how many rows of each an epoch has, from `epoch_sizes`. Each epoch goes on in its part where the last one
        ended, through one random order of all its rows after the other: at any time of a training, two rows of a part
        have come equally often, or one of them once more.
    Returns (sum of taken,) unsigned integers as small as they can be; twice their size is the memory that this takes.

    >>> sorted(epoch_rows([3, 2], [3, 2], seed=0, epoch=7).tolist())
    [0, 1, 2, 3, 4]
    """
    rows = np.empty(sum(taken), dtype=np.min_scalar_type(sum(sizes)))
    filled = start = 0
    for part, (size, count) in enumerate(zip(sizes, taken)):
        position, end = epoch * count, (epoch + 1) * count
        while position < end:
            round_number, offset = divmod(position, size)
            order = np.arange(start, start + size, dtype=rows.dtype)
            np.random.default_rng([seed, part, round_number]).shuffle(order)
            drawn = order[offset : offset + end - position]
            rows[filled : filled + len(drawn)] = drawn
            filled += len(drawn)
            position += len(drawn)
        start += size
    np.random.default_rng([seed, len(sizes), epoch]).shuffle(rows)
    return rows
