"""The command `sentences`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runner import fail, run

ENGLISH = "The house is red.\nMy brother lives in Madrid.\n\nWe ate fish yesterday.\n"
SPANISH = "La casa es roja.\nMi hermano vive en Madrid. Ayer comimos pescado.\n"


@pytest.fixture
def texts(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "en.txt").write_text(ENGLISH, encoding="utf-8")
    (tmp_path / "es.txt").write_text(SPANISH.replace(". A", ".\nA"), encoding="utf-8")
    return tmp_path / "en.txt", tmp_path / "es.txt"


def test_every_line_is_in_one_bead(texts: tuple[Path, Path], tmp_path: Path) -> None:
    result = run("sentences", *texts, tmp_path / "beads.tsv")
    rows = [line.split("\t") for line in (tmp_path / "beads.tsv").read_text().splitlines()]
    assert [row[:2] for row in rows] == [["0", "0"], ["1", "1"], ["2", ""], ["3", "2"]]
    assert result.stdout == "3 × 1-1, 1 × 1-0\n"


def test_sentences_are_written_on_request(texts: tuple[Path, Path], tmp_path: Path) -> None:
    run("sentences", *texts, tmp_path / "pairs.tsv", "--text", "--quiet")
    rows = [line.split("\t") for line in (tmp_path / "pairs.tsv").read_text(encoding="utf-8").splitlines()]
    assert rows[0][:2] == ["The house is red.", "La casa es roja."]
    assert rows[2][:2] == ["", ""]


def test_json_on_standard_output_is_all_that_is_printed(texts: tuple[Path, Path]) -> None:
    result = run("sentences", *texts, "-", "--json")
    beads = json.loads(result.stdout)["beads"]
    assert [(bead["source"], bead["target"]) for bead in beads] == [([0], [0]), ([1], [1]), ([2], []), ([3], [2])]


def test_a_text_may_be_in_another_order(texts: tuple[Path, Path], tmp_path: Path) -> None:
    source, _ = texts
    target = tmp_path / "reordered.txt"
    target.write_text("Ayer comimos pescado.\nLa casa es roja.\nMi hermano vive en Madrid.\n", encoding="utf-8")
    result = run("sentences", source, target, "-", "--json", "--reordered")
    beads = json.loads(result.stdout)["beads"]
    assert [(bead["source"], bead["target"]) for bead in beads] == [([0], [1]), ([1], [2]), ([2], []), ([3], [0])]


def test_empty_files_have_no_beads(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    assert run("sentences", tmp_path / "a", tmp_path / "b", tmp_path / "c").stdout == "No sentence.\n"
    assert (tmp_path / "c").read_text() == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-", "-"), "Two inputs come from <stdin>, which can be read only once"),
        (("missing", "missing"), "missing: No such file"),
    ],
)
def test_wrong_input_is_an_error(arguments: tuple[str, str], message: str, tmp_path: Path) -> None:
    assert message in fail("sentences", *arguments, tmp_path / "out")


def test_one_kind_of_output_at_a_time(texts: tuple[Path, Path], tmp_path: Path) -> None:
    assert "give one of them" in fail("sentences", *texts, tmp_path / "out", "--json", "--text")
