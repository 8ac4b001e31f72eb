"""Mine sentence pairs from two text files: the engine behind the command `mine`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.evaluation.mining import mining_curve
from spacy_awesome.formats.bucc import IdPair, MinedPair, read_identified
from spacy_awesome.formats.files import Unchanged
from spacy_awesome.retrieval.collection import Progress, collect, encoder_key, no_progress
from spacy_awesome.retrieval.index import INDEX_KINDS, IndexKind
from spacy_awesome.retrieval.mining import check_normalization, find_candidates
from spacy_awesome.retrieval.selection import DIRECTIONS, select_pairs


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
    found = find_candidates(left, right, work, neighbours=mining.neighbours, index=mining.index, progress=progress)
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
