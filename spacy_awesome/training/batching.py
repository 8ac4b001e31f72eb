"""Which pairs an epoch has and which of them are in a batch together; and the batcher that puts in pseudowords."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from spacy.tokens import Doc
from spacy.training import Example

from spacy_awesome.encoders.tokenization import batches_by_length
from spacy_awesome.tokens.pair import require_parallel


def epoch_sizes(sizes: Sequence[int], *, temperature: float = 1.0, cap: int = 0) -> list[int]:
    """How many pairs of each language pair an epoch has.

    sizes: number of pairs that there are of each.
    temperature: T of p ∝ n^(1/T) (Conneau & Lample 2019, section 3.1, where 1/T is α). 1 leaves the proportions as they
        are, more raises the small ones at the cost of the large ones. The epoch is as long as the whole text.
    cap: at most so many of each (200,000 in Dou & Neubig 2021); 0 is no cap.
    Raises ValueError at a temperature that is not positive, a negative cap, and if both options are set.

    >>> epoch_sizes([900, 100], temperature=2.0), epoch_sizes([900, 100], cap=200)
    ([750, 250], [200, 100])
    """
    if temperature <= 0 or cap < 0 or (temperature != 1.0 and cap):
        raise ValueError(
            "Expected a temperature above 0 or a cap of at least 1, and not both; "
            f"got temperature={temperature} and cap={cap}."
        )
    if temperature == 1.0 or not any(sizes):
        return [min(size, cap or size) for size in sizes]
    weights = (np.asarray(sizes) / max(sizes)) ** (1 / temperature)
    # Shares rounded so that they add up: each bound between two of them is rounded instead.
    bounds = np.rint(sum(sizes) * np.cumsum(weights) / weights.sum()).astype(np.int64)
    shares: list[int] = np.diff(bounds, prepend=0).tolist()
    return shares


def epoch_rows(sizes: Sequence[int], taken: Sequence[int], *, seed: int, epoch: int) -> npt.NDArray[Any]:
    """The rows of an epoch in their order, drawn from several parts of a table and mixed.

    sizes: rows of each part; the table has them one after the other.
    taken: how many rows of each an epoch has, from `epoch_sizes`. Each epoch goes on in its part where the last one
        ended, through one random order of all its rows after the other: at any time of a training, two rows of a part
        have come equally often, or one of them once more.
    Returns (sum of taken,) unsigned integers as small as they can be; twice their size is the memory that this takes.

    >>> sorted(epoch_rows([3, 2], [3, 2], seed=0, epoch=7).tolist())
    [0, 1, 2, 3, 4]
    """
    rows = np.empty(sum(taken), dtype=np.min_scalar_type(sum(sizes)))
    filled = start = 0
    for part, (size, count) in enumerate(zip(sizes, taken)):
        position, end = epoch * count, (epoch + 1) * count
        while position < end:
            round_number, offset = divmod(position, size)
            order = np.arange(start, start + size, dtype=rows.dtype)
            np.random.default_rng([seed, part, round_number]).shuffle(order)
            drawn = order[offset : offset + end - position]
            rows[filled : filled + len(drawn)] = drawn
            filled += len(drawn)
            position += len(drawn)
        start += size
    np.random.default_rng([seed, len(sizes), epoch]).shuffle(rows)
    return rows


logger = logging.getLogger("spacy_awesome")


def create_pair_batcher(
    size: int, buffer: int = 1024, discard_oversize: bool = False, seed: int = 0
) -> Callable[[Iterable[Example]], Iterator[list[Example]]]:
    """Batch pairs of like length, as many as fit into a budget of words.

    size: words of a batch, all its sentences of both sides padded to the longest of them.
    buffer: so many pairs are gathered, sorted into batches by length, and these given in random order.
    discard_oversize: leave out pairs that exceed the budget alone; otherwise each is a batch of its own.
    seed: of the order of batches. Each call starts from it anew: the same pairs always come in the same batches.
    Raises ValueError at a size or buffer below 1, and at an Example without a source.
    """
    if size < 1 or buffer < 1:
        raise ValueError(f"Expected a size and a buffer of at least 1, got size={size} and buffer={buffer}.")

    def batches(examples: Iterable[Example]) -> Iterator[list[Example]]:
        rng, stream, discarded = random.Random(seed), iter(examples), 0
        while pairs := list(islice(stream, buffer)):
            found = [
                [pairs[row] for row in rows]
                for rows in batches_by_length(
                    [_longest_side(pair) for pair in pairs], lambda rows, width: 2 * rows * width <= size
                )
            ]
            if discard_oversize:
                kept = [batch for batch in found if 2 * _longest_side(batch[0]) <= size]
                discarded += len(found) - len(kept)
                found = kept
            rng.shuffle(found)
            yield from found
        if discarded:
            logger.warning("Left out %d pairs that are longer than a batch of %d words.", discarded, size)

    return batches


def _longest_side(pair: Example) -> int:
    # A pair of empty sentences is a pair too.
    return max(len(pair.reference), len(require_parallel(pair.reference).source), 1)


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
