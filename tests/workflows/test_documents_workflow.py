"""The workflow `documents` on the sample: two unaligned collections to training data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from spacy.training import Corpus

from spacy_awesome.formats.docbin import read_docs

ROOT = Path(__file__).parents[2]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "documents.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    collections, pairs, annotated = folder / "collections", folder / "pairs.json", folder / "annotated.spacy"
    for arguments in (
        ["make", collections],
        ["pair", collections, pairs],
        ["annotate", collections, pairs, annotated],
        ["training-data", annotated, folder / "training.spacy"],
        ["evaluate", collections, annotated, folder / "scores.json"],
    ):
        result = run(*arguments)
        assert result.returncode == 0, result.stderr
    return folder


def test_documents_sentences_and_entities_are_found(work: Path) -> None:
    scores = json.loads((work / "scores.json").read_text(encoding="utf-8"))
    pairs = scores["document_pairs"]
    assert pairs["gold"] == pairs["found"] == pairs["right"] >= 8
    assert scores["beads"]["f1"] >= 95
    # Entities of target sentences whose source was left out cannot be projected: recall is below that of `all`.
    assert scores["entities"]["precision"] >= 90
    assert scores["entities"]["recall"] >= 80


def test_documents_that_only_one_side_has_are_not_paired(work: Path) -> None:
    collections = {name: len(list(read_docs(work / "collections" / f"{name}.spacy"))) for name in ("source", "target")}
    pairs = json.loads((work / "pairs.json").read_text(encoding="utf-8"))
    assert len(pairs) < collections["source"]
    assert len(pairs) < collections["target"]


def test_training_data_are_plain_docs_with_entities(work: Path) -> None:
    examples = list(Corpus(work / "training.spacy")(spacy.blank("es")))
    assert len(examples) >= 50
    assert sum(len(example.reference.ents) for example in examples) >= 100
    assert not any(example.reference.user_data for example in examples)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--which", "bible"], "Unknown corpus 'bible'"),
        (["--which", "europarl"], "set SPACY_AWESOME_DATA"),
        (["--data", "/no/such/folder"], "is missing"),
    ],
)
def test_make_says_what_is_wrong(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = run("make", tmp_path / "collections", *arguments)
    assert result.returncode == 1
    assert message in result.stderr
