"""Masked language modelling: predict hidden subwords from their sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor

# Of all subwords, 15 % are to be predicted; of these 80 % are masked, 10 % replaced, 10 % left as they are.
_CHOSEN, _MASKED, _REPLACED = 0.15, 0.8, 0.1


def mask_subwords(
    ids: Tensor, eligible: Tensor, *, mask_id: int, replacements: Tensor, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Choose 15 % of the subwords; mask 80 % of these, replace 10 % at random (Dou & Neubig 2021, section 2.2, "MLM").

    ids: (n,) int64. eligible: (n,) bool, False at special tokens, which are never chosen.
    replacements: (k,) int64, the subwords that random ones are drawn from.
    generator: where all randomness comes from, on the CPU as the other tensors are.
    Returns the changed ids and, (n,) bool, which were chosen, those that stayed as they were among them.

    >>> import torch
    >>> ids, eligible = torch.arange(10, 1010), torch.ones(1000, dtype=torch.bool)
    >>> options = {"mask_id": 0, "replacements": torch.tensor([1]), "generator": torch.Generator().manual_seed(0)}
    >>> masked, chosen = mask_subwords(ids, eligible, **options)
    >>> int(chosen.sum()), int((masked == 0).sum()), int((masked == 1).sum())
    (152, 123, 7)
    """
    import torch

    chosen = (torch.rand(ids.shape, generator=generator) < _CHOSEN) & eligible
    kind = torch.rand(ids.shape, generator=generator)
    drawn = replacements[torch.randint(len(replacements), ids.shape, generator=generator)]
    masked = torch.where(chosen & (kind < _MASKED), mask_id, ids)
    return torch.where(chosen & (kind >= _MASKED) & (kind < _MASKED + _REPLACED), drawn, masked), chosen


def masked_lm_loss(logits: Tensor, answers: Tensor, sentences: Tensor, masked: Tensor) -> Tensor:
    """Minus the log-probability of the hidden subwords (Dou & Neubig 2021, section 2.2, eq. 2, "MLM").

    L = −log p(x | x_mask), here the mean over the chosen subwords of a sentence.

    logits: (k, vocabulary) at the chosen subwords of a batch.
    answers: (k,) int64, the original subwords. sentences: (k,) int64, the sentence that each is from.
    masked: (sentences,) the number of chosen subwords of each sentence. A sentence longer than the encoder comes in
        several windows, not all of which need be in this batch.
    Returns (sentences,), 0 where nothing is chosen; a sentence's windows add up to its loss. The value of a sentence
    does not depend on the others.

    >>> import torch
    >>> logits = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    >>> masked_lm_loss(logits, torch.tensor([1, 0, 0]), torch.tensor([0, 1, 1]), torch.tensor([1, 2]))
    tensor([0.6931, 0.2201])
    """
    from torch.nn.functional import cross_entropy

    total = logits.new_zeros(len(masked)).index_add(0, sentences, cross_entropy(logits, answers, reduction="none"))
    return total / masked.clamp(min=1)
