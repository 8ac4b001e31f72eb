"""Several threads at once: the first use of a pipeline, pipelines that are made and loaded side by side."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import spacy
import torch
from spacy.language import Language

from spacy_awesome import parallel
from spacy_awesome.encoders.architecture import encoder_shim, hf_encoder
from spacy_awesome.encoders.folders import LOADING
from spacy_awesome.encoders.loading import load_encoder
from spacy_awesome.encoders.sentences import load_sentence_encoder

THREADS = 16


def at_once(call: Callable[[int], Any]) -> list[Any]:
    """The results of as many calls, which all begin together."""
    barrier = threading.Barrier(THREADS)

    def begin(number: int) -> Any:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def make_pipeline(path: Path) -> Language:
    nlp = spacy.blank("es")
    nlp.add_pipe("sentencizer")
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(path)}
    for component in ("sentence_aligner", "word_aligner"):
        nlp.add_pipe(component, config={"model": model})
    return nlp


def aligned(nlp: Language) -> tuple[str, str]:
    english = spacy.blank("en")
    english.add_pipe("sentencizer")
    source = english("Angela Merkel visited Paris . The fox jumps .")
    doc = nlp(parallel(nlp, source, "Angela Merkel visitó París . El zorro salta ."))
    return doc._.sentence_alignment.to_text(), doc._.alignment.to_pharaoh()


def test_the_first_use_of_a_pipeline_may_be_in_many_threads(tiny_bert: Path) -> None:
    expected = aligned(make_pipeline(tiny_bert))
    nlp = make_pipeline(tiny_bert)
    assert at_once(lambda number: aligned(nlp)) == [expected] * THREADS
    # And it is not broken afterwards.
    assert aligned(nlp) == expected


@pytest.mark.parametrize("component", ["word_aligner", "sentence_aligner"])
def test_an_encoder_is_loaded_once_for_all_threads(
    component: str, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []

    def count(name: str, **options: Any) -> Any:
        loaded.append(name)
        return load_encoder(name, **options)

    monkeypatch.setattr("spacy_awesome.encoders.architecture.load_encoder", count)
    pipe: Any = make_pipeline(tiny_bert).get_pipe(component)
    encoders = at_once(lambda number: pipe.aligner.encoder)
    assert loaded == [str(tiny_bert)]
    assert len({id(encoder) for encoder in encoders}) == 1


def test_every_thread_may_make_a_pipeline_of_its_own(tiny_bert: Path) -> None:
    expected = aligned(make_pipeline(tiny_bert))
    assert at_once(lambda number: aligned(make_pipeline(tiny_bert))) == [expected] * THREADS


def test_every_thread_may_load_a_pipeline(tiny_bert: Path, tmp_path: Path) -> None:
    nlp = make_pipeline(tiny_bert)
    expected = aligned(nlp)
    nlp.to_disk(tmp_path)
    assert at_once(lambda number: aligned(spacy.load(tmp_path))) == [expected] * THREADS


def test_encoders_of_several_kinds_load_at_once(tiny_bert: Path, tiny_xlmr: Path, tiny_modernbert: Path) -> None:
    paths = (tiny_bert, tiny_xlmr, tiny_modernbert)

    def weights(number: int) -> dict[str, torch.Tensor]:
        return load_sentence_encoder(str(paths[number % 3])).state_dict()

    expected = [weights(number) for number in range(3)]
    for number, found in enumerate(at_once(weights)):
        assert found.keys() == expected[number % 3].keys()
        assert all(torch.equal(value, expected[number % 3][name]) for name, value in found.items())


def test_a_failure_in_all_threads_leaves_the_lock_free(tmp_path: Path) -> None:
    def message(number: int) -> str:
        with pytest.raises(ValueError) as caught:
            encoder_shim(hf_encoder(str(tmp_path))).encoder  # noqa: B018
        return str(caught.value)

    assert len(set(at_once(message))) == 1
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: LOADING.acquire(timeout=5) and LOADING.release() is None).result()


def test_the_first_use_of_the_package_in_a_process_may_be_in_many_threads() -> None:
    program = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def one(number):\n"
        "    import spacy\n"
        "    from spacy_awesome import parallel\n"
        "    nlp = spacy.blank('es')\n"
        "    nlp.add_pipe('word_aligner')\n"
        "    source = spacy.blank('en')('Ana visited Rome.')\n"
        "    return nlp(parallel(nlp, source, 'Ana visitó Roma.'))._.alignment.to_pharaoh()\n"
        f"with ThreadPoolExecutor({THREADS}) as pool:\n"
        f"    print(set(pool.map(one, range({THREADS}))))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout == "{'0-0 1-1 2-2 3-3'}\n", done.stderr


def free_in_child(results: Any) -> None:
    results.put(LOADING.acquire(timeout=10))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_a_process_that_is_forked_while_a_thread_loads_can_load_too() -> None:
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    holds, stop = threading.Event(), threading.Event()

    def hold() -> None:
        with LOADING:
            holds.set()
            stop.wait(1)

    holder = threading.Thread(target=hold)
    holder.start()
    holds.wait()
    child = context.Process(target=free_in_child, args=(results,))
    child.start()
    child.join(60)
    stop.set()
    assert child.exitcode == 0
    assert results.get()
    holder.join()
