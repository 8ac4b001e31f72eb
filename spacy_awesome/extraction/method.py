"""What an extraction method is: from the similarities of subwords to the probabilities of links."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from spacy_awesome.extraction.similarity import SubwordPairs


class LinkProbabilities(NamedTuple):
    """Both directions' link probabilities, each (batch, n, m) in [0, 1] and zero at padding.

    forward: of a target subword given a source subword (rows).
    backward: of a source subword given a target subword (columns).
    """

    forward: Tensor
    backward: Tensor


class Extraction(ABC):
    """A way from subword similarities to link probabilities; its options are the fields of a frozen dataclass.

    Attributes:
        differentiable: Whether training can follow a gradient through the probabilities.
    """

    # Without an annotation: spaCy's configurations take the annotations of a registered class for those of its options.
    differentiable = False

    @property
    def threshold(self) -> float | None:
        """Links are kept where a direction's probability is above it; None takes the encoder's own default."""
        return None

    @abstractmethod
    def probabilities(self, pairs: SubwordPairs) -> LinkProbabilities:
        """Both directions' link probabilities of a batch; those of a pair must not depend on the other pairs."""
