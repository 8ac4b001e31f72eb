"""Links from the entropy-regularized transport plan between both sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from spacy_awesome.extraction import Extraction, LinkProbabilities
from spacy_awesome.extraction.similarity import Similarity, SubwordPairs, pair_mask
from spacy_awesome.tokens.checks import wrong_setting

# Of the plan itself. A link that takes all of both its subwords has 1 / max(n, m): 0.04 in sentences of 25 subwords,
# where independence has 0.0016; so this is a quarter of a whole link. Sentences of other lengths ask for another.
_PLAN_THRESHOLD = 0.01


@dataclass(frozen=True)
class OptimalTransport(Extraction):
    """Sinkhorn–Knopp transport plan between the subwords of both sides (Dou & Neubig 2021, section 2.1, eq. 1).

    Args:
        cost: What moving a subword's share costs: minus "cosine" or "dot", or "euclidean" distance.
        regularization: Strength of the entropy term; smaller is sparser.
        iterations: Steps of the scaling; always all of them.
        normalized: Compare with the threshold the plan times n, and times m, whose rows and columns sum to 1, so that
            the threshold is that of softmax, whatever the length. False is the paper's rule: the plan itself, which
            sums to 1 over all n · m entries; the threshold is then 0.01 by default.

    Raises:
        ValueError: The cost is unknown, the regularization is 0 or less, or iterations are not from 1 to 10,000.
    """

    cost: Similarity = "cosine"
    regularization: float = 0.1
    iterations: int = 100
    normalized: bool = True
    differentiable = True

    def __post_init__(self) -> None:
        if self.cost not in ("cosine", "dot", "euclidean"):
            raise ValueError(f"Unknown cost {self.cost!r} for optimal transport; expected cosine, dot or euclidean.")
        if not 0 < self.regularization < math.inf:
            expected = "a finite number above 0"
            raise ValueError(f"optimal_transport: {wrong_setting('regularization', expected, self.regularization)}")
        if not 1 <= self.iterations <= 10_000:
            expected = "a whole number from 1 to 10000"
            raise ValueError(f"optimal_transport: {wrong_setting('iterations', expected, self.iterations)}")

    @property
    def threshold(self) -> float | None:
        """None, the encoder's own, for the normalized plan; 0.01 for the plan itself."""
        return None if self.normalized else _PLAN_THRESHOLD

    def probabilities(self, pairs: SubwordPairs) -> LinkProbabilities:
        plan = transport_plan(
            pairs.similarity(self.cost),
            pairs.source_mask,
            pairs.target_mask,
            regularization=self.regularization,
            iterations=self.iterations,
        )
        if not self.normalized:
            return LinkProbabilities(plan, plan)
        n, m = (mask.sum(dim=1)[:, None, None] for mask in (pairs.source_mask, pairs.target_mask))
        return LinkProbabilities(forward=plan * n, backward=plan * m)


def transport_plan(
    similarity: Tensor,
    source_mask: Tensor,
    target_mask: Tensor,
    *,
    regularization: float = 0.1,
    iterations: int = 100,
) -> Tensor:
    """Sinkhorn–Knopp between uniform marginals.

    similarity: (batch, n, m) similarities, float32; the cost is its negative, min-max scaled to [0, 1] per pair.
    source_mask, target_mask: (batch, n), (batch, m) bool, True at subwords.
    regularization: strength of the entropy term, in units of that cost; smaller is sparser.
    iterations: of the scaling; always all of them, so that a pair's plan does not depend on its batch-mates.
    Returns (batch, n, m): rows sum to 1/n and columns to 1/m; zero at padding.
    """
    from ot.batch import bregman_log_projection_batch

    mask = pair_mask(source_mask, target_mask)
    lowest = similarity.masked_fill(~mask, float("inf")).amin(dim=(1, 2), keepdim=True)
    highest = similarity.masked_fill(~mask, float("-inf")).amax(dim=(1, 2), keepdim=True)
    cost = (highest - similarity) / (highest - lowest).clamp(min=1e-9)
    n, m = source_mask.sum(dim=1, keepdim=True).clamp(min=1), target_mask.sum(dim=1, keepdim=True).clamp(min=1)
    plan: Tensor = bregman_log_projection_batch(
        # Finite, as a row of padding would be NaN with −inf; yet nothing flows there even in the first iteration.
        (-cost / regularization).masked_fill(~mask, -1e5),
        source_mask / n,
        target_mask / m,
        max_iter=iterations,
        tol=0.0,
        grad="autodiff",
    )["T"]
    return plan.masked_fill(~mask, 0.0)
