"""From subword vectors to links: similarity, the extraction methods, and subwords to words. Tensors only, no spaCy.

A new method is one file with a class derived from `Extraction`, and one line in the entry points of its distribution:

    [project.entry-points.spacy_extractions]
    "my_package.my_method.v1" = "my_package.my_method:MyMethod"
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import catalogue

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


# spaCy's own namespace, so that its configurations reach it as `@extractions`.
extractions = catalogue.create("spacy", "extractions", entry_points=True)

_PREFIX, _SUFFIX = "spacy_awesome.", ".v1"


def find_extraction(name: str) -> tuple[str, type[Extraction]]:
    """The registered name and the class of an extraction method.

    Args:
        name: A registered name, or what stands between "spacy_awesome." and ".v1" in one, such as "entmax".

    Raises:
        ValueError: There is no such method; the message names all.
    """
    for registered in (name, f"{_PREFIX}{name}{_SUFFIX}"):
        if registered in extractions:
            return registered, extractions.get(registered)
    raise ValueError(f"Unknown extraction {name!r}; expected one of: {', '.join(sorted(extraction_methods()))}.")


def extraction_methods() -> dict[str, type[Extraction]]:
    """All registered methods, by the shortest names that `find_extraction` knows them by."""
    return {
        name.removeprefix(_PREFIX).removesuffix(_SUFFIX) if name.startswith(_PREFIX) else name: method
        for name, method in extractions.get_all().items()
    }
