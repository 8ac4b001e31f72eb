"""`mine`, `score` and `evaluate mining`: whatever the lines, and however often the run is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_runner import fail, run

ENGLISH = ["The house is red .", "", "Angela Merkel visited Paris .", "The house is red .", "I like to eat cheese ."]
SPANISH = ["Me gusta comer queso .", "La casa es roja .", " ", "Angela Merkel visitó París ."]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def mined(path: Path) -> list[tuple[str, ...]]:
    """Line numbers and sentences of what was mined."""
    return [tuple(line.split("\t")[1:]) for line in path.read_text(encoding="utf-8").splitlines()]


def test_translations_are_found_and_duplicates_and_empty_lines_are_not(tmp_path: Path) -> None:
    source, target = write(tmp_path / "a.en", ENGLISH), write(tmp_path / "a.es", SPANISH)
    run("mine", source, target, tmp_path / "pairs.tsv")
    expected = {(1, 2), (3, 4), (5, 1)}
    assert set(mined(tmp_path / "pairs.tsv")) == {(str(i), str(j), ENGLISH[i - 1], SPANISH[j - 1]) for i, j in expected}
    scores = [float(line.split("\t")[0]) for line in (tmp_path / "pairs.tsv").read_text().splitlines()]
    assert scores == sorted(scores, reverse=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.en", "a.es", "pairs.tsv"]


def test_a_work_folder_serves_further_runs(tmp_path: Path, tiny_bert: Path) -> None:
    source, target = write(tmp_path / "a.en", ENGLISH), write(tmp_path / "a.es", SPANISH)
    options = ["--model", tiny_bert, "--work", tmp_path / "work"]
    run("mine", source, target, tmp_path / "all.tsv", *options, "--direction", "forward")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npy")}
    run("mine", source, target, tmp_path / "one.tsv", *options, "--direction", "forward", "--top", "1")
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npy")}
    assert mined(tmp_path / "one.tsv") == mined(tmp_path / "all.tsv")[:1]


@pytest.mark.parametrize("lines", [[], [""], ["one line"], ["one line", "one line", ""]])
def test_files_of_one_line_or_none(tmp_path: Path, tiny_bert: Path, lines: list[str]) -> None:
    source, target = write(tmp_path / "a", lines), write(tmp_path / "b", ["one line"])
    run("mine", source, target, tmp_path / "pairs.tsv", "--model", tiny_bert)
    expected = [("1", "1", "one line", "one line")] if any(lines) else []
    assert mined(tmp_path / "pairs.tsv") == expected


def test_the_threshold_can_come_from_a_development_set(tmp_path: Path) -> None:
    names = [f"{number}" for number in range(1, 6)]
    english = ["The house is red .", "Angela Merkel visited Paris .", "I eat cheese .", "Dogs sleep .", "Buy a car ."]
    spanish = ["La casa es roja .", "Angela Merkel visitó París .", "Hoy llueve .", "Escribe libros .", "Adiós ."]
    files = [
        write(tmp_path / f"dev.{language}", [f"{language}-{name}\t{text}" for name, text in zip(names, texts)])
        for language, texts in (("en", english), ("es", spanish))
    ]
    gold = write(tmp_path / "dev.gold", [f"en-{name}\tes-{name}" for name in names[:2]])
    run("mine", *files, tmp_path / "pairs.tsv", "--ids", "--calibrate", *files, gold)
    assert {pair[:2] for pair in mined(tmp_path / "pairs.tsv")} == {(f"en-{name}", f"es-{name}") for name in names[:2]}
    run("mine", *files, tmp_path / "all.tsv", "--ids")
    options = ["--dev-gold", gold, "--dev-mined", tmp_path / "all.tsv", "--figure", tmp_path / "curve.svg", "--json"]
    scores = json.loads(run("evaluate", "mining", gold, tmp_path / "all.tsv", *options).stdout)
    assert (scores["f1"], scores["gold"], scores["mined"], scores["correct"]) == (100.0, 2, 2, 2)
    assert "<svg" in (tmp_path / "curve.svg").read_text()
    top = json.loads(run("evaluate", "mining", gold, tmp_path / "all.tsv", "--top", "1", "--json").stdout)
    assert (top["precision"], top["recall"], top["best_f1"]) == (100.0, 50.0, 100.0)
    assert "F1 with the best threshold" in run("evaluate", "mining", gold, tmp_path / "all.tsv").stdout


def start_mining(source: Path, target: Path, output: Path, model: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "spacy", "awesome", "mine", source, target, output]
    options = ["--model", model, "--neighbours", "2", "--quiet"]
    return subprocess.Popen([*command, *options], env={**os.environ, "OMP_NUM_THREADS": "1"})


def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, tiny_bert: Path) -> None:
    words = "Merkel Paris Monday visited the quick brown fox jumps over lazy dog in Berlin".split()
    lines = [" ".join(words[(i * step) % len(words)] for step in range(1, 6)) + f" {i}" for i in range(4500)]
    source, target = write(tmp_path / "a", lines), write(tmp_path / "b", lines[::-1])
    assert start_mining(source, target, tmp_path / "whole.tsv", tiny_bert).wait(timeout=300) == 0
    for step in ("sentences-*/vectors.done", "candidates-*/scores.done"):
        process = start_mining(source, target, tmp_path / "pairs.tsv", tiny_bert)
        deadline = time.monotonic() + 300
        while not list((tmp_path / "pairs.tsv.work").glob(step)):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=60) == -signal.SIGKILL
        assert not (tmp_path / "pairs.tsv").exists()
    assert start_mining(source, target, tmp_path / "pairs.tsv", tiny_bert).wait(timeout=300) == 0
    assert (tmp_path / "pairs.tsv").read_bytes() == (tmp_path / "whole.tsv").read_bytes() != b""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "pairs.tsv", "whole.tsv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", "-", "out"], "Standard input can be read only once"),
        (["a", "a", "-"], "name a work folder with --work"),
        (["a", "a", "nowhere/out"], "nowhere does not exist. Create it first"),
        (["a", "a", "out", "--direction", "sideways"], "Unknown direction 'sideways'; expected one of: forward"),
        (["a", "a", "out", "--normalization", "x"], "Unknown normalisation 'x'; expected one of: none"),
        (["a", "a", "out", "--index", "x"], "Unknown index 'x'; expected one of: auto"),
        (["a", "a", "out", "--ids"], "a:1: expected `id<TAB>sentence`, found 'text'"),
        (["a", "a", "out", "--threshold", "1", "--calibrate", "a", "a", "a"], "leave one out"),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_bert: Path, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a", ["text"])
    assert message in fail("mine", *arguments, "--model", tiny_bert)
    assert not (tmp_path / "out").exists()


PAIRS = [
    ("The house is red .", "La casa es roja ."),
    ("Angela Merkel visited Paris .", "Me gusta comer queso ."),
    ("I like to eat cheese .", "Me gusta comer queso ."),
    ("The house is red .", "La casa es roja ."),
    ("Words", ""),
    ("", ""),
]


def test_translations_score_higher_than_other_pairs(tmp_path: Path) -> None:
    write(tmp_path / "pairs.txt", [f"{source} ||| {target}" for source, target in PAIRS])
    rows = [line.split("\t") for line in run("score", tmp_path / "pairs.txt").stdout.splitlines()]
    assert [tuple(row[3:]) for row in rows] == PAIRS
    good, bad, also_good, again, *empty = ([float(value) for value in row[:3]] for row in rows)
    assert all(value > other for value, other in zip(good, bad))
    assert all(value > other for value, other in zip(also_good, bad))
    assert again == good
    assert empty == [[0.0, 0.0, 0.0]] * 2


def test_pairs_can_be_filtered_and_written_as_json(tmp_path: Path) -> None:
    text = "".join(f"{source}\t{target}\n" for source, target in PAIRS)
    result = run("score", "-", "-", "--json", "--min-margin", "0.05", "--min-coverage", "0.5", stdin=text)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(record["source"], record["target"]) for record in records] == [PAIRS[0], PAIRS[2], PAIRS[3]]
    assert all(record["margin"] >= 0.05 and record["coverage"] >= 0.5 <= record["bert_score"] for record in records)
