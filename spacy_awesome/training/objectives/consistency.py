"""Consistency optimization: both directions should agree on the links."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from spacy_awesome.training.batch import SentencePart
from spacy_awesome.training.objectives import LinkObjective


@dataclass(eq=False)
class Consistency(LinkObjective):
    """CO (Dou & Neubig 2021, section 2.2, eq. 6), on the probabilities of the extraction method.

    L = −trace(S_xyᵀ S_yx) / min(m, n)
    """

    needs_gradient = True

    def pair_losses(self, part: SentencePart) -> Tensor:
        forward, backward = part.probabilities
        return consistency_loss(forward, backward, part.subwords.source_mask, part.subwords.target_mask)


def consistency_loss(forward: Tensor, backward: Tensor, source_mask: Tensor, target_mask: Tensor) -> Tensor:
    """Minus the agreement of both directions, eq. 6.

    forward, backward: (batch, n, m) probabilities S_xy and S_yx, zero at padding.
    source_mask, target_mask: (batch, n), (batch, m) bool, True at subwords; they give each pair's own n and m.
    Returns (batch,), in [−1, 0]. The value of a pair does not depend on padding or on the other pairs.

    >>> import torch
    >>> probabilities = torch.tensor([[[0.8, 0.2], [0.4, 0.6]]])
    >>> mask = torch.tensor([[True, True]])
    >>> consistency_loss(probabilities, probabilities, mask, mask)
    tensor([-0.6000])
    """
    shorter = source_mask.sum(dim=1).minimum(target_mask.sum(dim=1))
    return -(forward * backward).sum(dim=(1, 2)) / shorter.clamp(min=1)
