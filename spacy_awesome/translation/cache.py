"""Translations on disk, added to as they are made."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path


class TranslationCache:
    """What one engine made of which lines: a file of JSON lines `[engine, line, translation]`, only ever appended to.

    Of a run that was killed while it wrote, the last line may be half there; it is taken away, and the rest holds.

    path: the file; made if it is not there.
    engine: the name of the engine whose translations count; others may stand in the same file.
    Raises ValueError, with file and line, at anything else than such a line; the file is then left as it was.
    """

    def __init__(self, path: str | Path, engine: str) -> None:
        self._path, self._engine = Path(path), engine
        self._known: dict[str, str] = {}
        content = self._path.read_bytes() if self._path.exists() else b""
        *records, rest = content.split(b"\n")
        for number, record in enumerate(records, start=1):
            self._read(record, number)
        # Not even the beginning of a record: somebody's other file, named by mistake.
        if rest[:2] != b'["'[: len(rest)]:
            self._read(rest, len(records) + 1)
        self._stream = self._path.open("ab")
        self._stream.truncate(len(content) - len(rest))

    def __contains__(self, line: str) -> bool:
        return line in self._known

    def __getitem__(self, line: str) -> str:
        return self._known[line]

    def add(self, translations: Iterable[tuple[str, str]]) -> None:
        """Keep (line, translation) pairs; they are on disk when this returns."""
        for line, translation in translations:
            self._known[line] = translation
            self._stream.write(json.dumps([self._engine, line, translation]).encode() + b"\n")
        self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _read(self, record: bytes, number: int) -> None:
        try:
            engine, line, translation = json.loads(record)
            if not isinstance(line, str) or not isinstance(translation, str):
                raise ValueError("expected text")
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{self._path}:{number}: expected [engine, line, translation], as a cache of translations has it, got "
                f"{record[:60].decode(errors='replace')!r}. Name another file, or delete this one."
            ) from error
        if engine == self._engine:
            self._known[line] = translation
