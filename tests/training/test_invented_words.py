"""Words that are replaced while a recogniser is trained, so that it learns to read the others."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.cli.evaluate import evaluate
from spacy.cli.train import train
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from spacy_awesome.training import batching as invented_words
from spacy_awesome.training.batching import create_invented_words_batcher, invented_word

VOCAB = spacy.blank("en").vocab


@given(word=st.text(min_size=1, max_size=12), seed=st.integers(0, 100))
def test_an_invented_word_has_the_features_of_its_own_but_its_norm(word: str, seed: int) -> None:
    lexeme, invented = VOCAB[word], VOCAB[invented_word(word, random.Random(seed))]
    assert (invented.prefix_, invented.shape_) == (lexeme.prefix_, lexeme.shape_)
    if len(word) > 4:
        assert invented.suffix_ == lexeme.suffix_


def by_twos(examples: Iterable[Example]) -> Iterator[list[Example]]:
    iterator = iter(examples)
    while batch := list(islice(iterator, 2)):
        yield batch


def example_of(reference: Doc) -> Example:
    return Example(Doc(reference.vocab, words=[token.text for token in reference]), reference)


def words_of(batches: Iterable[list[Example]]) -> list[list[list[str]]]:
    return [[[token.text for token in example.reference] for example in batch] for batch in batches]


def test_entities_and_spaces_stay_where_they_are(make_doc: Callable[..., Doc]) -> None:
    reference = make_doc("Angela Merkel visited Geneva , quietly", [(0, 2, "PER"), (3, 4, "LOC")])
    batcher = create_invented_words_batcher(by_twos, entity_level=1.0, other_level=0.0)
    (example,) = next(iter(batcher([example_of(reference)])))
    assert [(ent.start, ent.end, ent.label_) for ent in example.reference.ents] == [(0, 2, "PER"), (3, 4, "LOC")]
    words = [token.text for token in example.reference]
    assert [word for word in words if word in ("visited", ",", "quietly")] == ["visited", ",", "quietly"]
    assert words[0] != "Angela"
    assert words[1] != "Merkel"
    assert example.predicted.text == example.reference.text


def test_levels_of_zero_change_nothing_but_make_the_batches(make_doc: Callable[..., Doc]) -> None:
    sentences = ["Angela Merkel slept", "She woke", "It rained"]
    batcher = create_invented_words_batcher(by_twos, 0.0, 0.0)
    batches = words_of(batcher([example_of(make_doc(sentence, [])) for sentence in sentences]))
    assert batches == [[sentences[0].split(), sentences[1].split()], [sentences[2].split()]]


def test_each_epoch_brings_other_words_and_each_training_the_same(make_doc: Callable[..., Doc]) -> None:
    examples = [example_of(make_doc("Angela Merkel visited Switzerland", [(0, 2, "PER"), (3, 4, "LOC")]))]

    def epochs(seed: int) -> list[list[list[list[str]]]]:
        batcher = create_invented_words_batcher(by_twos, entity_level=1.0, seed=seed)
        return [words_of(batcher(examples)) for _ in range(3)]

    first, second, third = epochs(0)
    assert first != second
    assert second != third
    assert epochs(0) == [first, second, third]
    assert epochs(1) != [first, second, third]
    assert words_of([examples]) == [[["Angela", "Merkel", "visited", "Switzerland"]]]


def test_a_level_that_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="other_level between 0 and 1, got 5"):
        create_invented_words_batcher(by_twos, other_level=5)


@pytest.mark.parametrize("name", ["ner", "ner_committee"])
def test_the_configured_recognisers_train_with_it(
    name: str, make_doc: Callable[..., Doc], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doc = make_doc("Angela Merkel visited Geneva", [(0, 2, "PER"), (3, 4, "LOC")])
    DocBin(docs=[doc] * 4, store_user_data=True).to_disk(tmp_path / "corpus.spacy")
    seen: set[str] = set()
    keep = invented_words.invented_word

    def record(word: str, rng: random.Random) -> str:
        seen.add(new := keep(word, rng))
        return new

    monkeypatch.setattr(invented_words, "invented_word", record)
    corpus = str(tmp_path / "corpus.spacy")
    train(
        Path(__file__).parents[2] / "configs" / f"{name}.cfg",
        tmp_path / "model",
        overrides={
            "paths.train": corpus,
            "paths.dev": corpus,
            "training.max_steps": 30,
            "training.eval_frequency": 10,
            "training.batcher.entity_level": 0.5,
        },
    )
    assert len(seen) > 20
    scores = evaluate(str(tmp_path / "model" / "model-best"), tmp_path / "corpus.spacy", silent=True)
    assert scores["ents_f"] == 1.0
