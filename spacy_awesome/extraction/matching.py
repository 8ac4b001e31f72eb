"""The one-to-one matching of greatest total similarity (Jalili Sabet et al. 2020, SimAlign: Match)."""

from __future__ import annotations

import torch
from torch import Tensor

from spacy_awesome.extraction.probabilities import LinkProbabilities


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
