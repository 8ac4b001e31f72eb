"""The sentence pairs that the bundled encoder is trained on, drawn from linked text."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from spacy_awesome.training.augmentation import collect_names, copy_words
from spacy_awesome.training.encoder_options import PairOptions
from spacy_awesome.training.sentence_pairs import SentencePair, sample_pairs
from spacy_awesome.training.text_collections import corpus_weight


def draw_pairs(
    files: Mapping[str, Path], options: PairOptions
) -> tuple[dict[str, list[SentencePair]], list[SentencePair]]:
    """The pairs of each language to train on, the same number of each, and some of all languages that are held out.

    Pairs are drawn with replacement, by `corpus_weight`. What is held out is missing in training, which is then by so
    much shorter; a share of the training pairs gets invented names and numbers.

    files: language, and its file of linked pairs.
    Raises ValueError if a file has no linked pair.
    """
    rng = random.Random(options.seed)
    train: dict[str, list[SentencePair]] = {}
    held_out: list[SentencePair] = []
    for language in sorted(files):
        drawn = sample_pairs(files[language], options.pairs // len(files), weight=corpus_weight, rng=rng)
        distinct = {pair.source: pair for pair in drawn}
        apart = set(rng.sample(sorted(distinct), min(options.held_out, max(1, len(distinct) // 20))))
        held_out += [distinct[source] for source in sorted(apart)]
        kept = [pair for pair in drawn if pair.source not in apart]
        names = collect_names(kept)
        train[language] = [copy_words(pair, names, rng) if rng.random() < options.copies else pair for pair in kept]
    return train, held_out
