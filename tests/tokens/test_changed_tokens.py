"""Pairs whose tokens are merged or split after projection: never another entity's source."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from projection_helpers import make_projector, make_source
from projection_helpers import nlp as spanish
from spacy.tokens import Doc, DocBin

from spacy_awesome import Parallel, WordAlignment, parallel
from spacy_awesome.formats.jsonl import doc_record
from spacy_awesome.tokens.extensions import get_projection, get_source_span
from spacy_awesome.tokens.pair import token_fingerprint
from spacy_awesome.tokens.projection import Projection
from spacy_awesome.transfer.corpus import pair_facts
from spacy_awesome.visualize import link_diagram, render, render_terminal

WORDS = "Ana Maria Vidal , Leo , Mia met in Rome"
ENTITIES = [(0, 3, "PER"), (4, 5, "PER"), (6, 7, "PER"), (9, 10, "LOC")]


def make_projected() -> Doc:
    doc = parallel(spanish, make_source(WORDS, ENTITIES), WORDS.split())
    pharaoh = " ".join(f"{i}-{i}" for i in range(len(doc)))
    doc._.parallel.alignment = WordAlignment.from_pharaoh(pharaoh, source_length=len(doc), target_length=len(doc))
    return make_projector()(doc)


def merge_entities(doc: Doc) -> None:
    spacy.blank("en").create_pipe("merge_entities")(doc)


def split_first(doc: Doc) -> None:
    with doc.retokenize() as retokenizer:
        retokenizer.split(doc[0], ["A", "na"], heads=[doc[0], doc[0]])


def merge_and_split(doc: Doc) -> None:
    """As many tokens as before, but others."""
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[1:3])
    split_first(doc)


CHANGES = [merge_entities, split_first, merge_and_split]
READERS = {
    "report": lambda doc: doc._.projection_report,
    "jsonl": doc_record,
    "corpus": pair_facts,
    "diagram": link_diagram,
    "page": lambda doc: render([doc]),
    "terminal": render_terminal,
}


def side_of(doc: Doc, side: str) -> Doc:
    return doc if side == "target" else doc._.source


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("side", ["source", "target"])
def test_spans_have_no_projection_any_more(change: Callable[[Doc], None], side: str) -> None:
    doc = make_projected()
    assert [ent._.source_span.text for ent in doc.ents] == [ent.text for ent in doc.ents]
    change(side_of(doc, side))
    for span in [*doc.ents, *(doc[i : i + 1] for i in range(len(doc)))]:
        assert get_projection(span) is None
        assert get_source_span(span) is None


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("side", ["source", "target"])
def test_every_reader_of_the_whole_report_says_so(change: Callable[[Doc], None], side: str, reader: str) -> None:
    doc = make_projected()
    assert READERS[reader](doc)
    change(side_of(doc, side))
    with pytest.raises(ValueError, match=rf"{side} (Doc|tokens)"):
        READERS[reader](doc)


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_change_before_saving_is_known_after_loading(side: str) -> None:
    doc = make_projected()
    merge_and_split(side_of(doc, side))
    (loaded,) = DocBin(docs=[doc], store_user_data=True).get_docs(spanish.vocab)
    assert [ent._.source_span for ent in loaded.ents] == [None] * len(loaded.ents)
    with pytest.raises(ValueError, match=f"this pair's {side} Doc"):
        _ = loaded._.projection_report


def test_records_without_a_fingerprint_are_checked_by_the_number_of_tokens() -> None:
    doc = make_projected()
    old = doc._.parallel.to_dict()
    del old["projected_tokens"]
    doc._.parallel = Parallel.from_dict(old)
    assert doc.ents[0]._.source_span.text == "Ana Maria Vidal"
    doc.user_data["spacy_awesome.parallel"] = Parallel.from_dict(old)
    merge_entities(doc)
    assert doc.ents[0]._.source_span is None


def test_aligning_and_projecting_again_is_all_that_is_needed() -> None:
    doc = make_projected()
    merge_entities(doc)
    doc.ents = []
    links = "0-0 1-0 2-0 3-1 4-2 5-3 6-4 7-5 8-6 9-7"
    doc._.parallel.alignment = WordAlignment.from_pharaoh(links, source_length=10, target_length=8)
    make_projector()(doc)
    assert [ent._.source_span.text for ent in doc.ents] == ["Ana Maria Vidal", "Leo", "Mia", "Rome"]
    assert len(doc._.projection_report) == 4


def test_records_of_other_components_about_other_tokens_go() -> None:
    doc = make_projected()
    merge_and_split(doc)
    make_projector("second", write_to=["sc"])(doc)
    assert {record.component for record in doc._.projection_report} == {"second"}


def test_records_written_by_hand_count_from_when_they_are_set() -> None:
    source = make_source("Paris Rome", [(0, 1, "LOC")])
    doc = Doc(spanish.vocab, words=["París", "Roma"])
    doc._.parallel = Parallel(source, projections=[Projection("p", "ents", 0, 1, "LOC", "link_f1", 0, 1, 1.0)])
    assert len(doc._.projection_report) == 1
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
    with pytest.raises(ValueError, match="this pair's target Doc"):
        _ = doc._.projection_report


@given(
    st.lists(st.text("ab", min_size=1, max_size=3), max_size=5),
    st.lists(st.text("ab", min_size=1, max_size=3), max_size=5),
)
def test_fingerprints_differ_where_boundaries_do(first: list[str], second: list[str]) -> None:
    same = [len(word) for word in first] == [len(word) for word in second]
    a, b = (token_fingerprint(Doc(spanish.vocab, words=words)) for words in (first, second))
    assert (a == b) == same
