"""Figures and behaviour on real data, with default settings; skipped where SPACY_AWESOME_DATA is not set."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spacy_awesome.cli import app

DATA = Path(os.environ.get("SPACY_AWESOME_DATA", "/nonexistent"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="SPACY_AWESOME_DATA is not set")


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(("language", "floor"), [("es", 78.0), ("nl", 83.0)])
def test_links_on_xl_wa(tmp_path: Path, language: str, floor: float) -> None:
    lines = (DATA / f"alignment/xl-wa/{language}/test.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    (tmp_path / "pairs.tsv").write_text("".join(f"{x}\t{y}\n" for x, y, _ in rows), encoding="utf-8")
    (tmp_path / "gold").write_text("".join(f"{links}\n" for _, _, links in rows), encoding="utf-8")
    run("align", tmp_path / "pairs.tsv", tmp_path / "links", "--quiet")
    scores = json.loads(run("evaluate", "links", tmp_path / "gold", tmp_path / "links", "--json"))
    assert scores["sentences"] == len(rows)
    assert scores["f1"] >= floor


def test_projected_entities_on_europarl(tmp_path: Path) -> None:
    english, spanish = (DATA / f"ner/europarl/{language}-europarl.test.conll02" for language in ("en", "es"))
    run("project", english, spanish, tmp_path / "projected.conll", "--quiet")
    assert json.loads(run("evaluate", "spans", spanish, tmp_path / "projected.conll", "--json"))["f1"] >= 89


@pytest.mark.parametrize(("name", "lines"), [("enfr", 447), ("roen", 248), ("zhen", 450), ("jaen", 582)])
def test_the_papers_test_sets_run_through_with_a_line_each(tmp_path: Path, name: str, lines: int) -> None:
    run("align", DATA / f"alignment/standard/{name}.src-tgt", tmp_path / "links", "--quiet")
    assert (tmp_path / "links").read_text(encoding="utf-8").count("\n") == lines
