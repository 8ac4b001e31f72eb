"""`export`: the encoder of a pipeline as a Hugging Face folder."""

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
