"""A small mining test, made from real data; skipped where SPACY_AWESOME_DATA is not set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runner import run

DATA = Path(os.environ.get("SPACY_AWESOME_DATA", "/nonexistent"))
SCRIPT = Path(__file__).parents[2] / "scripts" / "mining_test.py"


@pytest.mark.skipif(not DATA.is_dir(), reason="SPACY_AWESOME_DATA is not set")
def test_translations_are_found_among_unrelated_news(tmp_path: Path) -> None:
    sizes = ["--translations", "200", "--unrelated", "2000", "--dev-translations", "100", "--dev-unrelated", "1000"]
    command = [sys.executable, str(SCRIPT), str(DATA), str(tmp_path), *sizes, "--language", "es"]
    subprocess.run(command, check=True, capture_output=True)
    gold = dict(line.split("\t") for line in (tmp_path / "test.gold").read_text().splitlines())
    english, spanish = (
        dict(line.split("\t") for line in (tmp_path / f"test.{language}").read_text(encoding="utf-8").splitlines())
        for language in ("en", "es")
    )
    assert (len(english), len(spanish), len(gold)) == (2200, 2200, 200)
    assert set(gold) <= set(english)
    assert set(gold.values()) <= set(spanish)
    for part in ("dev", "test"):
        run("mine", tmp_path / f"{part}.en", tmp_path / f"{part}.es", tmp_path / f"{part}.tsv", "--ids")
    dev = ["--dev-gold", tmp_path / "dev.gold", "--dev-mined", tmp_path / "dev.tsv"]
    scores = json.loads(run("evaluate", "mining", tmp_path / "test.gold", tmp_path / "test.tsv", *dev, "--json").stdout)
    assert scores["f1"] >= 85
