"""Which rows go through the encoder together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy_awesome.encoders.tokenization import Subwords

# Cells of one batch's similarity matrices; keeps few long pairs from taking all memory.
_MAX_CELLS = 4_000_000


def batches_by_length(lengths: Sequence[int], fits: Callable[[int, int], bool]) -> Iterator[list[int]]:
    """Rows of similar length, longest first; rows of length 0 are left out.

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


def pair_batches(
    pairs: Sequence[tuple[Subwords, Subwords]], max_tokens: int, *, special_tokens: int
) -> Iterator[list[int]]:
    """Rows of sentence pairs of similar length, longest first; pairs with an empty side are left out.

    Args:
        pairs: The subwords of both sides.
        max_tokens: The most padded subwords of a batch, both sides together; one pair always is a batch.
        special_tokens: Number of special tokens around each sentence.
    """
    longest = [max(len(x.ids), len(y.ids)) if len(x.ids) and len(y.ids) else 0 for x, y in pairs]
    return batches_by_length(
        longest,
        lambda rows, width: 2 * rows * (width + special_tokens) <= max_tokens and rows * width * width <= _MAX_CELLS,
    )
