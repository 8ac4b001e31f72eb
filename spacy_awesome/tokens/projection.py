"""What became of one source span."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple, Self

import numpy as np

from spacy_awesome.tokens.checks import saved_fields, saved_value

_LAST = np.iinfo(np.int32).max
_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "component": str,
    "group": str,
    "source_start": int,
    "source_end": int,
    "label": str,
    "method": str,
    "target_start": (int, type(None)),
    "target_end": (int, type(None)),
    "score": (float, int),
    "reason": (str, type(None)),
}


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

    @classmethod
    def from_dict(cls, data: Any, *, longest_source: int, longest_target: int = _LAST) -> Self:
        """The inverse of `_asdict`, for data from anywhere.

        longest_source, longest_target: greatest number of tokens that the Docs can have.
        Raises ValueError, saying what is wrong, at anything that no projection has.
        """
        what = "A saved projection"
        fields = saved_fields(data, cls._fields[:6], optional=cls._fields[6:], what=what)
        for name, kind in _KINDS.items():
            if name in fields:
                saved_value(fields[name], kind, what=f"{what}: {name}")
        record = cls(**fields)
        if (record.target_start is None) != (record.target_end is None):
            raise ValueError(f"{what}: expected both target_start and target_end, or neither.")
        if not math.isfinite(record.score):
            raise ValueError(f"{what}: score: expected a finite number, got {record.score}.")
        sides = [("source", record.source_start, record.source_end, longest_source)]
        if record.target_start is not None and record.target_end is not None:
            sides.append(("target", record.target_start, record.target_end, longest_target))
        for side, start, end, longest in sides:
            if not 0 <= start <= end <= longest:
                raise ValueError(f"{what}: expected {side} tokens from 0 to {longest}, got {str((start, end))[:60]}.")
        return record

    @property
    def projected(self) -> bool:
        """Whether the span stands on the target side."""
        return self.target_start is not None
