"""The contrastive objective: the loss against slow loops, and what it does in the word_aligner's training."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from torch import Tensor

from spacy_awesome import parallel
from spacy_awesome.aligners.words import PairAligner
from spacy_awesome.encoders.sentences import encode_sentences
from spacy_awesome.similarity.bert_score import bert_scores
from spacy_awesome.training.batch import TrainingBatch, training_losses
from spacy_awesome.training.objectives import make_objectives
from spacy_awesome.training.objectives.contrastive import contrastive_loss

MakeAligner = Callable[..., Language]
NAMES = ["contrastive", "contrastive_one_dimensional"]

PAIRS = [
    ("Angela Merkel visited Paris", "Angela Merkel visitó París el lunes"),
    ("Obama met Merkel in Berlin", "Merkel traf Obama in Berlin"),
    ("The quick brown fox jumps", "El zorro marrón salta"),
    ("the German government said", "según el Gobierno alemán"),
]


def off_diagonal(size: int) -> Tensor:
    return ~torch.eye(size, dtype=torch.bool)


def random_scores(size: int, seed: int) -> Tensor:
    return 10 * torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=30)
@given(st.integers(2, 6), st.integers(0, 10**6))
def test_every_translation_is_set_against_all_negatives_of_the_batch(size: int, seed: int) -> None:
    scores = random_scores(size, seed)
    exp = [[math.exp(scores[m, n] / 5.0) for n in range(size)] for m in range(size)]
    negatives = [exp[m][n] for m in range(size) for n in range(size) if m != n]
    assert len(negatives) == size**2 - size
    expected = [-math.log(exp[i][i] / (exp[i][i] + sum(negatives))) for i in range(size)]
    assert contrastive_loss(scores, off_diagonal(size)).tolist() == pytest.approx(expected)


@settings(max_examples=30)
@given(st.integers(2, 6), st.integers(0, 10**6))
def test_one_dimensional_negatives_are_those_of_the_same_sentence(size: int, seed: int) -> None:
    scores = random_scores(size, seed)
    exp = [[math.exp(scores[m, n] / 5.0) for n in range(size)] for m in range(size)]
    rows = [-math.log(exp[i][i] / sum(exp[i])) for i in range(size)]
    columns = [-math.log(exp[i][i] / sum(exp[m][i] for m in range(size))) for i in range(size)]
    expected = [(row + column) / 2 for row, column in zip(rows, columns)]
    assert contrastive_loss(scores, off_diagonal(size), negatives="own").tolist() == pytest.approx(expected)


@pytest.mark.parametrize("negatives", ["all", "own"])
def test_the_gradient_is_that_of_small_differences(negatives: Any) -> None:
    mismatches = off_diagonal(4)
    mismatches[1] = False
    scores = random_scores(4, 0).requires_grad_()
    assert torch.autograd.gradcheck(lambda values: contrastive_loss(values, mismatches, negatives=negatives), scores)


@pytest.mark.parametrize("negatives", ["all", "own"])
def test_a_batch_of_one_sentence_throughout_has_no_loss(negatives: Any) -> None:
    none = torch.zeros(3, 3, dtype=torch.bool)
    assert contrastive_loss(random_scores(3, 1), none, negatives=negatives).tolist() == [0, 0, 0]


@pytest.mark.parametrize("negatives", ["all", "own"])
def test_what_is_no_mismatch_does_not_count(negatives: Any) -> None:
    scores, mismatches = random_scores(4, 2), off_diagonal(4)
    mismatches[0, 2] = mismatches[2, 0] = False
    changed = scores.clone()
    changed[0, 2], changed[2, 0] = 99.0, -99.0
    losses = [contrastive_loss(values, mismatches, negatives=negatives) for values in (scores, changed)]
    torch.testing.assert_close(losses[0], losses[1])


def loss_of(
    aligner: PairAligner,
    pairs: list[tuple[str, str]],
    name: str = "contrastive",
    weight: float = 1.0,
    *,
    scale: float | None = None,
    max_tokens: int = 4096,
) -> float:
    both = aligner.tokenize([(source.split(), target.split()) for source, target in pairs])
    extractor = aligner.extractor if scale is None else replace(aligner.extractor, scale=scale)
    batch = TrainingBatch(aligner.encoder, extractor, both, [None] * len(both), torch.Generator(), max_tokens)
    return sum(loss.item() for loss in training_losses(batch, list(make_objectives({name: weight}).values())))


@pytest.fixture
def aligner(tiny_bert: Path, make_aligner: MakeAligner) -> PairAligner:
    pipe: Any = make_aligner(tiny_bert, layer=2, scale=0.5).get_pipe("word_aligner")
    found: PairAligner = pipe.aligner
    return found


def test_scores_are_normalised_bert_scores_by_dot_product(aligner: PairAligner) -> None:
    sides = [[side.split() for side in column] for column in zip(*PAIRS)]
    vectors = [encode_sentences(aligner.encoder, side, dtype=torch.float32).padded() for side in sides]
    raw = 0.5 * bert_scores(*vectors[0], *vectors[1], similarity="dot").f1
    size = len(PAIRS)
    normalised = [
        [raw[i, j] - 0.75 * (raw[i].mean() + raw[:, j].mean()) + 0.5 * raw.mean() for j in range(size)]
        for i in range(size)
    ]
    expected = contrastive_loss(torch.tensor(normalised), off_diagonal(size)).sum().item()
    assert loss_of(aligner, PAIRS) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_does_not_depend_on_runs_of_the_encoder_or_on_the_order(aligner: PairAligner, name: str) -> None:
    expected = loss_of(aligner, PAIRS, name)
    assert loss_of(aligner, PAIRS[::-1], name) == pytest.approx(expected, rel=1e-4)
    assert loss_of(aligner, PAIRS, name, max_tokens=16) == pytest.approx(expected, rel=1e-4)


def test_weights_multiply_and_both_kinds_of_negatives_add_up(aligner: PairAligner) -> None:
    all_negatives, own = (loss_of(aligner, PAIRS, name) for name in ("contrastive", "contrastive_one_dimensional"))
    assert loss_of(aligner, PAIRS, weight=3.0) == pytest.approx(3 * all_negatives, rel=1e-5)
    assert all_negatives > own > 0


def test_a_sentence_that_comes_twice_is_no_negative_of_itself(aligner: PairAligner) -> None:
    # Two different pairs and one of them once more: only 4 of the 6 other pairings are mismatches.
    assert loss_of(aligner, [*PAIRS[:2], PAIRS[0]], scale=1e-9) == pytest.approx(3 * math.log(1 + 4), rel=1e-4)


def test_a_batch_of_one_pair_is_left_out_with_a_warning(aligner: PairAligner, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="spacy_awesome"):
        assert loss_of(aligner, [PAIRS[0], ("", "Paris")]) == 0
    assert "contrastive: left out a batch of 1, which has no negatives" in caplog.text


def examples(nlp: Language) -> list[Example]:
    return [
        Example(*(parallel(nlp, Doc(nlp.vocab, words=source.split()), target.split()) for _ in range(2)))
        for source, target in PAIRS
    ]


def test_half_the_temperature_is_twice_the_scale(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    def loss(scale: float, temperature: float | None) -> float:
        options = {"scale": scale, "contrastive_temperature": temperature, "objectives": {"contrastive": 1.0}}
        nlp = make_aligner(tiny_bert, layer=2, **options)
        nlp.initialize()
        return float(nlp.update(examples(nlp))["word_aligner"])

    assert loss(2.0, None) == loss(2.0, 5.0)
    assert loss(2.0, 2.5) == pytest.approx(loss(4.0, 5.0), rel=1e-5) != loss(2.0, 5.0)


def test_a_temperature_of_0_is_refused(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    with pytest.raises(ValueError, match="contrastive_temperature to be a finite number above 0, .*, got 0"):
        make_aligner(tiny_bert, contrastive_temperature=0)


@pytest.mark.parametrize("name", NAMES)
def test_training_finds_translations(tiny_bert: Path, make_aligner: MakeAligner, name: str) -> None:
    nlp = make_aligner(tiny_bert, layer=2, objectives={name: 1.0})
    pipe: Any = nlp.get_pipe("word_aligner")
    sides = [[side.split() for side in column] for column in zip(*PAIRS)]

    def margin() -> float:
        vectors = [encode_sentences(pipe.aligner.encoder, side).padded() for side in sides]
        scores = bert_scores(*vectors[0], *vectors[1]).f1
        return float(scores.diagonal().mean() - scores[off_diagonal(len(PAIRS))].max())

    batch = examples(nlp)
    optimizer = nlp.initialize(lambda: batch)
    optimizer.learn_rate = 0.002
    before = margin()
    for _ in range(20):
        nlp.update(batch, sgd=optimizer, drop=0.0)
    assert before < 0 < margin()
