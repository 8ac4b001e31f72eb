"""Probability thresholding with softmax."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from spacy_awesome.extraction import Extraction, LinkProbabilities
from spacy_awesome.extraction.similarity import SubwordPairs, pair_mask


@dataclass(frozen=True)
class Softmax(Extraction):
    """Softmax probabilities, AWESOME's default; the threshold is the encoder's own (mBERT: 0.001)."""

    differentiable = True

    def probabilities(self, pairs: SubwordPairs) -> LinkProbabilities:
        return softmax_probabilities(pairs.logits, pairs.source_mask, pairs.target_mask)


def softmax_probabilities(similarity: Tensor, source_mask: Tensor, target_mask: Tensor) -> LinkProbabilities:
    """Softmax over the target and over the source subwords (Dou & Neubig 2021, section 2.1, Probability Thresholding).

    similarity: (batch, n, m) scaled similarities, float32.
    source_mask, target_mask: (batch, n), (batch, m) bool, True at subwords.
    Returns both directions' probabilities, (batch, n, m), zero at padding.

    >>> import torch
    >>> masks = torch.tensor([[True, True]]), torch.tensor([[True, False]])
    >>> softmax_probabilities(torch.zeros(1, 2, 2), *masks).backward
    tensor([[[0.5000, 0.0000],
             [0.5000, 0.0000]]])
    """
    mask = pair_mask(source_mask, target_mask)
    logits = similarity.masked_fill(~mask, float("-inf"))
    # A row of padding is −inf throughout and comes out as NaN; the mask sets it to 0.
    return LinkProbabilities(
        forward=logits.softmax(dim=2).masked_fill(~mask, 0.0),
        backward=logits.softmax(dim=1).masked_fill(~mask, 0.0),
    )
