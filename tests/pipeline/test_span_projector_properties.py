"""What holds for every pair, whatever its links: properties of the span projector on random Docs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from projection_helpers import alignments, disjoint_spans, make_projector, nlp
from spacy.tokens import Doc, Span

from spacy_awesome import Parallel, WordAlignment
from spacy_awesome.projection.candidates import RULES

# Words that a tokenizer would make: names, punctuation, quotes, white space.
_words = st.sampled_from(["Ana", "Río", "de", ",", ".", "``", "(", "-", " ", "\n", "🙂", "1984"])
_options = st.fixed_dictionaries(
    {"rule": st.sampled_from(RULES), "assignment": st.sampled_from(["greedy", "exact"]), "overwrite": st.booleans()}
)


@st.composite
def pairs(draw: st.DrawFn) -> Doc:
    """A pair with random words, links, source entities and existing target entities."""
    alignment = draw(alignments())
    source = _draw_doc(draw, alignment.source_length)
    target = _draw_doc(draw, alignment.target_length)
    target._.parallel = Parallel(source, alignment)
    return target


def _draw_doc(draw: st.DrawFn, length: int) -> Doc:
    doc = Doc(nlp.vocab, words=draw(st.lists(_words, min_size=length, max_size=length)))
    doc.ents = [
        Span(doc, start, end, label=draw(st.sampled_from(["PER", "LOC"])))
        for start, end in draw(disjoint_spans(length))
    ]
    return doc


@given(pairs(), _options)
def test_no_target_token_belongs_to_two_entities(doc: Doc, options: dict[str, object]):
    existing = {(ent.start, ent.end, ent.label_) for ent in doc.ents}
    make_projector(**options)(doc)
    tokens = [token.i for ent in doc.ents for token in ent]
    assert len(tokens) == len(set(tokens))
    assert options["overwrite"] or existing <= {(ent.start, ent.end, ent.label_) for ent in doc.ents}


@given(pairs(), _options)
def test_every_source_entity_is_either_projected_or_lost_for_a_reason(doc: Doc, options: dict[str, object]):
    make_projector(**options)(doc)
    report = doc._.projection_report
    assert [(r.source_start, r.source_end) for r in report] == [(e.start, e.end) for e in doc._.source.ents]
    entities = {(ent.start, ent.end, ent.label_) for ent in doc.ents}
    for record in report:
        assert record.projected == (record.reason is None)
        assert 0.0 <= record.score <= 1.0
        if record.projected:
            assert (record.target_start, record.target_end, record.label) in entities


@given(st.data(), st.integers(1, 12), _options)
def test_identical_sentences_project_every_entity_onto_itself(
    data: st.DataObject, length: int, options: dict[str, object]
):
    source = _draw_doc(data.draw, length)
    target = Doc(nlp.vocab, words=[token.text for token in source])
    identity = WordAlignment([(i, i) for i in range(length)], source_length=length, target_length=length)
    target._.parallel = Parallel(source, identity)
    make_projector(**options)(target)
    assert _ents(target) == _ents(source)
    assert all(ent._.projection.score == pytest.approx(1.0) for ent in target.ents)


@given(pairs(), _options)
def test_projecting_again_changes_nothing(doc: Doc, options: dict[str, object]):
    projector = make_projector(**options)
    projector(doc)
    before = (_ents(doc), doc._.projection_report)
    projector(doc)
    assert (_ents(doc), doc._.projection_report) == before


@settings(max_examples=25)
@given(st.lists(pairs(), max_size=4), _options)
def test_a_stream_gives_what_single_calls_give(docs: list[Doc], options: dict[str, object]):
    projector = make_projector(**options)
    singly = [projector(doc.copy()) for doc in docs]
    assert [_ents(doc) for doc in projector.pipe(docs)] == [_ents(doc) for doc in singly]


def _ents(doc: Doc) -> list[tuple[int, int, str]]:
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]
