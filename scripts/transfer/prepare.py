"""Lay out the data of the workflow `transfer`.

    python scripts/transfer/prepare.py build/transfer/data                      the sample in assets/
    python scripts/transfer/prepare.py build/transfer/data --data DATA_FOLDER   CoNLL 2003 and CoNLL 2002

The folder then holds english.conll (labels to learn from), gold/{train,dev,test}.spacy (Spanish labels to judge by, and
for the ceiling) and, if the translation is there already, spanish.txt.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Annotated

import spacy
import typer

from spacy_awesome.formats.conll import LabelledSentence, read_conll
from spacy_awesome.formats.docbin import make_doc
from spacy_awesome.formats.files import open_output
from spacy_awesome.formats.parallel_text import join_words
from spacy_awesome.formats.sentences import write_labelled_docs

SAMPLE = Path("assets/sample/en-es")
# Of the sample's sentences the first are translated and trained on; half of the others are to develop on, half to test.
SAMPLE_TRAIN = 67
SAMPLE_DEV = 16


def prepare(
    output: Annotated[Path, typer.Argument(help="Folder to write.")],
    data: Annotated[str, typer.Option(help="Folder of real data; may be empty.")] = "",
    which: Annotated[str, typer.Option(help="sample, conll, or auto: conll where --data is given.")] = "auto",
) -> None:
    """Write the data of the workflow."""
    if which not in ("auto", "sample", "conll"):
        raise SystemExit(f"Unknown data {which!r}; expected auto, sample or conll.")
    if which == "conll" and not data:
        raise SystemExit("CoNLL needs real data: set SPACY_AWESOME_DATA to its folder (docs/data.md says what it has).")
    (output / "gold").mkdir(parents=True, exist_ok=True)
    (output / "spanish.txt").unlink(missing_ok=True)
    try:
        if data and which != "sample":
            prepare_conll(Path(data) / "ner", output)
        else:
            prepare_sample(output)
    except FileNotFoundError as error:
        raise SystemExit(
            f"{error.filename} is missing: expected the sample in the repository, or SPACY_AWESOME_DATA's data as in "
            "docs/data.md."
        ) from error


def prepare_conll(folder: Path, output: Path) -> None:
    """The English of CoNLL 2003 to learn from, the Spanish of CoNLL 2002 to judge by."""
    write(read_conll(folder / "conll2003" / "eng.train"), output / "english.conll")
    for name, split in (("train", "train"), ("dev", "testa"), ("test", "testb")):
        write(read_conll(folder / "conll2002" / f"esp.{split}"), output / "gold" / f"{name}.spacy")


def prepare_sample(output: Path) -> None:
    """Two thirds of the English–Spanish sample to learn from, the rest to judge by."""
    english, spanish = (list(read_conll(SAMPLE / f"{side}.conll")) for side in ("source", "target"))
    write(islice(english, SAMPLE_TRAIN), output / "english.conll")
    with open_output(output / "spanish.txt") as stream:
        stream.writelines(f"{join_words(sentence.words)}\n" for sentence in spanish[:SAMPLE_TRAIN])
    held_out = SAMPLE_TRAIN + SAMPLE_DEV
    for name, part in (
        ("train", spanish[:SAMPLE_TRAIN]),
        ("dev", spanish[SAMPLE_TRAIN:held_out]),
        ("test", spanish[held_out:]),
    ):
        write(part, output / "gold" / f"{name}.spacy")


def write(sentences: Iterable[LabelledSentence], path: Path) -> None:
    """Write labelled sentences in the format that the file's ending names."""
    vocab = spacy.blank("xx").vocab
    docs = (make_doc(sentence, vocab) for sentence in sentences)
    write_labelled_docs(path, docs, file_format=path.suffix[1:])


if __name__ == "__main__":
    typer.run(prepare)
