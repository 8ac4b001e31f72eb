"""Links from the entropy-regularised transport plan between both sentences."""

from __future__ import annotations

from torch import Tensor

from spacy_awesome.extraction.probabilities import LinkProbabilities, pair_mask


def transport_probabilities(
    similarity: Tensor,
    source_mask: Tensor,
    target_mask: Tensor,
    *,
    regularization: float = 0.1,
    iterations: int = 100,
) -> LinkProbabilities:
    """Sinkhorn–Knopp between uniform marginals (Dou & Neubig 2021, section 2.1).

    similarity: (batch, n, m) similarities, float32; the cost is its negative, min-max scaled to [0, 1] per pair.
    source_mask, target_mask: (batch, n), (batch, m) bool, True at subwords.
    regularization: strength of the entropy term, in units of that cost; smaller is sparser.
    iterations: of the scaling; always all of them, so that a pair's plan does not depend on its batch-mates.
    Returns the plan times n and times m: each row, or column, sums to 1. (batch, n, m), zero at padding.
    """
    from ot.batch import bregman_log_projection_batch

    mask = pair_mask(source_mask, target_mask)
    lowest = similarity.masked_fill(~mask, float("inf")).amin(dim=(1, 2), keepdim=True)
    highest = similarity.masked_fill(~mask, float("-inf")).amax(dim=(1, 2), keepdim=True)
    cost = (highest - similarity) / (highest - lowest).clamp(min=1e-9)
    n, m = source_mask.sum(dim=1, keepdim=True).clamp(min=1), target_mask.sum(dim=1, keepdim=True).clamp(min=1)
    plan = bregman_log_projection_batch(
        # Finite, as a row of padding would be NaN with −inf; yet nothing flows there even in the first iteration.
        (-cost / regularization).masked_fill(~mask, -1e5),
        source_mask / n,
        target_mask / m,
        max_iter=iterations,
        tol=0.0,
    )["T"].masked_fill(~mask, 0.0)
    return LinkProbabilities(forward=plan * n[:, :, None], backward=plan * m[:, :, None])
