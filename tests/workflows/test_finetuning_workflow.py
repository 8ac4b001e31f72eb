"""The workflow `finetuning`: which of its runs are repeated, and what the report makes of them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

ROOT = Path(__file__).parents[2]
PAIRS = "the white house\tla casa blanca{}\nMerkel visited Paris .\tMerkel visitó París .{}\nyes\tsí{}\n"
RUNS = ["bundled, SO", "bundled, semi-supervised", "random, SO", "random, semi-supervised"]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """scripts/finetuning.py with two mixes of objectives."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    spec = importlib.util.spec_from_file_location("finetuning", ROOT / "scripts" / "finetuning.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "MIXES", {name: module.MIXES[name] for name in ("SO", "semi-supervised")})
    return module


@pytest.fixture
def work(tiny_bert: Path, tmp_path: Path) -> Path:
    """What `prepare` writes, but smaller, and without a random encoder."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "random").symlink_to(tiny_bert)
    (folder / "pairs.tsv").write_text(PAIRS.format("", "", ""), encoding="utf-8")
    (folder / "linked.tsv").write_text(PAIRS.format("\t0-0 1-2 2-1", "\t", "\t0-0"), encoding="utf-8")
    (folder / "test.txt").write_text("the house ||| la casa\nyes ||| sí\n", encoding="utf-8")
    (folder / "test.links").write_text("0-0 1-1\n0p0\n", encoding="utf-8")
    return folder


def train(script: ModuleType, work: Path) -> None:
    result = CliRunner().invoke(script.app, ["train", str(work), "--steps", "2", "--every", "1"])
    assert result.exit_code == 0, result.output


def finished(work: Path) -> dict[str, int]:
    """When each run was finished."""
    return {path.parent.name: path.stat().st_mtime_ns for path in work.glob("runs/*/finished")}


def test_a_run_is_repeated_only_if_what_it_reads_has_changed(script: ModuleType, work: Path, tmp_path: Path) -> None:
    train(script, work)
    first = finished(work)
    assert sorted(first) == RUNS
    train(script, work)
    assert finished(work) == first

    (work / "runs" / RUNS[0] / "finished").unlink()
    with (work / "linked.tsv").open("a", encoding="utf-8") as stream:
        stream.write("no\tno\t0-0\n")
    train(script, work)
    changed = {name for name, time in finished(work).items() if time != first[name]}
    assert changed == {RUNS[0], "bundled, semi-supervised", "random, semi-supervised"}

    page = tmp_path / "page.md"
    page.write_text(f"before\n{script.TABLE}\nold\n{script.END}\nafter\n", encoding="utf-8")
    figures = tmp_path / "figures.json"
    result = CliRunner().invoke(script.app, ["report", str(work), str(figures), str(page)])
    assert result.exit_code == 0, result.output
    curves = json.loads(figures.read_text(encoding="utf-8"))
    assert list(curves) == ["bundled", "random"]
    assert [seen for seen, _ in curves["random"]["SO"]] == [64, 128, 192]
    text = page.read_text(encoding="utf-8")
    assert "| random | semi-supervised | " in text and "old" not in text
    assert text.startswith("before\n") and text.endswith("after\n")
    assert (tmp_path / "images" / "finetuning.svg").stat().st_size > 0


def test_the_report_names_a_run_that_is_missing(script: ModuleType, work: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        script.app, ["report", str(work), str(tmp_path / "figures.json"), str(tmp_path / "page")]
    )
    assert result.exit_code != 0
    assert "scores.jsonl does not exist; run `scripts/finetuning.py train` first" in result.output
