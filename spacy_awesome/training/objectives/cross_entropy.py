"""Cross-entropy of alignment probabilities towards gold word links: supervised alignment."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from spacy_awesome.training.batch import SentencePart
from spacy_awesome.training.objectives import LinkObjective


@dataclass(eq=False)
class CrossEntropy(LinkObjective):
    """Cross-entropy towards gold links, on softmax probabilities whatever the extraction method is.

    L = −½ (mean_i log p(words linked to i | i) + mean_j log p(words linked to j | j)), over subwords of linked words
    """

    needs_gold = True

    def pair_losses(self, part: SentencePart) -> Tensor:
        if all(links is None for links in part.gold):
            return torch.zeros(0)
        source, target = (side.words.masked_fill(~side.mask, -1) for side in part.vectors)
        return alignment_cross_entropy(part.subwords.logits, part.gold_words, source, target)


def alignment_cross_entropy(similarity: Tensor, links: Tensor, source_words: Tensor, target_words: Tensor) -> Tensor:
    """Mean negative log-probability of the linked words, over both directions, for each sentence pair.

    A subword's distribution over the other side's subwords (softmax) is summed to a distribution over words, and
    compared with the uniform distribution over the words its own word is linked to. Summing first leaves open *which*
    subwords of two linked words find each other: one is enough for a link. Words without a link say nothing.

    similarity: (batch, source, target) logits of subword pairs, finite.
    links: (batch, source words, target words), true or 1 where two words are linked.
    source_words, target_words: (batch, source) and (batch, target) integers, the word of each subword; -1 at padding.
    Returns (batch,); 0 for a pair without links. The value of a pair does not depend on padding or on the other pairs.

    >>> import torch
    >>> similarity = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    >>> words = torch.tensor([[0, 1]])
    >>> alignment_cross_entropy(similarity, torch.eye(2)[None], words, words).round(decimals=4)
    tensor([0.3133])
    """
    forward, forward_rows = _one_direction(similarity, links, source_words, target_words)
    backward, backward_rows = _one_direction(
        similarity.transpose(1, 2), links.transpose(1, 2), target_words, source_words
    )
    return (forward / forward_rows.clamp(min=1) + backward / backward_rows.clamp(min=1)) / 2


def _one_direction(similarity: Tensor, links: Tensor, row_words: Tensor, column_words: Tensor) -> tuple[Tensor, Tensor]:
    """Summed cross-entropy of the rows whose word has a link, and their number; both (batch,)."""
    words = links.shape[2]
    # -1 (padding) becomes class 0, which is cut off again.
    membership = one_hot(column_words + 1, words + 1)[..., 1:].to(similarity.dtype)
    padding = (column_words < 0)[:, None, :]
    log_probability = similarity.masked_fill(padding, -torch.inf).log_softmax(dim=2)
    word_probability = log_probability.exp() @ membership
    rows = links.to(similarity.dtype).gather(1, row_words.clamp(min=0)[..., None].expand(-1, -1, words))
    rows = rows.masked_fill((row_words < 0)[..., None], 0.0)
    total = rows.sum(dim=2)
    floor = torch.finfo(similarity.dtype).tiny
    losses = -(rows * word_probability.clamp(min=floor).log()).sum(dim=2) / total.clamp(min=1)
    return losses.sum(dim=1), (total > 0).sum(dim=1)
