"""Sentence pairs to measure on."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from spacy_awesome.formats.sentences import read_sentences
from spacy_awesome.tokens.word_alignment import WordPair

SAMPLE = Path(__file__).parent.parent / "assets" / "sample"
DATA = os.environ.get("SPACY_AWESOME_DATA")

# Below SPACY_AWESOME_DATA: file, and its columns with the source and the target sentence.
_FILES = {"hansards": ("parallel/hansards/en-fr.200k.tsv.gz", 0, 1), "links": ("parallel/links/en-de.tsv.gz", 2, 3)}
CORPORA = ("sample", *_FILES)


def sample_pairs() -> list[WordPair]:
    """The pairs of the repository's sample, of all its languages in turn."""
    pairs: list[WordPair] = []
    for folder in sorted(path for path in SAMPLE.iterdir() if path.is_dir()):
        sides = (read_sentences(folder / "source.conll"), read_sentences(folder / "target.conll"))
        pairs += [(list(source.words), list(target.words)) for source, target in zip(*sides, strict=True)]
    return pairs


def load_pairs(corpus: str, count: int) -> list[WordPair] | None:
    """The first `count` pairs of a corpus in the order of the file, the sample repeated; None if it is not there."""
    if corpus == "sample":
        return list(islice(cycle(sample_pairs()), count))
    name, source, target = _FILES[corpus]
    path = None if DATA is None else Path(DATA) / name
    if path is None or not path.exists():
        return None
    return list(islice(_read(path, source, target), count))


def _read(path: Path, source: int, target: int) -> Iterator[WordPair]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            columns = line.rstrip("\n").split("\t")
            yield columns[source].split(), columns[target].split()
