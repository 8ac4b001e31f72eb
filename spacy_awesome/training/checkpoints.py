"""Checkpoints of `spacy train`: a run that was killed resumes from the last one, and ends as if it had not been."""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from spacy.language import Language
from spacy.training import Example
from spacy.training.loop import DIR_MODEL_BEST, DIR_MODEL_LAST

from spacy_awesome.encoders.architecture import EncoderShim, encoder_shim
from spacy_awesome.formats.atomic import atomic_folder


class LoopRecord:
    """Stands between spaCy's training loop and a pipeline: keeps losses and scores, or gives those of an earlier run.

    While it replays, nothing is computed and no model is written. The loop has no other way of knowing where it stands
    than these answers, so that its epochs, schedules and patience come out as they were.

    step: where the loop is; to be set before each step.
    replaying: whether the loop gets recorded answers instead of the pipeline's.
    output: the folder that the loop saves models in; None until it has done so.
    """

    def __init__(self) -> None:
        self.step = 0
        self.replaying = False
        self.output: Path | None = None
        # Both as they stood after an evaluation's step, when the loop shows them.
        self._scores: dict[int, dict[str, Any]] = {}
        self._shown_losses: dict[int, dict[str, float]] = {}
        # The loop's own dictionary, which it sums losses up in until it shows them.
        self._losses: dict[str, float] = {}

    def attach(self, nlp: Language) -> None:
        """Stand before `update`, `evaluate` and `to_disk` of a pipeline."""
        update, evaluate, to_disk = nlp.update, nlp.evaluate, nlp.to_disk

        def recorded_update(
            examples: Iterable[Example], *, losses: dict[str, float] | None = None, **options: Any
        ) -> dict[str, float]:
            losses = {} if losses is None else losses
            if self.replaying:
                losses.update(self._shown_losses.get(self.step, self._losses))
                return losses
            self._losses = losses
            update(examples, losses=losses, **options)
            return losses

        def recorded_evaluate(examples: Iterable[Example], **options: Any) -> dict[str, Any]:
            if not self.replaying:
                self._scores[self.step] = evaluate(examples, **options)
                self._shown_losses[self.step] = dict(self._losses)
            return self._scores[self.step]

        def recorded_to_disk(path: str | Path, **options: Any) -> None:
            self.output = Path(path).parent
            if self.replaying:
                # The loop goes on to copy this folder.
                Path(path).mkdir(exist_ok=True)
            else:
                to_disk(path, **options)

        # Attributes of the object stand before the methods of its class.
        vars(nlp).update(update=recorded_update, evaluate=recorded_evaluate, to_disk=recorded_to_disk)

    def to_json(self) -> dict[str, Any]:
        """All answers so far, as what JSON can hold."""
        return {
            "evaluations": [[step, scores, self._shown_losses[step]] for step, scores in self._scores.items()],
            "losses": self._losses,
        }

    def from_json(self, record: dict[str, Any]) -> None:
        """Take over the answers of an earlier run."""
        self._scores = {step: scores for step, scores, _ in record["evaluations"]}
        self._shown_losses = {step: losses for step, _, losses in record["evaluations"]}
        self._losses = record["losses"]


logger = logging.getLogger("spacy_awesome")

_STATE, _RECORD, _BEST = "state.pt", "record.json", "best"
# What may change without changing the steps that are done; values of [paths] count where they are used.
_FREE_SETTINGS = ("paths.", "training.before_update.", "training.logger.", "training.max_steps")


def create_checkpoints(path: Path | None, every: int = 500) -> Callable[[Language, dict[str, Any]], None]:
    """Save checkpoints, and go on from the last one: the callback for `[training.before_update]`.

    `spacy train`, killed at any step and started again by the same command, ends with the same weights and the same
    table as a run that nobody interrupted. Components that train something else than an encoder of
    `spacy_awesome.HFEncoder.v1` cannot take part.

    path: a folder for the checkpoints of this one run; None is no checkpoints.
    every: a checkpoint is saved before each step that is a multiple of this; only the last one is kept.
    Raises ValueError at an interval below 1; when training starts, if the run cannot be repeated or continued: without
    a seed, with other trained components, or if the checkpoint is of another configuration.
    """
    if every < 1:
        raise ValueError(f"Expected a checkpoint every 1 step or more, got every = {every}.")
    return (lambda nlp, info: None) if path is None else Checkpoints(Path(path), every)


