"""Word links as text, one sentence pair a line: `i-j` is a sure and `ipj` a possible link."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path
from typing import IO

from spacy_awesome.formats.files import display_name, read_lines, zip_equal
from spacy_awesome.tokens.word_alignment import WordAlignment


def read_links(
    path: str | Path,
    *,
    base: int = 0,
    pairs: Iterable[tuple[Sized, Sized]] | None = None,
    pairs_name: str | Path = "the text",
) -> Iterator[WordAlignment]:
    """The word links of a file, one alignment for each line; an empty line has no links.

    base: number of the first word of a sentence in the file, 0 or 1.
    pairs: the sentences (Docs, lists of words) that the lines are about, to check that no link points past their ends;
        without them the last linked word of a line counts as the last word of its sentence.
    pairs_name: where the pairs come from, for messages.
    Raises ValueError, with file and line, at a malformed link or one outside its sentence, and if `pairs` has more or
        fewer items than the file has lines.
    """
    numbered: Iterable[tuple[str, tuple[int | None, int | None]]]
    if pairs is None:
        numbered = zip(read_lines(path), itertools.repeat((None, None)))
    else:
        lengths = ((len(source), len(target)) for source, target in pairs)
        numbered = zip_equal(read_lines(path), lengths, names=(path, pairs_name))
    for number, (line, (source_length, target_length)) in enumerate(numbered, start=1):
        place = f"{display_name(path)}:{number}"
        yield parse_links(line, source_length=source_length, target_length=target_length, base=base, place=place)


def parse_links(
    line: str, *, source_length: int | None, target_length: int | None, place: str, base: int = 0
) -> WordAlignment:
    """`WordAlignment.from_pharaoh`, with the file and line `place` at the beginning of its ValueError."""
    try:
        return WordAlignment.from_pharaoh(line, source_length=source_length, target_length=target_length, base=base)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def write_links(stream: IO[str], alignment: WordAlignment, *, base: int = 0) -> None:
    """Write one line of links, sorted and counted from `base`."""
    stream.write(alignment.to_pharaoh(base=base) + "\n")


def write_scores(stream: IO[str], alignment: WordAlignment) -> None:
    """Write the scores of one line's links with four decimals, in the order in which `write_links` writes the links."""
    stream.write(" ".join(f"{score:.4f}" for score in alignment.scores.tolist()) + "\n")
