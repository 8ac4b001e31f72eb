"""`align` and `sentences`: word links of pairs, and which sentences of two documents translate each other."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, cast

import typer

from spacy_awesome.cli.options import AlignerOptions, EncoderOptions, QuietOption, progress, with_options

if TYPE_CHECKING:
    from spacy.tokens import Doc

    from spacy_awesome.pipeline.word_aligner import WordAligner
    from spacy_awesome.tokens.sentence_alignment import Bead, SentenceAlignment
    from spacy_awesome.tokens.word_alignment import WordAlignment


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
    from spacy_awesome.formats.docbin import read_paired_docs, write_docs
    from spacy_awesome.formats.files import open_binary_output, open_output
    from spacy_awesome.formats.pharaoh import write_scores
    from spacy_awesome.tokens.extensions import get_alignment

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


@with_options(encoder=EncoderOptions)
def sentences(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A text, one sentence a line. `-` is standard input.")
    ],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Its translation, one sentence a line.")],
    output: Annotated[
        str,
        typer.Argument(
            metavar="OUTPUT",
            help="Beads: source lines, target lines (3 or 3,4; from 0) and score between tabs. "
            "`-` writes to standard output.",
        ),
    ],
    *,
    text: Annotated[
        bool, typer.Option("--text", help="Write the sentences instead: source, target and score between tabs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object with all beads.")] = False,
    reordered: Annotated[
        bool, typer.Option("--reordered", help="The parts of TARGET may stand in another order than in SOURCE; slower.")
    ] = False,
    source_language: Annotated[
        str, typer.Option(help="Code of SOURCE's language, such as en; helps with texts of a few sentences.")
    ] = "",
    target_language: Annotated[str, typer.Option(help="Code of TARGET's language.")] = "",
    min_score: Annotated[
        float | None, typer.Option(help="Score below which sentences rather have no translation.  [default: 0.05]")
    ] = None,
    quiet: QuietOption = False,
    encoder: EncoderOptions,
) -> None:
    """Find which sentences of a text translate which: one with one, with two or three, or with none.

    Every line of both texts is in exactly one bead. Empty lines, such as those between paragraphs, are sentences
    without a translation.

    \b
    Examples:
      python -m spacy awesome sentences book.en book.es beads.tsv
      python -m spacy awesome sentences book.en book.es pairs.tsv --text
      python -m spacy awesome sentences book.en book.es - --json --reordered
    """
    from spacy_awesome.aligners.sentences import DocumentAligner
    from spacy_awesome.encoders.sentences import split_lines
    from spacy_awesome.formats.files import STANDARD_STREAM, check_files, open_output, read_lines
    from spacy_awesome.sentence_alignment import BeadSettings

    if text and as_json:
        raise ValueError("--json has the numbers of the lines, --text the sentences: give one of them.")
    check_files((source, target), (output,))
    sides = list(read_lines(source)), list(read_lines(target))
    settings = BeadSettings() if min_score is None else BeadSettings(min_score=min_score)
    aligner = DocumentAligner(
        encoder.load(), settings=settings, monotone=not reordered, max_batch_tokens=encoder.batch_tokens or 4096
    )
    alignment = aligner.align(
        *(split_lines(side) for side in sides), source_language=source_language, target_language=target_language
    )
    with open_output(output) as stream:
        if as_json:
            stream.write(json.dumps({"beads": [_record(bead) for bead in alignment]}) + "\n")
        elif text:
            stream.writelines(_texts(alignment, *sides))
        else:
            stream.write(alignment.to_text())
    if not quiet and output != STANDARD_STREAM:
        kinds = Counter(f"{n}-{m}" for n, m in (bead.kind for bead in alignment))
        typer.echo(", ".join(f"{count} × {kind}" for kind, count in kinds.most_common()) or "No sentence.")


def _record(bead: Bead) -> dict[str, Any]:
    return {
        "source": list(range(bead.source_start, bead.source_end)),
        "target": list(range(bead.target_start, bead.target_end)),
        "score": round(bead.score, 4),
    }


def _texts(alignment: SentenceAlignment, source: Sequence[str], target: Sequence[str]) -> Iterator[str]:
    """Lines with the sentences of each bead; a tab inside a sentence would be read as the end of a column."""
    for bead in alignment:
        sides = source[bead.source_start : bead.source_end], target[bead.target_start : bead.target_end]
        columns = [" ".join(side).replace("\t", " ") for side in sides]
        yield "\t".join([*columns, f"{bead.score:.4f}"]) + "\n"
