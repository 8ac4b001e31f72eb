"""Self-training: make the links that the model finds, or was given, more probable."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from spacy_awesome.training.batch import SentencePart
from spacy_awesome.training.objectives import LinkObjective


@dataclass(eq=False)
class SelfTraining(LinkObjective):
    """SO (Dou & Neubig 2021, section 2.2, eq. 4), on the probabilities of the extraction method.

    L = −Σ_ij A_ij ½ (S_xy,ij / n + S_yx,ij / m)

    A is over words (section 2.1): a pair's gold links, or else the current model's own, without gradient.
    """

    needs_gradient = True
    needs_links = True

    def pair_losses(self, part: SentencePart) -> Tensor:
        forward, backward = part.probabilities
        masks = part.subwords.source_mask, part.subwords.target_mask
        return self_training_loss(forward, backward, part.links, *masks)


def self_training_loss(
    forward: Tensor, backward: Tensor, links: Tensor, source_mask: Tensor, target_mask: Tensor
) -> Tensor:
    """Minus the probability of the linked subwords, eq. 4.

    forward, backward: (batch, n, m) probabilities S_xy and S_yx, zero at padding.
    links: (batch, n, m) A, true or 1 at linked subwords.
    source_mask, target_mask: (batch, n), (batch, m) bool, True at subwords; they give each pair's own n and m.
    Returns (batch,), in [−1, 0]. The value of a pair does not depend on padding or on the other pairs.

    >>> import torch
    >>> probabilities = torch.tensor([[[0.8, 0.2], [0.4, 0.6]]])
    >>> mask = torch.tensor([[True, True]])
    >>> self_training_loss(probabilities, probabilities, torch.eye(2)[None], mask, mask)
    tensor([-0.7000])
    """
    n, m = source_mask.sum(dim=1), target_mask.sum(dim=1)
    linked = links.to(forward.dtype)
    there, back = (linked * forward).sum(dim=(1, 2)), (linked * backward).sum(dim=(1, 2))
    return -(there / n.clamp(min=1) + back / m.clamp(min=1)) / 2
