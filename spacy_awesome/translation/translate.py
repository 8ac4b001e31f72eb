"""Translate a stream of lines, keeping every translation at once, so that a killed run goes on where it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from spacy_awesome.translation.cache import TranslationCache
from spacy_awesome.translation.engines import TranslationEngine
from spacy_awesome.translation.file import FileEngine


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
