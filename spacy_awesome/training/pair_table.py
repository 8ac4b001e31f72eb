"""Sentence pairs as a memory-mapped Arrow table: any row at any time, and memory that does not grow with the text."""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import datasets
import numpy.typing as npt
import pyarrow as pa
from datasets.table import InMemoryTable
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_awesome.formats.atomic import atomic_file
from spacy_awesome.formats.docbin import read_paired_docs
from spacy_awesome.formats.files import check_files
from spacy_awesome.formats.sentences import PairFiles, read_linked_pairs
from spacy_awesome.tokens.pair import require_parallel
from spacy_awesome.tokens.word_alignment import WordAlignment

logger = logging.getLogger("spacy_awesome")

# Part of a table's name: count it up when what the rows hold changes.
_VERSION = 1
_ROWS_PER_BATCH = 10_000
# To read a row of a file in Linux's cache maps all 2 MiB around each of its columns: so many rows are 50 MiB at most.
_ROWS_AT_A_TIME = 8
# Of a text the words, between line feeds, and Pharaoh links; of a `.spacy` file the target Doc, which holds the rest.
_SCHEMA = pa.schema([("source", pa.string()), ("target", pa.string()), ("links", pa.string()), ("doc", pa.binary())])
_Row = tuple[str | None, str | None, str | None, bytes | None]


class PairTable:
    """The pairs of several files, one after the other, as one table.

    files: converted into an Arrow file each when they are first read, or have changed since.
    limit: only so many pairs of each, from the beginning; 0 is all.
    cache: the folder of the Arrow files; None is `spacy_awesome` in the folder where Hugging Face `datasets` keeps its
        own, which the environment variables HF_DATASETS_CACHE and HF_HOME move. Everything in it may be deleted.
    sizes: number of pairs of each file.
    Raises ValueError, with file and line, at malformed text; then nothing is kept of that file.
    """

    def __init__(self, files: Sequence[PairFiles], *, cache: Path | None = None, limit: int = 0) -> None:
        folder = Path(datasets.config.HF_DATASETS_CACHE, "spacy_awesome") if cache is None else cache
        self._maps = [_memory_map(_arrow_file(file, folder)) for file in files]
        # Without a fingerprint, datasets would compute one from all of the content.
        parts = [
            datasets.Dataset(table.slice(length=limit or None), fingerprint=str(number))
            for number, table in enumerate(InMemoryTable.from_buffer(pa.py_buffer(mapped)) for mapped in self._maps)
        ]
        self.sizes = [len(part) for part in parts]
        self._dataset = datasets.concatenate_datasets(parts)

    def docs(self, rows: npt.NDArray[Any], vocab: Vocab) -> Iterator[tuple[Doc, Doc, WordAlignment | None]]:
        """Source, target and given links of the pairs with these numbers, in this order."""
        for start in range(0, len(rows), _ROWS_AT_A_TIME):
            columns = self._dataset[rows[start : start + _ROWS_AT_A_TIME].tolist()]
            for source, target, links, doc in zip(*(columns[name] for name in _SCHEMA.names)):
                yield _unpack_doc(doc, vocab) if doc is not None else _unpack_text(source, target, links, vocab)
            for mapped in self._maps:
                # What was read stays mapped, and counts as this process's memory, until it is given back.
                if hasattr(mapped, "madvise"):
                    mapped.madvise(mmap.MADV_DONTNEED)


def _arrow_file(files: PairFiles, folder: Path) -> Path:
    """The Arrow file of these text files, as they are now; made if it is not there."""
    check_files((files.path, files.target, files.links), read_again=True)
    present = [path.resolve() for path in (files.path, files.target, files.links) if path is not None]
    states = _states(present)
    layout = (files.target is not None, files.links is not None, files.columns)
    key = hashlib.sha256(json.dumps([_VERSION, states, layout]).encode()).hexdigest()[:16]
    file = folder / f"{files.path.name}-{key}.arrow"
    if not file.exists():
        logger.info("Converting %s to %s", files.path, file)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(file, shared=True) as stream:
            _write_table(stream, _read_rows(files))
            if _states(present) != states:
                raise ValueError(f"{files.path} has changed while it was read. Start again when it is complete.")
    return file


def _states(paths: Sequence[Path]) -> list[tuple[str, int, int]]:
    """What changes where a file's content does."""
    return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]


def _write_table(stream: IO[bytes], rows: Iterator[_Row]) -> None:
    with pa.ipc.new_stream(stream, _SCHEMA) as writer:
        while batch := list(islice(rows, _ROWS_PER_BATCH)):
            writer.write_batch(pa.record_batch([*map(list, zip(*batch))], schema=_SCHEMA))


def _read_rows(files: PairFiles) -> Iterator[_Row]:
    if files.is_spacy:
        yield from ((None, None, None, doc.to_bytes()) for doc, _ in read_paired_docs(files.path))
        return
    for source, target, links in read_linked_pairs(files):
        yield "\n".join(source), "\n".join(target), None if links is None else links.to_pharaoh(), None


def _unpack_doc(data: bytes, vocab: Vocab) -> tuple[Doc, Doc, WordAlignment | None]:
    doc = Doc(vocab).from_bytes(data)
    pair = require_parallel(doc)
    return pair.source, doc, pair.alignment


def _unpack_text(source: str, target: str, links: str | None, vocab: Vocab) -> tuple[Doc, Doc, WordAlignment | None]:
    docs = [Doc(vocab, words=side.split("\n") if side else []) for side in (source, target)]
    lengths = {"source_length": len(docs[0]), "target_length": len(docs[1])}
    return docs[0], docs[1], None if links is None else WordAlignment.from_pharaoh(links, **lengths)


def _memory_map(path: Path) -> mmap.mmap:
    with path.open("rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
