"""Translations of sentences, of which each is made once and then kept in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from spacy_awesome.formats.atomic import lock
from spacy_awesome.translation.engines import FileEngine, TranslationEngine


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


def translate(lines: Iterable[str], engine: TranslationEngine, *, cache: str | Path | None = None) -> Iterator[str]:
    """One translation for each line, in order, with white space around it taken away; lazy but for blocks.

    engine: from `make_engine`.
    cache: a file of translations that are known already; new ones are added to it block by block. Engines with their
        own file leave it alone. Any number of texts and engines may share it, one run at a time.
    Raises ValueError if the engine fails or does not give as many lines as it got, or if the cache is no such file.

    >>> from spacy_awesome.translation.engines import TranslationEngine
    >>> class Shouting:
    ...     name, block_size, cacheable = "shouting", 2, True
    ...     def translate(self, lines):
    ...         return [line.upper() for line in lines]
    >>> list(translate(["uno", "", "dos"], Shouting()))
    ['UNO', '', 'DOS']
    """
    stream = iter(lines)
    known = TranslationCache(cache, engine.name) if cache is not None and engine.cacheable else None
    try:
        while block := list(islice(stream, engine.block_size)):
            yield from _block(block, engine) if known is None else _cached_block(block, engine, known)
    finally:
        if known is not None:
            known.close()
    if isinstance(engine, FileEngine):
        engine.check_used_up()


def _block(lines: list[str], engine: TranslationEngine) -> list[str]:
    translations = engine.translate(lines)
    if len(translations) != len(lines):
        raise ValueError(f"The engine {engine.name!r} gave {len(translations)} translations for {len(lines)} lines.")
    # A line break inside a translation would shift all lines below it.
    return [" ".join(part for part in text.splitlines() if part).strip() for text in translations]


def _cached_block(lines: list[str], engine: TranslationEngine, known: TranslationCache) -> list[str]:
    missing = [line for line in dict.fromkeys(lines) if line not in known]
    if missing:
        known.add(zip(missing, _block(missing, engine), strict=True))
    return [known[line] for line in lines]
