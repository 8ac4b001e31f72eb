"""The training objectives as functions of tensors: against slow loops, padding, batch-mates and finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spacy_awesome.extraction.softmax import softmax_probabilities
from spacy_awesome.training.language_model import mask_subwords, masked_lm_loss
from spacy_awesome.training.objectives.consistency import consistency_loss
from spacy_awesome.training.objectives.parallel_identification import parallel_identification_loss, sample_pairs
from spacy_awesome.training.objectives.self_training import self_training_loss
from spacy_awesome.training.objectives.translation_lm import translation_inputs

sizes = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4)
seeds = st.integers(0, 2**31)


def link_batch(lengths: list[tuple[int, int]], seed: int, padding: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Similarities and links of pairs of these lengths, with garbage where they are padded, and both masks."""
    generator = torch.Generator().manual_seed(seed)
    shape = len(lengths), max(n for n, _ in lengths) + padding, max(m for _, m in lengths) + padding
    similarity = torch.full(shape, 99.0, dtype=torch.float64)
    links = torch.ones(shape)
    source_mask, target_mask = torch.zeros(shape[:2], dtype=torch.bool), torch.zeros(shape[::2], dtype=torch.bool)
    for row, (n, m) in enumerate(lengths):
        similarity[row, :n, :m] = torch.randn(n, m, generator=generator, dtype=torch.float64)
        links[row, :n, :m] = torch.randint(2, (n, m), generator=generator).float()
        source_mask[row, :n], target_mask[row, :m] = True, True
    return similarity, links, source_mask, target_mask


def link_losses(similarity: Tensor, links: Tensor, source_mask: Tensor, target_mask: Tensor) -> dict[str, Tensor]:
    forward, backward = softmax_probabilities(similarity, source_mask, target_mask)
    return {
        "self_training": self_training_loss(forward, backward, links, source_mask, target_mask),
        "consistency": consistency_loss(forward, backward, source_mask, target_mask),
    }


@given(lengths=sizes, seed=seeds)
@settings(max_examples=30)
def test_self_training_and_consistency_equal_slow_loops(lengths: list[tuple[int, int]], seed: int) -> None:
    similarity, links, source_mask, target_mask = link_batch(lengths, seed)
    found = link_losses(similarity, links, source_mask, target_mask)
    for row, (n, m) in enumerate(lengths):
        exp = [[math.exp(similarity[row, i, j]) for j in range(m)] for i in range(n)]
        so = co = 0.0
        for i in range(n):
            for j in range(m):
                s_xy = exp[i][j] / sum(exp[i])
                s_yx = exp[i][j] / sum(exp[k][j] for k in range(n))
                so += links[row, i, j].item() * 0.5 * (s_xy / n + s_yx / m)
                co += s_xy * s_yx
        assert found["self_training"][row].item() == pytest.approx(-so)
        assert found["consistency"][row].item() == pytest.approx(-co / min(n, m))


@given(lengths=sizes, seed=seeds, padding=st.integers(0, 3))
@settings(max_examples=30)
def test_link_objectives_do_not_depend_on_padding_or_batch_mates(
    lengths: list[tuple[int, int]], seed: int, padding: int
) -> None:
    batch = link_batch(lengths, seed, padding)
    together = link_losses(*batch)
    for row, (n, m) in enumerate(lengths):
        similarity, links, source_mask, target_mask = (part[row : row + 1] for part in batch)
        alone = link_losses(similarity[:, :n, :m], links[:, :n, :m], source_mask[:, :n], target_mask[:, :m])
        for name, value in alone.items():
            torch.testing.assert_close(together[name][row], value[0])


@pytest.mark.parametrize("objective", ["self_training", "consistency"])
def test_gradients_of_link_objectives(objective: str) -> None:
    similarity, links, source_mask, target_mask = link_batch([(3, 2), (1, 4)], seed=1, padding=1)
    similarity.masked_fill_(similarity == 99, 0).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda values: link_losses(values, links, source_mask, target_mask)[objective], similarity
    )


def test_consistency_is_minus_one_where_both_directions_are_certain_and_agree() -> None:
    mask = torch.tensor([[True, True]])
    assert consistency_loss(torch.eye(2)[None], torch.eye(2)[None], mask, mask).tolist() == [-1.0]
    assert consistency_loss(torch.eye(2)[None], torch.eye(2)[None].flip(2), mask, mask).tolist() == [0.0]


