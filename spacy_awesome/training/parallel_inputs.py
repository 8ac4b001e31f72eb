"""Pairs of sentences, half of them translations, as inputs of the encoder, for PSI."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.tokenization import Ids, Subwords
from spacy_awesome.training.masked_inputs import pair_room, short_pairs
from spacy_awesome.training.objectives.parallel_identification import sample_pairs

logger = logging.getLogger("spacy_awesome")


def parallel_inputs(
    encoder: SubwordEncoder, pairs: Sequence[tuple[Subwords, Subwords]], generator: torch.Generator
) -> tuple[list[Ids], Tensor]:
    """The inputs of `parallel_identification` and their labels, 1 for translations.

    Pairs longer than the encoder are left out, and so is a batch without two pairs to mix, with a warning.
    """
    rows = short_pairs(encoder, pairs, "parallel_identification")
    sources, targets, labels = sample_pairs(_mismatches(encoder, [pairs[row] for row in rows]), generator=generator)
    if rows and not len(labels):
        logger.warning(
            "parallel_identification: left out a batch of %d, which has no two pairs to mix; give it larger batches.",
            len(rows),
        )
    joined = [
        encoder.tokenizer.joined(pairs[rows[i]][0].ids, pairs[rows[j]][1].ids)
        for i, j in zip(sources.tolist(), targets.tolist())
    ]
    return joined, labels


def are_translations(pairs: Sequence[tuple[Subwords, Subwords]]) -> Tensor:
    """(pairs, pairs) bool: where a source and a target are known to be translations of each other.

    Sentences come twice in a batch: another pair's target is one if it is the same, or belongs to the same source.
    """
    texts: dict[bytes, int] = {}
    keys = [texts.setdefault(ids.tobytes(), len(texts)) for pair in pairs for ids in (pair[0].ids, pair[1].ids)]
    sources, targets = torch.tensor(keys, dtype=torch.int64).reshape(-1, 2).T
    same: Tensor = (sources[:, None] == sources[None, :]) | (targets[:, None] == targets[None, :])
    return same


def _mismatches(encoder: SubwordEncoder, pairs: Sequence[tuple[Subwords, Subwords]]) -> Tensor:
    """(pairs, pairs) bool: where source and target fit into the encoder together and are not a pair in the batch."""
    lengths = torch.tensor([[len(x.ids), len(y.ids)] for x, y in pairs], dtype=torch.int64).reshape(-1, 2)
    fits = lengths[:, None, 0] + lengths[None, :, 1] <= pair_room(encoder)
    return fits.logical_and(~are_translations(pairs))
