"""Peak memory of whole processes on small and on large input."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

from benchmarks.data import sample_pairs
from benchmarks.report import Table, publish
from spacy_awesome.formats.parallel_text import write_pair

SMALL = 10_000
LONG_PAIRS = (1_000, 20_000, 100_000)

_READ = """
import sys
import spacy
from spacy_awesome.training.corpus import create_parallel_corpus
corpus = create_parallel_corpus(sys.argv[1], shuffle=True, cache=sys.argv[2])
assert sum(1 for _ in corpus(spacy.blank("xx"))) == int(sys.argv[3])
"""

_LONG_PAIR = """
import sys
import spacy
words = [f"{'house garden river'.split()[i % 3]}{i % 89}" for i in range(int(sys.argv[1]))]
aligner = spacy.blank("xx").add_pipe("word_aligner")
assert len(next(aligner.align_words([(words, words)])))
"""


def run(*, lines: int, document: bool) -> None:
    growth = _growth("spacy awesome align", _align, lines)
    length = Table("Peak memory in MB of aligning one pair", ("tokens_on_each_side", "MB"))
    for tokens in LONG_PAIRS:
        length.add(tokens_on_each_side=tokens, MB=peak_megabytes(["-c", _LONG_PAIR, str(tokens)]))
    publish("memory", [growth, length], document=document)


def run_reader(*, lines: int, document: bool) -> None:
    publish("reader", [_growth("training: an epoch of ParallelCorpus", _read, lines)], document=document)


def _growth(what: str, arguments: Callable[[Path, int], list[str]], lines: int) -> Table:
    table = Table(
        "Peak memory in MB with few and with many lines", ("what", "lines", "MB", "more_lines", "MB_then", "difference")
    )
    with tempfile.TemporaryDirectory() as folder:
        few, many = (peak_megabytes(arguments(_write_lines(Path(folder), count), count)) for count in (SMALL, lines))
    table.add(what=what, lines=SMALL, MB=few, more_lines=lines, MB_then=many, difference=many - few)
    return table


def peak_megabytes(arguments: list[str]) -> float:
    """The most memory that python, run with these arguments, had at once, files that it maps included."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"python {' '.join(arguments)} ended with status {status}.")
    # Kilobytes, but bytes on macOS.
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def _align(path: Path, lines: int) -> list[str]:
    return ["-m", "spacy", "awesome", "align", str(path), str(path.with_suffix(".links")), "--quiet"]


def _read(path: Path, lines: int) -> list[str]:
    return ["-c", _READ, str(path), str(path.parent / "cache"), str(lines)]


def _write_lines(folder: Path, lines: int) -> Path:
    path = folder / f"{lines}.txt"
    with path.open("w", encoding="utf-8") as stream:
        for source, target in islice(cycle(sample_pairs()), lines):
            write_pair(stream, source, target)
    return path
