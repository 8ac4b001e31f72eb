"""`project`: labelled source sentences and their translations in, labelled translations out."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spacy_awesome.cli.options import AlignerOptions, QuietOption, progress, with_options
from spacy_awesome.cli.reporting import text_table

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

    from spacy_awesome.tokens.projection import Projection


LinksOption = Annotated[
    str | None,
    typer.Option(
        help="Use these word links (`0-0 1-2`, a line for each pair) instead of aligning. They count tokens: with "
        "--lang, those of TARGET after it is split. For links over other words there is "
        "spacy_awesome.attach_alignment in Python."
    ),
]
LinksBaseOption = Annotated[
    int, typer.Option(min=0, max=1, help="Number of a sentence's first word in --links: 0 or 1.")
]


@dataclass(frozen=True)
class RuleOptions:
    """How `span_projector` finds a span's target words; None leaves the component's own default."""

    rule: Annotated[
        str | None,
        typer.Option(help="How a span's target words are found: link_f1, min_max or gap.  [default: link_f1]"),
    ] = None
    assignment: Annotated[
        str | None, typer.Option(help="How spans that compete are settled: greedy or exact.  [default: greedy]")
    ] = None
    max_span_ratio: Annotated[
        float | None, typer.Option(help="Drop spans that are more than so many times longer than their source.")
    ] = None

    def component(self, nlp: Language) -> Any:
        """A span projector for the pipeline. Raises ValueError at an unknown rule, assignment or other value."""
        config = {name: value for name, value in vars(self).items() if value is not None}
        return nlp.create_pipe("span_projector", config=config)


@dataclass(frozen=True)
class ProjectorOptions(RuleOptions):
    """The options of `span_projector`; None leaves the component's own default."""

    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="Drop spans whose score is lower.  [default: 0]")
    ] = None


@with_options(projector=ProjectorOptions, aligner=AlignerOptions)
def project(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Labelled sentences: CoNLL columns (word first, tag last; IOB1, IOB2, BILUO, BIOES), .spacy, .jsonl.",
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="Their translations, one a line, words between spaces (raw text: see --lang); "
            "or .conll, .spacy or .jsonl, of which the words are used.",
        ),
    ],
    output: Annotated[
        str,
        typer.Argument(
            metavar="OUTPUT",
            help="By its ending: .spacy (pairs of Docs with links, scores and reasons), .jsonl (an object for each "
            "sentence), any other for CoNLL with two columns (IOB2).",
        ),
    ],
    *,
    links: LinksOption = None,
    links_base: LinksBaseOption = 0,
    lang: Annotated[
        str | None,
        typer.Option(help="TARGET is raw text in this language (es, de, …): split it into words with spaCy's rules."),
    ] = None,
    source_lang: Annotated[str, typer.Option(help="Language of SOURCE, noted in .spacy output.")] = "xx",
    quiet: QuietOption = False,
    projector: ProjectorOptions,
    aligner: AlignerOptions,
) -> None:
    """Carry labelled spans over to translations.

    Words are aligned first, unless --links gives the links. A table says what was projected and what was lost, and why.

    \b
    Examples:
      python -m spacy awesome project english.conll spanish.txt projected.conll
      python -m spacy awesome project english.conll spanish.raw.txt projected.spacy --lang es
      python -m spacy awesome project english.conll spanish.txt projected.jsonl --links links.txt --min-score 0.5
    """
    _check_options(source, target, links, output, aligner)
    nlp = blank_pipeline(lang or "xx")
    span_projector = projector.component(nlp)
    pairs = _read_pairs(nlp, blank_pipeline(source_lang), source, target, raw=lang is not None)
    if links is None:
        aligned = aligner.load().pipe(doc for _, doc in pairs)
    else:
        aligned = _attach_links(pairs, links, base=links_base, pairs_name=f"{source} with {target}")
    summary = Summary()
    _write(output, summary.watch(progress(span_projector.pipe(aligned), quiet=quiet)))
    if not quiet:
        typer.echo(summary.table(), err=output == "-")