class Checkpoints:
    """Called before each step of spaCy's training loop; see `create_checkpoints`.

    The loop cannot be entered in its middle. So it runs through the steps that are done without computing them, while a
    `LoopRecord` answers in the pipeline's place: schedules, patience, epochs, corpus and batches advance as in the
    first run. At the checkpoint's step weights, optimizers and random states are put in place.

    A checkpoint is a folder named for its step, which appears when it is complete.
    """

    def __init__(self, path: Path, every: int) -> None:
        self.path = path
        self.every = every
        self._record = LoopRecord()
        self._start = 0

    def __call__(self, nlp: Language, info: dict[str, Any]) -> None:
        step = self._record.step = info["step"]
        if step == 0:
            self._begin(nlp)
        elif step == self._start:
            self._resume(nlp)
        elif step > self._start and step % self.every == 0:
            self._save(nlp)

    def _begin(self, nlp: Language) -> None:
        self._start = max(self._steps(), default=0)
        # If what follows raises, the loop saves a model on its way out; it would not be one.
        self._record.replaying = True
        self._record.attach(nlp)
        _check_repeatable(nlp)
        if self._start:
            folder = self.path / str(self._start)
            saved = json.loads((folder / _RECORD).read_text(encoding="utf8"))
            _check_config(saved["config"], nlp, folder)
            self._record.from_json(saved["loop"])
            logger.info("Resuming at step %d, from %s.", self._start, folder)
        self._record.replaying = bool(self._start)

    def _resume(self, nlp: Language) -> None:
        folder = self.path / str(self._start)
        _load_state(nlp, torch.load(folder / _STATE, map_location="cpu", weights_only=True))
        self._record.replaying = False
        output = self._record.output
        if output is not None:
            # spaCy deleted both when it started.
            nlp.to_disk(output / DIR_MODEL_LAST)
            if (folder / _BEST).is_dir():
                shutil.copytree(folder / _BEST, output / DIR_MODEL_BEST, dirs_exist_ok=True)

    def _save(self, nlp: Language) -> None:
        earlier = list(self._steps())
        with atomic_folder(self.path / str(self._record.step)) as folder:
            torch.save(_state(nlp), folder / _STATE)
            record = {"config": _settings(nlp), "loop": self._record.to_json()}
            (folder / _RECORD).write_text(json.dumps(record, indent=1), encoding="utf8")
            output = self._record.output
            if output is not None and (output / DIR_MODEL_BEST).is_dir():
                # spaCy never changes these files in place: it deletes the folder and copies another.
                shutil.copytree(output / DIR_MODEL_BEST, folder / _BEST, copy_function=_link)
        for step in earlier:
            shutil.rmtree(self.path / str(step))

    def _steps(self) -> Iterator[int]:
        """The steps of the checkpoints that are there."""
        if self.path.is_dir():
            yield from (int(folder.name) for folder in self.path.iterdir() if folder.name.isdecimal())


def _check_repeatable(nlp: Language) -> None:
    training = nlp.config["training"]
    if training["seed"] is None:
        raise ValueError("Checkpoints need a seed in [training]: without one, no run sees the batches of another.")
    if training["before_to_disk"] is not None:
        raise ValueError("Checkpoints do not work with [training.before_to_disk]; set one of the two to null.")
    _encoders(nlp)


def _check_config(saved: Mapping[str, Any], nlp: Language, folder: Path) -> None:
    present = _settings(nlp)
    changed = [
        f"{name} was {saved.get(name)!r} and is {present.get(name)!r}"
        for name in sorted(saved.keys() | present.keys())
        if saved.get(name) != present.get(name) and not name.startswith(_FREE_SETTINGS)
    ]
    if 0 < present["training.max_steps"] < int(folder.name):
        changed.append(f"training.max_steps is {present['training.max_steps']}, before the checkpoint's step")
    if changed:
        raise ValueError(
            f"The checkpoint {folder} is of another run: {'; '.join(changed)}. Delete {folder.parent}, or give another "
            f"path, to train anew; the model that was best so far is in {folder / _BEST}."
        )


def _settings(nlp: Language) -> dict[str, Any]:
    """The configuration as one level of dotted names; values as JSON gives them back."""

    def flat(section: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for name, value in section.items():
            if isinstance(value, Mapping) and value:
                yield from flat(value, f"{prefix}{name}.")
            else:
                yield prefix + name, value

    return dict(flat(json.loads(json.dumps(nlp.config.interpolate())), ""))


def _encoders(nlp: Language) -> list[tuple[Any, EncoderShim]]:
    """All components that are trained, with what holds their encoders."""
    frozen = nlp.config["training"]["frozen_components"]
    pipes: list[tuple[str, Any]] = [
        (name, pipe) for name, pipe in nlp.pipeline if getattr(pipe, "is_trainable", False) and name not in frozen
    ]
    try:
        return [(pipe, encoder_shim(pipe.model)) for _, pipe in pipes]
    except ValueError as error:
        names = ", ".join(name for name, _ in pipes)
        raise ValueError(
            f"Checkpoints hold encoders of spacy_awesome.HFEncoder.v1 alone, and this run trains {names}; "
            "name the others in [training] frozen_components."
        ) from error


def _state(nlp: Language) -> dict[str, Any]:
    """Everything that the next steps depend on, in types that torch reads without unpickling objects."""
    numpy_state: Any = np.random.get_state()
    kind, keys, *rest = numpy_state
    return {
        "encoders": [shim.training_state() for _, shim in _encoders(nlp)],
        "generators": [pipe.generator.get_state() for pipe, _ in _encoders(nlp)],
        "objectives": [pipe.training_state() for pipe, _ in _encoders(nlp)],
        "python": random.getstate(),
        "numpy": (kind, keys.tolist(), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _load_state(nlp: Language, state: Mapping[str, Any]) -> None:
    # Checkpoints of version 0.1 hold nothing that objectives remember.
    remembered = state.get("objectives", [{}] * len(state["encoders"]))
    parts = zip(_encoders(nlp), state["encoders"], state["generators"], remembered, strict=True)
    for (pipe, shim), encoder, generator, objectives in parts:
        shim.load_training_state(encoder)
        pipe.generator.set_state(generator)
        pipe.load_training_state(objectives)
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    torch.cuda.set_rng_state_all(state["cuda"])


def _link(source: str, target: str) -> str:
    """Copy a file at no cost, where the file system can."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
