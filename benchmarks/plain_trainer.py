"""Fine-tuning as awesome-align's trainer does it, written plainly: what `word_aligner.update` is compared with.

Batches of a fixed number of pairs in file order, padded to their longest; the model's own links by a run of their own
for each side and Python loops over subwords; one forward and backward pass for each of source and target in
self-training, MLM of the source, MLM of the target, TLM of [x;y], TLM of [y;x], and parallel-sentence identification;
the language model's head over all positions; float32; AdamW, one parameter at a time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.plain_aligner import PlainAligner
from spacy_awesome.tokens.word_alignment import WordPair

Side = tuple[Tensor, list[int]]


class PlainTrainer(PlainAligner):
    """Trains a Hugging Face masked language model whose vectors are compared at layer `layer`."""

    def __init__(self, model: Any, tokenizer: Any, *, layer: int, batch_size: int, **options: float) -> None:
        super().__init__(model, tokenizer, batch_size=batch_size, **options)
        self.model = model
        self.layers = model.base_model.encoder.layer
        self.layer = layer
        width = model.config.hidden_size
        self.parallel_head = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 2, bias=False))
        parameters = [*model.parameters(), *self.parallel_head.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, lr=2e-5, eps=1e-8, weight_decay=0.0, foreach=False)

    def train(self, pairs: Sequence[WordPair]) -> None:
        """One epoch."""
        examples = [(self.prepare(source), self.prepare(target)) for source, target in pairs]
        for first in range(0, len(examples), self.batch_size):
            batch = examples[first : first + self.batch_size]
            others = [random.choice(examples) for _ in batch]
            for loss in self.losses(batch, others):
                loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()

    def losses(self, batch: list[tuple[Side, Side]], others: list[tuple[Side, Side]]) -> Iterator[Tensor]:
        """One loss for each pass."""
        sources, targets = [x for x, _ in batch], [y for _, y in batch]
        source_ids, target_ids = self.pad([ids for ids, _ in sources]), self.pad([ids for ids, _ in targets])
        self.model.eval()
        guide = self.guide(sources, targets, source_ids.shape[1], target_ids.shape[1])
        self.model.train()
        yield self.self_training_loss(source_ids, target_ids, guide)
        yield self.masked_loss(source_ids)
        yield self.masked_loss(target_ids)
        yield self.masked_loss(self.pad([torch.cat((x, y)) for (x, _), (y, _) in batch]))
        yield self.masked_loss(self.pad([torch.cat((y, x)) for (x, _), (y, _) in batch]))
        yield self.parallel_loss(batch, others)

    def guide(self, sources: list[Side], targets: list[Side], n: int, m: int) -> Tensor:
        """The model's own links as a matrix over subwords, (batch, n, m)."""
        guide = torch.zeros(len(sources), n, m)
        found = self.linked_words(sources, targets)
        for row, (links, (_, source_owners), (_, target_owners)) in enumerate(
            zip(found, sources, targets, strict=True)
        ):
            for i, source_word in enumerate(source_owners):
                for j, target_word in enumerate(target_owners):
                    if (source_word, target_word) in links:
                        guide[row, i + 1, j + 1] = 1.0
        return guide

    def self_training_loss(self, source_ids: Tensor, target_ids: Tensor, guide: Tensor) -> Tensor:
        """Equation 4 of the paper."""
        forward, backward = self.probabilities(source_ids, target_ids)
        n, m = (1 - self.is_special(source_ids)).sum(dim=1), (1 - self.is_special(target_ids)).sum(dim=1)
        return -((forward * guide).sum(dim=(1, 2)) / n + (backward * guide).sum(dim=(1, 2)) / m).mean() / 2

    def masked_loss(self, ids: Tensor) -> Tensor:
        """Equations 2 and 3: 15 % of the subwords are predicted; 80 % of these masked, 10 % replaced, 10 % kept."""
        chosen = (torch.rand(ids.shape) < 0.15) & (self.is_special(ids) == 0)
        answers = ids.masked_fill(~chosen, -100)
        draw = torch.rand(ids.shape)
        inputs = ids.masked_fill(chosen & (draw < 0.8), self.tokenizer.mask_token_id)
        inputs = torch.where(chosen & (draw >= 0.9), torch.randint(len(self.tokenizer), ids.shape), inputs)
        attention = (ids != self.tokenizer.pad_token_id).long()
        logits = self.model(input_ids=inputs, attention_mask=attention).logits
        losses = nn.functional.cross_entropy(logits.flatten(0, 1), answers.flatten(), reduction="none")
        return (losses.view(ids.shape).sum(dim=1) / chosen.sum(dim=1).clamp(min=1)).mean()

    def parallel_loss(self, batch: list[tuple[Side, Side]], others: list[tuple[Side, Side]]) -> Tensor:
        """Equation 5: of two inputs for each pair, one is a translation and one is not."""
        rows, labels = [], []
        for ((x, _), (y, _)), (_, (other, _)) in zip(batch, others, strict=True):
            rows += [torch.cat((x, y)), torch.cat((x, other))]
            labels += [1, 0]
        scores = self.parallel_head(self.vectors(self.pad(rows))[:, 0])
        return nn.functional.cross_entropy(scores, torch.tensor(labels))

    def vectors(self, ids: Tensor) -> Tensor:
        """Hidden states of the layer; later layers are not run."""
        encoder = self.model.base_model.encoder
        encoder.layer = self.layers[: self.layer]
        attention = (ids != self.tokenizer.pad_token_id).long()
        hidden: Tensor = self.model.base_model(input_ids=ids, attention_mask=attention).last_hidden_state
        encoder.layer = self.layers
        return hidden
