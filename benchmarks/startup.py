"""Seconds until commands and imports are ready: whole processes, against what they can't be faster than."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable

from benchmarks.report import Table, publish
from benchmarks.timing import interleaved
from spacy_awesome.encoders.loading import BUNDLED

_LOAD = f"from transformers import AutoModel; AutoModel.from_pretrained({str(BUNDLED)!r})"
_FIRST_PAIR = """
import spacy
aligner = spacy.blank("xx").add_pipe("word_aligner")
print([links.to_pharaoh() for links in aligner.align_words([(["A", "house"], ["Una", "casa"])])])
"""

# What is measured, and what it is compared with: arguments of python.
_PAIRS = {
    "spacy awesome align --help": (
        ["-m", "spacy", "awesome", "align", "--help"],
        "spacy info",
        ["-m", "spacy", "info"],
    ),
    "import spacy_awesome": (["-c", "import spacy, spacy_awesome"], "import spacy", ["-c", "import spacy"]),
    "first aligned pair": (["-c", _FIRST_PAIR], "torch and the encoder loaded", ["-c", _LOAD]),
}


def run(*, repeats: int, document: bool) -> None:
    table = Table(
        "Start-up, whole processes, median seconds",
        ("what", "seconds", "against", "its_seconds", "ratio", "difference"),
    )
    for what, (command, other, other_command) in _PAIRS.items():
        seconds = interleaved({"this": _process(command), "other": _process(other_command)}, repeats=repeats)
        table.add(
            what=what,
            seconds=statistics.median(seconds["this"]),
            against=other,
            its_seconds=statistics.median(seconds["other"]),
            ratio=statistics.median(a / b for a, b in zip(seconds["this"], seconds["other"], strict=True)),
            difference=statistics.median(a - b for a, b in zip(seconds["this"], seconds["other"], strict=True)),
        )
    publish("startup", [table], document=document)


def _process(arguments: list[str]) -> Callable[[], None]:
    def run_process() -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    return run_process
