"""Lay out the corpora of the main job: one folder for each language pair, the same files whatever the data.

    python scripts/prepare.py corpus                      the sample in assets/: English with es, de, it, nl
    python scripts/prepare.py corpus --data DATA_FOLDER   real data: Europarl en-es, development on XL-WA

corpus/en-xx/ then holds source.conll and target.conll (gold entities) and pairs.txt (`source ||| target`), and
gold.links where there are gold links; corpus/ itself holds train.txt, and dev.txt with dev.links.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from spacy_awesome.formats.atomic import copy_file
from spacy_awesome.formats.conll import read_conll
from spacy_awesome.formats.files import open_output, read_lines, zip_equal
from spacy_awesome.formats.parallel_text import write_pair

SAMPLE = Path("assets/sample")
SAMPLE_PAIRS = ("en-es", "en-de", "en-it", "en-nl")


def prepare(
    output: Annotated[Path, typer.Argument(help="Folder to write.")],
    data: Annotated[str, typer.Option(help="Folder of real data; may be empty.")] = "",
    which: Annotated[str, typer.Option(help="sample, europarl, or auto: europarl where --data is given.")] = "auto",
) -> None:
    """Write the corpora of the main job."""
    if which not in ("auto", "sample", "europarl"):
        raise SystemExit(f"Unknown corpus {which!r}; expected auto, sample or europarl.")
    if which == "europarl" and not data:
        raise SystemExit("The corpus europarl needs real data: set SPACY_AWESOME_DATA to its folder.")
    if data and which != "sample":
        prepare_europarl(Path(data), output)
        pairs: tuple[str, ...] = ("en-es",)
    else:
        prepare_sample(output)
        pairs = SAMPLE_PAIRS
    for folder in {path.parent for path in output.glob("en-*/pairs.txt")}:
        # The later steps run over every language pair that they find.
        if folder.name not in pairs:
            shutil.rmtree(folder)


def prepare_sample(output: Path) -> None:
    """The sample's four language pairs. Fine-tuning reads their text, as the paper's does its test sets'."""
    for pair in SAMPLE_PAIRS:
        write_corpus(SAMPLE / pair / "source.conll", SAMPLE / pair / "target.conll", output / pair)
        copy_file(SAMPLE / pair / "links.pharaoh", output / pair / "gold.links")
    for name, part in (("train.txt", "pairs.txt"), ("dev.txt", "pairs.txt"), ("dev.links", "gold.links")):
        concatenate([output / pair / part for pair in SAMPLE_PAIRS], output / name)


def prepare_europarl(data: Path, output: Path) -> None:
    """Europarl en-es with gold entities on both sides; XL-WA's Spanish dev set has the links to choose a model by."""
    folder = data / "ner" / "europarl"
    source, target = (folder / f"{language}-europarl.test.conll02" for language in ("en", "es"))
    write_corpus(source, target, output / "en-es")
    (output / "en-es" / "gold.links").unlink(missing_ok=True)  # the sample's, of an earlier run
    concatenate([output / "en-es" / "pairs.txt"], output / "train.txt")
    dev = data / "alignment" / "xl-wa" / "es" / "dev.tsv"
    with open_output(output / "dev.txt") as pairs, open_output(output / "dev.links") as links:
        for line in read_lines(dev):
            source_text, target_text, gold = line.split("\t")
            pairs.write(f"{source_text} ||| {target_text}\n")
            links.write(gold + "\n")


def write_corpus(source: Path, target: Path, folder: Path) -> None:
    """The files of one language pair."""
    for path in (source, target):
        if not path.exists():
            raise SystemExit(f"{path} is missing: expected the sample in the repository, or SPACY_AWESOME_DATA's data.")
    folder.mkdir(parents=True, exist_ok=True)
    copy_file(source, folder / "source.conll")
    copy_file(target, folder / "target.conll")
    with open_output(folder / "pairs.txt") as pairs:
        for x, y in zip_equal(read_conll(source), read_conll(target), names=(source, target), unit="sentences"):
            write_pair(pairs, x.words, y.words)


def concatenate(parts: list[Path], output: Path) -> None:
    """All parts, one after the other."""
    with open_output(output) as stream:
        for part in parts:
            stream.write(part.read_text(encoding="utf-8"))


if __name__ == "__main__":
    typer.run(prepare)
