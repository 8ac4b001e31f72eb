"""The steps of mining, each against a slow loop or another implementation."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize as unit_length

from spacy_awesome.encoders.sentences import SentenceVectors
from spacy_awesome.evaluation.mined_pairs import MiningScores, mining_curve
from spacy_awesome.mining import index as index_module
from spacy_awesome.mining.candidates import Candidates, candidate_scores
from spacy_awesome.mining.index import exact_search, make_search
from spacy_awesome.mining.resumable import ResumableArray
from spacy_awesome.mining.sentence_pairs import DIRECTIONS, select_pairs
from spacy_awesome.similarity.bert_score import bert_scores
from spacy_awesome.similarity.pooling import inverse_document_frequency, weighted_pool, whiten


def random_units(*shape: int, seed: int = 0) -> torch.Tensor:
    return unit_length(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def sentences(lengths: list[int], *, seed: int) -> SentenceVectors:
    return SentenceVectors(random_units(sum(lengths), 8, seed=seed), torch.tensor([0, *lengths]).cumsum(dim=0))


def test_candidate_scores_equal_bert_scores() -> None:
    source, target = sentences([3, 1, 7], seed=1), sentences([2, 5, 1, 4], seed=2)
    rows, columns = np.array([0, 0, 2, 2, 2]), np.array([3, 1, 0, 2, 3])
    ones = [np.ones(len(side.values), dtype=np.float32) for side in (source, target)]
    scores = candidate_scores(source, target, rows, columns, source_weights=ones[0], target_weights=ones[1])
    expected = bert_scores(*source.padded(), *target.padded()).f1
    torch.testing.assert_close(scores, expected[rows, columns])


def test_weights_say_what_a_subword_counts() -> None:
    source, target = sentences([2], seed=1), sentences([3], seed=2)
    zero = np.array([0])
    weights = [np.array([1.0, 3.0], dtype=np.float32), np.array([2.0, 1.0, 5.0], dtype=np.float32)]
    [score] = candidate_scores(source, target, zero, zero, source_weights=weights[0], target_weights=weights[1])
    cells = (source.values @ target.values.T).numpy()
    precision = sum(w * max(cells[:, j]) for j, w in enumerate(weights[1])) / 8
    recall = sum(w * max(cells[i]) for i, w in enumerate(weights[0])) / 4
    expected = 2 * precision * recall / (precision + recall) if precision * recall > 0 else 0.0
    assert float(score) == pytest.approx(float(expected), abs=1e-6)


def test_subwords_of_many_sentences_weigh_less() -> None:
    ids, starts = torch.tensor([4, 4, 9, 4, 2]), torch.tensor([0, 2, 4, 5])
    weights = inverse_document_frequency(ids, starts)
    in_sentences = {4: 2, 9: 1, 2: 1}
    assert weights.tolist() == pytest.approx([math.log(1 + 3 / in_sentences[i]) for i in ids.tolist()])


def test_pooling_is_a_weighted_sum_of_unit_length() -> None:
    packed, weights = sentences([2, 3], seed=0), torch.tensor([1.0, 2.0, 0.5, 0.1, 3.0])
    pooled = weighted_pool(packed.values.half(), packed.starts, weights)
    second = sum(weights[row] * packed.values[row] for row in range(2, 5))
    torch.testing.assert_close(pooled[1], second / second.norm(), atol=1e-3, rtol=0)


def test_whitening_takes_away_what_a_side_has_in_common() -> None:
    text = random_units(200, 8)
    plain = unit_length(text + torch.tensor([5.0] + 7 * [0.0]), dim=-1)
    shifted = unit_length(text + torch.tensor([0.0, 5.0] + 6 * [0.0]), dim=-1)
    assert float((plain * shifted).sum(dim=1).mean()) < 0.3
    source, target = whiten(plain, shifted)
    assert float((source * target).sum(dim=1).mean()) > 0.7


def test_one_sentence_can_be_whitened() -> None:
    source, target = whiten(random_units(1, 8), random_units(1, 8, seed=1))
    assert source.tolist() == target.tolist() == [[0.0] * 8]


@pytest.mark.parametrize("k", [1, 5, 30, 100])
def test_exact_search_finds_the_nearest(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "_BLOCK_QUERIES", 7)
    monkeypatch.setattr(index_module, "_BLOCK_VECTORS", 11)
    queries, vectors = random_units(20, 8, seed=1).numpy(), random_units(30, 8, seed=2).numpy()
    k = min(k, len(vectors))
    expected = np.argsort(-(queries @ vectors.T), axis=1)[:, :k]
    assert exact_search(queries, vectors, k).tolist() == expected.tolist()


def test_faiss_finds_what_the_plain_product_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faiss")
    queries, vectors = random_units(50, 8, seed=1).numpy(), random_units(70, 8, seed=2).numpy()
    with_faiss = make_search(vectors, 100)(queries)
    monkeypatch.setattr(index_module, "has_faiss", lambda: False)
    assert make_search(vectors, 100)(queries).tolist() == with_faiss.tolist()
    with pytest.raises(ValueError, match=r"needs faiss: pip install"):
        make_search(vectors, 5, kind="ivf")


def test_a_partitioned_index_finds_most_of_the_nearest_and_is_kept(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    centres = random_units(40, 8, seed=1)
    vectors = unit_length(centres.repeat(50, 1) + 0.1 * random_units(2000, 8, seed=2), dim=-1).numpy()
    exact = make_search(vectors, 5, kind="exact")(vectors)
    cache = tmp_path / "target.index"
    found = make_search(vectors, 5, kind="ivf", cache=cache)(vectors)
    assert sum(len(set(a) & set(b)) for a, b in zip(exact.tolist(), found.tolist())) > 0.8 * exact.size
    assert make_search(vectors, 5, kind="ivf", cache=cache)(vectors).tolist() == found.tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["target.index"]


def test_an_array_goes_on_where_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "numbers.npy"
    ResumableArray(path, (5, 2), np.int32).append(np.array([[1, 2], [3, 4]]))
    # Rows that nobody has declared finished are written again.
    np.lib.format.open_memmap(path, mode="r+")[2] = 99
    second = ResumableArray(path, (5, 2), np.int32)
    assert second.done == 2
    second.append(np.array([[5, 6], [7, 8], [9, 10]]))
    assert second.read().tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["numbers.done", "numbers.npy"]


# A busy machine is no reason to fail.
unhurried = settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
CANDIDATES = st.dictionaries(
    st.tuples(st.integers(0, 5), st.integers(0, 5)), st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9]), min_size=1
)


@unhurried
@given(CANDIDATES)
def test_directions_keep_the_best_of_each_sentence(scored: dict[tuple[int, int], float]) -> None:
    pairs = sorted(scored)
    forward = {min((-scored[p], p[1], p) for p in pairs if p[0] == i)[-1] for i in {i for i, _ in pairs}}
    backward = {min((-scored[p], p[0], p) for p in pairs if p[1] == j)[-1] for j in {j for _, j in pairs}}
    greedy: list[tuple[int, int]] = []
    for pair in sorted(forward | backward, key=lambda pair: (-scored[pair], pair)):
        if all(pair[0] != i and pair[1] != j for i, j in greedy):
            greedy.append(pair)
    expected = {"forward": forward, "backward": backward, "intersection": forward & backward, "max": set(greedy)}
    source, target = (np.array(side, dtype=np.int64) for side in zip(*pairs))
    values = np.array([scored[pair] for pair in pairs], dtype=np.float32)
    for direction in DIRECTIONS:
        chosen = [pairs[row] for row in select_pairs(source, target, values, direction=direction).tolist()]
        assert chosen == sorted(expected[direction], key=lambda pair: (-scored[pair], pair))


@unhurried
@given(CANDIDATES)
def test_a_bias_is_the_mean_of_the_four_best(scored: dict[tuple[int, int], float]) -> None:
    source, target = (np.array(side, dtype=np.int64) for side in zip(*sorted(scored)))
    scores = np.array([scored[pair] for pair in sorted(scored)], dtype=np.float32)
    biases = Candidates(source, target, scores).biases(6, 6)
    for row, bias in enumerate(biases.target.tolist()):
        best = sorted((s for (_, j), s in scored.items() if j == row), reverse=True)[:4]
        assert bias == pytest.approx(sum(best) / len(best)) if best else math.isnan(bias)


def test_the_best_threshold_has_the_best_f1() -> None:
    rng = np.random.default_rng(0)
    gold = [(str(i), str(i)) for i in range(40)]
    mined = [(round(float(rng.random() + 0.3 * (i < 30)), 1), (str(i), str(i if i < 30 else -i))) for i in range(80)]
    curve = mining_curve(mined, gold)

    def f1(threshold: float) -> float:
        kept = [pair for score, pair in mined if score >= threshold]
        return 2 * len(set(kept) & set(gold)) / (len(kept) + len(gold))

    best = max(f1(score) for score, _ in mined)
    assert f1(curve.best_threshold()) == curve.above(curve.best_threshold()).f1 == pytest.approx(best)
    assert curve.best(3) == MiningScores(gold=40, mined=3, correct=int(curve.correct[2]))


def test_a_threshold_is_not_fitted_on_nothing() -> None:
    with pytest.raises(ValueError, match="None of the mined pairs is a gold pair"):
        mining_curve([(0.5, ("1", "2"))], [("2", "1")]).best_threshold()
