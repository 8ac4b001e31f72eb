"""How likely given pairs translate each other: the engine behind the command `score`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spacy_awesome.aligner import PairAligner
from spacy_awesome.alignment import WordAlignment, WordPair
from spacy_awesome.formats.files import Unchanged
from spacy_awesome.retrieval.collection import Collection, Progress, collect, encoder_key, no_progress
from spacy_awesome.retrieval.mining import Candidates, check_normalization, find_candidates, score_pairs


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
    biases = find_candidates(source, target, work, neighbours=neighbours, progress=progress).biases(
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
