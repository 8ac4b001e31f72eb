"""Runs of `spacy train` that are killed go on from their checkpoint to what an uninterrupted run ends with."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import spacy
import torch
from spacy.cli.train import train

from spacy_awesome.pipeline.word_aligner import WordAligner
from spacy_awesome.training.checkpoints import create_checkpoints

CONFIG = """
[paths]
encoder = null
checkpoints = "checkpoints"

[nlp]
lang = "es"
pipeline = ["word_aligner"]

[components]

[components.word_aligner]
factory = "word_aligner"
scale = 0.2
threshold = 0.2

[components.word_aligner.objectives]
self_training = 1.0
masked_lm = 1.0
parallel_identification = 1.0
consistency = 1.0

[components.word_aligner.model]
@architectures = "spacy_awesome.HFEncoder.v1"
name = ${paths.encoder}
layer = 2

[corpora]

[corpora.train]
@readers = "spacy_awesome.ParallelCorpus.v1"
path = "train.txt"
shuffle = true
seed = 3
cache = "cache"

[corpora.dev]
@readers = "spacy_awesome.ParallelCorpus.v1"
path = "dev.txt"
links = "dev.links"

[training]
seed = 3
gpu_allocator = null
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"
dropout = 0.2
accumulate_gradient = 2
max_epochs = -1
max_steps = 11
eval_frequency = 3

[training.batcher]
@batchers = "spacy_awesome.batch_by_pair_length.v1"
size = 48

[training.optimizer]
@optimizers = "Adam.v1"

[training.optimizer.learn_rate]
@schedules = "warmup_linear.v1"
warmup_steps = 4
total_steps = 12
initial_rate = 0.003

[training.before_update]
@callbacks = "spacy_awesome.checkpoints.v1"
path = ${paths.checkpoints}
every = 4

[training.score_weights]
alignment_aer = -1.0
alignment_f1 = 0.0
"""
TRAIN = """Angela Merkel visited Paris ||| Angela Merkel visitó París
Obama met Merkel in Berlin ||| Merkel traf Obama in Berlin
The quick brown fox jumps ||| El zorro marrón salta
the German government said ||| según el Gobierno alemán
Paris on Monday ||| París el lunes
over the lazy dog in 1984 ||| sobre el perro perezoso en 1984
"""
DEV = "Angela Merkel visited Paris ||| Angela Merkel visitó París\nParis on Monday ||| París el lunes\n"
DEV_LINKS = "0-0 1-1 2-2 3-3\n0-0 1p1 2-2\n"
WEIGHTS = "word_aligner/model"


Start = Callable[..., tuple[Path, int]]


@pytest.fixture(scope="module")
def start(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Start the training in a forked process, in a folder of that name; returns the folder and the exit code."""
    root = tmp_path_factory.mktemp("runs")
    # Here, and not in each of the forked processes again.
    importlib.import_module("datasets")

    def run(name: str, *, killed_in: str | None = None, call: int = 1, **overrides: Any) -> tuple[Path, int]:
        folder = _prepare(root / name)
        options = {"paths.encoder": str(tiny_bert), **overrides}
        process = multiprocessing.get_context("fork").Process(target=_train, args=(folder, options, killed_in, call))
        process.start()
        process.join()
        assert process.exitcode is not None
        return folder, process.exitcode

    return run


def _prepare(folder: Path) -> Path:
    if not folder.exists():
        folder.mkdir()
        for name, text in {"train.cfg": CONFIG, "train.txt": TRAIN, "dev.txt": DEV, "dev.links": DEV_LINKS}.items():
            (folder / name).write_text(text, encoding="utf8")
    return folder


def _train(folder: Path, overrides: Mapping[str, Any], killed_in: str | None, call: int) -> None:
    os.chdir(folder)
    torch.set_num_threads(1)
    if killed_in is not None:
        owner, function = {
            "update": (WordAligner, "update"),
            "evaluation": (WordAligner, "pipe"),
            "saving a checkpoint": (torch, "save"),
            "copying the best model": (shutil, "copytree"),
        }[killed_in]
        setattr(owner, function, _killing(getattr(owner, function), call))
    with Path("table.txt").open("w") as table, contextlib.redirect_stdout(table):
        train("train.cfg", "out", overrides=dict(overrides))


