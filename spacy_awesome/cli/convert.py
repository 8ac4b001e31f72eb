"""`convert` and `export`: files into other formats, and a pipeline's encoder into a Hugging Face folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from spacy_awesome.cli.options import (
    AlignerOptions,
    EncoderFolderArgument,
    FileSizeOption,
    HalfOption,
    ReplaceOption,
)


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


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a spaCy pipeline that has a word_aligner.")],
    folder: EncoderFolderArgument,
    *,
    half: HalfOption = False,
    max_file_size: FileSizeOption = "5GB",
    force: ReplaceOption = False,
) -> None:
    """Write a pipeline's fine-tuned encoder as a Hugging Face folder.

    AutoModel and AutoTokenizer read it, and so do spacy-transformers' `transformer` and the word_aligner itself. An
    encoder that was trained with masked_lm or translation_lm keeps all its layers and its language model's head
    (AutoModelForMaskedLM); any other ends at the layer that is aligned.

    \b
    Examples:
      python -m spacy awesome export training/model-best encoder
      python -m spacy awesome align pairs.txt links.txt --model encoder
    """
    import torch

    from spacy_awesome.formats.atomic import atomic_folder

    check_folder(folder, force=force, inputs=(model,))
    encoder = AlignerOptions(model=model).load().aligner.encoder
    with atomic_folder(folder, keep=True) as temporary:
        encoder.save(temporary, dtype=torch.float16 if half else None, max_file_size=max_file_size)
    typer.echo(
        f"{folder}: {encoder.transformer.config.num_hidden_layers} layers, aligned at {encoder.layer}.", err=True
    )


def check_folder(folder: Path, *, force: bool, inputs: Sequence[str]) -> None:
    """Raise ValueError if an encoder cannot be written to this folder, before anything is computed.

    inputs: models that are read; the folder can't be one of them.
    """
    for name in inputs:
        if Path(name).exists() and folder.exists() and folder.samefile(name):
            raise ValueError(f"{folder} is also read by this command, as {name}; write to another folder.")
    if folder.exists() and not force:
        raise ValueError(f"{folder} exists already; name a new folder, or replace its encoder with --force.")
    if not folder.parent.is_dir():
        raise ValueError(f"{folder} can't be written: the folder {folder.parent} does not exist. Create it first.")
