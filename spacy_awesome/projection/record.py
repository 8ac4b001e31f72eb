"""What became of one source span."""

from __future__ import annotations

from typing import NamedTuple


class Projection(NamedTuple):
    """One source span and where it went, or why it was lost.

    component: name of the pipeline component that projected it.
    group: "ents", or the key of the source `doc.spans` group it was read from.
    source_start, source_end: its tokens in the source Doc, end exclusive.
    label: the label given on the target side.
    method: the projection rule ("link_f1", "min_max", "gap").
    target_start, target_end: its tokens in the target Doc, or None if it was lost.
    score: the rule's score in [0, 1]; for a lost span that of its best candidate, 0.0 if it had none.
    reason: None if it was projected, else why not ("unaligned", "collision", "low_score", ...).
    """

    component: str
    group: str
    source_start: int
    source_end: int
    label: str
    method: str
    target_start: int | None = None
    target_end: int | None = None
    score: float = 0.0
    reason: str | None = None

    @property
    def projected(self) -> bool:
        """Whether the span stands on the target side."""
        return self.target_start is not None
