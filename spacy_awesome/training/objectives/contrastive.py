"""Contrastive learning of sentence similarity: translations against all other pairs of a batch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from spacy_awesome.encoders.encoder import Vectors
from spacy_awesome.similarity.bert_score import bert_scores
from spacy_awesome.similarity.normalization import normalize
from spacy_awesome.training.batch import SentenceRun, are_translations
from spacy_awesome.training.objectives import Objective

logger = logging.getLogger("spacy_awesome")

# The paper's, tuned on the development set of OPUS-100 (section 3.2).
TEMPERATURE = 5.0

Negatives = Literal["all", "own"]


@dataclass(eq=False)
class Contrastive(Objective):
    """Each translation against all in-batch negatives (Niu et al. 2022, section 2.4).

    L_i = −log( exp(S_ii / τ) / (exp(S_ii / τ) + Σ_m≠n exp(S_mn / τ)) )

    S are BERT-scores F by dot product (section 3.3) in units of the encoder's scale β, in-batch normalized. The
    sentences of all pairs are compared with each other, so that the activations of all are held at once: the number of
    pairs in an update is the number of negatives, whatever the token budget is. A batch of one pair is left out.

    Attributes:
        temperature: τ, above 0.
    """

    temperature: float = TEMPERATURE
    run = SentenceRun
    compares_all_pairs = True
    negatives: ClassVar[Negatives] = "all"

    def loss(self, run: SentenceRun) -> Tensor:
        pairs = [pair for part in run.parts for pair in part.pairs]
        if len(pairs) < 2:
            logger.warning(
                "contrastive: left out a batch of %d, which has no negatives; give it larger batches.", len(pairs)
            )
            return torch.zeros(())
        source, target = zip(*(part.vectors for part in run.parts))
        scores = bert_scores(*_joined(source), *_joined(target), similarity="dot").f1
        logits = normalize(run.batch.extractor.scale * scores)
        mismatches = ~are_translations([(x.ids, y.ids) for x, y in pairs]).to(logits.device)
        return contrastive_loss(logits, mismatches, temperature=self.temperature, negatives=self.negatives).sum()


@dataclass(eq=False)
class OneDimensionalContrastive(Contrastive):
    """The paper's ablation: each translation against the negatives of the same source, and of the same target."""

    negatives = "own"


def contrastive_loss(
    scores: Tensor, mismatches: Tensor, *, temperature: float = TEMPERATURE, negatives: Negatives = "all"
) -> Tensor:
    """Cross-entropy of each translation among in-batch negatives (Niu et al. 2022, section 2.4).

    scores: (N, N) S, row i and column i translations of each other: in training, normalised BERT-scores by dot product.
    mismatches: (N, N) bool, the pairs that are no translations: all but the diagonal, unless a sentence comes twice.
    temperature: τ.
    negatives: what the sum is over. "all" is every mismatch of the batch, N² − N, which teaches one threshold for all
        sentences. "own" is the paper's ablation, one-dimensional negatives: the N − 1 of the same source, and those of
        the same target, in two sums whose losses are averaged.
    Returns (N,). Unlike other objectives, a pair's value depends by design on the pairs that it is trained with.

    >>> contrastive_loss(torch.zeros(3, 3), ~torch.eye(3, dtype=torch.bool)).round(decimals=4)
    tensor([1.9459, 1.9459, 1.9459])
    >>> contrastive_loss(torch.zeros(3, 3), ~torch.eye(3, dtype=torch.bool), negatives="own").round(decimals=4)
    tensor([1.0986, 1.0986, 1.0986])
    """
    logits = scores / temperature
    positive = logits.diagonal()
    others = logits.masked_fill(~mismatches, -torch.inf)
    if negatives == "all":
        return torch.logaddexp(positive, others.flatten().logsumexp(dim=0)) - positive
    rows, columns = (torch.logaddexp(positive, others.logsumexp(dim=dim)) - positive for dim in (1, 0))
    return (rows + columns) / 2


def _joined(parts: Sequence[Vectors]) -> tuple[Tensor, Tensor]:
    """Vectors (sentences, n, d) and mask (sentences, n) of several batches, padded to the longest of all."""
    longest = max(part.mask.shape[1] for part in parts)
    room = [longest - part.mask.shape[1] for part in parts]
    values = [torch.nn.functional.pad(part.values, (0, 0, 0, extra)) for part, extra in zip(parts, room)]
    masks = [torch.nn.functional.pad(part.mask, (0, extra)) for part, extra in zip(parts, room)]
    return torch.cat(values), torch.cat(masks)