def _check_options(source: str, target: str, links: str | None, output: str, aligner: AlignerOptions) -> None:
    """Find what is wrong with the options before a model is loaded."""
    from spacy_awesome.formats.files import check_files

    check_files((source, target, links), (output,))
    if links is not None and aligner.given:
        raise ValueError(f"With --links nothing is aligned: leave out {aligner.given[0]}.")


class Summary:
    """Counts what became of the source spans, by label."""

    def __init__(self) -> None:
        self.sentences = 0
        self.outcomes: Counter[tuple[str, str]] = Counter()

    def watch(self, docs: Iterable[Doc]) -> Iterator[Doc]:
        """The same Docs, counted as they pass."""
        from spacy_awesome.tokens.extensions import get_projection_report

        for doc in docs:
            self.sentences += 1
            self.outcomes.update((each.label, _outcome(each)) for each in get_projection_report(doc))
            yield doc

    def table(self) -> str:
        """A row for each label and one for all, a column for each outcome."""
        reasons = sorted({outcome for _, outcome in self.outcomes} - {_PROJECTED})
        columns = [_PROJECTED, *reasons]
        labels = sorted({label for label, _ in self.outcomes})
        counts = [[self.outcomes[label, column] for column in columns] for label in labels]
        totals = [sum(column) for column in zip(*counts)] if counts else [0] * len(columns)
        rows = [(label, sum(row), *row) for label, row in zip([*labels, "all"], [*counts, totals])]
        lost = [f"Lost: {reason.replace('_', ' ')}" for reason in reasons]
        header = ("Label", "Spans", _PROJECTED.capitalize(), *lost)
        return f"{self.sentences} sentences\n{text_table(rows, header=header)}"


_PROJECTED = "projected"


def _outcome(projection: Projection) -> str:
    return projection.reason or _PROJECTED


def blank_pipeline(lang: str) -> Language:
    """A pipeline with this language's tokeniser alone. Raises ValueError if spaCy does not know the language."""
    import spacy

    try:
        return spacy.blank(lang)
    except ImportError as error:
        raise ValueError(f"No tokeniser for the language {lang!r}: {error}") from error


def _read_pairs(
    nlp: Language, nlp_source: Language, source: str, target: str, *, raw: bool
) -> Iterator[tuple[Doc, Doc]]:
    from spacy_awesome.formats.files import zip_equal
    from spacy_awesome.formats.sentences import read_labelled_docs
    from spacy_awesome.tokens.pair import parallel

    sources = read_labelled_docs(source, nlp_source.vocab)
    targets = read_targets(target, nlp, raw=raw)
    for source_doc, words in zip_equal(sources, targets, names=(source, target), unit="sentences"):
        yield source_doc, parallel(nlp, source_doc, words)


def read_targets(path: str, nlp: Language, *, raw: bool) -> Iterator[str | Sequence[str] | Doc]:
    """The target sentences of a file, as `parallel` takes them.

    raw: the lines of a text are for the pipeline's tokeniser; otherwise words stand between spaces.
    """
    from spacy_awesome.formats.docbin import read_docs
    from spacy_awesome.formats.files import read_lines
    from spacy_awesome.formats.sentences import format_of, read_sentences

    file_format = format_of(path, default="text")
    if file_format == "spacy":
        return read_docs(path, nlp.vocab)
    if raw and file_format == "text":
        return read_lines(path)
    return (sentence.words for sentence in read_sentences(path, file_format=file_format))


def _attach_links(pairs: Iterator[tuple[Doc, Doc]], links: str, *, base: int, pairs_name: str) -> Iterator[Doc]:
    from spacy_awesome.formats.pharaoh import read_links
    from spacy_awesome.tokens.pair import Parallel, set_parallel

    pairs, sentences = itertools.tee(pairs)
    alignments = read_links(links, base=base, pairs=sentences, pairs_name=pairs_name)
    for alignment, (source, doc) in zip(alignments, pairs):
        set_parallel(doc, Parallel(source, alignment))
        yield doc


def _write(output: str, docs: Iterable[Doc]) -> None:
    from spacy_awesome.formats.sentences import format_of, write_labelled_docs

    file_format = format_of(output, default="conll")
    # A text would have no labels, so a file named .txt gets columns as well.
    write_labelled_docs(output, docs, file_format="conll" if file_format == "text" else file_format)
