"""The contrastive objective of a batch of pairs: their sentences' vectors, scores, and loss."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from spacy_awesome.retrieval.bert_score import bert_scores
from spacy_awesome.retrieval.normalization import normalize
from spacy_awesome.training.objectives.contrastive import TEMPERATURE, Negatives, contrastive_loss
from spacy_awesome.training.parallel_inputs import are_translations

if TYPE_CHECKING:
    from spacy_awesome.aligner import PairAligner
    from spacy_awesome.encoders.encoder import Vectors
    from spacy_awesome.encoders.tokenization import Subwords

logger = logging.getLogger("spacy_awesome")

CONTRASTIVE_OBJECTIVES: Final[dict[str, Negatives]] = {"contrastive": "all", "contrastive_one_dimensional": "own"}


def in_batch_loss(
    aligner: PairAligner,
    pairs: Sequence[tuple[Subwords, Subwords]],
    vectors: Sequence[tuple[Vectors, Vectors]],
    weights: Mapping[str, float],
    *,
    temperature: float = TEMPERATURE,
) -> Tensor:
    """The weighted objectives of `CONTRASTIVE_OBJECTIVES`, summed over the pairs; 0 for a single pair.

    The sentences of all pairs are compared with each other, so that the activations of all are held at once: the number
    of pairs in an update is the number of negatives, whatever `max_batch_tokens` is. Scores are BERT-scores F by dot
    product (Niu et al. 2022, section 3.3) in units of the encoder's scale β, in-batch normalised.

    vectors: of source and target sentences, in one or several batches, in the order of the pairs.
    temperature: τ of `contrastive_loss`.
    """
    if len(pairs) < 2:
        logger.warning(
            "contrastive: left out a batch of %d, which has no negatives; give it larger batches.", len(pairs)
        )
        return torch.zeros(())
    source, target = zip(*vectors)
    scores = bert_scores(*_joined(source), *_joined(target), similarity="dot").f1
    logits = normalize(aligner.scale * scores)
    mismatches = ~are_translations(pairs).to(logits.device)
    losses = [
        weight * contrastive_loss(logits, mismatches, temperature=temperature, negatives=negatives).sum()
        for name, negatives in CONTRASTIVE_OBJECTIVES.items()
        if (weight := weights.get(name))
    ]
    return torch.stack(losses).sum()


def _joined(parts: Sequence[Vectors]) -> tuple[Tensor, Tensor]:
    """Vectors (sentences, n, d) and mask (sentences, n) of several batches, padded to the longest of all."""
    longest = max(part.mask.shape[1] for part in parts)
    room = [longest - part.mask.shape[1] for part in parts]
    values = [torch.nn.functional.pad(part.values, (0, 0, 0, extra)) for part, extra in zip(parts, room)]
    masks = [torch.nn.functional.pad(part.mask, (0, extra)) for part, extra in zip(parts, room)]
    return torch.cat(values), torch.cat(masks)
