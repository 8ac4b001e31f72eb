"""Documents with known sentence beads, made from parallel sentences: joined, split, left out, inserted, reordered."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain

from spacy_awesome.tokens.sentence_alignment import SentenceAlignment
from spacy_awesome.tokens.word_alignment import WordPair

Words = list[str]

# At what a sentence is split, if it has one of these in its middle half.
_PAUSES = frozenset(", ; : – — - .".split())


@dataclass(frozen=True, slots=True)
class Changes:
    """How many of a document's beads are changed, as shares of 1 that add up to 1 at most; the others stay 1-1.

    joined: two or three sentences of one side made one. shifted: two or three sentences whose boundaries differ on both
    sides (2-2 and 3-3). split: one side of a pair cut in two, at a comma or the like if there is one near its middle.
    dropped: one side of a pair taken out. inserted: a sentence of another text put into one side.
    """

    joined: float = 0.1
    shifted: float = 0.02
    split: float = 0.05
    dropped: float = 0.05
    inserted: float = 0.05


@dataclass(slots=True)
class MadeDocument:
    """Two texts and their beads.

    source, target: sentences of words. alignment: the gold beads.
    """

    source: list[Words]
    target: list[Words]
    alignment: SentenceAlignment


@dataclass(slots=True)
class _Part:
    source: list[Words] = field(default_factory=list)
    target: list[Words] = field(default_factory=list)


def make_document(
    pairs: Sequence[WordPair],
    *,
    seed: int,
    changes: Changes | None = None,
    foreign: Sequence[WordPair] = (),
    paragraph: int | None = None,
) -> MadeDocument:
    """Make a document and its translation from sentences and theirs, in order.

    pairs: sentences of words that translate each other.
    foreign: pairs of another text, whose sides are inserted one at a time; without them nothing is inserted.
    paragraph: if given, so many beads make a paragraph, and the target's paragraphs are shuffled.
    """
    rng = random.Random(seed)
    parts = list(_parts(pairs, changes or Changes(), foreign, rng))
    order = list(range(len(parts)))
    if paragraph is not None:
        paragraphs = [order[start : start + paragraph] for start in range(0, len(order), paragraph)]
        rng.shuffle(paragraphs)
        order = [place for part in paragraphs for place in part]
    target_starts = {}
    target: list[Words] = []
    for place in order:
        target_starts[place] = len(target)
        target += parts[place].target
    source: list[Words] = []
    beads = []
    for place, part in enumerate(parts):
        start = target_starts[place]
        beads.append((len(source), len(source) + len(part.source), start, start + len(part.target)))
        source += part.source
    return MadeDocument(source, target, SentenceAlignment(beads, source_length=len(source), target_length=len(target)))


def _parts(
    pairs: Sequence[WordPair], changes: Changes, foreign: Sequence[WordPair], rng: random.Random
) -> Iterator[_Part]:
    """The document's beads, in the order of the source."""
    shares = asdict(changes) | ({} if foreign else {"inserted": 0.0})
    place = 0
    while place < len(pairs):
        [kind] = rng.choices([*shares, "kept"], [*shares.values(), 1 - sum(shares.values())])
        if kind == "inserted":
            yield _one_sided(rng.choice(foreign), rng)
            continue
        count = rng.choice((2, 2, 3)) if kind in ("joined", "shifted") else 1
        chosen = pairs[place : place + count]
        place += len(chosen)
        sources, targets = [list(source) for source, _ in chosen], [list(target) for _, target in chosen]
        if kind == "dropped":
            yield _one_sided(chosen[0], rng)
        elif kind == "split":
            yield _split(sources[0], targets[0], rng)
        elif kind == "joined":
            yield _joined(sources, targets, rng)
        elif kind == "shifted" and len(chosen) > 1:
            yield _shifted(sources, targets, rng)
        else:
            yield from (_Part([source], [target]) for source, target in zip(sources, targets))


def _one_sided(pair: WordPair, rng: random.Random) -> _Part:
    source, target = pair
    return _Part(source=[list(source)]) if rng.random() < 0.5 else _Part(target=[list(target)])


def _joined(sources: list[Words], targets: list[Words], rng: random.Random) -> _Part:
    if rng.random() < 0.5:
        return _Part([list(chain.from_iterable(sources))], targets)
    return _Part(sources, [list(chain.from_iterable(targets))])


def _shifted(sources: list[Words], targets: list[Words], rng: random.Random) -> _Part:
    """Each sentence of one side ends in the middle of one of the other side, but for the last."""
    if rng.random() < 0.5:
        part = _shifted_right(targets, sources)
        return _Part(part.target, part.source)
    return _shifted_right(sources, targets)


def _shifted_right(kept: list[Words], shifted: list[Words]) -> _Part:
    """`kept` stays; of the other side each sentence but the first gives its first half to the one before."""
    halves = [_halves(words) for words in shifted[1:]]
    firsts, seconds = [first for first, _ in halves], [second for _, second in halves]
    moved = [words + first for words, first in zip([shifted[0], *seconds], firsts)] + [seconds[-1]]
    return _Part(kept, moved)


def _split(source: list[str], target: list[str], rng: random.Random) -> _Part:
    if min(len(source), len(target)) < 2:
        return _Part([source], [target])
    return _Part(_halves(source), [target]) if rng.random() < 0.5 else _Part([source], _halves(target))


def _halves(words: Words) -> list[Words]:
    """Two parts, cut after the pause nearest to the middle, or in the middle itself; the second one may be empty."""
    middle = len(words) / 2
    pauses = [place + 1 for place, word in enumerate(words) if word in _PAUSES]
    near = [cut for cut in pauses if abs(cut - middle) <= len(words) / 4]
    cut = min(near, key=lambda cut: abs(cut - middle), default=math.ceil(middle))
    return [words[:cut], words[cut:]]
