"""The settings of the bundled encoder's recipe: its size, its text, how it is used. configs/encoder.cfg trains it."""

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
class PairOptions:
    """Which pairs the encoder is trained on (`spacy_awesome.training.encoder_pairs`).

    pairs: sentence pairs in all. held_out: pairs of each language that training does not see, a twentieth at most.
    copies: share of the pairs whose names and numbers are replaced by invented ones.
    """

    pairs: int = 240_000
    held_out: int = 100
    copies: float = 0.3
    seed: int = 0
