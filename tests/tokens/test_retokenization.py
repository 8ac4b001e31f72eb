"""Links over other tokens than the Docs': by characters, onto the Docs' tokens."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from projection_helpers import make_projector, make_source, nlp, texts
from spacy.tokens import Doc

from spacy_awesome import WordAlignment, attach_alignment, parallel
from spacy_awesome.tokens.retokenization import retokenize_alignment, word_offsets


def make_text_pair(source: str, target: str) -> Doc:
    """A pair tokenised by spaCy, which splits off punctuation and clitics."""
    return parallel(nlp, nlp.make_doc(source), target)


def test_entities_cross_when_the_aligner_split_on_white_space():
    doc = make_text_pair("Obama (USA) left.", "Obama (EE.UU.) se fue.")
    source = doc._.source
    source.ents = [source.char_span(7, 10, label="LOC")]
    links = WordAlignment.from_pharaoh("0-0 1-1 2-2 2-3")
    words = {"source_words": ["Obama", "(USA)", "left."], "target_words": ["Obama", "(EE.UU.)", "se", "fue."]}
    attach_alignment(doc, links, **words)
    assert texts(make_projector()(doc).ents) == [("EE.UU.", "LOC")]


def test_words_default_to_the_docs_tokens():
    doc = make_text_pair("Paris", "París")
    attach_alignment(doc, WordAlignment([(0, 0)], [0.5], source_length=1, target_length=1))
    assert (doc._.alignment.to_pharaoh(), doc._.alignment.scores.tolist()) == ("0-0", [0.5])


def test_finer_words_merge_into_one_token_with_their_best_score():
    doc = parallel(nlp, make_source("don't"), ["no"])
    links = WordAlignment([(0, 0), (1, 0)], [0.2, 0.9], source_length=2, target_length=1)
    attach_alignment(doc, links, source_words=["do", "n't"])
    assert doc._.alignment.to_pharaoh() == "0-0"
    assert doc._.alignment.scores.tolist() == pytest.approx([0.9])


def test_white_space_tokens_get_no_links():
    doc = parallel(nlp, Doc(nlp.vocab, words=["a", " ", "b"], spaces=[True, False, False]), ["a", "b"])
    attach_alignment(doc, WordAlignment.from_pharaoh("0-0 1-1"), source_words=["a", "b"])
    assert doc._.alignment.to_pharaoh() == "0-0 2-1"


@pytest.mark.parametrize(("mode", "expected"), [("expand", "0-0 1-0"), ("contract", "1-0"), ("strict", "")])
def test_alignment_modes_follow_char_span(mode: str, expected: str):
    # The word is "York-b"; the tokens are "NewYork" and "-b", of which only the second lies inside it.
    links = WordAlignment([(1, 0)], source_length=2, target_length=1)
    moved = retokenize_alignment(
        links,
        source_offsets=[(0, 3), (3, 9)],
        new_source_offsets=[(0, 7), (7, 9)],
        target_offsets=[(0, 1)],
        new_target_offsets=[(0, 1)],
        alignment_mode=mode,
    )
    assert moved.to_pharaoh() == expected


@pytest.mark.parametrize("mode", ["expand", "contract", "strict"])
@given(data=st.data())
def test_a_words_tokens_are_those_of_char_span(mode: str, data: st.DataObject):
    doc = Doc(nlp.vocab, words=data.draw(st.lists(st.sampled_from(["a", "bc", "def"]), min_size=1, max_size=6)))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(doc.text)), min_size=2, max_size=6)))
    offsets = list(pairwise(cuts))
    moved = retokenize_alignment(
        WordAlignment([(i, 0) for i in range(len(offsets))], source_length=len(offsets), target_length=1),
        source_offsets=offsets,
        new_source_offsets=[(token.idx, token.idx + len(token)) for token in doc],
        target_offsets=[(0, 1)],
        new_target_offsets=[(0, 1)],
        alignment_mode=mode,
    )
    spans = [doc.char_span(start, end, alignment_mode=mode) for start, end in offsets if doc.text[start:end].strip()]
    assert {i for i, _ in moved} == {token.i for span in spans if span is not None for token in span}


def test_doubled_white_space_between_words_is_skipped():
    assert word_offsets(["a", "b"], " a \n b ").tolist() == [[1, 2], [5, 6]]


def test_a_word_may_be_white_space():
    assert word_offsets(["日", "\u3000", "本"], "日 \u3000 本").tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["paris", "!"], "Word 0 is 'paris', but the text goes on with 'Paris!' at character 0"),
        (["Paris"], "1 words end at character 5, but the text goes on with '!'"),
        (["Paris", "!", "!"], "Word 2 is '!'"),
        (["Paris", "", "!"], "Word 1 is ''"),
    ],
)
def test_words_that_are_not_the_text_are_an_error(words: list[str], message: str):
    with pytest.raises(ValueError, match=message):
        word_offsets(words, "Paris!")


def test_the_wrong_number_of_words_is_an_error():
    doc = make_text_pair("Paris", "París")
    with pytest.raises(ValueError, match="offsets of 2 source words, as many as the alignment has, got 1"):
        attach_alignment(doc, WordAlignment([], source_length=2, target_length=1))


def test_an_unknown_alignment_mode_is_an_error():
    doc = make_text_pair("Paris", "París")
    with pytest.raises(ValueError, match="Unknown alignment mode 'outer'"):
        attach_alignment(doc, WordAlignment.from_pharaoh("0-0"), alignment_mode="outer")


def test_a_doc_without_a_pair_is_an_error():
    with pytest.raises(ValueError, match="Expected a Doc with its source, got one without: 'París'"):
        attach_alignment(nlp.make_doc("París"), WordAlignment.from_pharaoh("0-0"))
