"""Sentence pairs, and their word links where they have some, from any of the text formats that hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import tee
from pathlib import Path
from typing import NamedTuple

from spacy_awesome.alignment import WordAlignment
from spacy_awesome.formats.files import display_name, read_lines, zip_equal
from spacy_awesome.formats.parallel_text import TAB, read_pairs, split_words
from spacy_awesome.formats.pharaoh import parse_links, read_links
from spacy_awesome.formats.sentences import format_of, read_sentences


class LinkedPair(NamedTuple):
    """The words of a sentence and of its translation; links is None where nobody gave any."""

    source: Sequence[str]
    target: Sequence[str]
    links: WordAlignment | None = None


@dataclass(frozen=True)
class PairFiles:
    """The file that holds the pairs of two languages, or the files that do so together.

    path: lines of `source ||| target` or source<TAB>target; or a `.tsv` file, in which a third column may hold word
        links (a line where it is empty or absent has none given); or a `.spacy` file of paired Docs. `.gz` is unpacked.
    target: the file of the target sentences, where `path` has the source sentences alone. Each of the two is a text of
        one sentence a line, or CoNLL (`.conll`, `.conll02` and the like).
    links: Pharaoh links, one line for each pair, 0-based; they take the place of those in a third column.
    columns: the columns of a TSV file that hold source, target and perhaps links, counted from 0, where it has others.
    Raises ValueError at options that contradict each other.
    """

    path: Path
    target: Path | None = None
    links: Path | None = None
    columns: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.columns is not None and (len(self.columns) not in (2, 3) or min(self.columns) < 0):
            raise ValueError(
                f"{self.path}: expected 2 or 3 columns (source, target and perhaps links), counted from 0; "
                f"got {list(self.columns)}."
            )
        if self.columns is not None and self.target is not None:
            raise ValueError(f"{self.path}: leave out columns, or the second file {self.target}: it can't have both.")
        if self.is_spacy and (self.target or self.links or self.columns):
            raise ValueError(f"{self.path}: a .spacy file holds both sides and their links; leave out the other files.")

    @property
    def is_spacy(self) -> bool:
        """Whether the pairs are Docs, which `docbin.read_paired_docs` reads."""
        return self.path.suffix == ".spacy"


def read_linked_pairs(files: PairFiles) -> Iterator[LinkedPair]:
    """The pairs of text files, in order; a line without text is a pair of empty sentences.

    Raises ValueError, with file and line, at a malformed line, a malformed link and one outside its sentence; and if
    the files differ in their number of sentences.

    >>> list(read_linked_pairs(PairFiles(Path("no-such-file.tsv"))))
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: 'no-such-file.tsv'
    """
    pairs = _read_pairs(files)
    if files.links is None:
        yield from pairs
        return
    # Both copies advance together, so that no more than one pair is kept between them.
    checked, pairs = tee(pairs)
    lengths = ((pair.source, pair.target) for pair in checked)
    for links, pair in zip(read_links(files.links, pairs=lengths, pairs_name=files.path), pairs):
        yield pair._replace(links=links)


def _read_pairs(files: PairFiles) -> Iterator[LinkedPair]:
    if files.target is not None:
        sides = (_read_side(files.path), _read_side(files.target))
        names = (files.path, files.target)
        yield from (LinkedPair(*pair) for pair in zip_equal(*sides, names=names, unit="sentences"))
    elif files.columns is not None or _unpacked(files.path).suffix == ".tsv":
        yield from _read_tsv(files.path, files.columns)
    else:
        yield from (LinkedPair(*pair) for pair in read_pairs(files.path))


def _read_side(path: Path) -> Iterator[Sequence[str]]:
    is_conll = format_of(_unpacked(path), default="text") == "conll"
    return (sentence.words for sentence in read_sentences(path, file_format="conll" if is_conll else "text"))


def _read_tsv(path: Path, columns: Sequence[int] | None) -> Iterator[LinkedPair]:
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            yield LinkedPair([], [])
            continue
        cells, place = line.split(TAB), f"{display_name(path)}:{number}"
        if columns is not None:
            if len(cells) <= max(columns):
                raise ValueError(
                    f"{place}: expected at least {max(columns) + 1} tab-separated columns, found {len(cells)}."
                )
            cells = [cells[column] for column in columns]
        elif len(cells) not in (2, 3):
            raise ValueError(
                f"{place}: expected 2 or 3 tab-separated columns (source, target and perhaps links), "
                f"found {len(cells)}. Say with columns which of them to read."
            )
        source, target = split_words(cells[0]), split_words(cells[1])
        links = None
        if len(cells) == 3 and cells[2].strip():
            links = parse_links(cells[2], source_length=len(source), target_length=len(target), place=place)
        yield LinkedPair(source, target, links)


def _unpacked(path: Path) -> Path:
    return path.with_suffix("") if path.suffix == ".gz" else path
