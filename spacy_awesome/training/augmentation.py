"""Sentence pairs whose names and numbers are replaced by invented ones, the same on both sides.

An encoder trained on links forgets that unknown words are translated by themselves, unless it keeps seeing some.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from spacy_awesome.training.sentence_pairs import SentencePair


def collect_names(pairs: Iterable[SentencePair], *, limit: int = 20_000) -> list[str]:
    """Capitalised words that are linked to themselves, most frequent first: the material that names are made of."""
    counts: Counter[str] = Counter()
    for pair in pairs:
        for i, j in pair.links or ():
            word = pair.source[i]
            if i and word == pair.target[j] and len(word) > 3 and word[0].isupper() and word.isalpha():
                counts[word] += 1
    return [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]]


def copy_words(pair: SentencePair, names: Sequence[str], rng: random.Random) -> SentencePair:
    """Replace names and numbers that are linked one to one by invented strings, copied to both sides.

    A name is a word that is capitalised on both sides and the first of neither; a number is written alike on both.
    """
    links = pair.links or ()
    sources, targets = Counter(i for i, _ in links), Counter(j for _, j in links)
    source, target = list(pair.source), list(pair.target)
    for i, j in links:
        if sources[i] != 1 or targets[j] != 1:
            continue
        left, right = pair.source[i], pair.target[j]
        if i and j and left[0].isupper() and right[0].isupper() and left.isalpha() and right.isalpha():
            source[i] = target[j] = invent_name(names, rng, upper=left.isupper() and right.isupper() and len(left) > 1)
        elif left == right and any(character.isdigit() for character in left):
            source[i] = target[j] = invent_number(left, rng)
    return replace(pair, source=tuple(source), target=tuple(target))


def invent_name(names: Sequence[str], rng: random.Random, *, upper: bool = False) -> str:
    """The beginning of one name and the end of another, seldom a random string of letters; `names` may be empty."""
    if names and rng.random() < 0.8:
        first, second = rng.choice(names), rng.choice(names)
        name = first[: rng.randint(2, len(first))] + second[len(second) - rng.randint(0, len(second) // 2) :].lower()
    else:
        name = "".join(rng.choice("aeiouaeioubcdfghjklmnprstvwz") for _ in range(rng.randint(3, 10))).capitalize()
    return name.upper() if upper else name


def invent_number(pattern: str, rng: random.Random) -> str:
    """`pattern` with other digits: 1,250 may become 4,071."""
    return "".join(str(rng.randint(0, 9)) if character.isdigit() else character for character in pattern)
