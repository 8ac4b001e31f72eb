"""Average pooling: one vector for a sentence, and what such vectors have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import normalize as unit_length

if TYPE_CHECKING:
    from torch import Tensor

    from spacy_awesome.retrieval.bert_score import Similarity


def average_pool(vectors: Tensor, mask: Tensor) -> Tensor:
    """The mean of each sentence's subword vectors, in float32; 0 for a sentence without subwords.

    vectors: (N, n, d) of any float type; mask: (N, n) bool, True at subwords. Returns (N, d).

    >>> average_pool(torch.tensor([[[1.0, 3.0], [9.0, 9.0]]]), torch.tensor([[True, False]]))
    tensor([[1., 3.]])
    """
    total = vectors.masked_fill(~mask[:, :, None], 0.0).sum(dim=1, dtype=torch.float32)
    return total / mask.sum(dim=1, keepdim=True).clamp(min=1)


def pooled_scores(source: Tensor, target: Tensor, *, similarity: Similarity = "cosine") -> Tensor:
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
