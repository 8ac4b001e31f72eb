"""What was kept of a corpus, what was dropped, and why: numbers, and a page with examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from spacy_awesome.formats.markdown import escape_markdown
from spacy_awesome.transfer.filters import FILTERS, FilterSettings

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
