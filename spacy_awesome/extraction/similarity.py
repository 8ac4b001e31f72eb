"""Similarity of the subwords of both sides, and the distortion that prefers links near the diagonal."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Similarity = Literal["dot", "cosine", "euclidean"]

# Subwords of a long sentence. On XL-WA es dev joined to texts of 20 sentences, with the bundled encoder, F1 rises from
# 74 to 83 when the distortion of sentences is multiplied by 10 there.
_SENTENCE_LENGTH = 60


def similarity_matrix(source: Tensor, target: Tensor, kind: Similarity = "dot") -> Tensor:
    """Similarities of all subword pairs, in float32.

    source, target: (batch, n, d), (batch, m, d) subword vectors of any float type.
    kind: "dot" (AWESOME), "cosine" (SimAlign), or "euclidean" (minus the distance).
    Returns (batch, n, m). What stands at padding is arbitrary.
    """
    source, target = source.float(), target.float()
    if kind == "dot":
        return source @ target.transpose(1, 2)
    if kind == "cosine":
        return torch.nn.functional.normalize(source, dim=-1) @ torch.nn.functional.normalize(target, dim=-1).transpose(
            1, 2
        )
    if kind == "euclidean":
        return -torch.cdist(source, target)
    raise ValueError(f"Unknown similarity {kind!r}; expected dot, cosine or euclidean.")


def relative_distance(source_mask: Tensor, target_mask: Tensor) -> Tensor:
    """|i/n − j/m| for every subword pair, with each sentence's own lengths n and m.

    source_mask, target_mask: (batch, n), (batch, m) bool, True at subwords; padding only at the end.
    Returns (batch, n, m) in [0, 1), arbitrary at padding.

    >>> relative_distance(torch.ones(1, 2, dtype=bool), torch.ones(1, 4, dtype=bool))
    tensor([[[0.0000, 0.2500, 0.5000, 0.7500],
             [0.5000, 0.2500, 0.0000, 0.2500]]])
    """
    return (_relative_positions(source_mask)[:, :, None] - _relative_positions(target_mask)[:, None, :]).abs()


def length_factor(source_mask: Tensor, target_mask: Tensor) -> Tensor:
    """How much more a relative distance weighs in long pairs: 1 up to 60 subwords, then in proportion.

    A tenth of a sentence is a few words; a tenth of a document is several sentences, and rules a link out.
    Returns (batch, 1, 1).

    >>> length_factor(torch.ones(1, 30, dtype=bool), torch.ones(1, 120, dtype=bool))
    tensor([[[2.]]])
    """
    longest = torch.maximum(source_mask.sum(dim=1), target_mask.sum(dim=1))
    return (longest / _SENTENCE_LENGTH).clamp(min=1)[:, None, None]


def _relative_positions(mask: Tensor) -> Tensor:
    positions = torch.arange(mask.shape[1], device=mask.device, dtype=torch.float32)
    return positions / mask.sum(dim=1, keepdim=True).clamp(min=1)
