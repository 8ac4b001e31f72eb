"""Text of each language that chooses the vocabulary, and other text to measure the choice on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recipe.corpora import LANGUAGES, read_rows
from spacy_awesome.formats.files import open_output, read_lines

# Languages of XL-WA whose sentences in its training part choose pieces too; nothing is trained on them.
XL_WA_TEXT = ("da", "sl", "bg", "hu", "et")
# Served without parallel text.
TEXT_ONLY = ("bg",)
# Lines of English that each language's file gives.
_ENGLISH = 20_000
# Of Tatoeba, by their codes there.
TATOEBA = dict(
    zip(
        (*LANGUAGES, *TEXT_ONLY),
        "spa deu fra ita nld por ces rus cmn jpn ron hin dan slv hun est bul".split(),
        strict=True,
    )
)


def main(
    data: Annotated[Path, typer.Argument(help="The data folder (docs/data.md).")],
    help_texts: Annotated[Path, typer.Argument(help="Folder that recipe.help_texts wrote.")],
    output: Annotated[Path, typer.Argument(help="Folder to write train/xx.txt.gz and held_out/xx.txt.gz.")],
) -> None:
    """Write the text of all served languages."""
    for part in ("train", "held_out"):
        (output / part).mkdir(parents=True, exist_ok=True)
    english: list[str] = []
    for language in (*LANGUAGES, *TEXT_ONLY):
        pairs = list(read_rows((data / "parallel" / "merged", help_texts), language)) if language in LANGUAGES else []
        english += [source for _, source, _ in pairs[:: max(1, len(pairs) // _ENGLISH)]]
        lines = [target for *_, target in pairs]
        if language in XL_WA_TEXT:
            lines += _column(data, language, "train", 1)
        _write(output / "train" / f"{language}.txt.gz", lines)
    _write(output / "train" / "en.txt.gz", english)
    english = []
    for language, code in TATOEBA.items():
        lines = list(read_lines(data / "retrieval" / "tatoeba-v1" / "v1" / f"tatoeba.{code}-eng.{code}"))
        if (data / "alignment" / "xl-wa" / language / "dev.tsv").exists():
            lines += _column(data, language, "dev", 1)
            english += _column(data, language, "dev", 0)
        _write(output / "held_out" / f"{language}.txt.gz", lines)
    _write(output / "held_out" / "en.txt.gz", english)


def _column(data: Path, language: str, part: str, column: int) -> list[str]:
    path = data / "alignment" / "xl-wa" / language / f"{part}.tsv"
    return [line.split("\t")[column] for line in read_lines(path)]


def _write(path: Path, lines: list[str]) -> None:
    with open_output(path) as stream:
        stream.writelines(line + "\n" for line in lines)


if __name__ == "__main__":
    typer.run(main)
