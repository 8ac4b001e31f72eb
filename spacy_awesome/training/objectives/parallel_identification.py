"""Parallel sentence identification: tell translations from other pairs of sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor


def sample_pairs(mismatches: Tensor, *, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of sentences, half of them parallel (Dou & Neubig 2021, section 2.2, "PSI").

    Each source is used once: with its own target, or with one drawn from those it does not translate to.

    mismatches: (batch, batch) bool, True where a target may be paired with a source as its non-translation.
    generator: where all randomness comes from, on the CPU.
    Returns (k,) indices of sources and of targets, and (k,) float labels, 1 for parallel. As many pairs are parallel as
    not, but for one if the batch is odd; k is less than the batch if mismatches are too few, and 0 if there are none.

    >>> import torch
    >>> mismatches = ~torch.eye(4, dtype=torch.bool)
    >>> sources, targets, labels = sample_pairs(mismatches, generator=torch.Generator().manual_seed(0))
    >>> torch.equal(sources == targets, labels.bool()), labels.sum()
    (True, tensor(2.))
    """
    import torch

    order = torch.randperm(len(mismatches), generator=generator)
    # The odd one of a batch is as often parallel as not.
    half = (len(order) + int(torch.randint(2, (), generator=generator))) // 2
    able = mismatches[order].any(dim=1)
    different = able & (able.cumsum(0) <= half)
    negatives, positives = order[different], order[~different]
    if not len(negatives):
        return order[:0], order[:0], torch.zeros(0)
    positives = positives[: len(negatives) + 1]
    drawn = torch.multinomial(mismatches[negatives].float(), 1, generator=generator)[:, 0]
    labels = torch.cat((torch.ones(len(positives)), torch.zeros(len(negatives))))
    return torch.cat((positives, negatives)), torch.cat((positives, drawn)), labels


def parallel_identification_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of "these are translations" (Dou & Neubig 2021, section 2.2, eq. 5, "PSI").

    L = −l log s(x′, y′) − (1 − l) log(1 − s(x′, y′))

    scores: (batch,) logits; s is their sigmoid. labels: (batch,) 1 for parallel, 0 for not.
    Returns (batch,). The value of a pair does not depend on the other pairs.

    >>> import torch
    >>> parallel_identification_loss(torch.tensor([0.0, 9.0]), torch.tensor([1.0, 0.0])).round(decimals=4)
    tensor([0.6931, 9.0001])
    """
    from torch.nn.functional import binary_cross_entropy_with_logits

    return binary_cross_entropy_with_logits(scores, labels, reduction="none")
