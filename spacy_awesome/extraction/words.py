"""From subword probabilities to scored word links, a whole batch at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spacy_awesome.alignment import WordAlignment, grow_diag
from spacy_awesome.extraction.probabilities import LinkProbabilities

# Bits for a word's number in a key of pair, source and target word: 4 million words are more than any Doc has. A bound
# taken from the batch would have to be fetched from the device.
_WORD_BITS = 22


class WordLinks(NamedTuple):
    """Word links of a batch as flat arrays, sorted by pair, source word and target word.

    pair, source, target: (links,) int64; score: (links,) float32;
    forward, backward: (links,) bool, whether any subword pair is linked in that direction.
    """

    pair: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    score: npt.NDArray[np.float32]
    forward: npt.NDArray[np.bool_]
    backward: npt.NDArray[np.bool_]


def word_links(
    probabilities: LinkProbabilities,
    source_words: Tensor,
    target_words: Tensor,
    *,
    threshold: float,
    symmetrization: str,
) -> WordLinks:
    """Word pairs of which any subword pair is linked; scored by the best harmonic mean of both directions.

    probabilities: both directions, (batch, n, m).
    source_words, target_words: (batch, n), (batch, m) int64, the word that each subword belongs to.
    threshold: a direction links a subword pair where its probability is above this.
    symmetrization: intersection, union, forward and backward join subword links; for the grow-diag family, which is
        defined on words, the union comes back with each direction marked, for `grow_word_links`.
    """
    forward, backward = probabilities.forward > threshold, probabilities.backward > threshold
    if symmetrization == "intersection":
        linked = forward & backward
    elif symmetrization == "forward":
        linked = forward
    elif symmetrization == "backward":
        linked = backward
    else:
        linked = forward | backward
    pair, i, j = linked.nonzero(as_tuple=True)
    there, back = probabilities.forward[pair, i, j], probabilities.backward[pair, i, j]
    scores = 2 * there * back / (there + back).clamp(min=torch.finfo(there.dtype).tiny)
    keys = ((pair << _WORD_BITS | source_words[pair, i]) << _WORD_BITS) | target_words[pair, j]
    unique, inverse = keys.unique(return_inverse=True)

    def best(values: Tensor) -> Tensor:
        return torch.zeros(len(unique), device=values.device).scatter_reduce_(0, inverse, values.float(), "amax")

    # One tensor of integers, with the bits of the scores, so that one transfer brings everything from the device.
    columns = [best(scores).view(torch.int32), best(forward[pair, i, j]), best(backward[pair, i, j])]
    found = torch.stack([unique, *(column.long() for column in columns)]).cpu().numpy()
    last_word = (1 << _WORD_BITS) - 1
    return WordLinks(
        pair=found[0] >> 2 * _WORD_BITS,
        source=found[0] >> _WORD_BITS & last_word,
        target=found[0] & last_word,
        score=found[1].astype(np.int32).view(np.float32),
        forward=found[2] > 0,
        backward=found[3] > 0,
    )


def to_alignments(links: WordLinks, lengths: list[tuple[int, int]], *, symmetrization: str) -> list[WordAlignment]:
    """Cut a batch's links into one WordAlignment per pair.

    lengths: number of source and target words of each pair.
    """
    bounds = np.searchsorted(links.pair, np.arange(len(lengths) + 1))
    pairs = np.stack([links.source, links.target], axis=1).astype(np.int32)
    alignments = []
    for (source_length, target_length), start, end in zip(lengths, bounds, bounds[1:]):
        part = slice(start, end)
        chosen, scores = pairs[part], links.score[part]
        if symmetrization.startswith("grow-diag"):
            keep = _grow(chosen, links.forward[part], links.backward[part], symmetrization)
            chosen, scores = chosen[keep], scores[keep]
        alignments.append(WordAlignment(chosen, scores, source_length=source_length, target_length=target_length))
    return alignments


def _grow(
    pairs: npt.NDArray[np.int32], forward: npt.NDArray[np.bool_], backward: npt.NDArray[np.bool_], method: str
) -> npt.NDArray[np.bool_]:
    def links(marks: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
        return [(i, j) for i, j in pairs[marks].tolist()]

    grown = grow_diag(set(links(forward & backward)), links(forward), links(backward), method=method)
    return np.fromiter(((i, j) in grown for i, j in pairs.tolist()), dtype=np.bool_, count=len(pairs))
