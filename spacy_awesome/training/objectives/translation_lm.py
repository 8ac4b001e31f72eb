"""Translation language modeling: predict hidden subwords from their sentence and its translation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spacy_awesome.training.batch import TrainingBatch
from spacy_awesome.training.language_model import NO_ANSWER, MaskedInput, MaskedObjective, MaskedRun, mask_sentences


@dataclass(eq=False)
class TranslationLM(MaskedObjective):
    """TLM, on both orders of each pair (Dou & Neubig 2021, section 2.2, eq. 3).

    L = −log p([x; y] | [x_mask; y_mask]) − log p([y; x] | [y_mask; x_mask])

    Pairs longer than the encoder are left out, with a warning.
    """

    run = MaskedRun

    def sentences(self, batch: TrainingBatch) -> list[list[MaskedInput]]:
        """One sentence for each order."""
        tokenizer, masked = batch.encoder.tokenizer, mask_sentences(batch)
        special = tokenizer.prefix, tokenizer.middle, tokenizer.suffix
        unasked = [np.full(len(ids), NO_ANSWER) for ids in special]
        found = []
        for row in batch.short_pairs("translation_lm"):
            x, y = masked[row]
            ids, answers = (
                translation_inputs(*(torch.from_numpy(part) for part in parts))
                for parts in ((x.ids, y.ids, *special), (x.answers, y.answers, *unasked))
            )
            found += [[MaskedInput(*(side.numpy() for side in order))] for order in zip(ids, answers)]
        return found


def translation_inputs(
    source: Tensor, target: Tensor, prefix: Tensor, middle: Tensor, suffix: Tensor
) -> tuple[Tensor, Tensor]:
    """Both orders of a pair as one sentence.

    Both sides are masked at once, and alike in both orders; each order is a sentence of `masked_lm_loss`.

    source, target: (n,) and (m,): masked subwords, or anything else that there is one of for each subword.
    prefix, middle, suffix: the same of the special tokens before, between and behind the two sentences.
    Returns [x; y] and [y; x], both of length n + m and that of the special tokens.

    >>> cls, sep = torch.tensor([1]), torch.tensor([2])
    >>> translation_inputs(torch.tensor([7, 8]), torch.tensor([9]), cls, sep, sep)
    (tensor([1, 7, 8, 2, 9, 2]), tensor([1, 9, 2, 7, 8, 2]))
    """
    return (
        torch.cat((prefix, source, middle, target, suffix)),
        torch.cat((prefix, target, middle, source, suffix)),
    )
