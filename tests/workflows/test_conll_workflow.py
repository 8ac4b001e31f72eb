"""The CoNLL workflow from labels to table, on the repository's own sample; its steps in one process."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import spacy
import yaml
from seqeval.metrics import f1_score
from spacy.cli.evaluate import evaluate
from spacy.cli.train import train
from spacy.tokens import DocBin

from recipe.baselines import BASELINES
from recipe.error_causes import CAUSES
from spacy_awesome.formats.conll import read_conll, spans_to_tags
from spacy_awesome.formats.docbin import labelled_sentence, read_docs

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts" / "conll"
STEPS = ("prepare", "translate", "tag", "align", "evaluate", "report", "layout")


@pytest.fixture(scope="module")
def steps() -> Iterator[dict[str, ModuleType]]:
    """The scripts as modules."""
    sys.path.insert(0, str(SCRIPTS))
    before, folder = set(sys.modules), Path.cwd()
    os.chdir(ROOT)
    yield {name: importlib.import_module(name) for name in STEPS}
    os.chdir(folder)
    sys.path.remove(str(SCRIPTS))
    for name in set(sys.modules) - before:
        if (SCRIPTS / f"{name}.py").exists():
            del sys.modules[name]


@pytest.fixture(scope="module")
def work(steps: dict[str, ModuleType], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All steps on the sample; the aligner's fine-tuning is left out, and "tuned" is a bundled encoder as it comes."""
    folder = tmp_path_factory.mktemp("conll")
    steps["prepare"].prepare(folder / "data", which="sample", data="", seq2seq="")
    steps["translate"].translate_sets(folder / "data", folder / "translated")
    english = folder / "data" / "english"
    paths = {f"paths.{name}": str(english / f"{name}.spacy") for name in ("train", "dev")}
    train(ROOT / "configs" / "ner_committee.cfg", folder / "ner", overrides={**paths, "training.max_steps": 200})
    steps["tag"].tag(folder / "data", folder / "translated", str(folder / "ner" / "model-best"), folder / "tagged")
    aligner = spacy.blank("xx")
    aligner.add_pipe("word_aligner")
    aligner.to_disk(folder / "aligner")
    steps["align"].align(
        folder / "data", folder / "tagged", folder / "links", tuned=str(folder / "aligner"), encoder="bundled"
    )
    metrics = folder / "metrics"
    steps["evaluate"].evaluate(
        folder / "data", folder / "tagged", folder / "links", folder / "projected", metrics / "conll.json"
    )
    scores = folder / "ner.json"
    evaluate(str(folder / "ner" / "model-best"), english / "test.spacy", scores, gold_preproc=True, silent=True)
    steps["report"].report(
        metrics / "conll.json", folder / "projected", folder / "data", scores, metrics, folder / "reports"
    )
    return folder


