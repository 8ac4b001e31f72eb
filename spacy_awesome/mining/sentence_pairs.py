"""Pairs of sentences from two texts: the best of the candidates, and scores of pairs that there are already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spacy_awesome.aligners.words import PairAligner
from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.evaluation.mined_pairs import mining_curve
from spacy_awesome.formats.bucc import IdPair, MinedPair, read_identified
from spacy_awesome.formats.files import Unchanged
from spacy_awesome.mining.candidates import (
    Candidates,
    Rows,
    Scores,
    check_normalization,
    find_translation_candidates,
    score_pairs,
)
from spacy_awesome.mining.collection import Collection, Progress, collect, encoder_key, no_progress
from spacy_awesome.mining.index import INDEX_KINDS, IndexKind
from spacy_awesome.tokens.word_alignment import WordAlignment, WordPair

DIRECTIONS = ("forward", "backward", "intersection", "max")


def select_pairs(source: Rows, target: Rows, scores: Scores, *, direction: str = "intersection") -> Rows:
    """The candidates that are kept (Artetxe and Schwenk 2019, section 3.2), as indices, best first.

    source, target, scores: (P,) the two sentences of each candidate, and its score.
    direction: "forward" keeps the best candidate of each source sentence, "backward" of each target sentence,
        "intersection" those that are both. "max" takes those that are either, in the order of their scores, as long as
        neither sentence is taken yet; so in these last two no sentence occurs twice.
    Of equal scores, the sentence that comes first in the text wins. Raises ValueError at another direction.

    >>> source, target = np.array([0, 0, 1]), np.array([0, 1, 1])
    >>> scores = np.array([0.9, 0.8, 0.7], dtype=np.float32)
    >>> for direction in DIRECTIONS:
    ...     print(direction, select_pairs(source, target, scores, direction=direction).tolist())
    forward [0, 2]
    backward [0, 1]
    intersection [0]
    max [0, 2]
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"Unknown direction {direction!r}; expected one of: {', '.join(DIRECTIONS)}.")
    forward = _best_of_each(source, target, scores)
    backward = _best_of_each(target, source, scores)
    chosen: Rows = {
        "forward": forward,
        "backward": backward,
        "intersection": np.intersect1d(forward, backward),
        "max": np.union1d(forward, backward),
    }[direction]
    chosen = chosen[np.lexsort((target[chosen], source[chosen], -scores[chosen]))]
    return _first_uses(chosen, source, target) if direction == "max" else chosen


def _best_of_each(sentences: Rows, others: Rows, scores: Scores) -> Rows:
    order = np.lexsort((others, -scores, sentences))
    best: Rows = order[np.unique(sentences[order], return_index=True)[1]]
    return best


def _first_uses(chosen: Rows, source: Rows, target: Rows) -> Rows:
    used_source: set[int] = set()
    used_target: set[int] = set()
    kept = []
    for candidate, i, j in zip(chosen.tolist(), source[chosen].tolist(), target[chosen].tolist()):
        if i not in used_source and j not in used_target:
            used_source.add(i)
            used_target.add(j)
            kept.append(candidate)
    return np.array(kept, dtype=np.int64)


@dataclass(frozen=True)
class Mining:
    """How pairs are mined.

    neighbours: nearest sentences of the other side that each sentence is compared with.
    index: how they are found: "exact", "ivf", or "auto", by size.
    normalization: of the BERT-scores, one of `retrieval.normalization.NORMALIZATIONS` or "none".
    direction: which candidates are kept, one of `retrieval.selection.DIRECTIONS`.
    threshold: lowest score that is kept; None keeps all.
    top: how many pairs are kept, the best ones; None keeps all.
    with_ids: lines are `id<TAB>sentence`.
    max_tokens: padded subwords that are encoded at once.
    Raises ValueError at a value that does not exist.
    """

    neighbours: int = 16
    index: IndexKind = "auto"
    normalization: str = "distance"
    direction: str = "intersection"
    threshold: float | None = None
    top: int | None = None
    with_ids: bool = False
    max_tokens: int = 4096

    def __post_init__(self) -> None:
        check_normalization(self.normalization)
        for name, value, known in (("index", self.index, INDEX_KINDS), ("direction", self.direction, DIRECTIONS)):
            if value not in known:
                raise ValueError(f"Unknown {name} {value!r}; expected one of: {', '.join(known)}.")


