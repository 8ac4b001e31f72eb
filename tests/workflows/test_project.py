"""The project and its sample: what project.yml names exists, and the scripts do what they say."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import srsly
from weasel.schemas import ProjectConfigSchema, validate

from spacy_awesome.formats.conll import read_conll
from spacy_awesome.formats.parallel_text import read_pairs
from spacy_awesome.formats.pharaoh import read_links

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "assets" / "sample"
PAIRS = {"en-es": 60, "en-de": 30, "en-it": 30, "en-nl": 30}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    config: dict[str, Any] = srsly.read_yaml(ROOT / "project.yml")
    return config


def test_project_file_is_valid(project: dict[str, Any]) -> None:
    assert validate(ProjectConfigSchema, project) == []


def test_workflows_name_commands_that_exist(project: dict[str, Any]) -> None:
    names = {command["name"] for command in project["commands"]}
    assert {"all", "encoder", "finetuning"} <= set(project["workflows"])
    assert {step for steps in project["workflows"].values() for step in steps} <= names


def test_every_script_that_a_command_runs_is_there(project: dict[str, Any]) -> None:
    for command in project["commands"]:
        for line in command["script"]:
            for word in line.split():
                if word.startswith(("scripts/", "configs/")):
                    assert (ROOT / word).is_file(), word


def test_every_step_that_takes_the_encoder_runs_again_when_its_weights_change(project: dict[str, Any]) -> None:
    steps = [command for command in project["commands"] if "${vars.encoder}" in " ".join(command["script"])]
    assert {"finetune", "align", "conll-finetune"} <= {step["name"] for step in steps}
    for step in steps:
        assert "spacy_awesome/encoders/mini" in step["deps"], step["name"]


def test_assets_have_the_checksums_that_the_project_gives(project: dict[str, Any]) -> None:
    summed = [asset for asset in project["assets"] if "checksum" in asset]
    assert len(summed) == 3 * len(PAIRS)
    for asset in summed:
        content = (ROOT / asset["dest"]).read_bytes()
        assert hashlib.md5(content).hexdigest() == asset["checksum"], asset["dest"]


@pytest.mark.parametrize("pair", PAIRS)
def test_sample_is_consistent(pair: str) -> None:
    folder = SAMPLE / pair
    source, target = list(read_conll(folder / "source.conll")), list(read_conll(folder / "target.conll"))
    sentences = [(x.words, y.words) for x, y in zip(source, target, strict=True)]
    links = list(read_links(folder / "links.pharaoh", pairs=sentences))
    assert len(links) == len(sentences) >= PAIRS[pair]
    assert len(set(sentences)) == len(sentences)
    for sentence in (*source, *target):
        assert {span.label for span in sentence.spans} <= {"PER", "LOC", "ORG", "MISC"}
    for line, (x, y) in zip(links, zip(source, target)):
        sure = {i for (i, _), certain in zip(line, line.sure) if certain}
        linked = [span for span in x.spans if sure & set(range(span.start, span.end))]
        # What the translation leaves out has no link; nearly everything else has.
        assert len(linked) >= len(x.spans) - 1
        assert len(line) >= min(len(x.words), len(y.words)) / 2


def run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / script), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The main job's steps but for training, on the sample: "tuned" is a copy of "untuned"."""
    folder = tmp_path_factory.mktemp("project")
    corpus, aligned, projected = folder / "corpus", folder / "aligned" / "untuned", folder / "projected"
    scores = folder / "metrics" / "scores.json"

    def step(script: str, *arguments: str | Path) -> None:
        result = run(script, *arguments)
        assert result.returncode == 0, result.stderr

    step("prepare.py", corpus)
    step("annotate.py", "align", corpus, aligned, "--encoder", "bundled")
    step("annotate.py", "project", aligned, projected / "untuned")
    shutil.copytree(projected / "untuned", projected / "tuned")
    step("evaluate.py", corpus, projected, scores)
    step("report.py", scores, projected / "tuned", folder / "reports")
    yield folder


def test_prepared_corpora_hold_the_sample(work: Path) -> None:
    pairs = list(read_pairs(work / "corpus" / "train.txt"))
    assert len(pairs) == sum(len(list(read_conll(SAMPLE / pair / "source.conll"))) for pair in PAIRS)
    assert len((work / "corpus" / "dev.links").read_text(encoding="utf-8").splitlines()) == len(pairs)


def test_scores_of_the_bundled_encoder_are_near_those_along_gold_links(work: Path) -> None:
    scores = json.loads((work / "metrics" / "scores.json").read_text(encoding="utf-8"))
    for pair in PAIRS:
        ceiling, untuned = (scores[name][pair]["entities"]["all"]["f1"] for name in ("gold links", "untuned"))
        assert ceiling > 95
        assert ceiling >= untuned > 85
        assert scores["untuned"][pair]["links"]["aer"] < 15
        assert scores["gold links"][pair]["links"]["precision"] == 100


def test_report_has_a_row_for_each_system_and_a_page_for_each_language(work: Path) -> None:
    text = (work / "reports" / "report.md").read_text(encoding="utf-8")
    rows = [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in text.splitlines() if "| en-" in line]
    assert rows == [(pair, system) for pair in sorted(PAIRS) for system in ("untuned", "tuned", "gold links")]
    for pair in PAIRS:
        assert "<svg" in (work / "reports" / f"{pair}.html").read_text(encoding="utf-8")
    assert "<svg" in (work / "reports" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--encoder", "/no/such/folder"], "Could not load the encoder '/no/such/folder'"),
        (["--encoder", "bundled", "--model", "training"], "give --model or --encoder, not both"),
    ],
)
def test_align_takes_the_encoder_that_is_named(work: Path, tmp_path: Path, options: list[str], message: str) -> None:
    result = run("annotate.py", "align", work / "corpus", tmp_path / "aligned", *options)
    assert result.returncode == 1
    assert message in result.stderr


def test_prepare_removes_the_pairs_of_an_earlier_run(tmp_path: Path) -> None:
    stale = tmp_path / "corpus" / "en-xx"
    stale.mkdir(parents=True)
    (stale / "pairs.txt").write_text("a ||| b\n", encoding="utf-8")
    assert run("prepare.py", tmp_path / "corpus").returncode == 0
    assert sorted(path.name for path in (tmp_path / "corpus").glob("en-*")) == sorted(PAIRS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--which", "bible"], "Unknown corpus 'bible'"),
        (["--which", "europarl"], "set SPACY_AWESOME_DATA"),
        (["--data", "/no/such/folder"], "is missing"),
    ],
)
def test_prepare_says_what_is_wrong(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = run("prepare.py", tmp_path / "corpus", *arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
