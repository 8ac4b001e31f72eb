"""SimAlign's three methods (Jalili Sabet et al. 2020): Argmax, Itermax and Match."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spacy_awesome.extraction import Extraction, LinkProbabilities
from spacy_awesome.extraction.similarity import SubwordPairs, pair_mask
from spacy_awesome.tokens.checks import wrong_setting


@dataclass(frozen=True)
class Argmax(Extraction):
    """Mutual best matches by cosine."""

    threshold = 0.0

    def probabilities(self, pairs: SubwordPairs) -> LinkProbabilities:
        return argmax_probabilities(pairs.positive_cosine(), pairs.source_mask, pairs.target_mask)


@dataclass(frozen=True)
class Itermax(Extraction):
    """Mutual best matches by cosine, repeated with what is left.

    Args:
        iterations: Rounds in all; 1 is Argmax.
        discount: Factor on similarities of which one side is already aligned.

    Raises:
        ValueError: iterations are not from 1 to 1,000, or the discount is outside [0, 1].
    """

    iterations: int = 2
    discount: float = 0.9
    threshold = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.iterations <= 1000:
            raise ValueError(
                f"itermax: {wrong_setting('iterations', 'a whole number from 1 to 1000', self.iterations)}"
            )
        if not 0 <= self.discount <= 1:
            raise ValueError(f"itermax: {wrong_setting('discount', 'a number from 0 to 1', self.discount)}")

    def probabilities(self, pairs: SubwordPairs) -> LinkProbabilities:
        return itermax_probabilities(
            pairs.positive_cosine(),
            pairs.source_mask,
            pairs.target_mask,
            iterations=self.iterations,
            discount=self.discount,
        )


@dataclass(frozen=True)
class Matching(Extraction):
    """The one-to-one matching of greatest total cosine (SimAlign: Match, "mwmf")."""

    threshold = 0.0

    def probabilities(self, pairs: SubwordPairs) -> LinkProbabilities:
        return matching_probabilities(pairs.positive_cosine(), pairs.source_mask, pairs.target_mask)


def argmax_probabilities(similarity: Tensor, source_mask: Tensor, target_mask: Tensor) -> LinkProbabilities:
    """Each subword's most similar counterpart (SimAlign, Argmax); both directions intersect to mutual best matches.

    similarity: (batch, n, m) in (0, 1], float32.
    source_mask, target_mask: (batch, n), (batch, m) bool, True at subwords.
    Returns the similarity at each row's, and each column's, first maximum and 0 elsewhere, (batch, n, m).
    """
    mask = pair_mask(source_mask, target_mask)
    return LinkProbabilities(
        forward=similarity * _first_maximum(similarity, mask, dim=2),
        backward=similarity * _first_maximum(similarity, mask, dim=1),
    )


def itermax_probabilities(
    similarity: Tensor, source_mask: Tensor, target_mask: Tensor, *, iterations: int = 2, discount: float = 0.9
) -> LinkProbabilities:
    """Mutual best matches, then again with what is still unaligned (SimAlign, Itermax, algorithm 1).

    similarity: (batch, n, m) in (0, 1], float32.
    source_mask, target_mask: (batch, n), (batch, m) bool, True at subwords.
    iterations: rounds in all; 1 is Argmax.
    discount: factor on similarities of which one side is already aligned.
    Returns the similarity at links and 0 elsewhere, the same for both directions, (batch, n, m).
    """
    mask = pair_mask(source_mask, target_mask)
    links = _first_maximum(similarity, mask, dim=2) & _first_maximum(similarity, mask, dim=1)
    # With two subwords or fewer on a side, the published program stops after the first round.
    n, m = source_mask.sum(dim=1), target_mask.sum(dim=1)
    active = torch.minimum(n, m) > 2
    for _ in range(iterations - 1):
        free_source = source_mask & ~links.any(dim=2)
        free_target = target_mask & ~links.any(dim=1)
        active = active & free_source.any(dim=1) & free_target.any(dim=1)
        open_pairs = mask & (free_source[:, :, None] | free_target[:, None, :]) & active[:, None, None]
        both = free_source[:, :, None] & free_target[:, None, :]
        weighted = similarity * torch.where(both, 1.0, discount) * open_pairs
        new = _first_maximum(weighted, mask, dim=2) & _first_maximum(weighted, mask, dim=1) & open_pairs
        active = active & (new & ~links).any(dim=(1, 2))
        links = links | new
    scores = similarity * links
    return LinkProbabilities(forward=scores, backward=scores)


def matching_probabilities(similarity: Tensor, source_mask: Tensor, target_mask: Tensor) -> LinkProbabilities:
    """Maximum-weight maximum-cardinality bipartite matching.

    similarity: (batch, n, m) in (0, 1], float32.
    source_mask, target_mask: (batch, n), (batch, m) bool, True at subwords.
    Returns the similarity at links and 0 elsewhere, the same for both directions, (batch, n, m).
    """
    from scipy.optimize import linear_sum_assignment

    links = torch.zeros(similarity.shape, dtype=torch.bool)
    lengths = zip(source_mask.sum(dim=1).tolist(), target_mask.sum(dim=1).tolist())
    for pair, weights, (n, m) in zip(links, similarity.cpu().double().numpy(), lengths):
        rows, columns = linear_sum_assignment(weights[:n, :m], maximize=True)
        pair[rows, columns] = True
    scores = similarity * links.to(similarity.device)
    return LinkProbabilities(forward=scores, backward=scores)


def _first_maximum(values: Tensor, mask: Tensor, *, dim: int) -> Tensor:
    """True at the first maximum along `dim` among real pairs; torch.argmax leaves open which one a tie gives."""
    masked = values.masked_fill(~mask, float("-inf"))
    highest = (masked == masked.amax(dim=dim, keepdim=True)) & mask
    return highest & (highest.cumsum(dim=dim) == 1)
