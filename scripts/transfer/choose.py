"""Choose among the projected pairs: a corpus for each filter alone, for all together, and for the learning curve.

    python scripts/transfer/choose.py build/transfer/pairs/train.spacy build/transfer/data/gold build/transfer/corpora

OUTPUT/NAME/{train,dev}.spacy are one corpus, with the report of what was dropped; OUTPUT/gold is the ceiling's.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import spacy
import typer
from spacy.tokens import Doc

from spacy_awesome.formats.atomic import copy_file
from spacy_awesome.formats.docbin import read_docs
from spacy_awesome.transfer import FilterSettings
from spacy_awesome.transfer.corpus import write_corpus

SIZES = (1000, 3500)


@dataclass(frozen=True)
class Selection:
    """The filters of one corpus, and whether labels without a capital letter go."""

    settings: FilterSettings
    drop_lowercase: bool = False


def filters(**on: float) -> FilterSettings:
    """No filters but those that are named."""
    return FilterSettings(**({"complete": False, "min_score": 0.0, "min_coverage": 0.0} | on))  # type: ignore[arg-type]


ALL = {"complete": True, "min_score": 0.9, "min_coverage": 0.7}
SELECTIONS = {
    "unfiltered": Selection(filters()),
    "complete": Selection(filters(complete=True)),
    "score": Selection(filters(min_score=ALL["min_score"])),
    "coverage": Selection(filters(min_coverage=ALL["min_coverage"])),
    "capitals": Selection(filters(), drop_lowercase=True),
    "filtered": Selection(filters(**ALL), drop_lowercase=True),
}


def choose(
    pairs: Annotated[Path, typer.Argument(help="Projected pairs: written by `corpus --keep-pairs`.", exists=True)],
    gold: Annotated[Path, typer.Argument(help="Folder of the gold data.", exists=True)],
    output: Annotated[Path, typer.Argument(help="Folder to write.")],
) -> None:
    """Write the corpora."""
    for name, selection in SELECTIONS.items():
        write(read_docs(pairs, spacy.blank("es").vocab), output / name, selection)
    docs = list(read_docs(pairs, spacy.blank("es").vocab))
    random.Random(0).shuffle(docs)
    for size in SIZES:
        folder = output / f"filtered-{size}"
        if size < len(docs):
            write(docs[:size], folder, SELECTIONS["filtered"])
        else:
            shutil.rmtree(folder, ignore_errors=True)  # of an earlier run with more data
    (output / "gold").mkdir(exist_ok=True)
    for split in ("train", "dev"):
        copy_file(gold / f"{split}.spacy", output / "gold" / f"{split}.spacy")


def write(docs: Iterable[Doc], folder: Path, selection: Selection) -> None:
    """Write one corpus."""
    write_corpus(docs, folder, settings=selection.settings, drop_lowercase=selection.drop_lowercase, dev_share=0.1)


if __name__ == "__main__":
    typer.run(choose)
