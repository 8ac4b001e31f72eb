"""Which projected sentences are good enough to train on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# In the order in which they are asked; a sentence that is dropped counts under the first that it fails.
FILTERS: Final = ("empty", "incomplete", "low_score", "low_coverage", "length_ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """What the filters need to know of a sentence and its translation.

    source_length, target_length: words of either side.
    source_aligned, target_aligned: those of them that have a link.
    scores: the projection score of every span that was projected, in [0, 1].
    lost: spans of the source that were not projected, less those that were not wanted.
    """

    source_length: int
    target_length: int
    source_aligned: int
    target_aligned: int
    scores: tuple[float, ...] = ()
    lost: int = 0

    @property
    def coverage(self) -> float:
        """The share of words, of both sides together, that have a link; 1 if there are no words."""
        words = self.source_length + self.target_length
        return (self.source_aligned + self.target_aligned) / words if words else 1.0

    @property
    def length_ratio(self) -> float:
        """Words of the longer side for each word of the shorter one; infinite if only one side has words."""
        shorter, longer = sorted((self.source_length, self.target_length))
        return longer / shorter if shorter else (float("inf") if longer else 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterSettings:
    """What a sentence must fulfil; each filter can be turned off, but for the one that drops empty translations.

    complete: every span of the source was projected. A lost one stands in the target without its label, and would
        teach the model that it is none.
    min_score: the lowest projection score in the sentence is at least this, in [0, 1]; 0 is off.
    min_coverage: `PairFacts.coverage` is at least this, in [0, 1]; 0 is off.
    max_length_ratio: `PairFacts.length_ratio` is at most this; None is off.
    Raises ValueError at values outside these ranges.
    """

    complete: bool = True
    min_score: float = 0.5
    min_coverage: float = 0.3
    max_length_ratio: float | None = None

    def __post_init__(self) -> None:
        for name in ("min_score", "min_coverage"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"Expected {name} between 0 and 1, got {getattr(self, name)}.")
        if self.max_length_ratio is not None and self.max_length_ratio < 1:
            raise ValueError(f"Expected max_length_ratio of at least 1, or None, got {self.max_length_ratio}.")


def failed_filters(facts: PairFacts, settings: FilterSettings) -> list[str]:
    """The names, of FILTERS and in their order, of all filters that a sentence fails; none if it is good enough.

    >>> facts = PairFacts(source_length=4, target_length=4, source_aligned=1, target_aligned=1, scores=(0.9,), lost=1)
    >>> failed_filters(facts, FilterSettings())
    ['incomplete', 'low_coverage']
    """
    longest = settings.max_length_ratio
    passed = {
        "empty": facts.target_length > 0,
        "incomplete": not (settings.complete and facts.lost),
        "low_score": min(facts.scores, default=1.0) >= settings.min_score,
        "low_coverage": facts.coverage >= settings.min_coverage,
        "length_ratio": longest is None or facts.length_ratio <= longest,
    }
    return [name for name in FILTERS if not passed[name]]
