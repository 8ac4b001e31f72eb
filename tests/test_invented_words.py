"""Words that are replaced while a recogniser is trained, so that it learns to read the others."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.training import Example

from spacy_awesome.invented_words import create_invented_words, invented_word

VOCAB = spacy.blank("en").vocab


@given(word=st.text(min_size=1, max_size=12), seed=st.integers(0, 100))
def test_an_invented_word_has_the_features_of_its_own_but_its_norm(word: str, seed: int) -> None:
    lexeme, invented = VOCAB[word], VOCAB[invented_word(word, random.Random(seed))]
    assert (invented.prefix_, invented.shape_) == (lexeme.prefix_, lexeme.shape_)
    if len(word) > 4:
        assert invented.suffix_ == lexeme.suffix_


def test_entities_and_spaces_stay_where_they_are(make_doc: Callable[..., Doc]) -> None:
    reference = make_doc("Angela Merkel visited Geneva , quietly", [(0, 2, "PER"), (3, 4, "LOC")])
    nlp = spacy.blank("en")
    augment = create_invented_words(entity_level=1.0, other_level=0.0)
    (example,) = augment(nlp, Example(nlp.make_doc(reference.text), reference))
    assert [(ent.start, ent.end, ent.label_) for ent in example.reference.ents] == [(0, 2, "PER"), (3, 4, "LOC")]
    words = [token.text for token in example.reference]
    assert [word for word in words if word in ("visited", ",", "quietly")] == ["visited", ",", "quietly"]
    assert words[0] != "Angela"
    assert words[1] != "Merkel"
    assert example.predicted.text == example.reference.text


def test_levels_of_zero_change_nothing(make_doc: Callable[..., Doc]) -> None:
    nlp, reference = spacy.blank("en"), make_doc("Angela Merkel slept", [(0, 2, "PER")])
    (example,) = create_invented_words(0.0, 0.0)(nlp, Example(nlp.make_doc(reference.text), reference))
    assert [token.text for token in example.reference] == ["Angela", "Merkel", "slept"]


def test_a_level_that_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="other_level between 0 and 1, got 5"):
        create_invented_words(other_level=5)
