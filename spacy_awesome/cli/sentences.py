"""`sentences`: the sentences of two texts in, which translates which out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spacy_awesome.cli.options import EncoderOptions, QuietOption, with_options

if TYPE_CHECKING:
    from spacy_awesome.sentence_alignment import Bead, SentenceAlignment


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
    from spacy_awesome.document_aligner import DocumentAligner
    from spacy_awesome.formats.files import STANDARD_STREAM, check_files, open_output, read_lines
    from spacy_awesome.retrieval.bead_settings import BeadSettings
    from spacy_awesome.retrieval.sentences import split_lines

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
