"""Probability thresholding with α-entmax, which gives most links exactly zero."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from spacy_awesome.extraction import Extraction, LinkProbabilities
from spacy_awesome.extraction.similarity import SubwordPairs, pair_mask
from spacy_awesome.extraction.softmax import softmax_probabilities
from spacy_awesome.tokens.checks import wrong_setting

# Far below any real logit once the row's maximum is 0, yet its square (1.5-entmax) is still exact enough in float32.
_PADDING = -1e4


@dataclass(frozen=True)
class Entmax(Extraction):
    """α-entmax probabilities; every non-zero one is a link.

    Args:
        alpha: 1 is softmax, 2 sparsemax; greater values give fewer links.

    Raises:
        ValueError: alpha is below 1 or not finite.
    """

    alpha: float = 1.5
    threshold = 0.0
    differentiable = True

    def __post_init__(self) -> None:
        if not 1 <= self.alpha < math.inf:
            expected = "a finite number of 1 (softmax) or more (2 is sparsemax)"
            raise ValueError(f"entmax: {wrong_setting('alpha', expected, self.alpha)}")

    def probabilities(self, pairs: SubwordPairs) -> LinkProbabilities:
        return entmax_probabilities(pairs.logits, pairs.source_mask, pairs.target_mask, alpha=self.alpha)


def entmax_probabilities(
    similarity: Tensor, source_mask: Tensor, target_mask: Tensor, *, alpha: float = 1.5
) -> LinkProbabilities:
    """α-entmax over the target and over the source subwords (Dou & Neubig 2021, section 2.1; Peters et al. 2019).

    similarity: (batch, n, m) scaled similarities, float32.
    source_mask, target_mask: (batch, n), (batch, m) bool, True at subwords.
    alpha: 1 is softmax, 2 sparsemax; 1.5 and 2 are exact, others by bisection.
    Returns both directions' probabilities, (batch, n, m), zero at padding.
    """
    if alpha == 1:
        return softmax_probabilities(similarity, source_mask, target_mask)
    import entmax

    if alpha == 1.5:
        normalise = entmax.entmax15
    elif alpha == 2:
        normalise = entmax.sparsemax
    else:
        normalise = partial(entmax.entmax_bisect, alpha=alpha)
    mask = pair_mask(source_mask, target_mask)

    def direction(dim: int) -> Tensor:
        highest = similarity.masked_fill(~mask, float("-inf")).amax(dim=dim, keepdim=True)
        logits = (similarity - highest).clamp(min=_PADDING).masked_fill(~mask, _PADDING)
        probabilities: Tensor = normalise(logits, dim=dim)
        return probabilities.masked_fill(~mask, 0.0)

    return LinkProbabilities(forward=direction(2), backward=direction(1))
