"""Pairs of Docs through everything that spaCy does with a Doc."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import spacy
from spacy.attrs import LANG
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span, Token
from spacy.vocab import Vocab

from spacy_awesome import Parallel, SpacyAwesomeWarning, WordAlignment, parallel, parallel_stream, register_extensions
from spacy_awesome.tokens.projection import Projection

MakeDoc = Callable[..., Doc]


@pytest.fixture(scope="module")
def nlp() -> Language:
    """The default chain, with the bundled encoder."""
    nlp = spacy.blank("es")
    nlp.add_pipe("word_aligner")
    nlp.add_pipe("span_projector")
    return nlp


SOURCE = ("Angela Merkel visited Paris .", [(0, 2, "PER"), (3, 4, "LOC")])
TARGET = "Angela Merkel visitó París ."
PROJECTED = [("Angela Merkel", "PER"), ("París", "LOC")]


def ents(doc: Doc) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]


@pytest.fixture
def aligned(nlp: Language, make_doc: MakeDoc) -> Doc:
    """A pair with links and a projection written by hand."""
    doc = parallel(nlp, make_doc(*SOURCE), TARGET)
    doc._.parallel.alignment = WordAlignment.from_pharaoh("0-0 1-1 2-2 3-3 4-4")
    doc._.parallel.projections = (Projection("p", "ents", 0, 2, "PER", "link_f1", 0, 2, 0.9),)
    doc.ents = [Span(doc, 0, 2, label="PER")]
    return doc


def check_same(copy: Doc, original: Doc) -> None:
    assert copy.text == original.text
    assert copy._.source.text == original._.source.text
    assert [(e.text, e.label_) for e in copy._.source.ents] == [(e.text, e.label_) for e in original._.source.ents]
    assert copy._.alignment == original._.alignment
    assert copy._.projection_report == original._.projection_report


def test_entities_stand_on_the_translation(nlp: Language, make_doc: MakeDoc) -> None:
    doc = nlp(parallel(nlp, make_doc(*SOURCE), TARGET))
    assert ents(doc) == PROJECTED
    assert doc.ents[1]._.source_span.text == "Paris"
    assert doc.ents[1]._.projection.score > 0.5


def test_target_as_text_words_or_doc(nlp: Language, make_doc: MakeDoc) -> None:
    source = make_doc("One house")
    for target in ("Una casa", ["Una", "casa"], nlp.make_doc("Una casa")):
        assert [token.text for token in parallel(nlp, source, target)] == ["Una", "casa"]


def test_source_as_text_is_refused_with_advice(nlp: Language) -> None:
    with pytest.raises(TypeError, match="Run the source pipeline first"):
        parallel(nlp, "One house", "Una casa")  # type: ignore[arg-type]


def test_target_doc_of_another_pipeline_is_refused(nlp: Language, make_doc: MakeDoc) -> None:
    with pytest.raises(ValueError, match="another vocab"):
        parallel(nlp, make_doc("One"), spacy.blank("es")("Uno"))


def test_stream_is_read_lazily_and_once(nlp: Language, make_doc: MakeDoc) -> None:
    read = []

    def pairs() -> Iterator[tuple[Doc, str]]:
        for n in range(100):
            read.append(n)
            yield make_doc(*SOURCE), TARGET

    docs = nlp.pipe(parallel_stream(nlp, pairs()), batch_size=4)
    assert read == []
    assert ents(next(docs)) == PROJECTED
    assert len(read) < 20
    assert all(ents(doc) == PROJECTED for doc in docs)
    assert read == list(range(100))


@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_batches_keep_pairs_together(nlp: Language, make_doc: MakeDoc, batch_size: int) -> None:
    words = ["Paris", "Berlin", "London", "Madrid", "Rome"]
    pairs = [(make_doc(f"In {word} .", [(1, 2, "LOC")]), f"En {word} .") for word in words]
    docs = list(nlp.pipe(parallel_stream(nlp, pairs), batch_size=batch_size))
    assert [doc._.source[1].text for doc in docs] == words
    assert [ents(doc) for doc in docs] == [[(word, "LOC")] for word in words]


def test_pipe_as_tuples_keeps_contexts(nlp: Language, make_doc: MakeDoc) -> None:
    pairs = [(parallel(nlp, make_doc(*SOURCE), TARGET), n) for n in range(3)]
    assert [(ents(doc), n) for doc, n in nlp.pipe(pairs, as_tuples=True)] == [(PROJECTED, n) for n in range(3)]


def test_two_processes_after_torch_has_run_in_the_parent(nlp: Language, make_doc: MakeDoc) -> None:
    list(nlp.pipe([parallel(nlp, make_doc(*SOURCE), TARGET) for _ in range(8)]))
    assert multiprocessing.get_start_method() == "fork"
    pairs = [(make_doc(*SOURCE), TARGET) for _ in range(12)]
    docs = list(nlp.pipe(parallel_stream(nlp, pairs), n_process=2, batch_size=3))
    assert len(docs) == 12
    for doc in docs:
        assert ents(doc) == PROJECTED
        assert doc._.source.text == SOURCE[0] + " "


def test_bytes(aligned: Doc, nlp: Language) -> None:
    check_same(Doc(nlp.vocab).from_bytes(aligned.to_bytes()), aligned)


def test_bytes_of_a_source_that_was_never_looked_at(aligned: Doc, nlp: Language) -> None:
    once = Doc(nlp.vocab).from_bytes(aligned.to_bytes())
    twice = Doc(nlp.vocab).from_bytes(once.to_bytes())
    check_same(twice, aligned)


def test_source_keeps_its_language_and_user_data(nlp: Language, make_doc: MakeDoc) -> None:
    source = make_doc(*SOURCE, nlp=spacy.blank("de"))
    source.user_data["origin"] = "line 3"
    copy = Doc(nlp.vocab).from_bytes(parallel(nlp, source, TARGET).to_bytes())
    assert copy._.source.lang_ == "de"
    assert copy._.source.user_data["origin"] == "line 3"


def test_doc_bin(aligned: Doc) -> None:
    data = DocBin(docs=[aligned, aligned], store_user_data=True).to_bytes()
    for doc in DocBin().from_bytes(data).get_docs(spacy.blank("es").vocab):
        check_same(doc, aligned)


def test_pickle(aligned: Doc) -> None:
    check_same(pickle.loads(pickle.dumps(aligned)), aligned)


def test_copy_shares_the_source_but_not_the_annotations(aligned: Doc) -> None:
    copy = aligned.copy()
    check_same(copy, aligned)
    assert copy._.source is aligned._.source
    copy._.parallel.alignment = WordAlignment([], source_length=5, target_length=5)
    assert len(aligned._.alignment) == 5


def test_saved_and_loaded_pipeline_does_the_same(nlp: Language, make_doc: MakeDoc, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.pipe_names == ["word_aligner", "span_projector"]
    before, after = (n(parallel(n, make_doc(*SOURCE), TARGET)) for n in (nlp, loaded))
    check_same(after, before)
    assert ents(after) == PROJECTED


def test_spacy_apply_on_paired_docs(nlp: Language, make_doc: MakeDoc, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path / "model")
    doc = parallel(nlp, make_doc(*SOURCE), TARGET)
    DocBin(docs=[doc, doc], store_user_data=True).to_disk(tmp_path / "in.spacy")
    command = [sys.executable, "-m", "spacy", "apply", "model", "in.spacy", "out.spacy"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    docs = list(DocBin().from_disk(tmp_path / "out.spacy").get_docs(nlp.vocab))
    assert [ents(doc) for doc in docs] == [PROJECTED, PROJECTED]
    assert docs[0]._.source.text == doc._.source.text


def test_select_pipes_runs_the_aligner_alone(nlp: Language, make_doc: MakeDoc) -> None:
    with nlp.select_pipes(enable="word_aligner"):
        doc = nlp(parallel(nlp, make_doc(*SOURCE), TARGET))
    assert doc.ents == ()
    assert len(doc._.alignment) > 3
    assert ents(nlp.get_pipe("span_projector")(doc)) == PROJECTED


def test_error_handler_loses_only_the_bad_pair(make_doc: MakeDoc) -> None:
    nlp = spacy.blank("es")
    nlp.add_pipe("word_aligner")
    nlp.add_pipe("span_projector")
    docs = [parallel(nlp, make_doc(*SOURCE), TARGET) for _ in range(5)]
    broken = Parallel.from_dict({**docs[2]._.parallel.to_dict(), "source": b"broken"})
    docs[2]._.parallel = broken
    failed: list[Doc] = []
    nlp.set_error_handler(lambda name, component, docs, error: failed.extend(docs))
    done = list(nlp.pipe(docs))
    assert [ents(doc) for doc in done] == [PROJECTED] * 4
    assert failed == [docs[2]]


def test_analyze_pipes_finds_no_problem(nlp: Language) -> None:
    analysis = nlp.analyze_pipes()
    assert analysis["problems"] == {"word_aligner": [], "span_projector": []}
    assert "doc._.alignment" in analysis["summary"]["word_aligner"]["assigns"]


def test_docs_without_a_pair_pass_unchanged(nlp: Language) -> None:
    doc = nlp("Una casa")
    assert (doc._.parallel, doc._.source, doc._.alignment, doc._.projection_report) == (None, None, None, ())
    assert doc[0]._.aligned == []
    assert doc[0:2]._.aligned == []
    assert doc[0:1]._.projection is None
    assert doc[0:1]._.source_span is None


@pytest.mark.parametrize(
    ("source", "target"), [("", ""), ("", "Uno"), ("One", ""), ("One  two", "Uno"), ("😀 🎉", "😀"), ("\n", "\n\n")]
)
def test_empty_white_space_and_emoji_docs_are_valid(nlp: Language, source: str, target: str) -> None:
    doc = nlp(parallel(nlp, spacy.blank("en")(source), target))
    assert (doc._.alignment.source_length, doc._.alignment.target_length) == (len(doc._.source), len(doc))


def test_tokens_and_spans_know_their_source_tokens(aligned: Doc) -> None:
    aligned._.parallel.alignment = WordAlignment.from_pharaoh("0-1 1-0 2-2 3-2", source_length=5, target_length=5)
    assert [token.text for token in aligned[2]._.aligned] == ["visited", "Paris"]
    assert [token.text for token in aligned[0:2]._.aligned] == ["Angela", "Merkel"]
    assert aligned[4]._.aligned == []


def test_a_doc_that_was_retokenized_afterwards_says_so(aligned: Doc, nlp: Language) -> None:
    with aligned.retokenize() as retokenizer:
        retokenizer.merge(aligned[0:2])
    with pytest.raises(ValueError, match="over 5 target tokens, but the Doc now has 4"):
        _ = aligned._.alignment
    with pytest.raises(ValueError, match="over 5 target tokens, but the Doc now has 4"):
        nlp.get_pipe("span_projector")(aligned)
    # The source is still there, and aligning again is all that is needed.
    assert nlp.get_pipe("word_aligner")(aligned)._.alignment.target_length == 4


def test_parallel_attribute_takes_nothing_but_a_pair(aligned: Doc) -> None:
    with pytest.raises(TypeError, match=r"Expected a Parallel, got Doc; build pairs with spacy_awesome.parallel"):
        aligned._.parallel = aligned


def test_attributes_can_have_other_names(aligned: Doc) -> None:
    register_extensions(alignment="word_links", projection="carried")
    try:
        assert aligned._.word_links is aligned._.alignment
        assert aligned.ents[0]._.carried.score == 0.9
    finally:
        Doc.remove_extension("word_links")
        Span.remove_extension("carried")


def test_a_name_that_is_taken_is_left_alone() -> None:
    mine = Token.get_extension("aligned")
    Token.set_extension("aligned", default="theirs", force=True)
    try:
        with pytest.warns(SpacyAwesomeWarning, match=r"\[SA05\] Token._.aligned .*\(aligned='another"):
            register_extensions()
        assert Token.get_extension("aligned")[0] == "theirs"
        with pytest.raises(ValueError, match=r"Token._.aligned belongs to somebody else"):
            register_extensions(aligned="aligned")
    finally:
        Token.set_extension("aligned", getter=mine[2], force=True)


def test_unknown_attribute_cannot_be_renamed() -> None:
    with pytest.raises(ValueError, match="Unknown attribute 'links'; expected one of: aligned, alignment"):
        register_extensions(links="x")


def test_a_source_that_was_retokenized_afterwards_says_so(aligned: Doc) -> None:
    source = aligned._.source
    with source.retokenize() as retokenizer:
        retokenizer.merge(source[0:2])
    with pytest.raises(ValueError, match="over 5 source tokens, but the source Doc now has 4"):
        _ = aligned[0]._.aligned


def test_a_source_in_an_unknown_language_can_be_read_back(nlp: Language) -> None:
    source = Doc(Vocab(lex_attr_getters={LANG: lambda text: "zz"}), words=["One"])
    assert source.vocab.lang == "zz"
    copy = Doc(nlp.vocab).from_bytes(parallel(nlp, source, "Uno").to_bytes())
    assert [token.text for token in copy._.source] == ["One"]


def test_a_doc_is_no_translation_of_itself(nlp: Language) -> None:
    doc = nlp.make_doc("Uno")
    with pytest.raises(ValueError, match="the same one as source and as target"):
        parallel(nlp, doc, doc)


def test_of_several_projections_onto_one_span_the_best_is_shown(aligned: Doc) -> None:
    first = aligned._.projection_report[0]
    aligned._.parallel.projections = (first._replace(score=0.3), first._replace(score=0.8), first._replace(score=0.5))
    assert aligned.ents[0]._.projection.score == 0.8
