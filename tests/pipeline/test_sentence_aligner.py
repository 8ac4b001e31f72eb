"""The sentence_aligner component: documents of every kind, saving, and word alignment inside beads."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from spacy_awesome import SentenceAlignment, parallel

ENGLISH = [
    "The house is red .",
    "My brother lives in Madrid with his wife .",
    "We ate fish yesterday .",
    "Where is the train station ?",
    "The government will raise taxes on petrol in March .",
]
SPANISH = [
    "La casa es roja .",
    "Mi hermano vive en Madrid con su esposa .",
    "Ayer comimos pescado .",
    "¿ Dónde está la estación de tren ?",
    "El gobierno subirá en marzo los impuestos sobre la gasolina .",
]


@pytest.fixture(scope="module")
def nlp() -> Language:
    nlp = spacy.blank("es")
    nlp.add_pipe("sentence_aligner")
    return nlp


@pytest.fixture(scope="module")
def reordering() -> Language:
    nlp = spacy.blank("es")
    nlp.add_pipe("sentence_aligner", config={"monotone": False})
    return nlp


def text(sentences: list[str], nlp: Language | None = None) -> Doc:
    """A Doc with these sentences of words between spaces."""
    words = [sentence.split(" ") for sentence in sentences]
    starts = [place == 0 for sentence in words for place in range(len(sentence))]
    return Doc(
        (nlp or spacy.blank("en")).vocab, words=[word for sentence in words for word in sentence], sent_starts=starts
    )


def beads(nlp: Language, source: list[str], target: list[str]) -> str:
    doc = nlp(parallel(nlp, text(source), text(target, nlp)))
    return repr(doc._.sentence_alignment).split("'")[1]


@pytest.mark.parametrize("mode", ["nlp", "reordering"])
@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (ENGLISH, SPANISH, "0:0 1:1 2:2 3:3 4:4"),
        (ENGLISH, ENGLISH, "0:0 1:1 2:2 3:3 4:4"),
        (ENGLISH[:1], SPANISH[:1], "0:0"),
        (ENGLISH, [], "0: 1: 2: 3: 4:"),
        ([], SPANISH[:2], ":0 :1"),
        ([], [], ""),
        (ENGLISH[:2], [" ".join(SPANISH[:2])], "0,1:0"),
        ([" ".join(ENGLISH[:3])], SPANISH[:3], "0:0,1,2"),
    ],
    ids=["parallel", "identical", "one sentence", "no target", "no source", "empty", "joined", "split"],
)
def test_documents_in_order(
    mode: str, source: list[str], target: list[str], expected: str, request: pytest.FixtureRequest
) -> None:
    assert beads(request.getfixturevalue(mode), source, target) == expected


def test_left_out_and_inserted_sentences_have_no_translation(nlp: Language) -> None:
    assert beads(nlp, [ENGLISH[0], *ENGLISH[2:]], SPANISH) == "0:0 :1 1:2 2:3 3:4"
    assert beads(nlp, ENGLISH, [*SPANISH[:3], SPANISH[4]]) == "0:0 1:1 2:2 3: 4:3"


def test_sentences_without_subwords_have_no_translation(nlp: Language) -> None:
    source = Doc(
        spacy.blank("en").vocab, words=["\n\n", *ENGLISH[0].split(" ")], sent_starts=[True, True, *[False] * 4]
    )
    doc = nlp(parallel(nlp, source, text(SPANISH[:1], nlp)))
    assert doc._.sentence_alignment.source_view() == [range(0), range(1)]


def test_reordered_paragraphs_are_found(reordering: Language) -> None:
    assert beads(reordering, ENGLISH, [*SPANISH[3:], *SPANISH[:3]]) == "0:2 1:3 2:4 3:0 4:1"


def test_order_is_kept_by_default(nlp: Language) -> None:
    doc = nlp(parallel(nlp, text(ENGLISH), text([*SPANISH[3:], *SPANISH[:3]], nlp)))
    assert doc._.sentence_alignment.monotone


def test_scores_are_high_where_sentences_translate_each_other(nlp: Language) -> None:
    doc = nlp(parallel(nlp, text(ENGLISH), text(SPANISH, nlp)))
    assert all(bead.score > 0.1 for bead in doc._.sentence_alignment)


@pytest.mark.parametrize("side", ["source", "target"])
def test_docs_without_sentence_boundaries_are_an_error(nlp: Language, side: str) -> None:
    source, target = text(ENGLISH), text(SPANISH, nlp)
    bare = Doc((nlp if side == "target" else spacy.blank("en")).vocab, words=["No", "bounds"])
    pair = (source, bare) if side == "target" else (bare, target)
    with pytest.raises(ValueError, match=rf"Expected a {side} Doc with sentence boundaries.*sentencizer"):
        nlp(parallel(nlp, *pair))


def test_a_doc_without_a_source_passes(nlp: Language) -> None:
    assert nlp("Hola")._.sentence_alignment is None


def test_the_error_handler_gets_the_bad_pair(nlp: Language) -> None:
    failed: list[Doc] = []
    nlp.get_pipe("sentence_aligner").set_error_handler(lambda name, proc, docs, error: failed.extend(docs))
    bare = Doc(nlp.vocab, words=["No", "bounds"])
    good = text(SPANISH, nlp)
    docs = list(nlp.pipe([parallel(nlp, text(ENGLISH), bare), parallel(nlp, text(ENGLISH), good)]))
    nlp.get_pipe("sentence_aligner").set_error_handler(spacy.util.raise_error)
    assert failed == [bare]
    assert docs == [good]
    assert len(good._.sentence_alignment) == 5


def test_beads_survive_saving(nlp: Language) -> None:
    doc = nlp(parallel(nlp, text(ENGLISH), text(SPANISH, nlp)))
    beads = doc._.sentence_alignment
    [stored] = DocBin(docs=[doc], store_user_data=True).get_docs(nlp.vocab)
    assert stored._.sentence_alignment == beads
    assert Doc(nlp.vocab).from_bytes(doc.to_bytes())._.sentence_alignment == beads
    assert pickle.loads(pickle.dumps(doc))._.sentence_alignment == beads
    assert stored._.sentence_alignment.scores.tolist() == beads.scores.tolist()


def test_beads_of_other_sentences_are_an_error(nlp: Language) -> None:
    doc = nlp(parallel(nlp, text(ENGLISH), text(SPANISH, nlp)))
    doc[1].is_sent_start = True
    with pytest.raises(ValueError, match="over 5 target sentences, but the target Doc now has 6"):
        doc._.sentence_alignment  # noqa: B018


def test_a_saved_pipeline_finds_the_same_beads(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert beads(loaded, ENGLISH, SPANISH) == beads(nlp, ENGLISH, SPANISH)


def test_beads_are_scored_against_the_reference(nlp: Language) -> None:
    predicted = parallel(nlp, text(ENGLISH), text(SPANISH, nlp))
    reference = parallel(nlp, text(ENGLISH), text(SPANISH, nlp))
    reference._.parallel.sentence_alignment = SentenceAlignment(
        [(0, 1, 0, 1), (1, 2, 1, 2), (2, 3, 2, 3), (3, 5, 3, 5)], source_length=5, target_length=5
    )
    scores = nlp.evaluate([Example(predicted, reference)])
    assert (scores["beads_precision"], scores["beads_recall"]) == (3 / 5, 3 / 4)


def test_scores_are_none_without_gold_beads(nlp: Language) -> None:
    pair = [parallel(nlp, text(ENGLISH), text(SPANISH, nlp)) for _ in range(2)]
    assert nlp.evaluate([Example(*pair)])["beads_f1"] is None


@pytest.mark.parametrize(("option", "value"), [("max_sentences", 0), ("max_sentences", 10), ("gap_cost", -1.0)])
def test_wrong_settings_are_refused(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"Expected .*{option}"):
        spacy.blank("es").add_pipe("sentence_aligner", config={option: value})


def test_words_are_aligned_inside_beads() -> None:
    nlp = spacy.blank("es")
    nlp.add_pipe("sentence_aligner", config={"monotone": False})
    nlp.add_pipe("word_aligner")
    order = [3, 4, 0, 1, 2]
    doc = nlp(parallel(nlp, text(ENGLISH), text([SPANISH[i] for i in order], nlp)))
    single = spacy.blank("es")
    single.add_pipe("word_aligner")
    expected = set()
    starts = [sum(len(line.split()) for line in ENGLISH[:i]) for i in range(5)]
    offset = 0
    for i in order:
        pair = single(parallel(single, text([ENGLISH[i]]), text([SPANISH[i]], single)))
        expected |= {(starts[i] + s, offset + t) for s, t in pair._.alignment}
        offset += len(SPANISH[i].split())
    assert set(doc._.alignment) == expected


def test_words_are_aligned_without_any_bead(nlp: Language) -> None:
    doc = nlp(parallel(nlp, text(ENGLISH), Doc(nlp.vocab)))
    aligner = spacy.blank("es").add_pipe("word_aligner")
    [alignment] = aligner.align([(doc._.source, doc)])
    assert (len(alignment), alignment.source_length, alignment.target_length) == (0, len(doc._.source), 0)


def test_another_source_is_aligned_without_the_beads(nlp: Language) -> None:
    doc = nlp(parallel(nlp, text(ENGLISH), text(SPANISH[:1], nlp)))
    aligner = spacy.blank("es").add_pipe("word_aligner")
    [alignment] = aligner.align([(text(ENGLISH[:1]), doc)])
    assert alignment.to_pharaoh() == "0-0 1-1 2-2 3-3 4-4"
