"""The workflow `transfer`, step by step on the sample, and what its steps say when something is wrong."""

from __future__ import annotations

import io
import json
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from srsly import read_yaml

from spacy_awesome.formats.docbin import read_docs

ROOT = Path(__file__).parents[2]
STEPS = 4


SCRIPTS = ROOT / "scripts" / "transfer"


def run(script: str, *arguments: str | Path) -> tuple[int, str]:
    """Run a script in this process, which has loaded spaCy and torch already; its exit code and its last words."""
    errors = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(errors), redirect_stdout(io.StringIO()):
        patch.chdir(ROOT)
        patch.syspath_prepend(str(SCRIPTS))
        patch.setattr(sys, "argv", [script, *map(str, arguments)])
        try:
            runpy.run_path(str(SCRIPTS / script), run_name="__main__")
        except SystemExit as end:
            # What Python does with the value of an exit that is not caught.
            return (end.code or 0, errors.getvalue()) if not isinstance(end.code, str) else (1, end.code)
    return 0, errors.getvalue()


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which all steps have been run, with two corpora and a few training steps."""
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("transfer")

    def step(script: str, *arguments: str | Path) -> None:
        code, errors = run(script, *arguments)
        assert code == 0, errors

    step("prepare.py", folder / "data")
    step("pair.py", folder / "data", folder / "pairs")
    step("choose.py", folder / "pairs" / "train.spacy", folder / "data" / "gold", folder / "corpora")
    for corpus in (folder / "corpora").iterdir():
        if corpus.name not in ("unfiltered", "filtered", "gold"):
            # Training them would show nothing more; the report wants a figure of each.
            (corpus / "train.spacy").unlink()
    step("train.py", *train_arguments(folder))
    for name in ("complete", "score", "coverage", "capitals"):
        shutil.copyfile(folder / "metrics" / "filtered.json", folder / "metrics" / f"{name}.json")
    step("report.py", folder / "metrics", folder / "corpora", folder, "--conll", folder / "conll.json")
    yield folder


def train_arguments(folder: Path) -> list[str | Path]:
    return [
        folder / "corpora",
        folder / "data" / "gold",
        folder / "models",
        folder / "metrics",
        "--max-steps",
        str(STEPS),
    ]


def test_nothing_that_is_trained_on_is_judged_on(work: Path) -> None:
    texts = {
        split: {doc.text for doc in read_docs(work / "data" / "gold" / f"{split}.spacy")} for split in ("dev", "test")
    }
    trained = {doc.text.replace(" ", "") for doc in read_docs(work / "pairs" / "train.spacy")}
    for sentences in texts.values():
        assert sentences
        assert trained.isdisjoint(text.replace(" ", "") for text in sentences)
    assert texts["dev"].isdisjoint(texts["test"])


def test_each_corpus_has_the_report_of_its_filters(work: Path) -> None:
    reports = {path.parent.name: json.loads(path.read_text()) for path in (work / "corpora").glob("*/report.json")}
    assert set(reports) == {"unfiltered", "complete", "score", "coverage", "capitals", "filtered"}
    assert reports["unfiltered"]["dropped"] == {}
    assert set(reports["score"]["dropped"]) <= {"low_score"}
    assert reports["complete"]["dropped"]["incomplete"] > 0
    assert reports["capitals"]["spans"]["unlabelled"]["MISC"] > 0


def test_recognisers_are_judged_on_both_splits(work: Path) -> None:
    figures = json.loads((work / "metrics" / "gold.json").read_text())
    assert figures["sentences"] == 67
    for split in ("dev", "test"):
        assert 0 <= figures[split]["all"]["f1"] <= 100


def test_the_report_has_a_row_for_every_system_also_for_those_that_were_not_run(work: Path) -> None:
    page = (work / "transfer.md").read_text(encoding="utf-8")
    assert "| zero-shot: the English recogniser on Spanish | not run: there is no English recogniser |" in page
    assert (
        "| translate-test: tags of the English translation, projected | not run: see `spacy project run conll` |"
        in page
    )
    assert "| ceiling: gold Spanish labels |" in page
    assert "<svg" in (work / "transfer.svg").read_text(encoding="utf-8")


def test_a_corpus_that_is_done_is_not_trained_again_but_one_that_changed_is(work: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (work / "models").iterdir()}
    dev = work / "corpora" / "filtered" / "dev.spacy"
    shutil.copyfile(work / "corpora" / "gold" / "dev.spacy", dev)
    assert run("train.py", *train_arguments(work))[0] == 0
    after = {path.name: path.stat().st_mtime_ns for path in (work / "models").iterdir()}
    assert {name for name in after if after[name] != before[name]} == {"filtered"}


def test_a_failed_training_leaves_no_model_and_no_figures(work: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpora" / "broken"
    corpus.mkdir(parents=True)
    for split in ("train", "dev"):
        (corpus / f"{split}.spacy").write_bytes(b"no DocBin")
    arguments = [tmp_path / "corpora", work / "data" / "gold", tmp_path / "models", tmp_path / "metrics"]
    with pytest.raises(ValueError):
        run("train.py", *arguments)
    assert list((tmp_path / "models").iterdir()) == list((tmp_path / "metrics").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--which", "bible"], "Unknown data 'bible'"),
        (["--which", "conll"], "set SPACY_AWESOME_DATA"),
        (["--data", "/no/such/folder"], "/no/such/folder/ner/conll2003/eng.train is missing"),
    ],
)
def test_missing_data_are_one_clear_error(tmp_path: Path, arguments: list[str], message: str) -> None:
    code, errors = run("prepare.py", tmp_path / "data", *arguments)
    assert code == 1
    assert message in errors


def test_a_translator_that_is_not_installed_is_one_clear_error(work: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    shutil.copyfile(work / "data" / "english.conll", tmp_path / "data" / "english.conll")
    command = [sys.executable, *map(str, (SCRIPTS / "pair.py", tmp_path / "data", tmp_path / "pairs"))]
    environment = {**os.environ, "PATH": str(tmp_path)}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Apertium is not installed" in result.stderr
    assert "Traceback" not in result.stderr


def test_every_step_names_its_script_among_its_deps_and_has_outputs() -> None:
    project = read_yaml(ROOT / "project.yml")
    commands = {command["name"]: command for command in project["commands"]}
    for name in (step for step in project["workflows"]["transfer"] if step.startswith("transfer-")):
        [script] = commands[name]["script"]
        assert script.split()[1] in commands[name]["deps"]
        assert commands[name]["outputs"]
