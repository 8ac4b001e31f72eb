"""From the vectors of both sides to word links: similarity, probabilities, links, subwords to words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spacy_awesome.extraction import Extraction, LinkProbabilities
from spacy_awesome.extraction.similarity import SubwordPairs
from spacy_awesome.tokens.symmetrization import check_symmetrization, grow_diag
from spacy_awesome.tokens.word_alignment import WordAlignment

if TYPE_CHECKING:
    from spacy_awesome.encoders.encoder import Vectors
    from spacy_awesome.encoders.loading import EncoderDefaults

# Bits for a word's number in a key of pair, source and target word: 4 million words are more than any Doc has. A bound
# taken from the batch would have to be fetched from the device.
_WORD_BITS = 22


@dataclass(frozen=True)
class LinkExtractor:
    """Links between words, and what they are made from, for batches of sentence pairs whose vectors are known.

    Attributes:
        extraction: The method, from similarities to probabilities.
        threshold: A direction links two subwords where its probability is above this, in [0, 1].
        scale: β, the factor on dot products.
        distortion: λ, the penalty on |i/n − j/m|, in units of scaled similarity.
        symmetrization: How both directions are joined, one of `spacy_awesome.tokens.symmetrization.SYMMETRIZATIONS`.
    """

    extraction: Extraction
    threshold: float
    scale: float = 1.0
    distortion: float = 0.0
    symmetrization: str = "intersection"

    @classmethod
    def for_encoder(
        cls,
        defaults: EncoderDefaults,
        extraction: Extraction,
        *,
        threshold: float | None = None,
        scale: float | None = None,
        distortion: float | None = None,
        symmetrization: str = "intersection",
    ) -> Self:
        """An extractor with the settings that are given; the others are the method's, or else the encoder's own.

        Raises:
            ValueError: The symmetrization is unknown.
        """
        check_symmetrization(symmetrization)
        if threshold is None:
            threshold = defaults.threshold if extraction.threshold is None else extraction.threshold
        return cls(
            extraction,
            threshold,
            scale=defaults.scale if scale is None else scale,
            distortion=defaults.distortion if distortion is None else distortion,
            symmetrization=symmetrization,
        )

    def pairs(self, source: Vectors, target: Vectors) -> SubwordPairs:
        """What is compared: all pairs of a source and a target subword, with β and λ."""
        return SubwordPairs(source.values, target.values, source.mask, target.mask, self.scale, self.distortion)

    def align(self, source: Vectors, target: Vectors, lengths: Sequence[tuple[int, int]]) -> list[WordAlignment]:
        """The word links of each sentence pair.

        Args:
            source: Vectors of the source sentences.
            target: Vectors of their translations, in the same order.
            lengths: Number of source and of target words of each pair.
        """
        probabilities = self.extraction.probabilities(self.pairs(source, target))
        links = word_links(
            probabilities,
            source.words,
            target.words,
            threshold=self.threshold,
            symmetrization=self.symmetrization,
        )
        return to_alignments(links, lengths, symmetrization=self.symmetrization)

    def linked_words(
        self, probabilities: LinkProbabilities, source: Vectors, target: Vectors, lengths: tuple[int, int]
    ) -> Tensor:
        """A of the papers' objectives: words of which any two subwords are linked in both directions.

        Args:
            probabilities: Of the subwords, (batch, n, m).
            source: Vectors of the source sentences.
            target: Vectors of the target sentences.
            lengths: The most source and target words of a pair.

        Returns:
            (batch, source words, target words) bool.
        """
        linked = (probabilities.forward > self.threshold) & (probabilities.backward > self.threshold)
        pair, i, j = linked.nonzero(as_tuple=True)
        words = linked.new_zeros(len(linked), *lengths)
        words[pair, source.words[pair, i], target.words[pair, j]] = True
        return words


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
    scores = link_scores(LinkProbabilities(probabilities.forward[pair, i, j], probabilities.backward[pair, i, j]))
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


def to_alignments(links: WordLinks, lengths: Sequence[tuple[int, int]], *, symmetrization: str) -> list[WordAlignment]:
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


def link_scores(probabilities: LinkProbabilities) -> Tensor:
    """How sure a link is: the harmonic mean of both directions' probabilities, 0 where both are; of their shape."""
    forward, backward = probabilities
    return 2 * forward * backward / (forward + backward).clamp(min=torch.finfo(forward.dtype).tiny)


def subword_links(words: Tensor, source: Vectors, target: Vectors) -> Tensor:
    """Spread links of words to all subwords of both words.

    Args:
        words: (batch, source words, target words), true at links.
        source: Vectors of the source sentences.
        target: Vectors of the target sentences.

    Returns:
        (batch, n, m) bool, False at padding.
    """
    rows = words.bool().gather(1, source.words[:, :, None].expand(-1, -1, words.shape[2]))
    links = rows.gather(2, target.words[:, None, :].expand(-1, rows.shape[1], -1))
    return links & source.mask[:, :, None] & target.mask[:, None, :]


def _grow(
    pairs: npt.NDArray[np.int32], forward: npt.NDArray[np.bool_], backward: npt.NDArray[np.bool_], method: str
) -> npt.NDArray[np.bool_]:
    def links(marks: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
        return [(i, j) for i, j in pairs[marks].tolist()]

    grown = grow_diag(set(links(forward & backward)), links(forward), links(backward), method=method)
    return np.fromiter(((i, j) in grown for i, j in pairs.tolist()), dtype=np.bool_, count=len(pairs))
