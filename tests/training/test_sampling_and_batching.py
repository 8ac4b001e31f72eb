"""Which pairs an epoch has, and which of them are in a batch together."""

from __future__ import annotations

from collections import Counter

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.training import Example

from spacy_awesome.tokens.pair import Parallel, set_parallel
from spacy_awesome.training.batching import create_pair_batcher, epoch_rows, epoch_sizes

NLP = spacy.blank("xx")
SIZES = st.lists(st.integers(0, 30), min_size=1, max_size=4)
LENGTHS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40)


def pair(source_length: int, target_length: int) -> Example:
    reference = Doc(NLP.vocab, words=["x"] * target_length)
    set_parallel(reference, Parallel(Doc(NLP.vocab, words=["a"] * source_length)))
    return Example(Doc(NLP.vocab, words=["x"] * target_length), reference)


def shape(example: Example) -> tuple[int, int]:
    return len(example.reference._.source), len(example.reference)


@settings(max_examples=50)
@given(SIZES, st.integers(0, 5), st.integers(0, 3))
def test_each_pair_comes_once_in_each_epoch(sizes: list[int], epoch: int, seed: int) -> None:
    assert sorted(epoch_rows(sizes, sizes, seed=seed, epoch=epoch).tolist()) == list(range(sum(sizes)))


@settings(max_examples=50)
@given(SIZES, st.floats(0.5, 20), st.integers(1, 4), st.integers(0, 3))
def test_over_several_epochs_no_pair_of_a_file_comes_twice_more_often_than_another(
    sizes: list[int], temperature: float, epochs: int, seed: int
) -> None:
    taken = epoch_sizes(sizes, temperature=temperature)
    seen = Counter(row for e in range(epochs) for row in epoch_rows(sizes, taken, seed=seed, epoch=e).tolist())
    start = 0
    for size, count in zip(sizes, taken):
        times = [seen[row] for row in range(start, start + size)]
        assert sum(times) == count * epochs
        assert not times or max(times) - min(times) <= 1
        start += size


@settings(max_examples=50)
@given(SIZES, st.integers(0, 3), st.integers(0, 9))
def test_an_epoch_depends_on_seed_and_number_alone(sizes: list[int], seed: int, epoch: int) -> None:
    first, again = (epoch_rows(sizes, sizes, seed=seed, epoch=epoch).tolist() for _ in range(2))
    assert first == again


def test_seeds_and_epochs_differ_and_files_are_mixed() -> None:
    orders = [epoch_rows([50, 50], [50, 50], seed=seed, epoch=e).tolist() for seed in (0, 1) for e in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    assert all(10 < sum(row < 50 for row in order[:50]) < 40 for order in orders)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=5), st.floats(0.5, 100))
def test_shares_follow_the_temperature(sizes: list[int], temperature: float) -> None:
    shares = epoch_sizes(sizes, temperature=temperature)
    weights = [(size / (max(sizes) or 1)) ** (1 / temperature) for size in sizes]
    assert sum(shares) == sum(sizes)
    for share, weight in zip(shares, weights):
        assert share == pytest.approx(sum(sizes) * weight / (sum(weights) or 1), abs=1.01)


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"cap": -1}, {"temperature": 2.0, "cap": 5}])
def test_impossible_sampling_is_an_error(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="temperature above 0 or a cap"):
        epoch_sizes([1], **options)


@settings(max_examples=50)
@given(LENGTHS, st.integers(1, 60), st.integers(1, 50))
def test_batches_hold_each_pair_once_and_keep_the_budget(
    lengths: list[tuple[int, int]], size: int, buffer: int
) -> None:
    found = create_pair_batcher(size, buffer)([pair(*length) for length in lengths])
    batches = [[shape(example) for example in batch] for batch in found]
    assert Counter(s for batch in batches for s in batch) == Counter(lengths)
    for batch in batches:
        assert len(batch) == 1 or 2 * len(batch) * max(max(s) for s in batch) <= size


@settings(max_examples=50)
@given(LENGTHS, st.integers(2, 60))
def test_same_pairs_come_in_the_same_batches(lengths: list[tuple[int, int]], size: int) -> None:
    pairs = [pair(*length) for length in lengths]
    batcher = create_pair_batcher(size, buffer=10, seed=3)
    first, again = ([[id(e) for e in batch] for batch in batcher(pairs)] for _ in range(2))
    assert first == again


def test_batches_are_of_like_length_and_not_in_order_of_length() -> None:
    pairs = [pair(n, n) for n in range(1, 65)]
    widths = [max(len(e.reference) for e in batch) for batch in create_pair_batcher(256)(pairs)]
    lengths = [sorted(len(e.reference) for e in batch) for batch in create_pair_batcher(256)(pairs)]
    assert all(batch == list(range(batch[0], batch[-1] + 1)) for batch in lengths)
    assert widths not in (sorted(widths), sorted(widths, reverse=True))


def test_oversized_pairs_are_left_out_if_asked(caplog: pytest.LogCaptureFixture) -> None:
    pairs = [pair(3, 3), pair(2, 60), pair(4, 2)]
    kept = [shape(e) for batch in create_pair_batcher(20, discard_oversize=True)(pairs) for e in batch]
    assert sorted(kept) == [(3, 3), (4, 2)]
    assert "Left out 1 pairs" in caplog.text


def test_an_impossible_batch_is_an_error() -> None:
    with pytest.raises(ValueError, match="got size=0"):
        create_pair_batcher(0)
