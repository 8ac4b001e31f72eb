"""Pickled encoders and pipelines, which worker processes get when they are started by spawn."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import pytest
import spacy
import torch
from spacy.language import Language
from thinc.api import Adam

from spacy_awesome import parallel
from spacy_awesome.encoders.architecture import EncoderShim, encoder_shim, hf_encoder
from spacy_awesome.encoders.folders import LOADING
from spacy_awesome.pipeline.word_aligner import PicklableGenerator

WORDS = [["Angela", "Merkel", "visited", "Paris"], ["Obama"]]
COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize(
    "options",
    [{}, {"precision": "int8"}, {"precision": "bfloat16"}, {"frozen_layers": 1}, {"gradient_checkpointing": True}],
)
@pytest.mark.parametrize("used", [False, True])
def test_an_encoder_model_is_copied_before_and_after_its_use(
    how: str, options: dict[str, Any], used: bool, tiny_modernbert: Path
) -> None:
    # ModernBERT, because a hook is set on it.
    model = hf_encoder(str(tiny_modernbert), 2, **options)
    if used:
        model.predict(WORDS)
    twin = COPIES[how](model)
    assert (encoder_shim(twin)._model is None) == (not used)
    for ours, theirs in zip(model.predict(WORDS), twin.predict(WORDS), strict=True):
        assert (ours == theirs).all()


@pytest.mark.parametrize("how", COPIES)
def test_heads_and_optimizer_are_copied(how: str, tiny_bert: Path) -> None:
    shim = encoder_shim(hf_encoder(str(tiny_bert), 2))
    shim.language_model = shim.parallel_head = True
    optimizer = Adam(0.01)
    step(shim, optimizer)
    twin: EncoderShim = COPIES[how](shim)
    assert twin._stepper is not None
    step(shim, optimizer)
    step(twin, twin._stepper.leader)
    weights = twin.encoder.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in shim.encoder.state_dict().items())


def step(shim: EncoderShim, optimizer: Any) -> None:
    encoder = shim.encoder
    subwords = encoder.tokenizer(WORDS)
    encoder.encode(subwords).values.square().sum().backward()
    shim.finish_update(optimizer)


def test_a_copy_in_training_keeps_the_optimizer_that_the_pipeline_holds(tiny_bert: Path) -> None:
    shim, optimizer = encoder_shim(hf_encoder(str(tiny_bert), 2)), Adam(0.01)
    step(shim, optimizer)
    for copied in COPIES.values():
        twin, leader = copied((shim, optimizer))
        assert twin._stepper.leader is leader


@pytest.mark.parametrize("how", COPIES)
def test_an_encoder_is_copied_while_another_thread_loads(how: str, tiny_bert: Path) -> None:
    shim = encoder_shim(hf_encoder(str(tiny_bert), 2))
    shim.encoder  # noqa: B018
    holds, stop = threading.Event(), threading.Event()

    def hold() -> None:
        with LOADING:
            holds.set()
            stop.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait()
    try:
        assert COPIES[how](shim).encoder.layer == 2
    finally:
        stop.set()
        thread.join()


def vectors_in_child(model: Any, results: Any) -> None:
    results.put([row.tolist() for row in model.predict(WORDS)])


@pytest.mark.parametrize("used", [False, True])
def test_an_encoder_goes_to_a_spawned_process(used: bool, tiny_bert: Path) -> None:
    model = hf_encoder(str(tiny_bert), 2)
    if used:
        model.predict(WORDS)
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    child = context.Process(target=vectors_in_child, args=(model, results))
    child.start()
    child.join(120)
    assert child.exitcode == 0
    found = results.get()
    for ours, theirs in zip(model.predict(WORDS), found, strict=True):
        torch.testing.assert_close(torch.tensor(ours), torch.tensor(theirs))


@pytest.mark.parametrize("how", COPIES)
def test_a_copied_generator_draws_the_same_numbers(how: str) -> None:
    generator = PicklableGenerator()
    generator.manual_seed(7)
    torch.rand(3, generator=generator)
    twin = COPIES[how](generator)
    assert torch.equal(torch.rand(5, generator=twin), torch.rand(5, generator=generator))


def numbers_in_child(generator: torch.Generator, results: Any) -> None:
    results.put(torch.rand(5, generator=generator).tolist())


def test_a_generator_goes_to_a_spawned_process() -> None:
    generator = PicklableGenerator()
    generator.manual_seed(7)
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    child = context.Process(target=numbers_in_child, args=(generator, results))
    child.start()
    child.join(120)
    assert child.exitcode == 0
    found = results.get()
    assert found == torch.rand(5, generator=generator).tolist()


# Whole pipelines


def pipeline(*names: str, path: Path, extraction: str = "softmax") -> Language:
    nlp = spacy.blank("es")
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(path)}
    for name in names:
        config: dict[str, Any] = {"model": model} if name in ("word_aligner", "sentence_aligner") else {}
        if name == "word_aligner":
            config["extraction"] = {"@misc": f"spacy_awesome.{extraction}.v1"}
        nlp.add_pipe(name, config=config)
    return nlp


def annotated(nlp: Language) -> tuple[object, ...]:
    english = spacy.blank("en")
    english.add_pipe("sentencizer")
    source = english("Angela Merkel visited Paris . The fox jumps .")
    source.set_ents([source.char_span(0, 13, label="PER")])
    doc = nlp(parallel(nlp, source, "Angela Merkel visitó París . El zorro salta ."))
    links = doc._.alignment and doc._.alignment.to_pharaoh()
    sentences = doc._.sentence_alignment and doc._.sentence_alignment.to_text()
    return links, sentences, [(ent.text, ent.label_) for ent in doc.ents]


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("extraction", ["softmax", "entmax", "optimal_transport", "argmax", "itermax", "mwmf"])
def test_a_word_aligner_of_every_method_is_copied(how: str, extraction: str, tiny_bert: Path) -> None:
    nlp = pipeline("word_aligner", "span_projector", path=tiny_bert, extraction=extraction)
    unused = COPIES[how](nlp)
    expected = annotated(nlp)
    assert annotated(unused) == expected
    assert annotated(COPIES[how](nlp)) == expected


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize(
    "names", [("sentencizer", "sentence_aligner"), ("span_projector",), ("entity_ballot", "entity_vote")]
)
def test_pipelines_of_the_other_components_are_copied(how: str, names: tuple[str, ...], tiny_bert: Path) -> None:
    nlp = pipeline(*names, path=tiny_bert)
    unused = COPIES[how](nlp)
    expected = annotated(nlp)
    assert annotated(unused) == expected
    assert annotated(COPIES[how](nlp)) == expected


def test_what_a_spawned_process_gets_takes_no_shared_memory(
    tiny_modernbert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nlp = pipeline("sentencizer", "sentence_aligner", "word_aligner", path=tiny_modernbert)
    expected = annotated(nlp)
    step(encoder_shim(nlp.get_pipe("word_aligner").model), Adam(0.0))  # type: ignore[attr-defined]
    # A container may have no more than a megabyte of it.
    reducers = vars(ForkingPickler)["_extra_reducers"]
    kinds = [kind for kind in reducers if kind.__module__.startswith("torch")]
    assert torch.Tensor in kinds
    for kind in kinds:
        monkeypatch.setitem(reducers, kind, refuse)
    assert annotated(pickle.loads(ForkingPickler.dumps(nlp))) == expected


def refuse(value: object) -> Any:
    raise AssertionError(f"{type(value).__name__} would be put into shared memory")


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_pipe_with_worker_processes_that_are_spawned(start: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, sys\n"
        "import spacy\n"
        "from spacy_awesome import parallel_stream\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.set_start_method(sys.argv[1])\n"
        "    nlp = spacy.blank('es')\n"
        "    nlp.add_pipe('sentencizer')\n"
        "    nlp.add_pipe('sentence_aligner')\n"
        "    nlp.add_pipe('word_aligner')\n"
        "    english = spacy.blank('en')\n"
        "    english.add_pipe('sentencizer')\n"
        "    def pairs():\n"
        "        return ((english(f'Ana visited Rome {k} times'), f'Ana visitó Roma {k} veces') for k in range(6))\n"
        "    one, two = (\n"
        "        [\n"
        "            (doc._.alignment.to_pharaoh(), doc._.sentence_alignment.to_text())\n"
        "            for doc in nlp.pipe(parallel_stream(nlp, pairs()), **options)\n"
        "        ]\n"
        "        for options in ({}, {'n_process': 2, 'batch_size': 2})\n"
        "    )\n"
        "    print(len(two), one == two)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script), start], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.stdout == "6 True\n", done.stderr[-2000:]
