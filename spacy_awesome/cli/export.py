"""`export`: the encoder of a pipeline as a Hugging Face folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spacy_awesome.cli.options import AlignerOptions


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a spaCy pipeline that has a word_aligner.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to write; it must not exist yet.")],
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
    from spacy_awesome.encoders.lexical import replace_folder

    if folder.exists():
        raise ValueError(f"{folder} exists already; name a new folder, or remove this one first.")
    if not folder.parent.is_dir():
        raise ValueError(f"{folder} can't be written: the folder {folder.parent} does not exist. Create it first.")
    encoder = AlignerOptions(model=model).load().aligner.encoder
    with replace_folder(folder) as temporary:
        encoder.save(temporary)
    typer.echo(
        f"{folder}: {encoder.transformer.config.num_hidden_layers} layers, aligned at {encoder.layer}.", err=True
    )
