"""Sentence pairs as text: `source ||| target`, two tab-separated columns, or two files.

Words stand between ASCII spaces and nothing else splits them: the ideographic space U+3000 is a word of its own in
Japanese gold alignments, and a no-break space belongs to the word around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO

from spacy_awesome.formats.files import display_name, read_lines, zip_equal

PIPES = "|||"
TAB = "\t"


def split_words(sentence: str) -> list[str]:
    """The words of a tokenised sentence.

    >>> split_words("a  b\\u00a0c ")
    ['a', 'b\\xa0c']
    """
    return [word for word in sentence.split(" ") if word]


def read_pairs(
    path: str | Path, *, target: str | Path | None = None, separator: str | None = None
) -> Iterator[tuple[list[str], list[str]]]:
    """The words of both sides of every line; a line without text is a pair of empty sentences.

    target: file of the target sentences; `path` then holds the source sentences only.
    separator: PIPES or TAB; None takes what the first line with text has.
    Raises ValueError, with file and line, at a line that does not have exactly one separator, and if the two files
        differ in their number of lines.
    """
    if target is not None:
        for source_line, target_line in zip_equal(read_lines(path), read_lines(target), names=(path, target)):
            yield split_words(source_line), split_words(target_line)
        return
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip(" "):
            yield [], []
            continue
        separator = separator or _find_separator(line)
        sides = _SPLITTERS[separator](line) if separator else [line]
        if separator is None or len(sides) != 2:
            raise ValueError(f"{display_name(path)}:{number}: {_complaint(separator, len(sides))}")
        yield split_words(sides[0]), split_words(sides[1])


def read_rows(path: str | Path, *, widths: Sequence[int]) -> Iterator[tuple[int, list[str]]]:
    """Number and tab-separated columns of each line. Raises ValueError, with file and line, at another number of them.

    widths: the numbers of columns that a line may have.
    """
    for number, line in enumerate(read_lines(path), start=1):
        columns = line.split(TAB)
        if len(columns) not in widths:
            expected = " or ".join(str(width) for width in widths)
            raise ValueError(
                f"{display_name(path)}:{number}: expected {expected} tab-separated columns, got {len(columns)}."
            )
        yield number, columns


def write_pair(stream: IO[str], source: Sequence[str], target: Sequence[str], *, separator: str = PIPES) -> None:
    """Write the words of a pair as one line. Raises ValueError at a word that would be read back as something else."""
    sides = (join_words(source), join_words(target))
    if separator == PIPES and PIPES in (*source, *target):
        raise ValueError(f"The word {PIPES!r} can't be written: it separates the two sides. Write a .tsv file instead.")
    stream.write((f" {PIPES} " if separator == PIPES else TAB).join(sides) + "\n")


def join_words(words: Sequence[str]) -> str:
    """A tokenised sentence as a line. Raises ValueError at a word with a space, tab or line break in it."""
    for word in words:
        if not word or any(mark in word for mark in " \t\r\n"):
            raise ValueError(
                f"The word {word!r} can't be written to a text of words between spaces. "
                "Keep the sentences in a .spacy file, or tokenise them without white-space tokens."
            )
    return " ".join(words)


def _split_at_pipes(line: str) -> list[str]:
    words = line.split(" ")
    bounds = [position for position, word in enumerate(words) if word == PIPES]
    edges = [-1, *bounds, len(words)]
    return [" ".join(words[start + 1 : end]) for start, end in pairwise(edges)]


def _split_at_tabs(line: str) -> list[str]:
    return line.split(TAB)


_SPLITTERS: dict[str, Callable[[str], list[str]]] = {PIPES: _split_at_pipes, TAB: _split_at_tabs}


def _find_separator(line: str) -> str | None:
    return next((mark for mark, split in _SPLITTERS.items() if len(split(line)) > 1), None)


def _complaint(separator: str | None, sides: int) -> str:
    if separator == PIPES:
        return f"expected one ` {PIPES} ` between source and target, found {sides - 1}."
    if separator == TAB:
        hint = " Keep the two columns with source and target, for example with cut -f1,2." if sides > 2 else ""
        return f"expected 2 tab-separated columns (source and target), found {sides}.{hint}"
    return f"expected `source {PIPES} target` or two tab-separated columns, found neither."
