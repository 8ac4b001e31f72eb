"""One vector for each sentence: the average of its subword vectors, or one weighted by rarity; and their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import normalize as unit_length

if TYPE_CHECKING:
    from torch import Tensor

    from spacy_awesome.similarity.bert_score import SimilarityMeasure


def average_pool(vectors: Tensor, mask: Tensor) -> Tensor:
    """The mean of each sentence's subword vectors, in float32; 0 for a sentence without subwords.

    vectors: (N, n, d) of any float type; mask: (N, n) bool, True at subwords. Returns (N, d).

    >>> average_pool(torch.tensor([[[1.0, 3.0], [9.0, 9.0]]]), torch.tensor([[True, False]]))
    tensor([[1., 3.]])
    """
    total = vectors.masked_fill(~mask[:, :, None], 0.0).sum(dim=1, dtype=torch.float32)
    return total / mask.sum(dim=1, keepdim=True).clamp(min=1)


def pooled_scores(source: Tensor, target: Tensor, *, similarity: SimilarityMeasure = "cosine") -> Tensor:
    """Similarity of every source with every target vector: (N, d), (M, d) to (N, M); 0 for a vector of zeros.

    similarity: "cosine" or "dot".

    >>> pooled_scores(torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([[0.6000, 0.8000]])
    """
    if similarity == "cosine":
        source, target = unit_length(source, dim=-1), unit_length(target, dim=-1)
    elif similarity != "dot":
        raise ValueError(f"Unknown similarity {similarity!r}; expected cosine or dot.")
    return source @ target.T


# Exponent of the covariance's eigenvalues that are divided away: 0 is none, 1 is whitening.
_WHITENING = 0.5


def inverse_document_frequency(ids: Tensor, starts: Tensor) -> Tensor:
    """log(1 + N / df) of each subword: what it weighs in a collection of N sentences, df of which contain it.

    ids: (subwords,) vocabulary ids of all sentences, one after the other; starts: (N + 1,) where each begins, and the
    end. Returns (subwords,) float32, above 0.

    >>> inverse_document_frequency(torch.tensor([7, 7, 5, 7]), torch.tensor([0, 2, 4]))
    tensor([0.6931, 0.6931, 1.0986, 0.6931])
    """
    sentences = len(starts) - 1
    owner = torch.repeat_interleave(torch.arange(sentences), starts.diff())
    size = int(ids.amax()) + 1 if len(ids) else 0
    contained = torch.unique(owner * size + ids.long()) % max(size, 1)
    frequency = torch.bincount(contained, minlength=size)
    return torch.log1p(sentences / frequency[ids.long()])


def weighted_pool(vectors: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
    """The weighted sum of each sentence's subword vectors, of unit length.

    vectors: (subwords, d) of any float type; starts: (N + 1,); weights: (subwords,). Returns (N, d) float32.

    >>> weighted_pool(torch.eye(2), torch.tensor([0, 2]), torch.tensor([3.0, 4.0]))
    tensor([[0.6000, 0.8000]])
    """
    owner = torch.repeat_interleave(torch.arange(len(starts) - 1), starts.diff())
    total = torch.zeros(len(starts) - 1, vectors.shape[1])
    return unit_length(total.index_add_(0, owner, vectors.float() * weights[:, None]), dim=-1)


def whiten(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Take away what the vectors of each side have in common, and even out the directions of both together.

    Each side is centred by itself, which removes what tells the languages apart. Then, with the covariance UΛUᵀ of both
    sides, vectors are multiplied by UΛ^(−1/4), half-way to whitening (Su et al. 2021). The covariance of few sentences
    says little and is shrunk towards a multiple of the identity.

    source, target: (N, d), (M, d) float32. Returns vectors of unit length, or of zeros where nothing is left.
    """
    sides = [side - side.mean(dim=0) for side in (source, target)]
    count, width = len(source) + len(target), source.shape[1]
    both = torch.cat(sides).double()
    covariance = both.T @ both / count
    variance = torch.trace(covariance) / width
    shrinkage = width / (count + width)
    values, directions = torch.linalg.eigh((1 - shrinkage) * covariance + shrinkage * variance * torch.eye(width))
    # One sentence a side has no variance at all.
    scales = values.clamp(min=torch.finfo(torch.float32).tiny) ** (-_WHITENING / 2)
    matrix = (directions * scales).float()
    return unit_length(sides[0] @ matrix, dim=-1), unit_length(sides[1] @ matrix, dim=-1)
