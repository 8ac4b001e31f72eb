"""Sentences to subword vectors that are kept: packed without padding, in half precision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.folders import LOADING
from spacy_awesome.encoders.loading import load_encoder
from spacy_awesome.encoders.tokenization import Subwords, batches_by_length


@dataclass(frozen=True, slots=True)
class SentenceVectors:
    """Subword vectors of many sentences, one after the other.

    Not a padded batch, because one long sentence among many would multiply the memory of all.

    values: (subwords of all sentences, d); starts: (N + 1,) int64, sentence i has the rows from starts[i] to
    starts[i + 1]. Both on the processor.
    """

    values: Tensor
    starts: Tensor

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Tensor:
        """Number of subwords of each sentence, (N,)."""
        return self.starts.diff()

    def padded(self, rows: Sequence[int] | Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Vectors (rows, n, d) and mask (rows, n) of some sentences, or of all, padded to the longest with zeros."""
        chosen = torch.arange(len(self)) if rows is None else torch.as_tensor(rows, dtype=torch.int64)
        lengths = self.lengths[chosen]
        place = torch.arange(max(lengths.tolist(), default=0))
        mask = place < lengths[:, None]
        vectors = self.values.new_zeros(*mask.shape, self.values.shape[1])
        vectors[mask] = self.values[(self.starts[:-1][chosen][:, None] + place)[mask]]
        return vectors, mask


def load_sentence_encoder(name: str = "bundled", *, layer: int | None = None) -> SubwordEncoder:
    """The encoder "bundled", of a local folder, or of the Hugging Face hub, cut at a layer.

    layer: None is the encoder's own default: mBERT 8, XLM-R base 8, XLM-R large 17, else two thirds of its depth.
    Raises ValueError if there is no such encoder or layer.
    """
    with LOADING:
        return SubwordEncoder(load_encoder(name, layer=layer, dtype=torch.float32))


def split_lines(lines: Iterable[str]) -> list[list[str]]:
    """Raw lines as words for `encode_sentences`: split at white space only.

    The encoder's tokenizer splits the rest as it was trained to, which a word tokenizer before it would change; in
    languages written without spaces a whole line is one word.
    """
    return [line.split() for line in lines]


def encode_sentences(
    encoder: SubwordEncoder,
    sentences: Sequence[Sequence[str]],
    *,
    max_tokens: int = 4096,
    max_length: int | None = None,
    dtype: torch.dtype = torch.float16,
) -> SentenceVectors:
    """Vectors of sentences of any length, each a list of words, without gradient.

    max_tokens: padded subwords that the encoder sees at once.
    max_length: subwords after which a sentence is cut off; None keeps all. (The paper cuts at 100.)
    dtype: what vectors are kept in. Scores are computed in float32.
    """
    subwords = [
        Subwords(sentence.ids[:max_length], sentence.words[:max_length], sentence.length)
        for sentence in encoder.tokenizer(sentences)
    ]
    return encode_subwords(encoder, subwords, max_tokens=max_tokens, dtype=dtype)


def encode_subwords(
    encoder: SubwordEncoder,
    subwords: Sequence[Subwords],
    *,
    max_tokens: int = 4096,
    dtype: torch.dtype = torch.float16,
) -> SentenceVectors:
    """The same for sentences that the encoder's tokenizer has split already."""
    lengths = [len(sentence.ids) for sentence in subwords]
    starts = torch.tensor([0, *lengths]).cumsum(dim=0)
    values = torch.empty(int(starts[-1]), encoder.width, dtype=dtype)

    def fits(rows: int, width: int) -> bool:
        return rows * (width + encoder.special_tokens) <= max_tokens

    with torch.inference_mode():
        for rows in batches_by_length(lengths, fits):
            batch = encoder.encode([subwords[row] for row in rows], max_tokens=max_tokens)
            for row, vectors in zip(rows, batch.values.to("cpu", dtype)):
                values[starts[row] : starts[row + 1]] = vectors[: lengths[row]]
    return SentenceVectors(values, starts)
