"""Correct similarities for popular sentences, which are similar to everything.

Each method takes from a score what its two sentences score on average with others: their biases. Those come from the
scores themselves, or are frozen beforehand, so that a score does not depend on what it is computed with.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor

_TINY = 1e-6
# How many nearest neighbours a margin is taken over (Artetxe and Schwenk 2019).
_NEIGHBOURS = 4


class Biases(NamedTuple):
    """What sentences score on average with others.

    source, target: (N,), (M,) for each sentence; overall: (), the mean of all.
    """

    source: Tensor
    target: Tensor
    overall: Tensor

    def of_pairs(self, source_rows: Tensor, target_rows: Tensor) -> Biases:
        """The biases of single pairs, for scores (P,): both arguments are indices (P,) of sentences."""
        return Biases(self.source[source_rows], self.target[target_rows], self.overall)


class Normalization(Protocol):
    """A way to normalise scores.

    scores: (N, M) of every source with every target sentence, biases (N,) and (M,); or scores (P,) of single pairs with
    `Biases.of_pairs`. Without biases, scores are (N, M) and those of the batch are taken, which must hold at least two
    sentences on both sides: ValueError otherwise. Returns the shape of scores. Differentiable.
    """

    def __call__(self, scores: Tensor, biases: Biases | None = None) -> Tensor:
        """Normalised scores."""


def normalize(scores: Tensor, biases: Biases | None = None, *, alpha: float = 0.75) -> Tensor:
    """f_ij − α (mean over n of f_in + mean over m of f_mj) + (2α − 1) mean of f (Niu et al. 2022, section 2.2).

    alpha: α, the strength; 0 is no normalisation: the scores come back as they are. Arguments as in `Normalization`.
    The last term is the paper's footnote 4; with it the scores of a batch have a mean of 0.

    >>> import torch
    >>> normalize(torch.tensor([[3.0, 1.0], [2.0, 0.0]]), alpha=1.0)
    tensor([[0., 0.],
            [0., 0.]])
    """
    if alpha == 0:
        return scores
    source, target, overall = _broadcast(scores, batch_biases(scores) if biases is None else biases)
    return scores - alpha * (source + target) + (2 * alpha - 1) * overall


def csls(scores: Tensor, biases: Biases | None = None, *, neighbours: int = _NEIGHBOURS) -> Tensor:
    """2 f_ij − r_i − r_j, r a sentence's mean score with its nearest neighbours (Conneau et al. 2018, eq. 3)."""
    source, target, _ = _broadcast(scores, batch_biases(scores, neighbours=neighbours) if biases is None else biases)
    return 2 * scores - source - target


def distance_margin(scores: Tensor, biases: Biases | None = None, *, neighbours: int = _NEIGHBOURS) -> Tensor:
    """f_ij − (r_i + r_j) / 2 (Artetxe and Schwenk 2019, section 3.1); r as in `csls`, half of which this is."""
    source, target, _ = _broadcast(scores, batch_biases(scores, neighbours=neighbours) if biases is None else biases)
    return scores - (source + target) / 2


def ratio_margin(scores: Tensor, biases: Biases | None = None, *, neighbours: int = _NEIGHBOURS) -> Tensor:
    """2 f_ij / (r_i + r_j) (Artetxe and Schwenk 2019, section 3.1); r as in `csls`.

    Means something only where neighbours have scores above 0, as translations do in any encoder of use.
    """
    source, target, _ = _broadcast(scores, batch_biases(scores, neighbours=neighbours) if biases is None else biases)
    return scores / ((source + target) / 2).clamp(min=_TINY)


NORMALIZATIONS: dict[str, Normalization] = {
    "in_batch": normalize,
    "csls": csls,
    "distance": distance_margin,
    "ratio": ratio_margin,
}


def batch_biases(scores: Tensor, *, neighbours: int | None = None) -> Biases:
    """Each sentence's mean score in a batch (N, M), or that with its nearest neighbours in it.

    Raises ValueError at a batch of one: its mean is the score itself, and nothing would be left of it.
    """
    if scores.dim() != 2 or min(scores.shape) < 2:
        raise ValueError(
            "In-batch normalisation needs scores of at least 2 source with at least 2 target sentences, got "
            f"{tuple(scores.shape)}. Score more sentences together, give biases that were frozen on others, "
            "or switch normalisation off."
        )
    if neighbours is None:
        return Biases(scores.mean(dim=1), scores.mean(dim=0), scores.mean())
    source = scores.topk(min(neighbours, scores.shape[1]), dim=1).values.mean(dim=1)
    target = scores.topk(min(neighbours, scores.shape[0]), dim=0).values.mean(dim=0)
    return Biases(source, target, scores.mean())


def frozen_biases(source_scores: Tensor, target_scores: Tensor) -> Biases:
    """Biases that depend on no batch: each sentence's mean score with sentences that are chosen once.

    source_scores: (N, k) scores of each source sentence with its k nearest target sentences, or with one sample of k
        target sentences for all (anchors); NaN where there are fewer. target_scores: (M, k) the other way round.
    To be computed once for all sentences, and then sliced: `overall` is the mean over both sides.

    >>> import torch
    >>> frozen_biases(torch.tensor([[0.8, 0.4], [0.2, 0.4]]), torch.tensor([[0.8, torch.nan]]))
    Biases(source=tensor([0.6000, 0.3000]), target=tensor([0.8000]), overall=tensor(0.6250))
    """
    source, target = source_scores.nanmean(dim=1), target_scores.nanmean(dim=1)
    return Biases(source, target, (source.nanmean() + target.nanmean()) / 2)


def _broadcast(scores: Tensor, biases: Biases) -> Biases:
    return biases if scores.dim() == 1 else biases._replace(source=biases.source[:, None])
