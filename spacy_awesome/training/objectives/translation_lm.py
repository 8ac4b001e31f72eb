"""Translation language modelling: predict hidden subwords from their sentence and its translation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def translation_inputs(source: Tensor, target: Tensor, special: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Both orders of a pair as one sentence (Dou & Neubig 2021, section 2.2, eq. 3, "TLM").

    L = −log p([x; y] | [x_mask; y_mask]) − log p([y; x] | [y_mask; x_mask])

    Both sides are masked at once, and alike in both orders; each order is a sentence of `masked_lm_loss`.

    source, target: (n,) and (m,): masked subwords, or anything else that there is one of for each subword.
    special: the same of the special tokens before, between and behind the two sentences.
    Returns [x; y] and [y; x], both of length n + m and that of the special tokens.

    >>> import torch
    >>> cls, sep = torch.tensor([1]), torch.tensor([2])
    >>> translation_inputs(torch.tensor([7, 8]), torch.tensor([9]), (cls, sep, sep))
    (tensor([1, 7, 8, 2, 9, 2]), tensor([1, 9, 2, 7, 8, 2]))
    """
    import torch

    prefix, middle, suffix = special
    return (
        torch.cat((prefix, source, middle, target, suffix)),
        torch.cat((prefix, target, middle, source, suffix)),
    )
