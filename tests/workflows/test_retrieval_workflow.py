"""The workflow `retrieval` on the sample: what its two steps write."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "retrieval.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("retrieval")
    for arguments in (["measure", folder / "figures.json"], ["report", folder / "figures.json", folder]):
        result = run(*arguments)
        assert result.returncode == 0, result.stderr
    return folder


def test_bert_score_finds_nearly_all_of_the_sample_and_pooling_no_more(folder: Path) -> None:
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    assert figures["corpus"]["name"] == "sample"
    for code, by_scoring in figures["encoders"]["bundled"].items():
        assert figures["corpus"]["sentences"][code] >= 30
        assert by_scoring["bert_score"]["in_batch"] >= 99
        assert by_scoring["bert_score"]["none"] >= by_scoring["pooling"]["none"] > 90


def test_the_report_has_the_table_and_the_chart(folder: Path) -> None:
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "| Encoder | Pooling | Pooling + norm. | Pooling + CSLS | BERT-score | BERT-score + norm. |" in text
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    assert rows == ["Encoder", "bundled", "Language", "deu", "spa", "ita", "nld"]
    assert "<svg" in (folder / "report.svg").read_text(encoding="utf-8")


def test_a_language_that_is_not_there_is_named(tmp_path: Path) -> None:
    tatoeba = tmp_path / "retrieval" / "tatoeba-v1" / "v1"
    tatoeba.mkdir(parents=True)
    for side in ("spa", "eng"):
        (tatoeba / f"tatoeba.spa-eng.{side}").write_text("a\nb\n")
    result = run("measure", tmp_path / "figures.json", "--data", tmp_path, "--languages", "spa,deu")
    assert result.returncode == 1
    assert "has no files of 'deu'" in result.stderr
