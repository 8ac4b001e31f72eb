"""Collections of sentences to be mined, in BUCC's layout or one a line; gold pairs; and what was mined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from spacy_awesome.formats.files import display_name, read_lines
from spacy_awesome.formats.parallel_text import TAB

IdPair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class MinedPair:
    """Two sentences that may translate each other.

    score: higher is surer. source_id, target_id: a line number, from 1, or the sentence's own name.
    """

    score: float
    source_id: str
    target_id: str
    source: str
    target: str


def read_identified(path: str | Path, *, with_ids: bool = False) -> Iterator[tuple[str, str]]:
    """The id and text of every line; tabs in a text become spaces.

    with_ids: lines are `id<TAB>sentence`, as in BUCC's files; otherwise a line is a sentence, its number from 1 the id.
    Raises ValueError, with file and line, at a line without an id.
    """
    for number, line in enumerate(read_lines(path), start=1):
        identifier, text = str(number), line
        if with_ids:
            identifier, separator, text = line.partition(TAB)
            if not separator or not identifier.strip():
                raise ValueError(f"{display_name(path)}:{number}: expected `id<TAB>sentence`, found {line[:60]!r}.")
        yield identifier, text.replace(TAB, " ").strip()


def read_gold_pairs(path: str | Path) -> list[IdPair]:
    """The `source id<TAB>target id` lines of a file, without repetitions and empty lines.

    Raises ValueError, with file and line, at a line of another form.
    """
    pairs: dict[IdPair, None] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip():
            columns = line.split(TAB)
            if len(columns) != 2:
                raise ValueError(
                    f"{display_name(path)}:{number}: expected `source id<TAB>target id`, found {len(columns)} columns."
                )
            pairs[columns[0], columns[1]] = None
    return list(pairs)


def read_mined_pairs(path: str | Path) -> Iterator[MinedPair]:
    """The pairs of a file that `write_mined_pair` wrote. Raises ValueError, with file and line, at anything else."""
    for number, line in enumerate(read_lines(path), start=1):
        columns = line.split(TAB)
        try:
            score, source_id, target_id, source, target = columns
            yield MinedPair(float(score), source_id, target_id, source, target)
        except ValueError as error:
            raise ValueError(
                f"{display_name(path)}:{number}: expected score, source id, target id, source and target between tabs, "
                f"as `mine` writes them, found {line[:60]!r}."
            ) from error


def write_mined_pair(stream: IO[str], pair: MinedPair) -> None:
    """Write one line: score, source id, target id, source, target, with tabs between."""
    stream.write(TAB.join((f"{pair.score:.6f}", pair.source_id, pair.target_id, pair.source, pair.target)) + "\n")
