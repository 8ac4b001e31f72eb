"""Count the functions and files of the package that a pair of Docs, and a training batch, go through.

    python scripts/trace_calls.py

A function counts once however often it is called, and a comprehension as part of the function that it stands in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer
from spacy.tokens import Doc, Span
from spacy.training import Example

import spacy_awesome
from spacy_awesome import WordAlignment, parallel
from spacy_awesome.training.objectives import objectives

PACKAGE = Path(spacy_awesome.__file__).parent

PAIRS = [
    ("Angela Merkel visited Paris on Monday .", "Angela Merkel visitó París el lunes ."),
    ("The German government said so .", "Así lo dijo el Gobierno alemán ."),
    ("Obama met her in Berlin in 2014 .", "Obama se reunió con ella en Berlín en 2014 ."),
]


@dataclass(frozen=True)
class Trace:
    """The calls of one run, in order, each as (file in the package, qualified name)."""

    calls: list[tuple[str, str]]

    @property
    def functions(self) -> dict[str, set[str]]:
        """The names of the functions that were called, by file."""
        found: dict[str, set[str]] = {}
        for file, name in self.calls:
            found.setdefault(file, set()).add(name)
        return found

    @property
    def count(self) -> int:
        """Number of different functions."""
        return sum(len(names) for names in self.functions.values())

    @property
    def changes(self) -> int:
        """How often a call is to another file than the call before."""
        return sum(before[0] != after[0] for before, after in zip(self.calls, self.calls[1:]))

    def __str__(self) -> str:
        return f"{self.count} functions in {len(self.functions)} files, {self.changes} changes of file"


def trace(run: Callable[[], object]) -> Trace:
    """Run something, and record the calls of the package's own functions."""
    calls: list[tuple[str, str]] = []

    def record(frame: Any, event: str, argument: object) -> None:
        code = frame.f_code
        # Lambdas and comprehensions have names like <lambda>; generators are entered several times.
        if event == "call" and not code.co_name.startswith("<"):
            path = Path(code.co_filename)
            if path.is_relative_to(PACKAGE):
                calls.append((path.relative_to(PACKAGE).as_posix(), code.co_qualname))

    before = sys.getprofile()
    sys.setprofile(record)
    try:
        run()
    finally:
        sys.setprofile(before)
    return Trace(calls)


def trace_pair(model: dict[str, Any]) -> tuple[Trace, Trace]:
    """One warm pair through word_aligner and span_projector; then through word_aligner alone.

    model: settings of the encoder, as in `[components.word_aligner.model]`.
    """
    nlp = spacy.blank("es")
    nlp.add_pipe("word_aligner", config={"model": model})
    nlp.add_pipe("span_projector")
    words, target = PAIRS[0][0].split(), PAIRS[0][1].split()
    source = Doc(spacy.blank("en").vocab, words=words)
    source.ents = [Span(source, 0, 2, label="PER"), Span(source, 3, 4, label="LOC")]
    for _ in range(2):
        nlp(parallel(nlp, source, target))
    whole = trace(lambda: nlp(parallel(nlp, source, target)))
    nlp.remove_pipe("span_projector")
    return whole, trace(lambda: nlp(parallel(nlp, source, target)))


def trace_batch(model: dict[str, Any]) -> Trace:
    """One batch of pairs, one of them with gold links, in training with all objectives that are registered.

    model: settings of the encoder, as in `[components.word_aligner.model]`.
    """
    nlp = spacy.blank("es")
    weights = dict.fromkeys(objectives.get_all(), 1.0)
    nlp.add_pipe("word_aligner", config={"model": model, "objectives": weights})
    batch = []
    for source, target in PAIRS:
        predicted, reference = (
            parallel(nlp, Doc(nlp.vocab, words=source.split()), Doc(nlp.vocab, words=target.split())) for _ in range(2)
        )
        batch.append(Example(predicted, reference))
    lengths = len(PAIRS[0][0].split()), len(PAIRS[0][1].split())
    batch[0].reference._.parallel.alignment = WordAlignment(
        [(0, 0), (1, 1)], source_length=lengths[0], target_length=lengths[1]
    )
    optimizer = nlp.initialize(lambda: batch)
    nlp.update(batch, sgd=optimizer, drop=0.1)
    return trace(lambda: nlp.update(batch, sgd=optimizer, drop=0.1))


def main(
    encoder: Annotated[str, typer.Option(help="Encoder to trace with: any that HFEncoder takes.")] = "bundled",
    names: Annotated[bool, typer.Option("--names", help="Print the functions of each file too.")] = False,
) -> None:
    """Print how many functions in how many files a pair and a training batch go through."""
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": encoder}
    whole, aligner = trace_pair(model)
    for what, found in (
        ("pair, word_aligner and span_projector", whole),
        ("pair, word_aligner", aligner),
        ("training batch, all objectives", trace_batch(model)),
    ):
        print(f"{what}: {found}")
        if names:
            for file, functions in found.functions.items():
                print(f"  {file}: {', '.join(sorted(functions))}")


if __name__ == "__main__":
    typer.run(main)
