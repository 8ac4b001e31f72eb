"""`convert`: from one file format to another."""

from __future__ import annotations

from typing import Annotated

import typer


def convert(
    input_path: Annotated[str, typer.Argument(metavar="INPUT", help="File to read; `-` is standard input.")],
    output_path: Annotated[str, typer.Argument(metavar="OUTPUT", help="File to write; `-` is standard output.")],
    *,
    source_format: Annotated[
        str | None, typer.Option("--from", help="Format of INPUT, if its ending does not tell.")
    ] = None,
    output_format: Annotated[
        str | None, typer.Option("--to", help="Format of OUTPUT, if its ending does not tell.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="INPUT is one of two files: this is the one with the target sentences.")
    ] = None,
    output_target: Annotated[
        str | None, typer.Option(help="Write two files: OUTPUT with the source, this one with the target sentences.")
    ] = None,
    possible: Annotated[
        str, typer.Option(help="Links marked as possible (`1p2`): keep them, make them sure, or drop them.")
    ] = "keep",
) -> None:
    """Convert between file formats.

    \b
    Sentence pairs:      pipes (`source ||| target`), tsv (two columns), files (two files)
    Word links:          pharaoh (words count from 0), pharaoh1 (from 1)
    Labelled sentences:  conll (any tags are read; iob2 is written), iob1, iob2, biluo, bioes,
                         spacy, jsonl, text (words only)
    A .spacy file of paired Docs can also be written as pipes, tsv, files, pharaoh or pharaoh1.

    \b
    Endings that tell the format: .conll*, .spacy, .jsonl, .tsv, .txt (text), .links and .pharaoh.

    \b
    Examples:
      python -m spacy awesome convert train.conll train.spacy
      python -m spacy awesome convert eng.testb eng.biluo.conll --from conll --to biluo
      python -m spacy awesome convert pairs.txt news.en --from pipes --output-target news.es
      python -m spacy awesome convert gold.txt gold0.links --from pharaoh1 --possible drop
    """
    from spacy_awesome.formats import convert as conversion

    conversion.convert(
        input_path,
        output_path,
        source_format=source_format,
        output_format=output_format,
        target=target,
        output_target=output_target,
        possible=possible,
    )
