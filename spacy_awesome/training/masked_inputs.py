"""Masked sentences and sentence pairs as inputs of the encoder, for MLM and TLM."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.tokenization import Ids, Subwords, windows
from spacy_awesome.training.objectives.masked_lm import mask_subwords
from spacy_awesome.training.objectives.translation_lm import translation_inputs

logger = logging.getLogger("spacy_awesome")

NO_ANSWER = -1


@dataclass(frozen=True, slots=True)
class MaskedInput:
    """One input of the encoder.

    ids: (length,) subwords and special tokens, some of them masked.
    answers: (length,) the original subword where one is to be predicted, else NO_ANSWER.
    sentence: the number of the sentence, or the concatenated pair, that it is, or is a window of.
    """

    ids: Ids
    answers: Ids
    sentence: int


@dataclass(frozen=True, slots=True)
class MaskedInputs:
    """All masked inputs of a batch of pairs.

    inputs: those with something to predict.
    masked: (sentences,) number of subwords to predict in each sentence.
    weights: (sentences,) the weight of its objective.
    """

    inputs: list[MaskedInput]
    masked: Tensor
    weights: Tensor


def masked_inputs(
    encoder: SubwordEncoder,
    pairs: Sequence[tuple[Subwords, Subwords]],
    weights: Mapping[str, float],
    generator: torch.Generator,
) -> MaskedInputs:
    """The inputs of `masked_lm` and `translation_lm`, of those that have a weight above 0.

    Sentences longer than the encoder come in windows; longer pairs are left out of `translation_lm`, with a warning.
    Raises ValueError if the tokenizer has no mask token.
    """
    inputs: list[MaskedInput] = []
    shares: list[float] = []
    sentences = [side.ids for pair in pairs for side in pair]
    if weight := weights.get("masked_lm"):
        for ids, answers in _mask(encoder, sentences, generator):
            inputs += _windows(encoder, ids, answers, len(shares))
            shares.append(weight)
    if weight := weights.get("translation_lm"):
        masked = _mask(encoder, sentences, generator)
        special = encoder.tokenizer.prefix, encoder.tokenizer.middle, encoder.tokenizer.suffix
        unasked = [np.full(len(ids), NO_ANSWER) for ids in special]
        for row in short_pairs(encoder, pairs, "translation_lm"):
            (x, x_answers), (y, y_answers) = masked[2 * row], masked[2 * row + 1]
            orders = zip(_both_orders(x, y, special), _both_orders(x_answers, y_answers, unasked))
            for ids, answers in orders:
                inputs.append(MaskedInput(ids, answers, len(shares)))
                shares.append(weight)
    counts = torch.zeros(len(shares), dtype=torch.int64)
    for item in inputs:
        counts[item.sentence] += int((item.answers != NO_ANSWER).sum())
    return MaskedInputs([item for item in inputs if (item.answers != NO_ANSWER).any()], counts, torch.tensor(shares))


def short_pairs(encoder: SubwordEncoder, pairs: Sequence[tuple[Subwords, Subwords]], objective: str) -> list[int]:
    """Rows of the pairs that fit into the encoder as one input; how many do not is logged as a warning."""
    room = pair_room(encoder)
    rows = [row for row, (x, y) in enumerate(pairs) if len(x.ids) + len(y.ids) <= room]
    if len(rows) < len(pairs):
        logger.warning(
            "%s: left out %d of %d pairs, which have more than %d subwords together.",
            objective,
            len(pairs) - len(rows),
            len(pairs),
            room,
        )
    return rows


def pair_room(encoder: SubwordEncoder) -> int:
    """How many subwords of two sentences together the encoder takes as one input."""
    return encoder.window - len(encoder.tokenizer.middle)


def _mask(encoder: SubwordEncoder, sentences: list[Ids], generator: torch.Generator) -> list[tuple[Ids, Ids]]:
    """The masked subwords and the answers of each sentence."""
    tokenizer = encoder.tokenizer.tokenizer
    if tokenizer.mask_token_id is None:
        raise ValueError("masked_lm and translation_lm need a tokenizer with a mask token; this encoder's has none.")
    ids = np.concatenate(sentences)
    special = np.array(tokenizer.all_special_ids, dtype=np.int64)
    replacements = np.setdiff1d(np.arange(min(len(tokenizer), encoder.transformer.config.vocab_size)), special)
    masked, chosen = mask_subwords(
        torch.from_numpy(ids),
        torch.from_numpy(~np.isin(ids, special)),
        mask_id=tokenizer.mask_token_id,
        replacements=torch.from_numpy(replacements),
        generator=generator,
    )
    answers = np.where(chosen.numpy(), ids, NO_ANSWER)
    ends = np.cumsum([len(sentence) for sentence in sentences])[:-1]
    return list(zip(np.split(masked.numpy(), ends), np.split(answers, ends)))


def _windows(encoder: SubwordEncoder, ids: Ids, answers: Ids, sentence: int) -> list[MaskedInput]:
    lead, trail = len(encoder.tokenizer.prefix), len(encoder.tokenizer.suffix)
    inputs = []
    for start, end, keep, stop in windows(len(ids), encoder.window):
        # A subword that two windows share is predicted in the one where it has more context.
        asked = np.full(lead + end - start + trail, NO_ANSWER)
        asked[lead + keep - start : lead + stop - start] = answers[keep:stop]
        inputs.append(MaskedInput(encoder.tokenizer.single(ids[start:end]), asked, sentence))
    return inputs


def _both_orders(source: Ids, target: Ids, special: Sequence[Ids]) -> tuple[Ids, Ids]:
    x, y, prefix, middle, suffix = (torch.from_numpy(part) for part in (source, target, *special))
    xy, yx = translation_inputs(x, y, (prefix, middle, suffix))
    return xy.numpy(), yx.numpy()
