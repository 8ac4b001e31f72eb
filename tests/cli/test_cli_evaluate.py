"""`evaluate`: tables for people, JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runner import fail, run


@pytest.fixture
def links(tmp_path: Path) -> Path:
    """A folder with gold links that count from 1, and a system's that count from 0."""
    (tmp_path / "gold.txt").write_text("1-1 2-2 3p3\n1-1\n")
    (tmp_path / "system.txt").write_text("0-0 2-2\n0-0 0-1\n")
    (tmp_path / "text.txt").write_text("a b c ||| d e f\ng ||| h i\n")
    return tmp_path


def test_link_figures_are_per_cent_in_json(links: Path) -> None:
    result = run("evaluate", "links", links / "gold.txt", links / "system.txt", "--gold-base", "1", "--json")
    assert json.loads(result.stdout) == {
        "aer": 28.57,
        "precision": 75.0,
        "recall": 66.67,
        "f1": 70.59,
        "sentences": 2,
        "links": 4,
        "sure": 3,
        "possible": 1,
    }


def test_link_figures_are_shown_in_a_table(links: Path) -> None:
    result = run("evaluate", "links", links / "gold.txt", links / "system.txt", "--gold-base", "1")
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["AER", "28.57"] in rows
    assert ["Sentence", "pairs", "2"] in rows
    assert result.stderr == ""


def test_gold_links_that_seem_to_count_from_one_are_pointed_out(links: Path) -> None:
    result = run("evaluate", "links", links / "gold.txt", links / "system.txt", "--json")
    assert "use --gold-base 1" in result.stderr
    assert json.loads(result.stdout)["sure"] == 3


def test_links_outside_the_sentences_are_named(links: Path) -> None:
    command = ["evaluate", "links", links / "gold.txt", links / "system.txt", "--source-target", links / "text.txt"]
    run(*command, "--gold-base", "1")
    assert "gold.txt:1: Link 3p3 points past the end of the source sentence (3 tokens)" in fail(*command)


def test_link_files_of_unequal_length_are_refused_with_both_counts(links: Path) -> None:
    (links / "system.txt").write_text("0-0\n")
    message = fail("evaluate", "links", links / "gold.txt", links / "system.txt")
    assert f"{links / 'gold.txt'} has 2 lines, but {links / 'system.txt'} has 1" in message


GOLD = "Ada B-PER\nLovelace I-PER\nin O\nLondon B-LOC\n\nAda B-PER\n"
SYSTEM = "Ada B-PER\nLovelace I-PER\nin O\nLondon B-ORG\n\nAda B-PER\n"


@pytest.fixture
def spans(tmp_path: Path) -> Path:
    """A folder with gold and system labels."""
    (tmp_path / "gold.conll").write_text(GOLD)
    (tmp_path / "system.conll").write_text(SYSTEM)
    return tmp_path


def test_span_figures_are_per_cent_in_json(spans: Path) -> None:
    result = run("evaluate", "spans", spans / "gold.conll", spans / "system.conll", "--json")
    assert json.loads(result.stdout) == {
        "precision": 66.67,
        "recall": 66.67,
        "f1": 66.67,
        "per_label": {
            "LOC": {"precision": 0.0, "recall": 0.0, "f1": 0.0},
            "ORG": {"precision": 0.0, "recall": 0.0, "f1": 0.0},
            "PER": {"precision": 100.0, "recall": 100.0, "f1": 100.0},
        },
    }


def test_span_figures_are_shown_in_a_table(spans: Path) -> None:
    rows = [
        line.split()
        for line in run("evaluate", "spans", spans / "gold.conll", spans / "system.conll").stdout.splitlines()
    ]
    assert ["PER", "100.00", "100.00", "100.00"] in rows
    assert ["all", "66.67", "66.67", "66.67"] in rows


def test_spans_of_different_formats_are_compared(spans: Path) -> None:
    for name in ("system.spacy", "system.jsonl"):
        run("convert", spans / "system.conll", spans / name)
        result = run("evaluate", "spans", spans / "gold.conll", spans / name, "--json")
        assert json.loads(result.stdout)["f1"] == 66.67


def test_span_files_that_do_not_match_are_refused(spans: Path) -> None:
    (spans / "other.conll").write_text(GOLD.replace("London", "Paris"))
    assert "Sentence 1 differs" in fail("evaluate", "spans", spans / "gold.conll", spans / "other.conll")
    (spans / "short.conll").write_text("Ada B-PER\nLovelace I-PER\nin O\nLondon B-LOC\n")
    message = fail("evaluate", "spans", spans / "gold.conll", spans / "short.conll")
    assert "gold.conll has 2 sentences, but" in message
    assert "short.conll has 1" in message
