"""The settings of the bundled encoder's recipe, in one place: its size, its training, and how it is to be used."""

from __future__ import annotations

from dataclasses import dataclass

# The factor on the cosine of two subword vectors, and the threshold of both softmax probabilities in use.
SCALE = 20.0
THRESHOLD = 0.25
# In use, the penalty on |i/n − j/m|. Training takes a stronger one: vectors need not learn what positions tell;
# afterwards it matters little: the first encoder's mean F1 on XL-WA dev was 87.05 with 5, 87.01 with 10, 85.62 without.
DISTORTION = 5.0


@dataclass(frozen=True, kw_only=True)
class LexicalOptions:
    """Size and counts of the lexical encoder (`spacy_awesome.encoders.lexical`).

    vocab_size: subwords of all languages together, special tokens and bytes included.
    dimensions: size of the vectors; a multiple of `heads`.
    layers, heads, intermediate: transformer layers, attention heads of a layer, and size of its feed-forward part.
    min_count: two words count as linked from so many links on.
    identity: a subword's counts with itself, as a share of its frequency.
    """

    vocab_size: int = 32_000
    dimensions: int = 256
    layers: int = 2
    heads: int = 4
    intermediate: int = 512
    min_count: int = 2
    identity: float = 1.0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Hyperparameters of `spacy_awesome.training.encoder_trainer`.

    pairs: sentence pairs seen in all.
    batch_subwords: subwords of a batch, both sides, with special tokens and padding.
    layer_rate, embedding_rate: peak learning rates (linear warm-up, cosine decay); warmup: share of all steps.
    copies: share of the pairs whose names and numbers are replaced by invented ones.
    distortion: the penalty on |i/n − j/m| in training; see DISTORTION for the one in use.
    """

    pairs: int = 240_000
    batch_subwords: int = 6_000
    layer_rate: float = 1e-3
    embedding_rate: float = 2e-4
    warmup: float = 0.05
    copies: float = 0.3
    distortion: float = 10.0
    seed: int = 0
