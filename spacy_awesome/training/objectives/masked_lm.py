"""Masked language modeling: predict hidden subwords from their sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.tokenization import windows
from spacy_awesome.training.batch import TrainingBatch
from spacy_awesome.training.language_model import NO_ANSWER, MaskedInput, MaskedObjective, MaskedRun, mask_sentences


@dataclass(eq=False)
class MaskedLM(MaskedObjective):
    """MLM, on both sides of each pair (Dou & Neubig 2021, section 2.2, eq. 2).

    L = −log p(x | x_mask) − log p(y | y_mask)
    """

    run = MaskedRun

    def sentences(self, batch: TrainingBatch) -> list[list[MaskedInput]]:
        """One sentence for each side; in windows, if it is longer than the encoder."""
        return [sentence_windows(batch.encoder, side) for pair in mask_sentences(batch) for side in pair]


def sentence_windows(encoder: SubwordEncoder, sentence: MaskedInput) -> list[MaskedInput]:
    """A masked sentence as inputs of the encoder, with special tokens."""
    lead, trail = len(encoder.tokenizer.prefix), len(encoder.tokenizer.suffix)
    inputs = []
    for start, end, keep, stop in windows(len(sentence.ids), encoder.window):
        # A subword that two windows share is predicted in the one where it has more context.
        asked = np.full(lead + end - start + trail, NO_ANSWER)
        asked[lead + keep - start : lead + stop - start] = sentence.answers[keep:stop]
        inputs.append(MaskedInput(encoder.tokenizer.single(sentence.ids[start:end]), asked))
    return inputs
