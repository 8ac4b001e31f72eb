"""Keep sentences that something is measured on out of the training text."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from spacy_awesome.formats.conll import read_conll
from spacy_awesome.formats.files import read_lines


def sentence_key(text: str) -> str:
    """Letters and digits of a sentence, lower-cased: the same whatever its tokenisation, case and punctuation.

    >>> sentence_key("The U.N. said : \\"No\\" .") == sentence_key('the UN said: "no".')
    True
    """
    return "".join(character for character in text.lower() if character.isalnum())


def held_out_keys(data: Path) -> set[str]:
    """Keys of both sides of all development and test sentences of the data folder; see docs/data.md for its layout."""
    keys: set[str] = set()
    alignment, ner, retrieval = data / "alignment", data / "ner", data / "retrieval"
    for path in sorted((alignment / "xl-wa").glob("*/*.tsv")):
        if path.stem in ("dev", "test"):
            keys.update(sentence_key(column) for line in read_lines(path) for column in line.split("\t")[:2])
    for path in sorted((alignment / "standard").glob("*.src-tgt")):
        keys.update(sentence_key(side) for line in read_lines(path) for side in line.split("|||"))
    for path in sorted(ner.glob("*/*")):
        if path.suffix in (".conll02", ".testa", ".testb"):
            keys.update(sentence_key(" ".join(sentence.words)) for sentence in read_conll(path))
    for path in sorted(retrieval.glob("*/*/tatoeba.*-*.*")):
        keys.update(map(sentence_key, read_lines(path)))
    return keys


def is_held_out(source: str, target: str, held_out: Collection[str]) -> bool:
    """Whether either side is a held-out sentence."""
    return sentence_key(source) in held_out or sentence_key(target) in held_out
