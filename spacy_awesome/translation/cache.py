"""Translations on disk, added to as they are made."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from spacy_awesome.formats.atomic import lock


class TranslationCache:
    """What one engine made of which lines: a file of JSON lines `[engine, line, translation]`, only ever appended to.

    Of a run that was killed while it wrote, the last line may be half there; it is taken away, and the rest holds.

    path: the file; made if it is not there.
    engine: the name of the engine whose translations count; others may stand in the same file.
    Raises ValueError, with file and line, at anything else than such a line; the file is then left as it was. Also if
        another process uses the file. OSError, with the file's name, where the disk is full.
    """

    def __init__(self, path: str | Path, engine: str) -> None:
        self._path, self._engine = Path(path), engine
        self._known: dict[str, str] = {}
        if self._path.exists() and not self._path.is_file():
            raise ValueError(f"{path} is no regular file; name another for the translations.")
        # Without a buffer: what is written is on disk, or an error with the file's name.
        self._stream = self._path.open("a+b", buffering=0)
        try:
            lock(self._stream.fileno(), path)
            self._read_all()
        except BaseException:
            self._stream.close()
            raise

    def __contains__(self, line: str) -> bool:
        return line in self._known

    def __getitem__(self, line: str) -> str:
        return self._known[line]

    def add(self, translations: Iterable[tuple[str, str]]) -> None:
        """Keep (line, translation) pairs; they are on disk when this returns."""
        new = dict(translations)
        records = [json.dumps([self._engine, line, translation]).encode() + b"\n" for line, translation in new.items()]
        data = b"".join(records)
        try:
            while data:
                data = data[self._stream.write(data) :]
        except OSError as error:
            error.filename = str(self._path)
            raise
        self._known |= new

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _read_all(self) -> None:
        self._stream.seek(0)
        content = self._stream.read()
        *records, rest = content.split(b"\n")
        for number, record in enumerate(records, start=1):
            self._read(record, number)
        # Not even the beginning of a record: somebody's other file, named by mistake.
        if rest[:2] != b'["'[: len(rest)]:
            self._read(rest, len(records) + 1)
        self._stream.truncate(len(content) - len(rest))

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
