"""Train a small encoder towards word links (cross-entropy of both softmaxes), inside the aligner that will use it."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from spacy_awesome.aligner import PairAligner
from spacy_awesome.alignment import WordAlignment
from spacy_awesome.encoders.encoder import SubwordEncoder, Vectors
from spacy_awesome.encoders.loading import LoadedEncoder
from spacy_awesome.encoders.tokenization import Subwords
from spacy_awesome.extraction.methods import softmax
from spacy_awesome.extraction.similarity import relative_distance, similarity_matrix
from spacy_awesome.training.augmentation import collect_names, copy_words
from spacy_awesome.training.encoder_options import TrainingOptions
from spacy_awesome.training.losses import alignment_loss
from spacy_awesome.training.sentence_pairs import SentencePair, sample_pairs
from spacy_awesome.training.text_collections import corpus_weight

logger = logging.getLogger("spacy_awesome")


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """Subwords and word links of a pair; `length` counts the longer side's subwords, with special tokens."""

    source: Subwords
    target: Subwords
    links: WordAlignment
    length: int


class TrainingAligner(PairAligner):
    """The aligner of an encoder in training: softmax over dot products, which carry the scale themselves."""

    def __init__(self, loaded: LoadedEncoder, options: TrainingOptions) -> None:
        super().__init__(
            SubwordEncoder(loaded),
            softmax(),
            scale=1.0,
            distortion=options.distortion,
            max_batch_tokens=options.batch_subwords,
        )

    def encode(self, pairs: Sequence[tuple[Subwords, Subwords]]) -> tuple[Vectors, Vectors]:
        """Vectors of all source and of all target sentences."""
        # bfloat16 halves the time of the layers; the probabilities need float32.
        with torch.autocast(self.encoder.device.type, dtype=torch.bfloat16):
            return super().encode(pairs)

    def logits(self, source: Vectors, target: Vectors) -> Tensor:
        """Dot product − λ · |i/n − j/m|, (batch, n, m): the same λ for all, however it is weighted in use."""
        similarity = similarity_matrix(source.values, target.values)
        return similarity - self.distortion * relative_distance(source.mask, target.mask)


def training_pairs(files: Mapping[str, Path], options: TrainingOptions) -> list[SentencePair]:
    """`options.pairs` pairs in random order, the same number of each language; some with invented names and numbers.

    files: language, and its file of linked pairs.
    """
    rng = random.Random(options.seed)
    result: list[SentencePair] = []
    for language in sorted(files):
        drawn = sample_pairs(files[language], options.pairs // len(files), weight=corpus_weight, rng=rng)
        names = collect_names(drawn)
        result += [copy_words(pair, names, rng) if rng.random() < options.copies else pair for pair in drawn]
    rng.shuffle(result)
    return result


def encode_pairs(pairs: Sequence[SentencePair], aligner: PairAligner) -> list[EncodedPair]:
    """The subwords of all linked pairs. Pairs with a side that is empty or longer than the encoder are left out.

    How many these were is logged. Raises ValueError at a pair that nobody has aligned.
    """
    encoder = aligner.encoder
    encoded = []
    subwords = aligner.tokenize([(pair.source, pair.target) for pair in pairs])
    for pair, (source, target) in zip(pairs, subwords, strict=True):
        if pair.links is None:
            raise ValueError(f"Expected pairs with word links, got one without: {' '.join(pair.source)!r}.")
        shortest, longest = sorted((len(source.ids), len(target.ids)))
        if shortest and longest <= encoder.window:
            encoded.append(EncodedPair(source, target, pair.links, longest + encoder.special_tokens))
    if len(encoded) < len(pairs):
        logger.warning(
            "Left out %d of %d pairs: one side is empty or longer than %d subwords.",
            len(pairs) - len(encoded),
            len(pairs),
            encoder.window,
        )
    return encoded


def make_batches(pairs: Sequence[EncodedPair], options: TrainingOptions) -> list[list[EncodedPair]]:
    """Batches of pairs of similar length, at most `batch_subwords` padded subwords each, in random order."""
    result: list[list[EncodedPair]] = []
    batch: list[EncodedPair] = []
    for pair in sorted(pairs, key=lambda pair: pair.length):
        if batch and 2 * (len(batch) + 1) * pair.length > options.batch_subwords:
            result.append(batch)
            batch = []
        batch.append(pair)
    if batch:
        result.append(batch)
    random.Random(options.seed).shuffle(result)
    return result


def train_encoder(
    aligner: PairAligner, batches: Iterable[Sequence[EncodedPair]], options: TrainingOptions, *, steps: int
) -> list[float]:
    """Train the aligner's encoder in place, one step a batch; returns the losses.

    steps: number of batches, which the learning rate's decay ends with.
    """
    torch.manual_seed(options.seed)
    transformer = aligner.encoder.transformer
    embeddings, layers = list(transformer.embeddings.parameters()), list(transformer.encoder.layer.parameters())
    optimizer = torch.optim.AdamW(
        [{"params": embeddings, "lr": options.embedding_rate}, {"params": layers, "lr": options.layer_rate}],
        betas=(0.9, 0.98),
        weight_decay=0.0,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _learning_rate(step / steps, options.warmup))
    losses = []
    aligner.encoder.train()
    for batch in batches:
        loss = batch_loss(aligner, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(embeddings + layers, 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    aligner.encoder.eval()
    return losses


def batch_loss(aligner: PairAligner, batch: Sequence[EncodedPair]) -> Tensor:
    """Mean cross-entropy of a batch's pairs; both sides go through the encoder together."""
    subwords = [(pair.source, pair.target) for pair in batch]
    return alignment_loss(aligner, subwords, [pair.links for pair in batch], {"cross_entropy": 1.0}) / len(batch)


def _learning_rate(done: float, warmup: float) -> float:
    if done < warmup:
        return done / warmup
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))