def _killing(function: Callable[..., Any], call: int) -> Callable[..., Any]:
    """The function, which at one of its calls is killed when its work is done but nobody knows of it yet."""
    calls = 0

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        result = function(*args, **options)
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return counted


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rows(folder: Path) -> list[str]:
    """The rows of the training table, that of step 0 first."""
    lines = (folder / "table.txt").read_text().splitlines()
    return [line for line in lines if line.split() and line.split()[0].isdigit()]


@pytest.fixture(scope="module")
def whole(start: Start) -> Path:
    """The folder of a run that nobody interrupted."""
    folder, exit_code = start("whole")
    assert exit_code == 0
    assert len(rows(folder)) == 4
    assert {"model-last/config.cfg", f"model-last/{WEIGHTS}", f"model-best/{WEIGHTS}"} <= files(folder / "out").keys()
    return folder


def assert_same_result(folder: Path, whole: Path) -> None:
    found, expected = (
        {name: content for name, content in files(path / "out").items() if name.startswith("model-")}
        for path in (folder, whole)
    )
    assert [name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)] == []
    assert rows(folder) == rows(whole)


def test_a_run_that_is_killed_again_and_again_ends_as_if_nothing_had_happened(start: Start, whole: Path) -> None:
    # Two updates a step, evaluations at steps 0, 3, 6 and 9, checkpoints before steps 4 and 8.
    for place, call in [
        ("update", 5),
        ("saving a checkpoint", 1),
        ("update", 13),
        ("copying the best model", 1),
        ("evaluation", 2),
    ]:
        folder, exit_code = start("killed", killed_in=place, call=call)
        assert exit_code == -signal.SIGKILL, place
    assert start("killed") == (folder, 0)
    assert_same_result(folder, whole)
    assert start("killed") == (folder, 0)
    assert_same_result(folder, whole)


def test_a_spacy_train_command_killed_at_any_moment_goes_on(tiny_bert: Path, start: Start, whole: Path) -> None:
    folder = _prepare(whole.parent / "command")
    command = [sys.executable, *f"-m spacy train train.cfg --output out --paths.encoder {tiny_bert}".split()]
    with subprocess.Popen(command, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
        while process.poll() is None and not (folder / "checkpoints").exists():
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert start("command") == (folder, 0)
    assert_same_result(folder, whole)


def test_a_checkpoint_of_another_run_is_refused_and_its_best_model_kept(
    start: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, _ = start("other", killed_in="update", call=10)
    best = files(folder / "out" / "model-best")
    assert start("other", **{"training.dropout": 0.3, "training.max_steps": 3}) == (folder, 1)
    message = capfd.readouterr().err
    assert "training.dropout was 0.2 and is 0.3; training.max_steps is 3, before the checkpoint's step" in message
    assert "Delete checkpoints, or give another path" in message
    assert files(folder / "checkpoints" / "4" / "best") == best
    assert files(folder / "out") == {}


def test_without_a_path_nothing_is_saved_but_the_models(start: Start, whole: Path) -> None:
    folder, exit_code = start("without", **{"paths.checkpoints": None})
    assert exit_code == 0
    assert not (folder / "checkpoints").exists()
    assert rows(folder) == rows(whole)


def test_runs_that_cannot_be_repeated_are_refused(tmp_path: Path) -> None:
    def begin(**training: Any) -> None:
        nlp = spacy.blank("es", config={"training": training})
        nlp.add_pipe("word_aligner")
        nlp.add_pipe("ner")
        create_checkpoints(tmp_path)(nlp, {"step": 0, "epoch": 0})

    with pytest.raises(ValueError, match="this run trains word_aligner, ner; name the others in .* frozen_components"):
        begin()
    with pytest.raises(ValueError, match="need a seed"):
        begin(seed=None)
    with pytest.raises(ValueError, match="every 1 step or more, got every = 0"):
        create_checkpoints(tmp_path, every=0)
    begin(frozen_components=["ner"])