def figures(work: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads((work / "metrics" / "conll.json").read_text(encoding="utf-8"))
    return rows


def test_every_aligner_has_figures_by_every_rule_or_a_row_that_says_why_not(work: Path) -> None:
    for kind in ("tagged", "gold"):
        rows = [row for row in figures(work) if row["english"] == kind]
        assert {row["aligner"] for row in rows} == {*BASELINES, "untuned", "tuned"}
        for row in rows:
            assert ("missing" in row) != (row.get("rule") in ("link_f1", "min_max", "gap", "exact"))
    assert [row["aligner"] for row in figures(work) if row["english"] == "none"] == ["zero-shot"]


def test_gold_entities_along_our_links_reach_what_the_sample_is_known_for(work: Path) -> None:
    (row,) = [
        row
        for row in figures(work)
        if (row["english"], row["aligner"], row.get("rule")) == ("gold", "untuned", "link_f1")
    ]
    assert row["scores"]["all"]["f1"] > 95  # type: ignore[index]


def test_the_figures_are_seqevals(work: Path) -> None:
    gold = list(read_conll(work / "data" / "sample" / "target.conll"))
    found = [labelled_sentence(doc) for doc in read_docs(work / "projected" / "tagged" / "sample.spacy")]
    tags = [[spans_to_tags(each.spans, len(each.words)) for each in side] for side in (gold, found)]
    (row,) = [
        row
        for row in figures(work)
        if (row["english"], row["aligner"], row.get("rule")) == ("tagged", "untuned", "link_f1")
    ]
    assert row["scores"]["all"]["f1"] == pytest.approx(100 * f1_score(*tags), abs=0.01)  # type: ignore[index]


def test_the_table_the_chart_and_the_pages_show_them(work: Path) -> None:
    text = (work / "metrics" / "conll.md").read_text(encoding="utf-8")
    assert "The English recogniser on its own test set: P " in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert sum("ours, bundled encoder" in line for line in lines) == 2
    assert sum("zero-shot" in line for line in lines) == 1
    assert (work / "metrics" / "conll.svg").read_text(encoding="utf-8").count("<svg") == 1
    page = (work / "reports" / "sample.tagged.html").read_text(encoding="utf-8")
    assert all(f'<h2 id="{cause}">' in page for cause in CAUSES)
    assert page.count("<h3>Gold</h3>") == page.count("<h3>Projected</h3>") > 0


def test_the_recogniser_trains_on_a_transformer_as_well(tiny_xlmr: Path, tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    doc = nlp("Angela Merkel visited Paris .")
    doc.ents = [doc.char_span(0, 13, "PER"), doc.char_span(22, 27, "LOC")]
    DocBin(docs=[doc] * 4).to_disk(tmp_path / "data.spacy")
    paths = {f"paths.{name}": str(tmp_path / "data.spacy") for name in ("train", "dev")}
    steps_of_training = {"training.max_steps": 2, "training.eval_frequency": 1}
    train(
        ROOT / "configs" / "ner_transformer.cfg",
        tmp_path / "model",
        overrides={**paths, **steps_of_training, "paths.encoder": str(tiny_xlmr)},
    )
    trained = spacy.load(tmp_path / "model" / "model-last")
    assert trained.pipe_names == ["transformer", "ner"]
    assert set(trained.get_pipe("ner").labels) == {"PER", "LOC"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--which", "bible"], "Unknown data 'bible'"),
        (["--which", "conll"], "set SPACY_AWESOME_DATA"),
        (["--data", "/no/such/folder"], "eng.train is missing"),
    ],
)
def test_wrong_or_missing_data_is_one_error(tmp_path: Path, arguments: list[str], message: str) -> None:
    command = [sys.executable, str(SCRIPTS / "prepare.py"), str(tmp_path / "data"), *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_an_engine_that_is_not_installed_is_a_row(
    work: Path, steps: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    data = tmp_path / "data" / "conll-apertium"
    (data / "text").mkdir(parents=True)
    (data / "engine.json").write_text('{"name": "apertium", "options": {"direction": "spa-eng"}}')
    (data / "text" / "test.txt").write_text("Hola Madrid\n")
    (data / "target.conll").write_text("Hola O\nMadrid B-LOC\n")
    steps["translate"].translate_sets(tmp_path / "data", tmp_path / "translated")
    reason = tmp_path / "translated" / "conll-apertium" / "test.missing"
    assert "Apertium is not installed" in reason.read_text()


def test_every_step_of_the_workflow_names_what_it_reads_and_writes() -> None:
    project = yaml.safe_load((ROOT / "project.yml").read_text(encoding="utf-8"))
    commands = {command["name"]: command for command in project["commands"]}
    made: set[str] = set()
    for name in project["workflows"]["conll"]:
        command = commands[name]
        for path in command["deps"]:
            written = any(path == output or path.startswith(f"{output}/") for output in made)
            assert written or path.startswith("${") or (ROOT / path).exists(), (name, path)
        # What a command reads is among its dependencies, so that it runs again when that changes.
        words = " ".join(command["script"]).split()
        read = [word for word in words if any(word == output or word.startswith(f"{output}/") for output in made)]
        for word in set(read) - set(command["outputs"]):
            assert any(word == path or word.startswith(f"{path}/") for path in command["deps"]) or any(
                word == output for output in command["outputs"]
            ), (name, word)
        made |= set(command["outputs"])
