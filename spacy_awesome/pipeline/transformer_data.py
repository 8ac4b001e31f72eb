"""What a `transformer` of spacy-transformers has computed for a Doc, as subwords that need no encoding."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from spacy.tokens import Doc
from thinc.api import get_current_ops, xp2torch

from spacy_awesome.encoders.tokenization import Subwords

# How tokenizers write the space before a word: SentencePiece, byte-level BPE.
_SPACES = ("▁", "Ġ")


def transformer_subwords(doc: Doc, *, layer: int, width: int) -> Subwords | None:
    """The subwords of a Doc with their vectors at a layer; None if no `transformer` has seen all of its words.

    spacy-transformers cuts spans that are longer than its model takes.

    layer: from 1, of the hidden states that the transformer keeps if its configuration says `output_hidden_states`;
        0 is the embeddings.
    width: dimensions that the vectors must have.
    Where the transformer saw a token in several overlapping spans, it counts in the one with most context around it. A
    subword that belongs to two tokens counts for both.
    Raises ValueError if the layer was not kept or is of another width.
    """
    data = doc._.trf_data if Doc.has_extension("trf_data") else None
    if data is None:
        return None
    if not len(data.align.lengths):
        return Subwords(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), len(doc), torch.empty(0, width))
    states = _hidden_states(data, layer)
    if states.shape[-1] != width:
        raise ValueError(
            f"Expected doc._.trf_data with vectors as wide as the word_aligner's encoder ({width}), got "
            f"{states.shape[-1]}. Give the transformer and [components.word_aligner.model] the same model."
        )
    words, places = _places(data)
    if not all(doc[i].is_space for i in np.setdiff1d(np.arange(len(doc)), words).tolist()):
        return None
    vectors = xp2torch(states.reshape(-1, width))[torch.from_numpy(places)]
    return Subwords(data.wordpieces.input_ids.reshape(-1)[places].astype(np.int64), words, len(doc), vectors)


def _hidden_states(data: Any, layer: int) -> Any:
    """Vectors of a layer, (spans, longest, width)."""
    states = data.model_output.get("hidden_states")
    if states is None:
        raise ValueError(
            "reuse_trf_data needs all layers of the transformer: set output_hidden_states = true in "
            "[components.transformer.model.transformer_config] of the pipeline that made the Doc."
        )
    if layer >= len(states):
        raise ValueError(
            f"Expected a transformer with layer {layer}, which the word_aligner reads; got {len(states) - 1}."
        )
    return states[layer]


def _places(data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Tokens that have subwords, in order, each as often as it has; and where these stand among all spans' subwords."""
    to_numpy = get_current_ops().to_numpy
    lengths, places = to_numpy(data.align.lengths), to_numpy(data.align.dataXd).reshape(-1)
    tokens, places = _without_spaces(np.repeat(np.arange(len(lengths)), lengths), places, data.wordpieces)
    spans, offsets = np.divmod(places, data.wordpieces.input_ids.shape[1])
    context = np.minimum(offsets, np.asarray(data.wordpieces.lengths)[spans] - 1 - offsets)
    order = np.lexsort((context, tokens))
    best = np.zeros(len(lengths), dtype=np.int64)
    best[tokens[order]] = spans[order]  # of each token, the last one stays
    kept = spans == best[tokens]
    return tokens[kept], places[kept].astype(np.int64)


def _without_spaces(tokens: np.ndarray, places: np.ndarray, wordpieces: Any) -> tuple[np.ndarray, np.ndarray]:
    """The same with subwords that begin with a space given to the word behind it alone.

    To spaCy a space belongs to the token before it, to the tokenizers of XLM-R and RoBERTa to the word after it.
    """
    spaced = np.zeros(wordpieces.input_ids.shape, dtype=bool)
    alone = spaced.copy()
    for row, texts in enumerate(wordpieces.strings):
        for place, text in enumerate(texts):
            spaced[row, place] = text[:1] in _SPACES
            alone[row, place] = text in _SPACES
    first, owner = (np.full(spaced.size, -1) for _ in range(2))
    first[places[::-1]], owner[places] = tokens[::-1], tokens
    follower = np.append(first[1:], -1)
    owner = np.where(alone.reshape(-1) & (follower >= 0), follower, owner)
    tokens = np.where(spaced.reshape(-1)[places], owner[places], tokens)
    found = np.unique(np.stack((tokens, places), axis=1), axis=0)
    return found[:, 0], found[:, 1]
