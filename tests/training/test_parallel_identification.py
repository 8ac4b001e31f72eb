"""Negatives of parallel sentence identification come from the training data seen so far, not from the batch alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from spacy.language import Language

from spacy_awesome.training.batch import TrainingBatch
from spacy_awesome.training.objectives import parallel_identification
from spacy_awesome.training.objectives.parallel_identification import ParallelIdentification

WORDS = "Paris Berlin Obama Merkel fox dog lazy brown quick jumps lunes Monday zorro perro Gobierno said".split()


@pytest.fixture(scope="module")
def nlp(tiny_bert: Path, make_aligner: Callable[..., Language]) -> Language:
    return make_aligner(tiny_bert, layer=1)


def make_batch(nlp: Language, rows: list[int], generator: torch.Generator, *, side: int = 2) -> TrainingBatch:
    """Pairs of the words of these numbers, the target twice as long."""
    aligner = nlp.get_pipe("word_aligner").aligner  # type: ignore[attr-defined]
    pairs = aligner.tokenize([([WORDS[row]], [WORDS[row]] * side) for row in rows])
    return TrainingBatch(aligner.encoder, aligner.extractor, pairs, [None] * len(rows), generator)


def sampled(nlp: Language, objective: ParallelIdentification, batch: TrainingBatch) -> list[tuple[int, int, int]]:
    """Number of the source's and of the target's word, and the label, of each input."""
    tokenizer = nlp.get_pipe("word_aligner").aligner.encoder.tokenizer  # type: ignore[attr-defined]
    sides = {sentence.ids.tobytes(): row for row, sentence in enumerate(tokenizer([[word] for word in WORDS]))}
    found = []
    for ids, label in zip(*objective.sample(batch)):
        inner = ids[1:-1]
        for key, row in sides.items():
            source = np.frombuffer(key, dtype=np.int64)
            if inner[: len(source)].tolist() == source.tolist() and inner[len(source)] == ids[-1]:
                target = inner[len(source) + 1 :]
                half = target[: len(target) // 2]
                found.append((row, sides[half.tobytes()], int(label)))
    return found


def test_negatives_come_from_earlier_batches_too_and_positives_from_this_one(nlp: Language) -> None:
    objective, generator = ParallelIdentification(), torch.Generator().manual_seed(0)
    found = []
    for first in (0, 4, 8, 12):
        batch = list(range(first, first + 4))
        found.append(sampled(nlp, objective, make_batch(nlp, batch, generator)))
        assert {source for source, _, _ in found[-1]} == set(batch)
        assert all((source == target) == bool(label) for source, target, label in found[-1])
        assert sum(label for *_, label in found[-1]) == 2
    negatives = [target for source, target, label in found[-1] if not label]
    assert all(target < 16 for target in negatives)
    earlier = [target < first for first, part in zip((4, 8, 12), found[1:]) for _, target, label in part if not label]
    assert any(earlier)


def test_negatives_are_drawn_evenly_from_all_data_so_far(nlp: Language) -> None:
    generator = torch.Generator().manual_seed(1)
    earlier = 0
    for _ in range(100):
        objective = ParallelIdentification()
        for batch in ([0, 1, 2, 3], [4, 5, 6, 7]):
            objective.sample(make_batch(nlp, batch, generator))
        found = sampled(nlp, objective, make_batch(nlp, [8, 9], generator))
        [target] = [target for _, target, label in found if not label]
        earlier += target < 8
    # Of nine targets that the one negative may have, eight are from earlier batches.
    assert earlier / 100 == pytest.approx(8 / 9, abs=0.1)


def test_a_translation_that_was_seen_earlier_is_never_a_negative(nlp: Language) -> None:
    objective, generator = ParallelIdentification(), torch.Generator().manual_seed(2)
    for _ in range(10):
        found = sampled(nlp, objective, make_batch(nlp, [0, 1], generator))
        assert all((source == target) == bool(label) for source, target, label in found)


def test_a_batch_of_one_pair_has_negatives_once_others_were_seen(nlp: Language) -> None:
    objective, generator = ParallelIdentification(), torch.Generator().manual_seed(3)
    assert sampled(nlp, objective, make_batch(nlp, [0], generator)) == []
    labels = {label for _ in range(20) for *_, label in sampled(nlp, objective, make_batch(nlp, [1], generator))}
    assert labels == {0, 1}


def test_the_reservoir_is_bounded_and_an_even_sample_of_all_that_was_seen(
    nlp: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel_identification, "_RESERVOIR", 4)
    generator = torch.Generator().manual_seed(4)
    kept = np.zeros(16)
    batches = [make_batch(nlp, list(range(first, first + 4)), generator) for first in (0, 4, 8, 12)]
    rows = {x.ids.tobytes(): row for row, (x, _) in enumerate(pair for batch in batches for pair in batch.pairs)}
    for _ in range(150):
        objective = ParallelIdentification()
        for batch in batches:
            objective.sample(batch)
        assert len(objective.reservoir) == 4
        for source, _ in objective.reservoir:
            kept[rows[source.tobytes()]] += 1
    assert kept.reshape(4, 4).sum(axis=1) / 600 == pytest.approx(np.full(4, 0.25), abs=0.07)


def test_a_saved_state_goes_on_as_if_nothing_had_happened(nlp: Language) -> None:
    first, generator = ParallelIdentification(), torch.Generator().manual_seed(5)
    first.sample(make_batch(nlp, [0, 1, 2], generator))
    second = ParallelIdentification()
    second.load_state(first.state())
    outcomes = []
    for objective in (first, second):
        outcomes.append(sampled(nlp, objective, make_batch(nlp, [3, 4, 5, 6], torch.Generator().manual_seed(6))))
    assert outcomes[0] == outcomes[1]
    assert first.seen == second.seen == 7
    second.load_state({})
    assert (second.seen, second.reservoir) == (0, [])
