"""What all components share: pure prediction, what errors cost, saving, and warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span

from spacy_awesome import SentenceAlignment, SpacyAwesomeWarning, WordAlignment, parallel
from spacy_awesome.pipeline.base import Component

NAMES = ["word_aligner", "sentence_aligner", "span_projector", "entity_ballot", "entity_vote"]
WITH_MODEL = NAMES[:2]


@pytest.fixture
def nlp(tiny_bert: Path) -> Language:
    """All components; each test takes the one that it is about."""
    nlp = spacy.blank("es")
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(tiny_bert), "layer": 2}
    for name in NAMES:
        nlp.add_pipe(name, config={"model": model} if name in WITH_MODEL else {})
    return nlp


@pytest.fixture(params=NAMES)
def component(request: pytest.FixtureRequest, nlp: Language) -> Component[Any]:
    found: Component[Any] = nlp.get_pipe(request.param)  # type: ignore[assignment]
    return found


def make_doc(nlp: Language) -> Doc:
    """A Doc that each of the components has something to do with."""
    english = spacy.blank("en")
    source = Doc(english.vocab, words=["Obama", "left"], ents=["B-PER", "O"], sent_starts=[True, False])
    doc = parallel(nlp, source, Doc(nlp.vocab, words=["Obama", "salió"], sent_starts=[True, False]))
    doc._.parallel.alignment = WordAlignment.from_pharaoh("0-0 1-1", source_length=2, target_length=2)
    doc._.parallel.sentence_alignment = SentenceAlignment([(0, 1, 0, 1)], source_length=1, target_length=1)
    doc.ents = [Span(doc, 1, 2, "OLD")]
    doc.spans["entity_ballot"] = [Span(doc, 0, 1, "PER")]
    return doc


def fail_at(component: Component[Any], method: str, bad: Doc) -> list[int]:
    """Let a method fail at one Doc. Returns a list that grows by the number of Docs of each call."""
    calls: list[int] = []
    real: Callable[..., Any] = getattr(component, method)

    def failing(docs: Iterable[Doc], *predictions: Any) -> Any:
        docs = list(docs)
        calls.append(len(docs))
        if any(doc is bad for doc in docs):
            raise RuntimeError("bad Doc")
        return real(docs, *predictions)

    setattr(component, method, failing)
    return calls


def test_prediction_changes_no_doc_and_annotation_does(component: Component[Any], nlp: Language) -> None:
    doc = make_doc(nlp)
    before = doc.to_bytes()
    predictions = component.predict([doc])
    assert len(predictions) == 1
    assert doc.to_bytes() == before
    component.set_annotations([doc], predictions)
    assert doc.to_bytes() == component(make_doc(nlp)).to_bytes() != before


@pytest.mark.parametrize("method", ["predict", "set_annotations"])
def test_an_error_handler_drops_the_failed_doc_alone(component: Component[Any], nlp: Language, method: str) -> None:
    docs = [make_doc(nlp) for _ in range(4)]
    expected = [component(make_doc(nlp)).to_bytes()] * 3
    fail_at(component, method, docs[1])
    failed: list[tuple[str, object, list[Doc], str]] = []
    component.set_error_handler(lambda name, proc, docs, error: failed.append((name, proc, docs, str(error))))
    done = list(component.pipe(docs))
    assert done == [docs[0], *docs[2:]]
    assert [doc.to_bytes() for doc in done] == expected
    assert component(docs[1]) is None
    assert failed == [(component.name, component, [docs[1]], "bad Doc")] * 2


@pytest.mark.parametrize("method", ["predict", "set_annotations"])
def test_without_an_error_handler_the_error_is_raised(component: Component[Any], nlp: Language, method: str) -> None:
    bad = make_doc(nlp)
    fail_at(component, method, bad)
    with pytest.raises(RuntimeError, match="bad Doc"):
        component(bad)
    with pytest.raises(RuntimeError, match="bad Doc"):
        list(component.pipe([make_doc(nlp), bad]))


def test_only_a_failed_batch_is_predicted_doc_by_doc(component: Component[Any], nlp: Language) -> None:
    docs = [make_doc(nlp) for _ in range(6)]
    calls = fail_at(component, "predict", docs[4])
    component.set_error_handler(lambda *_: None)
    assert len(list(component.pipe(docs, batch_size=3))) == 5
    assert calls == [3, 3, 1, 1, 1]


def test_a_saved_component_does_the_same(component: Component[Any], nlp: Language, tmp_path: Path) -> None:
    done = component(make_doc(nlp)).to_bytes()
    twin = type(nlp).from_config(nlp.config).get_pipe(component.name).from_bytes(component.to_bytes())
    assert twin(make_doc(nlp)).to_bytes() == done
    component.to_disk(tmp_path / "folder")
    assert (tmp_path / "folder").exists() == (component.name in WITH_MODEL)
    twin = type(nlp).from_config(nlp.config).get_pipe(component.name).from_disk(tmp_path / "folder")
    assert twin(make_doc(nlp)).to_bytes() == done
    assert len(component.to_bytes(exclude=["model"])) < 10


def test_a_word_aligner_that_an_older_version_saved_is_read(nlp: Language, tmp_path: Path) -> None:
    component = nlp.get_pipe("word_aligner")
    TrainablePipe.to_disk(component, tmp_path / "folder")
    assert component.from_disk(tmp_path / "folder") is component
    assert component.from_bytes(TrainablePipe.to_bytes(component)) is component


def test_a_pipeline_of_all_components_is_saved_and_loaded(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded(make_doc(loaded)).to_bytes() == nlp(make_doc(nlp)).to_bytes()


@pytest.mark.parametrize("name", ["word_aligner", "sentence_aligner", "span_projector"])
def test_a_doc_without_a_source_gets_one_warning(nlp: Language, name: str) -> None:
    component = nlp.get_pipe(name)
    with pytest.warns(SpacyAwesomeWarning) as given:
        docs = list(component.pipe([nlp.make_doc("Uno"), nlp.make_doc("Dos")], batch_size=1))
    assert [doc.text for doc in docs] == ["Uno", "Dos"]
    (message,) = [str(warning.message) for warning in given]
    assert message.startswith(f"[SA01] {name}: a Doc ")
    assert "spacy_awesome.parallel()" in message


def test_warnings_can_be_turned_off_by_code_and_into_errors(nlp: Language) -> None:
    component = nlp.get_pipe("span_projector")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=r"\[SA01\]")
        component(nlp.make_doc("Uno"))
    component = type(nlp).from_config(nlp.config).get_pipe("span_projector")
    with warnings.catch_warnings():
        warnings.simplefilter("error", category=SpacyAwesomeWarning)
        for _ in range(2):
            with pytest.raises(SpacyAwesomeWarning):
                component(nlp.make_doc("Uno"))


def test_analyze_pipes_misses_the_aligner_of_a_projector() -> None:
    nlp = spacy.blank("es")
    nlp.add_pipe("span_projector")
    assert nlp.analyze_pipes()["problems"] == {"span_projector": ["doc._.alignment"]}
    nlp.add_pipe("word_aligner", first=True)
    nlp.add_pipe("sentencizer", first=True)
    nlp.add_pipe("sentence_aligner", after="sentencizer")
    nlp.add_pipe("entity_ballot")
    nlp.add_pipe("entity_vote")
    assert not any(nlp.analyze_pipes()["problems"].values())
