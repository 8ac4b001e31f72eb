"""Cross-lingual BERT-score: how well each subword of one sentence is matched by some subword of the other."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize as unit_length

from spacy_awesome.encoders.tokenization import batches_by_length

SimilarityMeasure = Literal["cosine", "dot"]

# Subwords, padding included, on each side of a block of sentences; their product is the cells that are held at once.
# On a processor the block's 4 MB stay in its cache; a graphics card wants more work at a time.
_BLOCK_SUBWORDS = {"cpu": 1024}
_LARGE_BLOCK_SUBWORDS = 8192


class BertScores(NamedTuple):
    """Precision, recall and F1 of sentence pairs, float32, of one shape.

    precision: how well the target's subwords are matched by the source's; recall: the other way round.
    """

    precision: Tensor
    recall: Tensor
    f1: Tensor


def bert_scores(
    source: Tensor,
    source_mask: Tensor,
    target: Tensor,
    target_mask: Tensor,
    *,
    similarity: SimilarityMeasure = "cosine",
) -> BertScores:
    """BERT-scores of every source with every target sentence (Niu et al. 2022, section 2.2).

    P = mean over j of max over i of s_i·t_j, R = mean over i of max over j of s_i·t_j, F = 2PR / (P + R)

    source, target: (N, n, d), (M, m, d) subword vectors of any float type; source_mask, target_mask: (N, n), (M, m)
    bool, True at subwords, padding only at the end.
    similarity: "cosine" (for retrieval) or "dot" (in training).
    Returns (N, M) each. F is 0 where P and R differ in sign: the formula's limit on both sides, and its pole lies
    between them. All three are 0 for a sentence without subwords. Differentiable.

    Works in blocks of sentences of like length: beside arguments and results it holds one block of a few MB, and, for
    gradients, the places of the maxima.

    >>> source = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    >>> target = torch.tensor([[[2.0, 0.0], [0.0, 0.0]]])
    >>> bert_scores(source, torch.tensor([[True, True]]), target, torch.tensor([[True, False]]))
    BertScores(precision=tensor([[1.]]), recall=tensor([[0.5000]]), f1=tensor([[0.6667]]))
    """
    _check_similarity(similarity)
    source_blocks, source_order = _blocks(source_mask)
    target_blocks, target_order = _blocks(target_mask)
    if not (source_blocks and target_blocks):
        none = torch.zeros(len(source), len(target), device=source.device)
        return BertScores(none, none, none)
    precision, recall = [], []
    for rows in source_blocks:
        left, left_weights = _block(source, source_mask, rows, similarity)
        pairs = [
            _block_scores(left, left_weights, *_block(target, target_mask, columns, similarity))
            for columns in target_blocks
        ]
        precision.append(torch.cat([p for p, _ in pairs], dim=1))
        recall.append(torch.cat([r for _, r in pairs], dim=1))
    p, r = (torch.cat(parts)[source_order][:, target_order] for parts in (precision, recall))
    return BertScores(p, r, harmonic_means(p, r))


def _check_similarity(similarity: str) -> None:
    if similarity not in ("cosine", "dot"):
        raise ValueError(f"Unknown similarity {similarity!r}; expected cosine or dot.")


def _comparable(vectors: Tensor, mask: Tensor, similarity: SimilarityMeasure) -> Tensor:
    """The vectors in float32, of unit length for cosine, 0 at padding."""
    vectors = vectors.float().masked_fill(~mask[:, :, None], 0.0)
    return unit_length(vectors, dim=-1) if similarity == "cosine" else vectors


def _blocks(mask: Tensor) -> tuple[list[Tensor], Tensor]:
    """Sentences of like length that are compared together, and where each sentence is then found; on mask's device."""
    largest = _BLOCK_SUBWORDS.get(mask.device.type, _LARGE_BLOCK_SUBWORDS)
    # Empty sentences are compared too, as if of one subword: every sentence needs its place in the result.
    lengths = mask.sum(dim=1).clamp(min=1).tolist()
    blocks = [
        torch.tensor(rows, device=mask.device)
        for rows in batches_by_length(lengths, lambda count, width: count * width <= largest)
    ]
    return blocks, torch.cat([mask.new_zeros(0, dtype=torch.int64), *blocks]).argsort()


def _block(vectors: Tensor, mask: Tensor, rows: Tensor, similarity: SimilarityMeasure) -> tuple[Tensor, Tensor]:
    """Vectors (rows, n, d) of some sentences, and what each counts in the mean over its sentence, (rows, n).

    The first vector of a sentence stands in the place of its padding. It wins no maximum that it would not win anyway,
    which is what −inf at padding is for, but needs no pass over all similarities.
    """
    mask = mask[rows]
    lengths = mask.sum(dim=1, keepdim=True)
    place = torch.arange(max(1, int(lengths.amax())), device=mask.device)
    real = place < lengths
    chosen = vectors[rows[:, None], torch.where(real, place, 0)]
    return _comparable(chosen, (lengths > 0).expand_as(real), similarity), real / lengths.clamp(min=1)


def _block_scores(
    source: Tensor, source_weights: Tensor, target: Tensor, target_weights: Tensor
) -> tuple[Tensor, Tensor]:
    """Precision and recall, (A, B), of blocks (A, n, d) and (B, m, d)."""
    (a, n, _), (b, m, _) = source.shape, target.shape
    # The target's sentences come last: both maxima then run over rows of b neighbouring numbers.
    cells = (source.flatten(0, 1) @ target.permute(2, 1, 0).flatten(1)).view(a, n, m, b)
    precision = torch.einsum("amb,bm->ab", _maxima(cells, 1), target_weights)
    recall = torch.einsum("anb,an->ab", _maxima(cells, 2), source_weights)
    return precision, recall


def _maxima(cells: Tensor, dim: int) -> Tensor:
    # For its gradient, amax would keep all cells of all blocks; max keeps places of maxima alone, but is slower.
    return cells.max(dim=dim).values if cells.requires_grad else cells.amax(dim=dim)


def harmonic_means(precision: Tensor, recall: Tensor) -> Tensor:
    """2PR / (P + R), of one shape; 0 where P and R differ in sign."""
    agree = precision * recall > 0
    # The first `where` keeps the pole out of the gradient, where the second could not.
    total = torch.where(agree, precision + recall, 1.0)
    return torch.where(agree, 2 * precision * recall / total, 0.0)
