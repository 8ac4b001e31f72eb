"""scripts/trace_calls.py counts what it says, and the package stays within its limits."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from spacy_awesome.tokens.symmetrization import symmetrize
from spacy_awesome.tokens.word_alignment import WordAlignment


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "trace_calls.py"))


def test_a_function_of_the_package_counts_once_and_others_never(script: dict[str, Any]) -> None:
    links = WordAlignment([(0, 0)], source_length=1, target_length=1)
    found = script["trace"](lambda: [len(links), len(links), len([1])])
    assert found.functions == {"tokens/word_alignment.py": {"WordAlignment.__len__"}}
    assert found.count == 1
    assert found.changes == 0
    assert script["trace"](lambda: symmetrize(links, links, "union")).count > 1


def test_a_pair_and_a_batch_stay_within_their_limits(script: dict[str, Any], tiny_bert: Path) -> None:
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(tiny_bert), "layer": 2}
    whole, aligner = script["trace_pair"](model)
    batch = script["trace_batch"](model)
    assert {"aligners/words.py", "extraction/softmax.py", "pipeline/word_aligner.py"} <= aligner.functions.keys()
    assert "pipeline/span_projector.py" in whole.functions.keys() - aligner.functions.keys()
    # Training takes the encoder and the extractor; it never goes back up to the engine.
    assert "SentencePart.links" in batch.functions["training/batch.py"]
    assert "aligners/words.py" not in batch.functions
    # What it takes today; fewer is better.
    assert whole.count <= 88
    assert aligner.count <= 56
    assert batch.count <= 103
