"""Text of each language that chooses the vocabulary, and other text to measure the choice on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recipe.corpora import FREE, LANGUAGES
from spacy_awesome.formats.files import open_output, read_lines

# Languages without parallel text: their sentences in XL-WA's training part choose pieces, and are not trained on.
TEXT_ONLY = ("da", "sl", "bg", "hu", "et")
# Lines of English that each language's file gives.
_ENGLISH = 20_000
# Of Tatoeba, by their codes there.
TATOEBA = dict(
    zip(
        (*LANGUAGES, *TEXT_ONLY),
        "spa deu fra ita nld por ces rus cmn jpn ron hin dan slv bul hun est".split(),
        strict=True,
    )
)


def main(
    data: Annotated[Path, typer.Argument(help="The data folder (docs/data.md).")],
    output: Annotated[Path, typer.Argument(help="Folder to write train/xx.txt.gz and held_out/xx.txt.gz.")],
) -> None:
    """Write the text of all served languages."""
    for part in ("train", "held_out"):
        (output / part).mkdir(parents=True, exist_ok=True)
    english: list[str] = []
    for language in LANGUAGES:
        rows = (line.split("\t") for line in read_lines(data / "parallel" / "merged" / f"en-{language}.tsv.gz"))
        pairs = [(source, target) for corpus, source, target in rows if corpus in FREE]
        english += [source for source, _ in pairs[:: max(1, len(pairs) // _ENGLISH)]]
        _write(output / "train" / f"{language}.txt.gz", [target for _, target in pairs])
    _write(output / "train" / "en.txt.gz", english)
    for language in TEXT_ONLY:
        _write(output / "train" / f"{language}.txt.gz", _column(data, language, "train", 1))
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
