"""Which rows go through the encoder together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence


def batches_by_length(lengths: Sequence[int], fits: Callable[[int, int], bool]) -> Iterator[list[int]]:
    """Rows of like length, longest first; rows of length 0 are left out.

    fits: whether so many rows, padded to that length, are a batch; one row always is.

    >>> list(batches_by_length([2, 0, 5, 3], lambda rows, width: rows * width <= 6))
    [[2], [3, 0]]
    """
    batch: list[int] = []
    # Longest first: what comes up against the memory does so at once.
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if not lengths[row]:
            break
        if batch and not fits(len(batch) + 1, lengths[batch[0]]):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
