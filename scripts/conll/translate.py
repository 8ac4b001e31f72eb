"""Translate the test sets of the CoNLL workflow into English, by the engine of each; see layout.py.

    python scripts/conll/translate.py build/conll/data build/conll/translated

An engine that is not installed leaves its reason instead; translations are cached beside the output folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from layout import Engine, say_missing, sets

from spacy_awesome.formats.atomic import atomic_folder
from spacy_awesome.formats.files import open_output, read_lines
from spacy_awesome.translation import make_engine, translate


def translate_sets(
    data: Annotated[Path, typer.Argument(help="Folder that prepare.py wrote.", exists=True)],
    output: Annotated[Path, typer.Argument(help="Folder to write.")],
) -> None:
    """Write the translations of each set and split."""
    cache = output.with_suffix(".cache")
    with atomic_folder(output) as folder:
        for source in sets(data, "engine.json"):
            engine = Engine(**json.loads((source / "engine.json").read_text(encoding="utf-8")))
            for text in sorted((source / "text").glob("*.txt")):
                target = folder / source.name / text.name
                options = {"translations": source / "english" / text.name} if engine.name == "file" else engine.options
                try:
                    machine = make_engine(engine.name, **options)
                except ValueError as error:
                    say_missing(target, error)
                    continue
                target.parent.mkdir(exist_ok=True)
                with open_output(target) as stream:
                    stream.writelines(line + "\n" for line in translate(read_lines(text), machine, cache=cache))


if __name__ == "__main__":
    typer.run(translate_sets)
