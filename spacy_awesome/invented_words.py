"""Words that no lexicon has, for the training of recognisers that will meet many."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from spacy.tokens import Doc
from spacy.training import Example

Batcher = Callable[[Iterable[Example]], Iterable[list[Example]]]

# What spaCy's features PREFIX and SUFFIX see of a word.
_PREFIX, _SUFFIX = 1, 3


def create_invented_words_batcher(
    batcher: Batcher, entity_level: float = 0.25, other_level: float = 0.05, seed: int = 0
) -> Batcher:
    """The batcher `spacy_awesome.batch_with_invented_words.v1`: hides some words, but not what they look like.

    Without pretrained vectors, a recogniser learns by heart the names of its training text and has nothing to say about
    others, whose hashed embeddings it has never trained. Here each word of three or more letters is now and then
    replaced by letters that make no word, in the same shape and with the same beginning and end (as the singletons of
    Lample et al. 2016 are by an unknown word), so that those and the context are learnt to be enough.

    It is no augmenter, since spaCy asks those once, but a batcher in every epoch: so each brings other words.

    batcher: makes the batches of the changed examples.
    entity_level, other_level: probability for words inside and outside of entities.
    Raises ValueError unless both lie between 0 and 1.
    """
    for name, level in (("entity_level", entity_level), ("other_level", other_level)):
        if not 0 <= level <= 1:
            raise ValueError(f"Expected {name} between 0 and 1, got {level}.")
    rng = random.Random(seed)

    def batches(examples: Iterable[Example]) -> Iterable[list[Example]]:
        return batcher(
            _with_invented_words(example, rng, entity_level=entity_level, other_level=other_level)
            for example in examples
        )

    return batches


def invented_word(word: str, rng: random.Random) -> str:
    """Other letters inside a word; its case, digits, signs, first letter and last three letters stay.

    Short words keep their first letter alone.

    >>> invented_word("McDonald-2", random.Random(0))
    'MmYnbiqd-2'
    """
    kept = _SUFFIX if len(word) > _PREFIX + _SUFFIX else 0
    inside = range(_PREFIX, len(word) - kept)
    return "".join(_other_letter(letter, rng) if place in inside else letter for place, letter in enumerate(word))


def _with_invented_words(example: Example, rng: random.Random, *, entity_level: float, other_level: float) -> Example:
    reference = example.reference
    words = [
        invented_word(token.text, rng)
        if len(token) >= 3 and rng.random() < (entity_level if token.ent_type else other_level)
        else token.text
        for token in reference
    ]
    annotation = example.to_dict()
    annotation["token_annotation"]["ORTH"] = words
    spaces = [bool(token.whitespace_) for token in reference]
    return Example.from_dict(Doc(reference.vocab, words=words, spaces=spaces), annotation)


def _other_letter(letter: str, rng: random.Random) -> str:
    if not letter.isalpha() or not letter.isascii():
        return letter
    other = rng.choice("abcdefghijklmnopqrstuvwxyz")
    return other.upper() if letter.isupper() else other
