"""Which projected sentences are good enough to train on, and a report of the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

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


# What may begin a tag, an entity, emphasis, code, a link, a cell of a table or a heading; `:` keeps addresses from
# becoming links.
_SIGNS = re.compile(r"([\\`*_<>&#\[\]|!~:])")


def escape_markdown(text: str) -> str:
    """The text as one line, with nothing in it that Markdown, or the HTML in it, would read as its own.

    >>> escape_markdown("a|b\\n<script>")
    'a\\\\|b \\\\<script\\\\>'
    """
    shown = "".join(char if char.isprintable() else "\ufffd" for char in " ".join(text.split()))
    return _SIGNS.sub(r"\\\1", shown)


_WHY = {
    "empty": "the translation has no words",
    "incomplete": "a span of the source was lost",
    "low_score": "a span was projected with a low score",
    "low_coverage": "too few words have a link",
    "length_ratio": "one side is too much longer",
}


class DroppedSentence(NamedTuple):
    """An example of a sentence that was dropped: both texts, and what was wrong with it."""

    source: str
    target: str
    failed: tuple[str, ...]


@dataclass(slots=True)
class CorpusReport:
    """Counts of a corpus; filled while it is written.

    settings: what was asked of the sentences.
    sentences: those that came in; the kept ones are split into `train` and `dev`.
    dropped: sentences by the first filter that they fail; the sum is all that were dropped.
    failed: sentences by every filter that they fail.
    source_spans, kept_spans: spans by label: of all sentences' sources, and in the kept sentences' targets.
    lost_spans: spans that were not projected, by reason, of all sentences.
    unlabelled_spans: projected spans of kept sentences that lost their label for want of a capital letter, by label.
    examples: some dropped sentences by the first filter that they fail.
    """

    settings: FilterSettings
    examples_each: int = 3
    sentences: int = 0
    train: int = 0
    dev: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    source_spans: Counter[str] = field(default_factory=Counter)
    kept_spans: Counter[str] = field(default_factory=Counter)
    lost_spans: Counter[str] = field(default_factory=Counter)
    unlabelled_spans: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[DroppedSentence]] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """Sentences of the training and the development data."""
        return self.train + self.dev

    @property
    def reasons(self) -> str:
        """The dropped sentences by reason, in words."""
        found = (f"{count} {name.replace('_', ' ')}" for name, count in _in_order(self.dropped).items())
        return ", ".join(found) or "none"

    def drop(self, sentence: DroppedSentence) -> None:
        """Count a sentence that fails at least one filter, and remember the first few."""
        first = sentence.failed[0]
        self.dropped[first] += 1
        self.failed.update(sentence.failed)
        examples = self.examples.setdefault(first, [])
        if len(examples) < self.examples_each:
            examples.append(sentence)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {
            "sentences": {"read": self.sentences, "train": self.train, "dev": self.dev},
            "filters": asdict(self.settings),
            "dropped": _in_order(self.dropped),
            "failed": _in_order(self.failed),
            "spans": {
                "source": dict(sorted(self.source_spans.items())),
                "kept": dict(sorted(self.kept_spans.items())),
                "lost": dict(sorted(self.lost_spans.items())),
                "unlabelled": dict(sorted(self.unlabelled_spans.items())),
            },
            "examples": {name: [example._asdict() for example in self.examples[name]] for name in self.examples},
        }

    def to_markdown(self) -> str:
        """Everything as a page to read."""
        kept = (
            f"{self.kept} of {self.sentences} sentences were kept: {self.train} to train on, {self.dev} to develop on."
        )
        rows = [(_WHY[name], self.dropped[name], self.failed[name]) for name in FILTERS if self.failed[name]]
        spans = [
            (label, self.source_spans[label], self.kept_spans[label])
            for label in sorted(self.source_spans | self.kept_spans)
        ]
        lost = [(reason.replace("_", " "), count) for reason, count in sorted(self.lost_spans.items())]
        parts = ["# Training data by projection", kept]
        if rows:
            parts += ["## Dropped sentences", _table(("Because", "Dropped", "Failed in all"), rows)]
            parts += ["A sentence is dropped because of the first filter that it fails, and may fail others as well."]
        parts += ["## Spans", _table(("Label", "In the source", "In kept sentences"), spans)]
        if self.unlabelled_spans:
            counts = ", ".join(
                f"{count} {escape_markdown(label)}" for label, count in sorted(self.unlabelled_spans.items())
            )
            parts.append(f"Spans without a capital letter, which lost their label: {counts}.")
        if lost:
            parts += ["## Spans that were not projected", _table(("Reason", "Spans"), lost)]
        for name, examples in self.examples.items():
            parts.append(f"## Examples: {_WHY[name]}")
            parts += [
                f"> {escape_markdown(example.source)}\n>\n> {escape_markdown(example.target)}" for example in examples
            ]
        return "\n\n".join(parts) + "\n"


def _in_order(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in FILTERS if counts[name]}


def _table(header: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|---|{'---:|' * (len(header) - 1)}"]
    return "\n".join(lines + [f"| {' | '.join(escape_markdown(str(cell)) for cell in row)} |" for row in rows])
