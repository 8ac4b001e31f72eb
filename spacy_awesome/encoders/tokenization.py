"""Words to subword ids with any fast tokenizer, windows over long sentences, and batches of similar length."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor
from transformers import PreTrainedTokenizerFast

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Subwords:
    """The subwords of one sentence, without special tokens.

    ids, words: (n,) subword id, and the word that it belongs to. Words without a subword do not occur.
    length: number of words.
    vectors: (n, d), if they are known already; such a sentence is not encoded.
    """

    ids: Ids
    words: Ids
    length: int
    vectors: Tensor | None = None

    def part(self, start: float, end: float) -> Subwords:
        """The subwords between two relative positions from 0 to 1; words keep their numbers."""
        n = len(self.ids)
        chosen = slice(math.floor(start * n), math.ceil(end * n))
        vectors = None if self.vectors is None else self.vectors[chosen]
        return Subwords(self.ids[chosen], self.words[chosen], self.length, vectors)

    def of_words(self, start: int, end: int) -> Subwords:
        """The subwords of some of the words, which are counted anew."""
        first, last = np.searchsorted(self.words, (start, end))
        vectors = None if self.vectors is None else self.vectors[first:last]
        return Subwords(self.ids[first:last], self.words[first:last] - start, end - start, vectors)

    def positions(self, words: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Relative positions, from 0 to 1, of the first subwords of these words."""
        positions: npt.NDArray[np.float64] = np.searchsorted(self.words, words) / len(self.words)
        return positions


class SubwordTokenizer:
    """Whole batches of pre-tokenised sentences to subwords.

    A layer on the Rust tokenizer rather than the Hugging Face call itself, because that call
    1. pads and truncates to one shape, where sentences are batched by length only later;
    2. refuses byte-level BPE on words unless it was built for them;
    3. knows special tokens only as part of an encoded text, where windows need them around any piece.

    tokenizer: the Hugging Face tokenizer. Its padding and truncation are set again by each of its own calls.
    prefix, suffix: ids of the special tokens around one sentence, or two.
    middle: ids of the special tokens between two sentences.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        self._backend = tokenizer.backend_tokenizer
        self._backend.no_padding()
        self._backend.no_truncation()
        pre_tokenizer = self._backend.pre_tokenizer
        # Byte-level BPE tells the start of a word by the space before it.
        self._lead = " " if pre_tokenizer is not None and b"ByteLevel" in pre_tokenizer.__getstate__() else ""
        probe = self._backend.encode(["a"], is_pretokenized=True, add_special_tokens=True)
        first = probe.special_tokens_mask.index(0)
        last = len(probe.ids) - probe.special_tokens_mask[::-1].index(0)
        self.prefix = np.array(probe.ids[:first], dtype=np.int64)
        self.suffix = np.array(probe.ids[last:], dtype=np.int64)
        pair = self._backend.encode(["a"], ["a"], is_pretokenized=True, add_special_tokens=True)
        sides = pair.sequence_ids
        self.middle = np.array(pair.ids[len(sides) - sides[::-1].index(0) : sides.index(1)], dtype=np.int64)
        self.pad_id: int = tokenizer.pad_token_id or 0

    def __call__(self, sentences: Sequence[Sequence[str]]) -> list[Subwords]:
        """The subwords of each sentence. White space and words that the tokenizer drops have none."""
        texts = [["" if word.isspace() else self._lead + word for word in words] for words in sentences]
        encodings = self._backend.encode_batch(texts, is_pretokenized=True, add_special_tokens=False)
        subwords = []
        for words, encoding in zip(texts, encodings):
            ids, owners = np.array(encoding.ids, dtype=np.int64), np.array(encoding.word_ids, dtype=np.int64)
            if "" in words:
                real = np.array([word != "" for word in words])[owners]
                ids, owners = ids[real], owners[real]
            subwords.append(Subwords(ids, owners, len(words)))
        return subwords

    def single(self, ids: Ids) -> Ids:
        """The encoder's input for one sentence."""
        return np.concatenate((self.prefix, ids, self.suffix))

    def joined(self, first: Ids, second: Ids) -> Ids:
        """The encoder's input for two sentences together."""
        return np.concatenate((self.prefix, first, self.middle, second, self.suffix))


def windows(length: int, size: int, *, shared: float = 0.25) -> list[tuple[int, int, int, int]]:
    """Overlapping windows over a sentence of `length` subwords, `size` at most in each.

    shared: the part of a window that lies in the next one as well.
    Returns (start, end, keep_start, keep_end) for each window: the encoder sees [start, end), and what it finds is kept
    for [keep_start, keep_end): the subwords that have more context there than in the neighbouring windows.

    >>> windows(5, 8)
    [(0, 5, 0, 5)]
    >>> windows(10, 8)
    [(0, 8, 0, 5), (2, 10, 5, 10)]
    """
    if length <= size:
        return [(0, length, 0, length)]
    stride = max(1, size - int(size * shared))
    starts = [*range(0, length - size, stride), length - size]
    cuts = [0, *((start + size + following) // 2 for start, following in zip(starts, starts[1:])), length]
    return [(start, start + size, keep, end) for start, keep, end in zip(starts, cuts, cuts[1:])]


# Cells of one batch's similarity matrices; keeps few long pairs from taking all memory.
_MAX_CELLS = 4_000_000


def batches_by_length(lengths: Sequence[int], fits: Callable[[int, int], bool]) -> Iterator[list[int]]:
    """Rows of similar length, longest first; rows of length 0 are left out.

    fits: whether so many rows, padded to that length, are a batch; one row always is.

    >>> list(batches_by_length([2, 0, 5, 3], lambda rows, width: rows * width <= 6))
    [[2], [3, 0]]
    """
    batch: list[int] = []
    # Longest first: what comes up against the memory does so at once.
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if not lengths[row]:
            break
        if batch and not fits(len(batch) + 1, lengths[batch[0]]):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def pair_batches(
    pairs: Sequence[tuple[Subwords, Subwords]], max_tokens: int, *, special_tokens: int
) -> Iterator[list[int]]:
    """Rows of sentence pairs of similar length, longest first; pairs with an empty side are left out.

    Args:
        pairs: The subwords of both sides.
        max_tokens: The most padded subwords of a batch, both sides together; one pair always is a batch.
        special_tokens: Number of special tokens around each sentence.
    """
    longest = [max(len(x.ids), len(y.ids)) if len(x.ids) and len(y.ids) else 0 for x, y in pairs]
    return batches_by_length(
        longest,
        lambda rows, width: 2 * rows * (width + special_tokens) <= max_tokens and rows * width * width <= _MAX_CELLS,
    )
