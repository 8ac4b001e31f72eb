"""Recognisers that vote: what the majority says, and pipelines that are trained, saved and loaded with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.cli.train import train
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

from spacy_awesome.pipeline.entity_vote import EntityBallot, EntityVote
from spacy_awesome.pipeline.settings import EntityVoteSettings

ROOT = Path(__file__).parents[2]
LENGTH = 8
VOCAB = spacy.blank("en").vocab

Entity = tuple[int, int, str]


@st.composite
def entities(draw: st.DrawFn) -> list[Entity]:
    """Spans that do not overlap."""
    edges = sorted(draw(st.sets(st.integers(0, LENGTH))))
    labels = st.sampled_from(["PER", "LOC", None])
    spans = [(start, end, draw(labels)) for start, end in zip(edges, edges[1:], strict=False)]
    return [(start, end, label) for start, end, label in spans if label is not None]


def doc_with(ballots: list[list[Entity]]) -> Doc:
    doc = Doc(VOCAB, words=["w"] * LENGTH)
    for number, spans in enumerate(ballots):
        doc.spans[str(number)] = [Span(doc, *span) for span in spans]
    return doc


def make_vote(ballots: list[str], min_votes: int | None = None) -> EntityVote:
    return EntityVote(settings=EntityVoteSettings(ballots=ballots, min_votes=min_votes))


def found(doc: Doc) -> list[Entity]:
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]


@given(ballots=st.lists(entities(), min_size=1, max_size=5), extra=st.integers(0, 4))
def test_an_entity_has_the_votes_that_it_needs(ballots: list[list[Entity]], extra: int) -> None:
    needed = min(len(ballots) // 2 + 1 + extra, len(ballots))
    vote = make_vote([str(number) for number in range(len(ballots))], needed)
    everything = {span for spans in ballots for span in spans}
    wanted = sorted(span for span in everything if sum(span in spans for spans in ballots) >= needed)
    assert found(vote(doc_with(ballots))) == wanted


def test_a_tie_is_no_majority() -> None:
    doc = doc_with([[(0, 1, "PER")], [(0, 1, "LOC")]])
    assert found(make_vote(["0", "1"])(doc)) == []


@pytest.fixture
def rulers() -> Language:
    """Three recognisers that agree on some words; each would keep the entities of those before it."""
    nlp = spacy.blank("en")
    for number, patterns in enumerate(
        ({"Rome": "LOC"}, {"Rome": "PER", "Paris": "LOC"}, {"Rome": "LOC", "Ada": "PER"})
    ):
        ruler = nlp.add_pipe("entity_ruler", name=f"ruler_{number}")
        ruler.add_patterns([{"label": label, "pattern": word} for word, label in patterns.items()])  # type: ignore[attr-defined]
        nlp.add_pipe("entity_ballot", name=f"ballot_{number}")
    nlp.add_pipe("entity_vote", config={"ballots": [f"ballot_{number}" for number in range(3)]})
    return nlp


def test_each_recogniser_starts_anew(rulers: Language) -> None:
    doc = rulers("Ada left Rome for Paris")
    assert [(span.text, span.label_) for span in doc.spans["ballot_1"]] == [("Rome", "PER"), ("Paris", "LOC")]
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Rome", "LOC")]
    assert not any(token.ent_iob_ == "" for token in doc)


def test_the_vote_is_scored(rulers: Language, make_doc: Callable[..., Doc]) -> None:
    reference = make_doc("Ada left Rome", [(0, 1, "PER"), (2, 3, "LOC")])
    scores = rulers.evaluate([Example(rulers.make_doc(reference.text), reference)])
    assert (scores["ents_p"], scores["ents_r"]) == (1.0, 0.5)


def test_what_an_entity_is_linked_to_stays() -> None:
    doc = Doc(VOCAB, words=["Rome"])
    doc.set_ents([Span(doc, 0, 1, "LOC", kb_id="Q220", span_id="x")])
    ent = make_vote(["first"])(EntityBallot("first")(doc)).ents[0]
    assert (ent.kb_id_, ent.id_) == ("Q220", "x")


def test_a_missing_group_is_named() -> None:
    with pytest.raises(ValueError, match=r"no span group 'b'; it has \['0'\]"):
        make_vote(["0", "b"])(doc_with([[]]))


def test_overlapping_spans_are_no_entities() -> None:
    with pytest.raises(ValueError, match="group '0' overlap"):
        make_vote(["0"])(doc_with([[(0, 2, "PER"), (1, 3, "PER")]]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ballots": []}, "list of different span groups"),
        ({"ballots": ["a", "a"]}, "list of different span groups"),
        ({"ballots": ["a", "b"], "min_votes": 1}, "between 2 and 2 for 2 ballots .*, got 1"),
        ({"ballots": ["a", "b", "c"], "min_votes": 4}, "between 2 and 3"),
    ],
)
def test_other_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spacy.blank("en").add_pipe("entity_vote", config=settings)


def test_the_committee_is_trained_apart_saved_and_loaded(tmp_path: Path, make_doc: Callable[..., Doc]) -> None:
    docs = [make_doc("Ada visited Rome", [(0, 1, "PER"), (2, 3, "LOC")]), make_doc("Paris welcomed", [(0, 1, "LOC")])]
    data = tmp_path / "data.spacy"
    DocBin(docs=docs * 20).to_disk(data)
    overrides = {"paths.train": str(data), "paths.dev": str(data), "training.max_steps": 40}
    overrides |= {"training.eval_frequency": 20}
    train(ROOT / "configs" / "ner_committee.cfg", tmp_path / "ner", overrides=overrides)
    nlp = spacy.load(tmp_path / "ner" / "model-last")
    members = [nlp.get_pipe(name) for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == "ner"]
    assert len({member.model.to_bytes() for member in members}) == len(members) == 3  # type: ignore[attr-defined]
    scores = nlp.evaluate([Example(Doc(nlp.vocab, words=[token.text for token in doc]), doc) for doc in docs])
    assert scores["ents_f"] == 1.0
