"""Word alignment as awesome-align's program does it, written plainly: what the batched engine is compared with.

One call of the tokenizer for each word, batches of 32 pairs in file order, one call of the encoder for each side,
all in float32, the similarity of all positions with special tokens masked by −10,000, and Python loops over links.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from spacy_awesome.tokens.word_alignment import WordPair

_MASKED = -10_000.0


class PlainAligner:
    """Words to Pharaoh lines, by softmax and intersection.

    transformer: a Hugging Face encoder, already cut at the layer that is read.
    scale, distortion: β and λ of `spacy_awesome`; awesome-align itself has 1 and 0.
    """

    def __init__(
        self,
        transformer: Any,
        tokenizer: Any,
        *,
        threshold: float,
        scale: float = 1.0,
        distortion: float = 0.0,
        batch_size: int = 32,
    ) -> None:
        self.transformer = transformer.eval()
        self.tokenizer = tokenizer
        self.threshold = threshold
        self.scale = scale
        self.distortion = distortion
        self.batch_size = batch_size

    def align(self, pairs: Sequence[WordPair]) -> list[str]:
        """The links of each pair as a Pharaoh line."""
        lines = []
        for first in range(0, len(pairs), self.batch_size):
            batch = pairs[first : first + self.batch_size]
            sources = [self.prepare(source) for source, _ in batch]
            targets = [self.prepare(target) for _, target in batch]
            for links in self.linked_words(sources, targets):
                lines.append(" ".join(f"{i}-{j}" for i, j in sorted(links)))
        return lines

    def prepare(self, words: Sequence[str]) -> tuple[Tensor, list[int]]:
        """Input ids with special tokens, and the word of each subword."""
        ids: list[int] = []
        owners: list[int] = []
        for number, word in enumerate(words):
            pieces = self.tokenizer.convert_tokens_to_ids(self.tokenizer.tokenize(word))
            ids += pieces
            owners += [number] * len(pieces)
        return torch.tensor([self.tokenizer.cls_token_id, *ids, self.tokenizer.sep_token_id]), owners

    def linked_words(
        self, sources: Sequence[tuple[Tensor, list[int]]], targets: Sequence[tuple[Tensor, list[int]]]
    ) -> list[set[tuple[int, int]]]:
        """The linked words of each pair of a batch."""
        source_ids, target_ids = self.pad([ids for ids, _ in sources]), self.pad([ids for ids, _ in targets])
        with torch.no_grad():
            forward, backward = self.probabilities(source_ids, target_ids)
        inside = ((forward > self.threshold) & (backward > self.threshold))[:, 1:-1, 1:-1]
        found = []
        for matrix, (_, source_owners), (_, target_owners) in zip(inside, sources, targets, strict=True):
            links = set()
            for i, j in torch.nonzero(matrix):
                links.add((source_owners[i], target_owners[j]))
            found.append(links)
        return found

    def probabilities(self, source_ids: Tensor, target_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Both directions' probabilities, (batch, n, m), special tokens included."""
        source, target = self.vectors(source_ids), self.vectors(target_ids)
        scores = self.scale * (source @ target.transpose(1, 2))
        source_special, target_special = self.is_special(source_ids), self.is_special(target_ids)
        if self.distortion:
            scores = scores - self.distortion * _distances(source_special, target_special)
        forward = (scores + _MASKED * target_special[:, None, :]).softmax(dim=2)
        backward = (scores + _MASKED * source_special[:, :, None]).softmax(dim=1)
        return forward, backward

    def vectors(self, ids: Tensor) -> Tensor:
        """The layer's hidden states."""
        attention = (ids != self.tokenizer.pad_token_id).long()
        hidden: Tensor = self.transformer(input_ids=ids, attention_mask=attention).last_hidden_state
        return hidden

    def is_special(self, ids: Tensor) -> Tensor:
        """1.0 at padding and at special tokens."""
        tokenizer = self.tokenizer
        special = torch.tensor([tokenizer.pad_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id])
        return torch.isin(ids, special).float()

    def pad(self, rows: Sequence[Tensor]) -> Tensor:
        """One batch, padded at the end."""
        return pad_sequence(list(rows), batch_first=True, padding_value=self.tokenizer.pad_token_id)


def _distances(source_special: Tensor, target_special: Tensor) -> Tensor:
    """|i/n − j/m|, times the length in units of 60 subwords where a sentence is longer than that."""
    n, m = (1 - source_special).sum(dim=1), (1 - target_special).sum(dim=1)
    i = (torch.arange(source_special.shape[1]) - 1)[None, :] / n[:, None]
    j = (torch.arange(target_special.shape[1]) - 1)[None, :] / m[:, None]
    factor = (torch.maximum(n, m) / 60).clamp(min=1)
    return factor[:, None, None] * (i[:, :, None] - j[:, None, :]).abs()