@given(counts=st.lists(st.integers(0, 4), min_size=1, max_size=5), seed=seeds)
@settings(max_examples=30)
def test_masked_lm_equals_a_slow_loop_and_each_sentence_stands_alone(counts: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(sum(counts), 7, generator=generator, dtype=torch.float64)
    answers = torch.randint(7, (sum(counts),), generator=generator)
    sentences = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    found = masked_lm_loss(logits, answers, sentences, torch.tensor(counts))
    first = 0
    for count, loss in zip(counts, found.tolist()):
        expected = 0.0
        for position in range(first, first + count):
            row = logits[position].exp().tolist()
            expected -= math.log(row[int(answers[position])] / sum(row)) / count
        assert loss == pytest.approx(expected)
        first += count


def test_windows_of_a_sentence_add_up_to_its_masked_lm_loss() -> None:
    logits, answers = torch.randn(4, 5, dtype=torch.float64), torch.tensor([1, 2, 3, 4])
    zeros, masked = torch.zeros(4, dtype=torch.int64), torch.tensor([4])
    parts = [masked_lm_loss(logits[k : k + 2], answers[k : k + 2], zeros[:2], masked) for k in (0, 2)]
    torch.testing.assert_close(parts[0] + parts[1], masked_lm_loss(logits, answers, zeros, masked))


def test_gradient_of_masked_lm() -> None:
    logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    answers, sentences, masked = torch.tensor([0, 3, 1]), torch.tensor([0, 2, 2]), torch.tensor([1, 0, 2])
    assert torch.autograd.gradcheck(lambda values: masked_lm_loss(values, answers, sentences, masked), logits)


def mask(ids: Tensor, eligible: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return mask_subwords(ids, eligible, mask_id=4, replacements=torch.arange(1000, 2000), generator=generator)


def test_masking_takes_15_percent_and_of_these_masks_80_and_replaces_10() -> None:
    ids, count = torch.randint(10, 1000, (200_000,)), 200_000
    masked, chosen = mask(ids, torch.ones(count, dtype=torch.bool))
    assert chosen.sum().item() / count == pytest.approx(0.15, abs=0.005)
    of_chosen = int(chosen.sum())
    assert (masked == 4).sum().item() / of_chosen == pytest.approx(0.8, abs=0.01)
    assert (masked >= 1000).sum().item() / of_chosen == pytest.approx(0.1, abs=0.01)
    assert ((masked == ids) & chosen).sum().item() / of_chosen == pytest.approx(0.1, abs=0.01)
    assert torch.equal(masked[~chosen], ids[~chosen])


def test_what_is_not_eligible_is_never_chosen() -> None:
    ids = torch.full((10_000,), 2)
    eligible = torch.arange(10_000) % 2 == 0
    masked, chosen = mask(ids, eligible)
    assert chosen.any()
    assert not chosen[~eligible].any()
    assert (masked[~eligible] == 2).all()


def test_masking_follows_from_its_generator_alone() -> None:
    ids, eligible = torch.arange(10, 500), torch.ones(490, dtype=torch.bool)
    torch.manual_seed(1)
    first, _ = mask(ids, eligible, seed=3)
    torch.manual_seed(2)
    again, _ = mask(ids, eligible, seed=3)
    other, _ = mask(ids, eligible, seed=4)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_translation_inputs_hold_both_orders() -> None:
    special = torch.tensor([0]), torch.tensor([2, 2]), torch.tensor([2])
    xy, yx = translation_inputs(torch.tensor([11, 12]), torch.tensor([21]), *special)
    assert xy.tolist() == [0, 11, 12, 2, 2, 21, 2]
    assert yx.tolist() == [0, 21, 2, 2, 11, 12, 2]


@given(batch=st.integers(2, 40), seed=seeds)
def test_half_of_the_sampled_pairs_are_parallel(batch: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    sources, targets, labels = sample_pairs(~torch.eye(batch, dtype=torch.bool), generator=generator)
    assert sorted(sources.tolist()) == list(range(batch))
    assert abs(labels.sum().item() - batch / 2) <= batch % 2 / 2
    assert [i == j for i, j in zip(sources.tolist(), targets.tolist())] == labels.bool().tolist()


def test_an_odd_batch_has_its_extra_pair_parallel_as_often_as_not() -> None:
    generator = torch.Generator().manual_seed(0)
    parallel = [sample_pairs(~torch.eye(3, dtype=torch.bool), generator=generator)[2].sum() for _ in range(400)]
    assert {int(count) for count in parallel} == {1, 2}
    assert sum(parallel) / 400 == pytest.approx(1.5, abs=0.1)


@given(batch=st.integers(1, 12), seed=seeds)
def test_only_allowed_mismatches_are_sampled_and_the_labels_stay_balanced(batch: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    mismatches = (torch.rand(batch, batch, generator=generator) < 0.2) & ~torch.eye(batch, dtype=torch.bool)
    sources, targets, labels = sample_pairs(mismatches, generator=generator)
    different = labels == 0
    assert mismatches[sources[different], targets[different]].all()
    assert torch.equal(sources[~different], targets[~different])
    assert abs(int(different.sum()) - int((~different).sum())) <= 1
    assert len(set(sources.tolist())) == len(sources)
    assert len(sources) > 0 or not mismatches.any()


def test_a_single_pair_cannot_be_identified() -> None:
    assert [len(part) for part in sample_pairs(torch.tensor([[False]]), generator=torch.Generator())] == [0, 0, 0]


@given(scores=st.lists(st.floats(-20, 20), min_size=1, max_size=6), seed=seeds)
def test_parallel_identification_equals_a_slow_loop_and_each_pair_stands_alone(scores: list[float], seed: int) -> None:
    labels = torch.randint(2, (len(scores),), generator=torch.Generator().manual_seed(seed)).double()
    found = parallel_identification_loss(torch.tensor(scores, dtype=torch.float64), labels)
    for score, label, loss in zip(scores, labels.tolist(), found.tolist()):
        log_s, log_not_s = -math.log1p(math.exp(-score)), -math.log1p(math.exp(score))
        assert loss == pytest.approx(-label * log_s - (1 - label) * log_not_s)


def test_gradient_of_parallel_identification() -> None:
    scores = torch.tensor([0.3, -2.0, 1.5], dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda values: parallel_identification_loss(values, labels), scores)
