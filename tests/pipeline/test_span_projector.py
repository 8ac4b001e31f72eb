"""The span projector on Docs built by hand: what it writes, what it reports, how it is saved."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from projection_helpers import make_pair, make_projector, make_source, nlp, project, reasons, texts
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

from spacy_awesome import Parallel, SpacyAwesomeWarning, WordAlignment
from spacy_awesome.pipeline.settings import ProjectionSettings
from spacy_awesome.pipeline.span_projector import SpanProjector, make_span_projector_scorer


def test_entities_that_swap_order_are_both_projected():
    source = make_source("Obama met Merkel .", [(0, 1, "PER"), (2, 3, "PER")])
    doc = project(source, "Merkel traf Obama .", "0-2 1-1 2-0 3-3")
    assert texts(doc.ents) == [("Merkel", "PER"), ("Obama", "PER")]
    assert [ent._.source_span.text for ent in doc.ents] == ["Merkel", "Obama"]


def test_entities_at_the_first_and_last_token():
    source = make_source("Paris is not Rome", [(0, 1, "LOC"), (3, 4, "LOC")])
    doc = project(source, "París no es Roma", "0-0 1-2 2-1 3-3")
    assert texts(doc.ents) == [("París", "LOC"), ("Roma", "LOC")]


def test_repeated_mentions_are_projected_one_to_one():
    source = make_source("Paris , yes Paris", [(0, 1, "LOC"), (3, 4, "LOC")])
    doc = project(source, "París , sí París", "0-0 0-3 1-1 2-2 3-0 3-3")
    assert [(ent.start, ent._.source_span.start) for ent in doc.ents] == [(0, 0), (3, 3)]


def test_an_unaligned_article_inside_is_taken_in():
    source = make_source("The World Bank", [(1, 3, "ORG")])
    assert texts(project(source, "El Banco de Mundo", "0-0 1-3 2-1").ents) == [("Banco de Mundo", "ORG")]


def test_a_comma_linked_to_a_name_stays_outside():
    source = make_source("In Paris we", [(1, 2, "LOC")])
    assert texts(project(source, "En París , nosotros", "0-0 1-1 1-2 2-3").ents) == [("París", "LOC")]


@pytest.mark.parametrize("word", [",", "``", " ", "..."])
def test_a_name_linked_to_no_word_is_lost_as_only_punctuation(word: str):
    source = make_source("Paris", [(0, 1, "LOC")])
    doc = make_projector()(make_pair_of_words(source, [word], "0-0"))
    assert doc.ents == ()
    assert reasons(doc) == ["only_punctuation"]


def make_pair_of_words(source: Doc, words: list[str], links: str) -> Doc:
    doc = Doc(nlp.vocab, words=words)
    doc._.parallel = Parallel(source, WordAlignment.from_pharaoh(links))
    return doc


def test_kb_id_and_span_id_are_carried_over():
    source = make_source("Paris")
    source.ents = [Span(source, 0, 1, label="LOC", kb_id="Q90", span_id="place-1")]
    (ent,) = project(source, "París", "0-0").ents
    assert (ent.label_, ent.kb_id_, ent.id_) == ("LOC", "Q90", "place-1")


def test_kb_id_and_span_id_are_carried_over_to_a_group():
    source = make_source("Paris")
    source.spans["sc"] = [Span(source, 0, 1, label="LOC", kb_id="Q90", span_id="place-1")]
    doc = project(source, "París", "0-0", source_spans="sc", write_to=["sc"])
    (span,) = doc.spans["sc"]
    assert (span.label_, span.kb_id_, span.id_) == ("LOC", "Q90", "place-1")


def test_nested_and_overlapping_spans_of_a_group_are_all_projected():
    group = [(0, 3, "ORG"), (2, 3, "LOC"), (1, 4, "MISC")]
    source = make_source("University of Paris today", sc=group)
    doc = project(source, "Universidad de París hoy", "0-0 1-1 2-2 3-3", source_spans="sc", write_to=["sc"])
    assert [(span.start, span.end, span.label_) for span in doc.spans["sc"]] == group
    assert doc.ents == ()


def test_of_nested_spans_written_to_ents_the_inner_ones_collide():
    source = make_source("University of Paris", sc=[(2, 3, "LOC"), (0, 3, "ORG")])
    doc = project(source, "Universidad de París", "0-0 1-1 2-2", source_spans="sc")
    assert texts(doc.ents) == [("Universidad de París", "ORG")]
    assert reasons(doc) == ["collision", None]


def test_overlaps_can_be_forbidden_in_a_group():
    source = make_source("University of Paris", sc=[(2, 3, "LOC"), (0, 3, "ORG")])
    doc = project(
        source, "Universidad de París", "0-0 1-1 2-2", source_spans="sc", write_to=["sc"], allow_overlap=False
    )
    assert texts(doc.spans["sc"]) == [("Universidad de París", "ORG")]


def test_ents_can_be_written_to_ents_and_a_group():
    source = make_source("Paris", [(0, 1, "LOC")])
    doc = project(source, "París", "0-0", write_to=["ents", "projected"])
    assert texts(doc.ents) == texts(doc.spans["projected"]) == [("París", "LOC")]


def test_labels_are_renamed_and_dropped_by_the_label_map():
    source = make_source("Obama in Paris , Monday", [(0, 1, "PERSON"), (2, 3, "GPE"), (4, 5, "DATE")])
    doc = project(source, "Obama en París , lunes", "0-0 1-1 2-2 3-3 4-4", label_map={"PERSON": "PER", "DATE": None})
    assert texts(doc.ents) == [("Obama", "PER"), ("París", "GPE")]
    assert [(r.label, r.reason) for r in doc._.projection_report] == [
        ("PER", None),
        ("GPE", None),
        ("DATE", "label_dropped"),
    ]


def test_a_dropped_label_leaves_its_tokens_to_others():
    source = make_source("Paris", sc=[(0, 1, "DATE"), (0, 1, "LOC")])
    doc = project(source, "París", "0-0", source_spans="sc", label_map={"DATE": None})
    assert texts(doc.ents) == [("París", "LOC")]


def test_each_projected_span_keeps_its_record():
    source = make_source("Paris", [(0, 1, "LOC")])
    record = project(source, "en París", "0-1", rule="gap").ents[0]._.projection
    assert (record.component, record.group, record.method, record.label) == ("span_projector", "ents", "gap", "LOC")
    assert (record.source_start, record.source_end, record.target_start, record.target_end) == (0, 1, 1, 2)
    assert record.score == 1.0


@pytest.mark.parametrize(
    ("links", "settings", "reason"),
    [
        ("1-1", {}, "unaligned"),
        ("0-0 0-2 1-1", {"min_score": 0.9}, "low_score"),
        ("0-0 0-1 0-2", {"rule": "min_max", "max_span_ratio": 2.0}, "too_long"),
        ("0-0", {"label_map": {"LOC": None}}, "label_dropped"),
    ],
)
def test_a_lost_span_keeps_its_reason(links: str, settings: dict[str, object], reason: str):
    doc = project(make_source("Paris is", [(0, 1, "LOC")]), "París sí es", links, **settings)
    assert doc.ents == ()
    assert reasons(doc) == [reason]


def test_two_entities_on_one_token_collide():
    source = make_source("New York", [(0, 1, "A"), (1, 2, "B")])
    doc = project(source, "Nueva", "0-0 1-0")
    assert texts(doc.ents) == [("Nueva", "A")]
    assert reasons(doc) == [None, "collision"]


def test_existing_entities_are_kept_and_reported():
    doc = make_pair(make_source("Paris or Rome", [(0, 1, "LOC"), (2, 3, "LOC")]), "París o Roma", "0-0 1-1 2-2")
    doc.ents = [Span(doc, 0, 2, label="OLD")]
    make_projector()(doc)
    assert texts(doc.ents) == [("París o", "OLD"), ("Roma", "LOC")]
    assert reasons(doc) == ["existing_entity", None]


def test_overwrite_removes_only_the_entities_in_the_way():
    doc = make_pair(make_source("Paris or Rome", [(0, 1, "LOC")]), "París o Roma", "0-0 1-1 2-2")
    doc.ents = [Span(doc, 0, 2, label="OLD"), Span(doc, 2, 3, label="OLD")]
    make_projector(overwrite=True)(doc)
    assert texts(doc.ents) == [("París", "LOC"), ("Roma", "OLD")]


@pytest.mark.parametrize(("overwrite", "expected"), [(False, ["OLD", "LOC"]), (True, ["LOC"])])
def test_an_existing_group_is_added_to_or_replaced(overwrite: bool, expected: list[str]):
    doc = make_pair(make_source("Paris", [(0, 1, "LOC")]), "París", "0-0")
    doc.spans["sc"] = [Span(doc, 0, 1, label="OLD")]
    doc.spans["sc"].attrs["by"] = "hand"
    make_projector(write_to=["sc"], overwrite=overwrite)(doc)
    assert [span.label_ for span in doc.spans["sc"]] == expected
    assert doc.spans["sc"].attrs == {"by": "hand"}


@pytest.mark.parametrize("write_to", [["ents"], ["sc"], ["ents", "sc"]])
def test_running_again_changes_nothing(write_to: list[str]):
    projector = make_projector(write_to=write_to)
    doc = projector(make_pair(make_source("Paris", [(0, 1, "LOC")]), "París", "0-0"))
    before = (texts(doc.ents), texts(doc.spans.get("sc", [])), doc._.projection_report)
    projector(doc)
    assert (texts(doc.ents), texts(doc.spans.get("sc", [])), doc._.projection_report) == before


def test_running_again_follows_new_links():
    projector = make_projector()
    doc = projector(make_pair(make_source("Paris", [(0, 1, "LOC")]), "a París", "0-0"))
    doc._.parallel.alignment = WordAlignment.from_pharaoh("0-1")
    assert texts(projector(doc).ents) == [("París", "LOC")]
    assert len(doc._.projection_report) == 1


def test_several_projectors_on_one_doc_keep_their_own_records():
    doc = make_pair(make_source("Obama in Paris", [(0, 1, "PER")], sc=[(0, 3, "S")]), "Obama en París", "0-0 1-1 2-2")
    ents, groups = make_projector("entities"), make_projector("groups", source_spans="sc", write_to=["sc"])
    for projector in (ents, groups, ents):
        projector(doc)
    assert [(r.component, r.label) for r in doc._.projection_report] == [("groups", "S"), ("entities", "PER")]
    assert (texts(doc.ents), texts(doc.spans["sc"])) == ([("Obama", "PER")], [("Obama en París", "S")])


def test_a_doc_without_source_entities_is_annotated_as_having_none():
    doc = project(make_source("Good morning"), "Buenos días", "0-0 1-1")
    assert doc.ents == ()
    assert doc.has_annotation("ENT_IOB")
    assert doc._.projection_report == ()


def test_empty_docs_are_projected():
    doc = Doc(nlp.vocab)
    doc._.parallel = Parallel(
        make_source("Paris", [(0, 1, "LOC")]), WordAlignment([], source_length=1, target_length=0)
    )
    assert reasons(make_projector()(doc)) == ["unaligned"]
    empty = Doc(nlp.vocab)
    empty._.parallel = Parallel(Doc(nlp.vocab), WordAlignment([], source_length=0, target_length=0))
    assert reasons(make_projector()(empty)) == []


def test_docs_without_a_pair_or_links_pass_through_with_one_warning_of_each():
    def unpaired() -> Doc:
        doc = Doc(nlp.vocab, words=["París"])
        doc.ents = [Span(doc, 0, 1, label="LOC")]
        return doc

    unaligned = unpaired()
    unaligned._.parallel = Parallel(make_source("Paris"))
    with pytest.warns(SpacyAwesomeWarning) as given:
        docs = list(make_projector().pipe([unpaired(), unpaired(), unaligned, unpaired()]))
    assert [texts(doc.ents) for doc in docs] == [[("París", "LOC")]] * 4
    messages = [str(warning.message) for warning in given]
    assert ["[SA01]" in message for message in messages] == [True, False]
    assert "[SA02] span_projector: a Doc has no word alignment" in messages[1]


def test_a_source_without_the_span_group_is_warned_about():
    with pytest.warns(SpacyAwesomeWarning, match=r"\[SA03\] .*no span group 'typo'"):
        doc = project(make_source("Paris"), "París", "0-0", source_spans="typo")
    assert doc._.projection_report == ()


def test_predict_writes_nothing():
    doc = make_pair(make_source("Paris", [(0, 1, "LOC")]), "París", "0-0")
    ((projected,),) = make_projector().predict([doc])
    assert projected.span.text == "París"
    assert (doc.ents, doc._.projection_report) == ((), ())


def test_links_over_other_source_tokens_are_an_error():
    doc = make_pair(make_source("Paris", [(0, 1, "LOC")]), "París", "0-0")
    doc._.parallel.alignment = WordAlignment([], source_length=3, target_length=1)
    with pytest.raises(ValueError, match="over 3 source tokens, but the source Doc now has 1"):
        make_projector()(doc)


def test_one_bad_pair_never_loses_the_batch():
    good = [make_pair(make_source("Paris", [(0, 1, "LOC")]), "París", "0-0") for _ in range(2)]
    bad = make_pair(make_source("Paris", [(0, 1, "LOC")]), "mal", "0-0")
    bad._.parallel.alignment = WordAlignment([], source_length=3, target_length=1)
    failed: list[str] = []
    projector = make_projector()
    projector.set_error_handler(lambda name, proc, docs, error: failed.extend(doc[0].text for doc in docs))
    docs = list(projector.pipe([good[0], bad, good[1]]))
    assert [texts(doc.ents) for doc in docs] == [[("París", "LOC")]] * 2
    assert failed == ["mal"]


SETTINGS = {
    "source_spans": "sc",
    "write_to": ["a", "b"],
    "rule": "gap",
    "max_gap": 2,
    "assignment": "exact",
    "min_score": 0.25,
    "max_span_ratio": 3.0,
    "label_map": {"A": "B", "C": None},
    "overwrite": True,
    "allow_overlap": False,
}


def test_a_pipeline_with_the_component_is_saved_and_loaded(tmp_path: Path):
    pipeline = spacy.blank("es")
    pipeline.add_pipe("span_projector", config=SETTINGS)
    pipeline.to_disk(tmp_path)
    loaded = spacy.load(tmp_path).get_pipe("span_projector")
    assert isinstance(loaded, SpanProjector)
    assert loaded.settings == ProjectionSettings(**SETTINGS)


def test_a_saved_pipeline_can_be_loaded_with_other_settings(tmp_path: Path):
    pipeline = spacy.blank("es")
    pipeline.add_pipe("span_projector")
    pipeline.to_disk(tmp_path)
    loaded = spacy.load(tmp_path, config={"components": {"span_projector": {"min_score": 0.9}}})
    assert loaded.get_pipe("span_projector").settings.min_score == 0.9


def test_the_default_config_holds_the_default_settings():
    projector = spacy.blank("es").add_pipe("span_projector")
    assert projector.settings == ProjectionSettings()


def test_projections_survive_a_doc_bin():
    doc = project(make_source("Paris", [(0, 1, "LOC")]), "París", "0-0")
    (loaded,) = DocBin(docs=[doc], store_user_data=True).get_docs(nlp.vocab)
    assert loaded.ents[0]._.projection == doc.ents[0]._.projection
    assert loaded.ents[0]._.source_span.text == "Paris"


def scored_examples() -> list[Example]:
    source = make_source("Obama in Paris , Rome", [(0, 1, "PER"), (2, 3, "LOC"), (4, 5, "LOC")])
    predicted = project(source, "Obama en París , Roma", "0-0 1-1 2-1")
    return [Example(predicted, make_source("Obama en París , Roma", [(0, 1, "PER"), (2, 3, "LOC")]))]


def test_the_scorer_scores_entities_and_counts_what_was_lost():
    projector = SpanProjector(nlp.vocab, scorer=make_span_projector_scorer())
    scores = projector.score(scored_examples())
    assert (scores["ents_p"], scores["ents_r"]) == (0.5, 0.5)
    assert scores["ents_per_type"]["PER"]["f"] == 1.0
    assert (scores["projection_projected"], scores["projection_lost"]) == (2, 1)
    assert scores["projection_lost_per_reason"] == {"unaligned": 1}


def test_the_scorer_counts_the_projections_of_its_component_only():
    scores = SpanProjector(nlp.vocab, "another", scorer=make_span_projector_scorer()).score(scored_examples())
    assert (scores["projection_projected"], scores["projection_lost"]) == (0, 0)


def test_the_scorer_scores_span_groups():
    settings = ProjectionSettings(source_spans="sc", write_to=["sc"])
    projector = SpanProjector(nlp.vocab, settings=settings, scorer=make_span_projector_scorer())
    spans = [(0, 3, "ORG"), (2, 3, "LOC")]
    predicted = projector(make_pair(make_source("Bank of Paris", sc=spans), "Banco de París", "0-0 1-1 2-2"))
    scores = projector.score([Example(predicted, make_source("Banco de París", sc=[*spans, (1, 2, "X")]))])
    assert (scores["spans_sc_p"], scores["spans_sc_r"]) == (1.0, pytest.approx(2 / 3))


def test_without_a_scorer_there_are_no_scores():
    assert make_projector().score(scored_examples()) == {}
