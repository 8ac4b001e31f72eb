"""Sentence similarity: against slow loops, and what must hold for any sentences."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.loading import load_encoder
from spacy_awesome.encoders.sentences import encode_sentences, split_lines
from spacy_awesome.similarity import bert_score
from spacy_awesome.similarity.bert_score import bert_scores
from spacy_awesome.similarity.normalization import NORMALIZATIONS, batch_biases, frozen_biases, normalize
from spacy_awesome.similarity.pooling import average_pool, pooled_scores

WIDTH = 5
Sentences = tuple[Tensor, Tensor]


def make_sentences(lengths: list[int], *, seed: int, padding: float = 1e4) -> Sentences:
    """Random sentences whose padding would win every maximum if it were looked at."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    vectors = torch.randn(*mask.shape, WIDTH, generator=generator)
    return vectors.masked_fill(~mask[:, :, None], padding), mask


def slow_scores(source: Sentences, target: Sentences, *, cosine: bool) -> tuple[Tensor, Tensor, Tensor]:
    def subwords(sentences: Sentences, row: int) -> list[Tensor]:
        vectors = list(sentences[0][row][sentences[1][row]])
        return [vector / vector.norm() for vector in vectors] if cosine else vectors

    def score(left: list[Tensor], right: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        if not (left and right):
            return torch.zeros(()), torch.zeros(()), torch.zeros(())
        p = torch.stack([max(x @ y for x in left) for y in right]).mean()
        r = torch.stack([max(x @ y for y in right) for x in left]).mean()
        return p, r, 2 * p * r / (p + r) if p * r > 0 else torch.zeros(())

    rows = [
        [score(subwords(source, i), subwords(target, j)) for j in range(len(target[0]))] for i in range(len(source[0]))
    ]
    return tuple(torch.stack([torch.stack([pair[k] for pair in row]) for row in rows]) for k in range(3))


batches = st.builds(make_sentences, st.lists(st.integers(1, 6), min_size=2, max_size=6), seed=st.integers(0, 10**6))
fast = settings(max_examples=30)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("block", [1, 7, 1024])
def test_bert_scores_equal_a_slow_loop(
    similarity: bert_score.SimilarityMeasure, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bert_score._BLOCK_SUBWORDS, "cpu", block)
    source, target = make_sentences([3, 1, 0, 6, 2], seed=1), make_sentences([2, 5, 1, 0], seed=2)
    expected = slow_scores(source, target, cosine=similarity == "cosine")
    for got, wanted in zip(bert_scores(*source, *target, similarity=similarity), expected):
        torch.testing.assert_close(got, wanted)


@fast
@given(batches, batches)
def test_swapping_the_sides_swaps_precision_and_recall(source: Sentences, target: Sentences) -> None:
    forward, backward = bert_scores(*source, *target), bert_scores(*target, *source)
    torch.testing.assert_close(forward.precision, backward.recall.T)
    torch.testing.assert_close(forward.f1, backward.f1.T)


@fast
@given(batches, batches, st.randoms(use_true_random=False))
def test_the_order_of_a_batch_only_orders_the_scores(source: Sentences, target: Sentences, random: object) -> None:
    order = list(range(len(source[0])))
    random.shuffle(order)  # type: ignore[attr-defined]
    scores = bert_scores(*source, *target).f1
    shuffled = bert_scores(source[0][order], source[1][order], *target).f1
    torch.testing.assert_close(shuffled, scores[order])
    torch.testing.assert_close(normalize(shuffled), normalize(scores)[order])


@fast
@given(batches, batches, st.sampled_from([-1e4, 1e4, float("inf"), float("nan")]))
def test_padding_never_wins_a_maximum(source: Sentences, target: Sentences, padding: float) -> None:
    # With all vectors opposite each other, real similarities are all negative: zeros at padding would win as well.
    negative = (source[0].abs(), source[1]), (-target[0].abs(), target[1])
    for left, right in ((source, target), negative):
        other = [vectors.masked_fill(~mask[:, :, None], padding) for vectors, mask in (left, right)]
        wider = torch.nn.functional.pad(other[0], (0, 0, 0, 2), value=padding)
        mask = torch.nn.functional.pad(left[1], (0, 2))
        for similarity in ("cosine", "dot"):
            expected = bert_scores(*left, *right, similarity=similarity)
            got = bert_scores(wider, mask, other[1], right[1], similarity=similarity)
            torch.testing.assert_close(got, expected)
    torch.testing.assert_close(
        average_pool(source[0].masked_fill(~source[1][:, :, None], padding), source[1]), average_pool(*source)
    )


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_gradients_are_those_of_the_slow_loop(similarity: bert_score.SimilarityMeasure) -> None:
    masks = [make_sentences(lengths, seed=0)[1] for lengths in ([2, 3, 0], [4, 1, 2])]
    weights = torch.rand(3, 3, generator=torch.Generator().manual_seed(5))

    def gradients(f1: Callable[[Sentences, Sentences], Tensor], weights: Tensor) -> list[Tensor]:
        sides = [make_sentences(lengths, seed=6)[0].requires_grad_() for lengths in ([2, 3, 0], [4, 1, 2])]
        (weights * f1((sides[0], masks[0]), (sides[1], masks[1]))).sum().backward()
        return [side.grad for side in sides]

    def slow(source: Sentences, target: Sentences) -> Tensor:
        return slow_scores(source, target, cosine=similarity == "cosine")[2]

    got = gradients(lambda s, t: bert_scores(*s, *t, similarity=similarity).f1, weights)
    expected = gradients(slow, weights)
    torch.testing.assert_close(got, expected)
    assert all((gradient[~mask] == 0).all() for gradient, mask in zip(got, masks))


def test_an_empty_collection_has_an_empty_matrix() -> None:
    source, target = make_sentences([3, 1], seed=7), (torch.zeros(0, 1, WIDTH), torch.zeros(0, 1, dtype=torch.bool))
    assert bert_scores(*source, *target).f1.shape == (2, 0)
    assert bert_scores(*target, *source).f1.shape == (0, 2)


def test_an_unknown_similarity_is_refused() -> None:
    source = make_sentences([1, 2], seed=8)
    with pytest.raises(ValueError, match="Unknown similarity 'euclidean'; expected cosine or dot"):
        bert_scores(*source, *source, similarity="euclidean")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Unknown similarity"):
        pooled_scores(source[0][:, 0], source[0][:, 0], similarity="euclidean")  # type: ignore[arg-type]


def test_a_thousand_by_a_thousand_long_sentences_fit_in_two_gigabytes() -> None:
    # All cells of these would take 400 MB, those of 1,000 × 1,000 sentences 40 GB. Eight dimensions keep it short:
    # cells do not depend on them, and what 256 dimensions add is the arguments themselves, 100 MB a side.
    program = """
import resource, torch
torch.set_num_threads(1)
from spacy_awesome.similarity.bert_score import bert_scores
vectors, mask = torch.randn(500, 100, 8), torch.ones(500, 100, dtype=torch.bool)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with torch.inference_mode():
    bert_scores(vectors, mask, vectors[:20], mask[:20])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert float(printed) < 200


def test_in_batch_normalisation_equals_a_slow_loop() -> None:
    scores, alpha = torch.rand(3, 4, generator=torch.Generator().manual_seed(10)), 0.75
    expected = torch.zeros(3, 4)
    for i in range(3):
        for j in range(4):
            popular = sum(scores[i, n] for n in range(4)) / 4 + sum(scores[m, j] for m in range(3)) / 3
            added_back = (2 * alpha - 1) * sum(scores[m, n] for m in range(3) for n in range(4)) / 12
            expected[i, j] = scores[i, j] - alpha * popular + added_back
    torch.testing.assert_close(normalize(scores), expected)


def test_nearest_neighbour_normalisations_equal_slow_loops() -> None:
    scores = torch.rand(6, 7, generator=torch.Generator().manual_seed(11))
    margin, ratio, csls = torch.zeros(6, 7), torch.zeros(6, 7), torch.zeros(6, 7)
    for i in range(6):
        for j in range(7):
            r_source = sum(sorted(scores[i].tolist())[-4:]) / 4
            r_target = sum(sorted(scores[:, j].tolist())[-4:]) / 4
            csls[i, j] = 2 * scores[i, j] - r_source - r_target
            margin[i, j] = scores[i, j] - (r_source + r_target) / 2
            ratio[i, j] = scores[i, j] / ((r_source + r_target) / 2)
    torch.testing.assert_close(NORMALIZATIONS["csls"](scores), csls)
    torch.testing.assert_close(NORMALIZATIONS["distance"](scores), margin)
    torch.testing.assert_close(NORMALIZATIONS["ratio"](scores), ratio)


matrices = st.builds(
    lambda rows, columns, seed: torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed)),
    st.integers(2, 7),
    st.integers(2, 7),
    st.integers(0, 10**6),
)


@fast
@given(matrices, st.sampled_from(sorted(NORMALIZATIONS)))
def test_normalisations_treat_both_sides_alike(scores: Tensor, name: str) -> None:
    normalization = NORMALIZATIONS[name]
    torch.testing.assert_close(normalization(scores.T), normalization(scores).T)


@fast
@given(matrices)
def test_an_alpha_of_0_is_no_normalisation(scores: Tensor) -> None:
    assert torch.equal(normalize(scores, alpha=0), scores)


@fast
@given(matrices, st.floats(0.01, 1))
def test_normalised_scores_stay_around_0(scores: Tensor, alpha: float) -> None:
    assert abs(float(normalize(scores, alpha=alpha).mean())) < 1e-5


@fast
@given(matrices)
def test_full_strength_takes_all_popularity_away(scores: Tensor) -> None:
    popularity = torch.linspace(0, 5, scores.shape[1])
    torch.testing.assert_close(normalize(scores + popularity, alpha=1), normalize(scores, alpha=1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", sorted(NORMALIZATIONS))
@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 1), (0, 3), (3,)])
def test_a_batch_of_one_is_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 2 source with at least 2 target sentences"):
        NORMALIZATIONS[name](torch.zeros(shape))


@fast
@given(matrices, st.sampled_from(sorted(NORMALIZATIONS)), st.integers(0, 6), st.integers(0, 6))
def test_a_score_with_frozen_biases_does_not_depend_on_its_batch(scores: Tensor, name: str, i: int, j: int) -> None:
    i, j = i % len(scores), j % scores.shape[1]
    biases = frozen_biases(scores, scores.T)
    whole = NORMALIZATIONS[name](scores, biases)
    alone = NORMALIZATIONS[name](scores[i : i + 1, j], biases.of_pairs(torch.tensor([i]), torch.tensor([j])))
    torch.testing.assert_close(alone[0], whole[i, j])


def test_biases_frozen_on_the_whole_batch_are_those_of_the_batch() -> None:
    scores = torch.rand(4, 4, generator=torch.Generator().manual_seed(12))
    torch.testing.assert_close(frozen_biases(scores, scores.T), batch_biases(scores))


def test_a_sentence_is_its_own_best_translation(tiny_bert: Path) -> None:
    encoder = SubwordEncoder(load_encoder(str(tiny_bert), layer=2, dtype=torch.float32))
    lines = ["Angela Merkel visited Paris on Monday ,", "The quick brown fox", "", "Obama met Merkel in Berlin ;"]
    vectors = encode_sentences(encoder, split_lines(lines))
    assert vectors.values.dtype == torch.float16
    scores = bert_scores(*vectors.padded(), *vectors.padded()).f1
    assert scores.argmax(dim=1).tolist()[:2] == [0, 1]
    assert scores.diagonal().tolist() == pytest.approx([1, 1, 0, 1], abs=1e-3)


def test_packed_sentences_hold_what_the_encoder_gives(tiny_bert: Path) -> None:
    encoder = SubwordEncoder(load_encoder(str(tiny_bert), layer=2, dtype=torch.float32))
    sentences = [["Obama", "met", "Merkel"], [], ["The", "quick", "brown", "fox", "jumps"]]
    packed = encode_sentences(encoder, sentences, dtype=torch.float32, max_tokens=1)
    with torch.inference_mode():
        expected = encoder.encode(encoder.tokenizer(sentences))
    values, mask = packed.padded()
    assert torch.equal(mask, expected.mask)
    torch.testing.assert_close(values[mask], expected.values[mask])
    chosen, chosen_mask = packed.padded([2, 1])
    assert torch.equal(chosen[0][chosen_mask[0]], values[2][mask[2]])
    assert not chosen_mask[1].any()


def test_sentences_are_cut_where_they_are_asked_to_be(tiny_bert: Path) -> None:
    encoder = SubwordEncoder(load_encoder(str(tiny_bert), layer=2, dtype=torch.float32))
    packed = encode_sentences(encoder, [["Obama"] * 9, ["fox"]], max_length=4)
    assert packed.lengths.tolist() == [4, 1]


def test_a_raw_line_gets_the_subwords_that_the_tokenizer_itself_gives(tiny_xlmr: Path) -> None:
    loaded = load_encoder(str(tiny_xlmr), layer=1, dtype=torch.float32)
    line = "Angela Merkel visitó París, dijo el Gobierno."
    own = loaded.tokenizer(line, add_special_tokens=False)["input_ids"]
    assert SubwordEncoder(loaded).tokenizer(split_lines([line]))[0].ids.tolist() == own
