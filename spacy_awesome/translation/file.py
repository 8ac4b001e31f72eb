"""Translations that are there already: a file with one line for each line of the text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from spacy_awesome.formats.files import check_readable, read_lines


class FileEngine:
    """Gives the lines of a file, one after the other, whatever the lines to be translated say.

    path: the file, in UTF-8.
    Raises OSError if there is no such file.
    """

    block_size = 1000
    # Equal lines may have different translations in the file.
    cacheable = False

    def __init__(self, path: str | Path) -> None:
        check_readable(path)
        self.name = f"file {path}"
        self._path = path
        self._lines = read_lines(path)
        self._given = 0

    def translate(self, lines: Sequence[str]) -> list[str]:
        """The next lines of the file. Raises ValueError at its end."""
        block = list(islice(self._lines, len(lines)))
        self._given += len(block)
        if len(block) < len(lines):
            raise ValueError(
                f"{self._path} has {self._given} lines, but there are more sentences than that to translate: expected "
                "one translation for each, in the same order."
            )
        return block

    def check_used_up(self) -> None:
        """Raise ValueError if the file has more lines than were asked for: it belongs to another text."""
        rest = sum(1 for _ in self._lines)
        if rest:
            raise ValueError(
                f"{self._path} has {self._given + rest} lines, but only {self._given} sentences were to be translated: "
                "expected one translation for each, in the same order."
            )
