"""The development pairs that training is followed on: XL-WA's development parts, links included."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer


def main(
    data: Annotated[Path, typer.Argument(help="The data folder (docs/data.md).", exists=True)],
    output: Annotated[Path, typer.Argument(help="Folder to write en-es.tsv and so on.")],
) -> None:
    """Gather the development parts of all languages in one folder."""
    output.mkdir(parents=True, exist_ok=True)
    for path in sorted((data / "alignment" / "xl-wa").glob("*/dev.tsv")):
        shutil.copyfile(path, output / f"en-{path.parent.name}.tsv")


if __name__ == "__main__":
    typer.run(main)