def mine(
    encoder: SubwordEncoder,
    source: str | Path,
    target: str | Path,
    *,
    work: Path,
    mining: Mining,
    progress: Progress[Any] = no_progress,
) -> list[MinedPair]:
    """The sentence pairs of two files, best first.

    source, target: text files, a sentence a line; both are read more than once. Equal lines count as one sentence, with
        the id of the first; empty ones are left out.
    work: folder for what is computed on the way. A call that was interrupted goes on from there; later calls with the
        same files find it done. It holds 2·d bytes for each subword.
    Raises ValueError at text that is not UTF-8, at lines without ids where they are expected, and if a file changes
        while it is in use; OSError at missing files.
    """
    key = encoder_key(encoder)

    sides = [
        Unchanged(partial(read_identified, path, with_ids=mining.with_ids), str(path)) for path in (source, target)
    ]

    def texts(side: Unchanged[tuple[str, str]]) -> Callable[[], Iterator[str]]:
        return lambda: (text for _, text in side())

    left, right = (
        collect(texts(side), work, encoder, key=key, max_tokens=mining.max_tokens, progress=progress) for side in sides
    )
    found = find_translation_candidates(
        left, right, work, neighbours=mining.neighbours, index=mining.index, progress=progress
    )
    scores = found.normalized(found.biases(len(left), len(right)), mining.normalization)
    chosen = select_pairs(found.source, found.target, scores, direction=mining.direction)
    if mining.threshold is not None:
        chosen = chosen[scores[chosen] >= mining.threshold]
    chosen = chosen[: mining.top]
    source_lines, target_lines = left.lines[found.source[chosen]], right.lines[found.target[chosen]]
    source_texts, target_texts = (
        _items_at(side(), lines.tolist()) for side, lines in zip(sides, (source_lines, target_lines))
    )
    return [
        MinedPair(score, source_texts[i][0], target_texts[j][0], source_texts[i][1], target_texts[j][1])
        for score, i, j in zip(np.round(scores[chosen], 6).tolist(), source_lines.tolist(), target_lines.tolist())
    ]


def _items_at(items: Iterable[tuple[str, str]], places: Iterable[int]) -> dict[int, tuple[str, str]]:
    wanted = set(places)
    return {place: item for place, item in enumerate(items) if place in wanted}


def fit_threshold(mined: Iterable[MinedPair], gold: Iterable[IdPair]) -> float:
    """The threshold with the best F1 on pairs that were mined without one. Raises ValueError if no pair is gold."""
    return mining_curve([(pair.score, (pair.source_id, pair.target_id)) for pair in mined], list(gold)).best_threshold()


@dataclass(frozen=True, slots=True)
class PairScores:
    """What speaks for a pair of sentences; all three are 0 if a side has no text.

    bert_score: BERT-score F1, at most 1.
    margin: how far this exceeds what the two sentences score with their best neighbours in the same file.
    coverage: share of the words of both sides that are linked, from 0 to 1.
    """

    bert_score: float
    margin: float
    coverage: float


def score_translations(
    aligner: PairAligner,
    pairs: Callable[[], Iterable[WordPair]],
    *,
    work: Path,
    neighbours: int = 16,
    normalization: str = "distance",
    progress: Progress[Any] = no_progress,
) -> Iterator[PairScores]:
    """Score (source words, target words) pairs, in order.

    pairs: gives the pairs, from the first one, each time that it is called.
    work: folder for vectors and candidates; what an interrupted call left there is used.
    neighbours: how many sentences of the file each sentence's best neighbours are looked for among.
    normalization: which margin, as in mining; of a file with a single pair none says anything.
    Raises ValueError at an unknown normalisation, at fewer than one neighbour, and if the pairs change meanwhile.
    """
    check_normalization(normalization)
    if not isinstance(pairs, Unchanged):
        pairs = Unchanged(pairs, "The text")
    key = encoder_key(aligner.encoder)

    def side(number: int) -> Collection:
        def texts() -> Iterator[str]:
            return (" ".join(pair[number]) for pair in pairs())

        return collect(texts, work, aligner.encoder, key=key, max_tokens=aligner.max_batch_tokens, progress=progress)

    source, target = side(0), side(1)
    own, place = _distinct_pairs(source, target, work, progress)
    biases = find_translation_candidates(source, target, work, neighbours=neighbours, progress=progress).biases(
        len(source), len(target)
    )
    margins = own.normalized(biases, normalization)
    for pair, alignment, row in zip(pairs(), aligner.align(pairs()), place.tolist()):
        if row < 0:
            yield PairScores(0.0, 0.0, 0.0)
        else:
            yield PairScores(float(own.scores[row]), float(margins[row]), _coverage(alignment, *map(len, pair)))


def _distinct_pairs(
    source: Collection, target: Collection, work: Path, progress: Progress[Any]
) -> tuple[Candidates, Any]:
    """The pairs that lines of the file are, and for each line the one that it is, or −1 if a side has no text."""
    whole = (source.rows >= 0) & (target.rows >= 0)
    cells, inverse = np.unique(source.rows[whole] * len(target) + target.rows[whole], return_inverse=True)
    rows, columns = (cells // len(target), cells % len(target)) if len(cells) else (cells, cells)
    path = work / f"pairs-{source.folder.name}-{target.folder.name}.npy"
    place = np.full(len(whole), -1)
    place[whole] = inverse
    return Candidates(rows, columns, score_pairs(source, target, rows, columns, path, progress)), place


def _coverage(alignment: WordAlignment, source_length: int, target_length: int) -> float:
    linked = sum(len(np.unique(side)) for side in alignment.pairs.T)
    return linked / (source_length + target_length)
