"""Contrastive learning of sentence similarity: translations against all other pairs of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

# The paper's, tuned on the development set of OPUS-100 (section 3.2).
TEMPERATURE = 5.0

Negatives = Literal["all", "own"]


def contrastive_loss(
    scores: Tensor, mismatches: Tensor, *, temperature: float = TEMPERATURE, negatives: Negatives = "all"
) -> Tensor:
    """Cross-entropy of each translation among in-batch negatives (Niu et al. 2022, section 2.4).

    L_i = −log( exp(S_ii / τ) / (exp(S_ii / τ) + Σ exp(S_mn / τ)) )

    scores: (N, N) S, row i and column i translations of each other: in training, normalised BERT-scores by dot product.
    mismatches: (N, N) bool, the pairs that are no translations: all but the diagonal, unless a sentence comes twice.
    temperature: τ.
    negatives: what the sum is over. "all" is every mismatch of the batch, N² − N, which teaches one threshold for all
        sentences. "own" is the paper's ablation, one-dimensional negatives: the N − 1 of the same source, and those of
        the same target, in two sums whose losses are averaged.
    Returns (N,). Unlike other objectives, a pair's value depends by design on the pairs that it is trained with.

    >>> import torch
    >>> contrastive_loss(torch.zeros(3, 3), ~torch.eye(3, dtype=torch.bool)).round(decimals=4)
    tensor([1.9459, 1.9459, 1.9459])
    >>> contrastive_loss(torch.zeros(3, 3), ~torch.eye(3, dtype=torch.bool), negatives="own").round(decimals=4)
    tensor([1.0986, 1.0986, 1.0986])
    """
    import torch

    logits = scores / temperature
    positive = logits.diagonal()
    others = logits.masked_fill(~mismatches, -torch.inf)
    if negatives == "all":
        return torch.logaddexp(positive, others.flatten().logsumexp(dim=0)) - positive
    rows, columns = (torch.logaddexp(positive, others.logsumexp(dim=dim)) - positive for dim in (1, 0))
    return (rows + columns) / 2
