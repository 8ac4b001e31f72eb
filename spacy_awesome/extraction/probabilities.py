"""What every extraction method returns: how probable each link is, seen from either side."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class LinkProbabilities(NamedTuple):
    """Both directions' link probabilities, each (batch, n, m) in [0, 1] and zero at padding.

    forward: of a target subword given a source subword (rows).
    backward: of a source subword given a target subword (columns).
    """

    forward: Tensor
    backward: Tensor


def pair_mask(source_mask: Tensor, target_mask: Tensor) -> Tensor:
    """(batch, n, m) bool, True where both subwords are real."""
    return source_mask[:, :, None] & target_mask[:, None, :]
