"""Memory that does not grow with the square of a text's length, or with the number of pairs."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Peak memory in MB after a first part, and after the whole.
PEAKS = """
import resource, sys
import spacy
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
aligner = spacy.blank("xx").add_pipe("word_aligner")
"""
LONG_PAIR = """
for length in (1_000, 20_000):
    words = [f"house{i % 89}" for i in range(length)]
    [links] = aligner.align_words([(words, words)])
    assert max(i for i, _ in links) > length - 100
    print(peak())
"""
MANY_PAIRS = """
pair = "a house with a garden".split(), "ein Haus mit Garten".split()
for count in (1_100, 3_300):
    assert sum(1 for _ in aligner.align_words(pair for _ in range(count))) == count
    print(peak())
"""


# In one matrix, 20,000 x 20,000 similarities would take 1,600 MB.
@pytest.mark.parametrize(("work", "room"), [(LONG_PAIR, 200), (MANY_PAIRS, 50)], ids=["long pair", "many pairs"])
def test_memory_stays_flat(work: str, room: int) -> None:
    pytest.importorskip("resource")
    result = subprocess.run([sys.executable, "-c", PEAKS + work], capture_output=True, text=True, check=True)
    before, after = map(float, result.stdout.split())
    assert after - before < room
