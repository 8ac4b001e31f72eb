"""The extraction methods as configuration names them: `@misc = "spacy_awesome.softmax.v1"` and its siblings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from spacy_awesome.settings import wrong_setting

if TYPE_CHECKING:
    from torch import Tensor

    from spacy_awesome.extraction.probabilities import LinkProbabilities

Range = Literal["logits", "cost", "unit"]


@dataclass(frozen=True)
class Extraction:
    """A way from subword similarities to link probabilities.

    name: as in the configuration.
    similarity: what is compared: "dot", "cosine" or "euclidean".
    values: how the similarity is scaled before: "logits" (times the encoder's scale), "cost" (as it is), or "unit"
        (shifted from [−1, 1] to [0, 1]).
    threshold: links are kept where a direction's probability is above it; None is the encoder's own default.
    load: imports and returns the function on (similarity, source_mask, target_mask); torch is imported only here.
    """

    name: str
    similarity: Literal["dot", "cosine", "euclidean"]
    values: Range
    threshold: float | None
    load: Callable[[], Callable[[Tensor, Tensor, Tensor], LinkProbabilities]]


def softmax() -> Extraction:
    """Softmax probabilities, AWESOME's default; the threshold is the encoder's own (mBERT: 0.001)."""

    def load() -> Any:
        from spacy_awesome.extraction.softmax import softmax_probabilities

        return softmax_probabilities

    return Extraction("softmax", "dot", "logits", None, load)


def entmax(alpha: float = 1.5) -> Extraction:
    """α-entmax probabilities; every non-zero one is a link. Raises ValueError for alpha below 1 or not finite."""
    if not 1 <= alpha < math.inf:
        expected = "a finite number of 1 (softmax) or more (2 is sparsemax)"
        raise ValueError(f"entmax: {wrong_setting('alpha', expected, alpha)}")

    def load() -> Any:
        from spacy_awesome.extraction.entmax import entmax_probabilities

        return partial(entmax_probabilities, alpha=alpha)

    return Extraction("entmax", "dot", "logits", 0.0, load)


def optimal_transport(
    cost: Literal["cosine", "dot", "euclidean"] = "cosine", regularization: float = 0.1, iterations: int = 100
) -> Extraction:
    """Sinkhorn–Knopp transport plan; links where it moves more of both words than the threshold, softmax's own.

    Raises ValueError for an unknown cost, a regularization of 0 or less, and iterations below 1 or above 10,000.
    """
    if cost not in ("cosine", "dot", "euclidean"):
        raise ValueError(f"Unknown cost {cost!r} for optimal transport; expected cosine, dot or euclidean.")
    if not 0 < regularization < math.inf:
        expected = "a finite number above 0"
        raise ValueError(f"optimal_transport: {wrong_setting('regularization', expected, regularization)}")
    if not 1 <= iterations <= 10_000:
        expected = "a whole number from 1 to 10000"
        raise ValueError(f"optimal_transport: {wrong_setting('iterations', expected, iterations)}")

    def load() -> Any:
        from spacy_awesome.extraction.optimal_transport import transport_probabilities

        return partial(transport_probabilities, regularization=regularization, iterations=iterations)

    return Extraction("optimal_transport", cost, "cost", None, load)


def argmax() -> Extraction:
    """SimAlign's Argmax: mutual best matches by cosine."""

    def load() -> Any:
        from spacy_awesome.extraction.argmax import argmax_probabilities

        return argmax_probabilities

    return Extraction("argmax", "cosine", "unit", 0.0, load)


def itermax(iterations: int = 2, discount: float = 0.9) -> Extraction:
    """SimAlign's Itermax: mutual best matches, repeated with what is left.

    Raises ValueError for iterations below 1 or above 1,000, and for a discount outside [0, 1].
    """
    if not 1 <= iterations <= 1000:
        raise ValueError(f"itermax: {wrong_setting('iterations', 'a whole number from 1 to 1000', iterations)}")
    if not 0 <= discount <= 1:
        raise ValueError(f"itermax: {wrong_setting('discount', 'a number from 0 to 1', discount)}")

    def load() -> Any:
        from spacy_awesome.extraction.argmax import itermax_probabilities

        return partial(itermax_probabilities, iterations=iterations, discount=discount)

    return Extraction("itermax", "cosine", "unit", 0.0, load)


def mwmf() -> Extraction:
    """SimAlign's Match (mwmf): the one-to-one matching of greatest total cosine."""

    def load() -> Any:
        from spacy_awesome.extraction.matching import matching_probabilities

        return matching_probabilities

    return Extraction("mwmf", "cosine", "unit", 0.0, load)
