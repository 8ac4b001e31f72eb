"""`align`: sentence pairs in, word links out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, cast

import typer

from spacy_awesome.cli.options import AlignerOptions, QuietOption, progress, with_options

if TYPE_CHECKING:
    from spacy.tokens import Doc

    from spacy_awesome.alignment import WordAlignment
    from spacy_awesome.pipeline.word_aligner import WordAligner


@with_options(aligner=AlignerOptions)
def align(
    input_path: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="Sentence pairs, one a line: `source ||| target` or source, tab, target, words between spaces; "
            "or paired Docs (.spacy). `-` reads standard input.",
        ),
    ],
    output_path: Annotated[
        str,
        typer.Argument(
            metavar="OUTPUT",
            help="Links like `0-0 1-2`, a line for every line of INPUT; from paired Docs also .spacy. "
            "`-` writes to standard output.",
        ),
    ],
    *,
    target: Annotated[
        str | None, typer.Option(help="File of target sentences; INPUT then holds the source sentences only.")
    ] = None,
    scores: Annotated[
        str | None, typer.Option(help="File to write the links' scores to, in the order of the links.")
    ] = None,
    quiet: QuietOption = False,
    aligner: AlignerOptions,
) -> None:
    """Link the words of sentences with those of their translations.

    Every input line gives one output line, in the same order; an empty sentence gives an empty line. Words count
    from 0.

    \b
    Examples:
      python -m spacy awesome align pairs.txt links.txt
      python -m spacy awesome align pairs.tsv links.txt --scores scores.txt
      python -m spacy awesome align news.en links.txt --target news.es
      python -m spacy awesome align pairs.txt links.txt --model bert-base-multilingual-cased
      echo "A red house ||| Una casa roja" | python -m spacy awesome align - -
    """
    from spacy_awesome.formats.parallel_text import read_pairs

    paired_docs = Path(input_path).suffix == ".spacy"
    _check_paths(input_path, output_path, target, scores)
    component = aligner.load()
    if paired_docs:
        _align_docs(component, input_path, output_path, scores, quiet=quiet)
        return
    pairs = progress(read_pairs(input_path, target=target), quiet=quiet)
    _write(component.align_words(pairs), output_path, scores)


def _check_paths(input_path: str, output_path: str, target: str | None, scores: str | None) -> None:
    """Find what is wrong with the file names before a model is loaded."""
    from spacy_awesome.formats.files import check_files

    paired_docs = Path(input_path).suffix == ".spacy"
    if Path(output_path).suffix == ".spacy" and not paired_docs:
        raise ValueError(f"{output_path}: only the Docs of a .spacy INPUT can be written to a .spacy file.")
    if paired_docs and target is not None:
        raise ValueError(f"{input_path} holds both sides of each pair: leave out --target.")
    check_files((input_path, target), (output_path, scores))


def _align_docs(component: WordAligner, input_path: str, output_path: str, scores: str | None, *, quiet: bool) -> None:
    from spacy_awesome.extensions import get_alignment
    from spacy_awesome.formats.docbin import read_paired_docs, write_docs
    from spacy_awesome.formats.files import open_binary_output, open_output
    from spacy_awesome.formats.pharaoh import write_scores

    pairs = progress(read_paired_docs(input_path, component.vocab), quiet=quiet)
    # Every Doc is a pair here, so every Doc gets an alignment.
    aligned = ((doc, cast("WordAlignment", get_alignment(doc))) for doc in component.pipe(doc for doc, _ in pairs))
    if Path(output_path).suffix != ".spacy":
        _write((alignment for _, alignment in aligned), output_path, scores)
        return

    def with_scores(stream: IO[str] | None) -> Iterator[Doc]:
        for doc, alignment in aligned:
            if stream:
                write_scores(stream, alignment)
            yield doc

    with ExitStack() as stack:
        output = stack.enter_context(open_binary_output(output_path))
        write_docs(output, with_scores(stack.enter_context(open_output(scores)) if scores else None))


def _write(alignments: Iterable[WordAlignment], output_path: str, scores: str | None) -> None:
    from spacy_awesome.formats.files import open_output
    from spacy_awesome.formats.pharaoh import write_links, write_scores

    with ExitStack() as stack:
        output = stack.enter_context(open_output(output_path))
        score_stream = stack.enter_context(open_output(scores)) if scores else None
        for alignment in alignments:
            write_links(output, alignment)
            if score_stream:
                write_scores(score_stream, alignment)
