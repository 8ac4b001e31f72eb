"""Translate, align and project the labelled English, by the command that a user would give; nothing is dropped yet.

    python scripts/transfer/pair.py build/transfer/data build/transfer/pairs --engine apertium --direction eng-spa

Where DATA has the translation already (spanish.txt), it is used. A run that was killed goes on with the translation
where it was.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

EVERYTHING = ("--incomplete", "--min-score", "0", "--min-coverage", "0", "--dev-share", "0", "--keep-pairs")


def pair(
    data: Annotated[Path, typer.Argument(help="Folder that prepare.py wrote.", exists=True)],
    output: Annotated[Path, typer.Argument(help="Folder to write train.spacy into.")],
    engine: Annotated[str, typer.Option(help="apertium or seq2seq.")] = "apertium",
    direction: Annotated[str, typer.Option(help="For apertium.")] = "eng-spa",
    translation_model: Annotated[str, typer.Option(help="For seq2seq.")] = "Helsinki-NLP/opus-mt-en-es",
    encoder: Annotated[str, typer.Option(help="Encoder of the word aligner.")] = "bundled",
) -> None:
    """Write all projected pairs."""
    there = data / "spanish.txt"
    if there.exists():
        translation = ["--target", str(there)]
    else:
        translation = ["--engine", engine, "--direction", direction, "--translation-model", translation_model]
    command = [sys.executable, "-m", "spacy", "awesome", "corpus", str(data / "english.conll"), str(output)]
    command += [*translation, "--lang", "es", "--source-lang", "en", "--model", encoder, *EVERYTHING]
    raise SystemExit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    typer.run(pair)
