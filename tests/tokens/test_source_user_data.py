"""What is saved of a source Doc with its target, whatever other packages have put on it."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from projection_helpers import make_pair, make_projector, make_source, nlp
from spacy.tokens import Doc, DocBin, Span

from spacy_awesome import SpacyAwesomeWarning, parallel
from spacy_awesome.tokens.checks import WarnOnce


class Foreign:
    """What a component of another package leaves on a Doc."""


LOOP: list[Any] = []
LOOP.append(LOOP)
FOREIGN = {
    "object": Foreign(),
    "tensor": torch.zeros(2),
    "array": np.zeros((3, 4), dtype=np.float32),
    "set": {1, 2},
    "function": len,
    "inner": {"deep": [1, (Foreign(),)]},
    "key": {Foreign: 1},
    "huge": 2**70,
    "surrogate": "\ud800",
    "loop": LOOP,
}
PLAIN = {
    "line": 3,
    "score": 0.5,
    "by": "hand é 😀",
    "data": b"\x00",
    "more": {"a": [1, None, True]},
    "n": np.float32(1),
}


@pytest.fixture(autouse=True)
def warn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    # The function `parallel` hides its module from an import by dots.
    monkeypatch.setattr(import_module("spacy_awesome.tokens.pair"), "_warn_once", WarnOnce())


@pytest.fixture
def extension() -> Iterator[None]:
    Doc.set_extension("theirs", default=None)
    Span.set_extension("theirs", default=None)
    yield
    Doc.remove_extension("theirs")
    Span.remove_extension("theirs")


def projected() -> Doc:
    return make_projector()(make_pair(make_source("Ana left", [(0, 1, "PER")]), "Ana salió", "0-0 1-1"))


def in_bin(doc: Doc) -> Doc:
    return next(DocBin(docs=[doc], store_user_data=True).get_docs(nlp.vocab))


WAYS: dict[str, Callable[[Doc], Doc]] = {
    "bytes": lambda doc: Doc(nlp.vocab).from_bytes(doc.to_bytes()),
    "DocBin": in_bin,
    "pickle": lambda doc: pickle.loads(pickle.dumps(doc)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_user_data_is_left_out_with_a_warning(way: str, kind: str) -> None:
    doc = projected()
    doc._.source.user_data |= {**PLAIN, "theirs": FOREIGN[kind]}
    with pytest.warns(SpacyAwesomeWarning, match=r"\[SA06\] Doc.user_data\['theirs'\] of the source Doc 'Ana left'"):
        copy = WAYS[way](doc)
    assert copy.ents[0]._.source_span.text == "Ana"
    assert copy._.source.user_data == PLAIN
    # The Doc in memory keeps all.
    assert doc._.source.user_data["theirs"] is FOREIGN[kind]


@pytest.mark.usefixtures("extension")
def test_custom_attributes_are_named_and_warned_about_once() -> None:
    docs = [projected() for _ in range(3)]
    for doc in docs:
        doc._.source._.theirs = Foreign()
        doc._.source[0:1]._.theirs = "plain"
    with pytest.warns(SpacyAwesomeWarning) as given:
        copies = [in_bin(doc) for doc in docs]
    (message,) = [str(warning.message) for warning in given]
    assert message.startswith("[SA06] Doc._.theirs of the source Doc 'Ana left' is not saved with its target")
    assert [copy._.source[0:1]._.theirs for copy in copies] == ["plain"] * 3


def test_foreign_attributes_of_span_groups_and_hooks_are_left_out() -> None:
    doc = projected()
    source = doc._.source
    source.spans["sc"] = [Span(source, 0, 2, "X")]
    source.spans["sc"].attrs["theirs"] = Foreign()
    source.spans["other"] = [Span(source, 1, 2, "Y")]
    source.spans["other"].attrs["by"] = "hand"
    source.user_hooks["vector"] = lambda doc: np.zeros(3)
    source.cats["good"] = np.float64(0.5)
    with pytest.warns(SpacyAwesomeWarning) as given:
        copy = in_bin(doc)._.source
    assert [str(warning.message).split(" of ")[0] for warning in given] == ["[SA06] Doc.spans['sc'].attrs"]
    assert [span.label_ for span in copy.spans["sc"]] == ["X"]
    assert (copy.spans["sc"].attrs, copy.spans["other"].attrs) == ({}, {"by": "hand"})
    assert copy.cats == {"good": 0.5}
    assert "theirs" in source.spans["sc"].attrs


def test_tensors_are_not_saved() -> None:
    doc = projected()
    small = len(doc.to_bytes())
    doc._.source.tensor = np.zeros((2, 1000), dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(doc.to_bytes()) == small


def test_a_source_that_is_a_target_itself_keeps_its_own_source() -> None:
    middle = make_pair(make_source("Ana left"), "Ana salió", "0-0 1-1")
    copy = in_bin(make_pair(middle, "Ana partit", "0-0 1-1"))
    assert copy._.source.text == "Ana salió "
    assert copy._.source._.source.text == "Ana left "
    assert copy._.source._.alignment.to_pharaoh() == "0-0 1-1"


def test_two_processes_take_foreign_user_data() -> None:
    pipeline = spacy.blank("es")
    pipeline.add_pipe("span_projector")

    def pair() -> Doc:
        doc = make_pair(make_source("Ana left", [(0, 1, "PER")]), "Ana salió", "0-0 1-1")
        doc._.source.user_data["theirs"] = Foreign()
        found = parallel(pipeline, doc._.source, ["Ana", "salió"])
        found._.parallel.alignment = doc._.alignment
        return found

    with pytest.warns(SpacyAwesomeWarning, match=r"\[SA06\]"):
        docs = list(pipeline.pipe([pair() for _ in range(4)], n_process=2, batch_size=2))
    assert [doc.ents[0]._.source_span.text for doc in docs] == ["Ana"] * 4
