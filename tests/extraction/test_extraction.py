"""Extraction methods against slow, obvious implementations, entmax, POT and simalign."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import catalogue
import entmax
import numpy as np
import ot
import pytest
import spacy
import torch
from confection import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language

from spacy_awesome.encoders.encoder import Vectors
from spacy_awesome.encoders.loading import EncoderDefaults
from spacy_awesome.extraction import Extraction, LinkProbabilities, extraction_methods, find_extraction
from spacy_awesome.extraction.entmax import Entmax, entmax_probabilities
from spacy_awesome.extraction.extractor import LinkExtractor, to_alignments, word_links
from spacy_awesome.extraction.optimal_transport import OptimalTransport, transport_plan
from spacy_awesome.extraction.simalign import (
    Itermax,
    argmax_probabilities,
    itermax_probabilities,
    matching_probabilities,
)
from spacy_awesome.extraction.similarity import SubwordPairs, relative_distance, similarity_matrix
from spacy_awesome.extraction.softmax import Softmax, softmax_probabilities
from spacy_awesome.tokens.symmetrization import symmetrize

SHAPES = [(1, 1), (1, 4), (5, 2), (3, 3), (6, 8), (9, 5)]


def transport(*batch: torch.Tensor, **options: Any) -> LinkProbabilities:
    plan = transport_plan(*batch, **options)
    return LinkProbabilities(plan, plan)


EXTRACTIONS: dict[str, Callable[..., LinkProbabilities]] = {
    "softmax": softmax_probabilities,
    "entmax": entmax_probabilities,
    "optimal_transport": transport,
    "argmax": argmax_probabilities,
    "itermax": itermax_probabilities,
    "mwmf": matching_probabilities,
}


def matrices(low: float = 0.01, high: float = 1.0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.rand(n, m, generator=generator) * (high - low) + low for n, m in SHAPES]


def padded(single: list[torch.Tensor], filler: float = 7.0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One batch of all matrices; the padding holds a value that must not be seen."""
    n, m = max(s.shape[0] for s in single), max(s.shape[1] for s in single)
    batch = torch.full((len(single), n, m), filler)
    for row, matrix in zip(batch, single):
        row[: matrix.shape[0], : matrix.shape[1]] = matrix
    source = torch.arange(n) < torch.tensor([s.shape[0] for s in single])[:, None]
    target = torch.arange(m) < torch.tensor([s.shape[1] for s in single])[:, None]
    return batch, source, target


def one_by_one(extract: Callable[..., LinkProbabilities], single: list[torch.Tensor]) -> list[LinkProbabilities]:
    """What a method gives in one padded batch, cut apart again."""
    found = extract(*padded(single))
    for probabilities in found:
        for row, matrix in zip(probabilities, single):
            outside = row.clone()
            outside[: matrix.shape[0], : matrix.shape[1]] = 0
            assert not outside.any(), "padding must be zero"
    return [
        LinkProbabilities(f[: s.shape[0], : s.shape[1]], b[: s.shape[0], : s.shape[1]])
        for f, b, s in zip(*found, single)
    ]


def test_softmax_equals_a_slow_loop() -> None:
    single = matrices(-3, 3)
    for matrix, (forward, backward) in zip(single, one_by_one(softmax_probabilities, single)):
        n, m = matrix.shape
        for i in range(n):
            for j in range(m):
                row = sum(math.exp(matrix[i, k]) for k in range(m))
                column = sum(math.exp(matrix[k, j]) for k in range(n))
                assert forward[i, j].item() == pytest.approx(math.exp(matrix[i, j]) / row, rel=1e-5)
                assert backward[i, j].item() == pytest.approx(math.exp(matrix[i, j]) / column, rel=1e-5)


@pytest.mark.parametrize("alpha", [1.0, 1.25, 1.5, 2.0, 3.0])
def test_entmax_equals_the_library_on_single_matrices(alpha: float) -> None:
    single = matrices(-3, 3)
    found = one_by_one(lambda *batch: entmax_probabilities(*batch, alpha=alpha), single)
    for matrix, (forward, backward) in zip(single, found):
        for dim, probabilities in ((1, forward), (0, backward)):
            logits = matrix.double()
            expected = (
                logits.softmax(dim) if alpha == 1 else entmax.entmax_bisect(logits, alpha=alpha, dim=dim, n_iter=80)
            )
            torch.testing.assert_close(probabilities.double(), expected, atol=2e-5, rtol=1e-4)


def test_entmax_of_large_similarities_stays_exact() -> None:
    single = [matrix * 300 for matrix in matrices(-1, 1)]
    for matrix, (forward, _) in zip(single, one_by_one(entmax_probabilities, single)):
        torch.testing.assert_close(forward, entmax.entmax15(matrix.double(), dim=1).float(), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("regularization", [0.05, 0.2])
def test_optimal_transport_equals_pot_on_single_matrices(regularization: float) -> None:
    single = matrices(-3, 3)
    found = one_by_one(lambda *batch: transport(*batch, regularization=regularization, iterations=2000), single)
    for matrix, (found_plan, _) in zip(single, found):
        n, m = matrix.shape
        cost = (matrix.max() - matrix).double().numpy()
        cost = cost / cost.max() if cost.max() > 0 else cost
        plan = ot.sinkhorn(np.full(n, 1 / n), np.full(m, 1 / m), cost, regularization, stopThr=1e-12, numItermax=20000)
        np.testing.assert_allclose(found_plan.numpy(), plan, atol=2e-4)


def test_argmax_equals_a_slow_loop_and_takes_the_first_of_equals() -> None:
    single = [*matrices(), torch.tensor([[0.5, 0.5], [0.5, 0.5]])]
    for matrix, (forward, backward) in zip(single, one_by_one(argmax_probabilities, single)):
        values = matrix.tolist()
        n, m = matrix.shape
        for i in range(n):
            best = max(range(m), key=lambda j: (values[i][j], -j))
            assert forward[i].nonzero().flatten().tolist() == [best]
        for j in range(m):
            best = max(range(n), key=lambda i: (values[i][j], -i))
            assert backward[:, j].nonzero().flatten().tolist() == [best]


@pytest.mark.parametrize("iterations", [1, 2, 3])
def test_itermax_equals_a_slow_loop(iterations: int) -> None:
    single = matrices()
    found = one_by_one(lambda *batch: itermax_probabilities(*batch, iterations=iterations), single)
    for matrix, (forward, backward) in zip(single, found):
        assert torch.equal(forward, backward)
        assert set(map(tuple, forward.nonzero().tolist())) == slow_itermax(matrix.tolist(), iterations)


def slow_itermax(values: list[list[float]], iterations: int) -> set[tuple[int, int]]:
    n, m = len(values), len(values[0])

    def mutual(weights: list[list[float]]) -> set[tuple[int, int]]:
        links = set()
        for i in range(n):
            j = max(range(m), key=lambda j: weights[i][j])
            if i == max(range(n), key=lambda i: weights[i][j]):
                links.add((i, j))
        return links

    links = mutual(values)
    for _ in range(iterations - 1 if min(n, m) > 2 else 0):
        sources, targets = {i for i, _ in links}, {j for _, j in links}
        if len(sources) == n or len(targets) == m:
            break
        weights = [
            [
                0.0 if i in sources and j in targets else values[i][j] * (0.9 if i in sources or j in targets else 1.0)
                for j in range(m)
            ]
            for i in range(n)
        ]
        new = {(i, j) for i, j in mutual(weights) if i not in sources or j not in targets}
        if not new - links:
            break
        links |= new
    return links


def test_matching_is_the_best_of_all_permutations() -> None:
    from itertools import permutations

    single = [s for s in matrices() if max(s.shape) <= 6]
    for matrix, (forward, _) in zip(single, one_by_one(matching_probabilities, single)):
        values = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
        n, m = values.shape
        best = max(sum(values[i, p[i]].item() for i in range(n)) for p in permutations(range(m), n))
        assert forward.sum().item() == pytest.approx(best, rel=1e-5)
        assert (forward > 0).sum(0).max() <= 1
        assert (forward > 0).sum(1).max() <= 1


@pytest.mark.parametrize("method", list(EXTRACTIONS))
def test_padding_and_batch_mates_change_nothing(method: str) -> None:
    single = matrices()
    for matrix, batched in zip(single, one_by_one(EXTRACTIONS[method], single)):
        [alone] = one_by_one(EXTRACTIONS[method], [matrix])
        for a, b in zip(alone, batched):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", ["dot", "cosine", "euclidean"])
def test_similarity_equals_a_slow_loop(kind: Any) -> None:
    x, y = torch.randn(2, 3, 4), torch.randn(2, 5, 4)
    found = similarity_matrix(x.bfloat16(), y.bfloat16(), kind)
    for b, i, j in np.ndindex(2, 3, 5):
        u, v = x[b, i].bfloat16().float(), y[b, j].bfloat16().float()
        expected = {"dot": u @ v, "cosine": u @ v / (u.norm() * v.norm()), "euclidean": -(u - v).norm()}[kind]
        assert found[b, i, j].item() == pytest.approx(expected.item(), abs=1e-4)


def test_relative_distance_uses_each_sentences_own_length() -> None:
    source, target = torch.tensor([[1, 1, 0]]).bool(), torch.tensor([[1, 1, 1, 1]]).bool()
    found = relative_distance(source, target)[0, :2]
    expected = [[abs(i / 2 - j / 4) for j in range(4)] for i in range(2)]
    torch.testing.assert_close(found, torch.tensor(expected))


@st.composite
def subword_cases(draw: st.DrawFn) -> tuple[LinkProbabilities, torch.Tensor, torch.Tensor]:
    n, m = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    numbers = st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0]), min_size=2 * n * m, max_size=2 * n * m)
    values = torch.tensor(draw(numbers)).reshape(2, 1, n, m)

    def words(length: int) -> torch.Tensor:
        steps = draw(st.lists(st.integers(0, 2), min_size=length, max_size=length))
        return torch.tensor(steps).cumsum(0)[None]

    return LinkProbabilities(values[0], values[1]), words(n), words(m)


@given(subword_cases(), st.sampled_from(["intersection", "union", "forward", "backward"]))
@settings(max_examples=60)
def test_words_are_linked_and_scored_by_their_best_subwords(case: Any, method: str) -> None:
    probabilities, source_words, target_words = case
    threshold = 0.2
    expected: dict[tuple[int, int], float] = {}
    for i, a in enumerate(source_words[0].tolist()):
        for j, b in enumerate(target_words[0].tolist()):
            f, g = probabilities.forward[0, i, j].item(), probabilities.backward[0, i, j].item()
            there, back = f > threshold, g > threshold
            on = {"intersection": there and back, "union": there or back, "forward": there, "backward": back}[method]
            if on:
                score = 2 * f * g / (f + g)
                expected[a, b] = max(expected.get((a, b), 0.0), score)
    links = word_links(probabilities, source_words, target_words, threshold=threshold, symmetrization=method)
    [found] = to_alignments(links, [(20, 20)], symmetrization=method)
    assert list(found) == sorted(expected)
    np.testing.assert_allclose(found.scores, [expected[link] for link in found], rtol=1e-5)


@given(subword_cases(), st.sampled_from(["grow-diag", "grow-diag-final", "grow-diag-final-and"]))
@settings(max_examples=60)
def test_grow_diag_joins_the_word_links_of_both_directions(case: Any, method: str) -> None:
    probabilities, *words = case

    def links(symmetrization: str) -> Any:
        found = word_links(probabilities, *words, threshold=0.2, symmetrization=symmetrization)
        return to_alignments(found, [(20, 20)], symmetrization=symmetrization)[0]

    assert list(links(method)) == list(symmetrize(links("forward"), links("backward"), method))


def test_words_of_long_documents_are_told_apart() -> None:
    ones = torch.ones(2, 1, 2)
    source_words, target_words = torch.tensor([[3_000_000], [0]]), torch.tensor([[0, 3_999_999], [1, 1]])
    links = word_links(
        LinkProbabilities(ones, ones), source_words, target_words, threshold=0.5, symmetrization="intersection"
    )
    found = list(zip(links.pair.tolist(), links.source.tolist(), links.target.tolist()))
    assert found == [(0, 3_000_000, 0), (0, 3_000_000, 3_999_999), (1, 0, 1)]


PAIRS = [
    ("Angela Merkel visited Paris on Monday .", "Angela Merkel visitó París el lunes ."),
    ("The fox jumps over the lazy dog in 1984 !", "El zorro salta sobre el perro perezoso en 1984 !"),
    ("Obama met Merkel", "Merkel traf Obama in Berlin"),
    ("Paris", "París"),
]


def test_links_equal_those_of_simalign(tiny_bert: Path, make_aligner: Callable[..., Language]) -> None:
    simalign = pytest.importorskip("simalign")
    reference = simalign.SentenceAligner(model=str(tiny_bert), token_type="bpe", matching_methods="mai", layer=3)
    names = {"argmax": "inter", "itermax": "itermax", "mwmf": "mwmf"}
    expected = [reference.get_word_aligns(a.split(), b.split()) for a, b in PAIRS]
    for extraction, key in names.items():
        aligner = make_aligner(tiny_bert, layer=3, extraction=extraction).get_pipe("word_aligner")
        found = aligner.align_words([(a.split(), b.split()) for a, b in PAIRS])
        assert [list(links) for links in found] == [sorted(aligns[key]) for aligns in expected], extraction


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Entmax(0.5), "alpha to be a finite number of 1"),
        (lambda: OptimalTransport(cost="manhattan"), "Unknown cost 'manhattan'"),  # type: ignore[arg-type]
        (lambda: OptimalTransport(regularization=0), "regularization to be a finite number above 0"),
        (lambda: Itermax(0), "iterations to be a whole number from 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


METHODS = sorted(extraction_methods().values(), key=lambda method: method.__name__)


def subword_pairs(lengths: list[tuple[int, int]], *, padding: int = 0, **options: float) -> SubwordPairs:
    """Random vectors of pairs with these numbers of subwords; the padding holds what must not be seen."""
    generator = torch.Generator().manual_seed(5)
    sides, masks = [], []
    for side in zip(*lengths):
        vectors = torch.full((len(side), max(side) + padding, 4), 9.0)
        mask = torch.arange(max(side) + padding) < torch.tensor(side)[:, None]
        for row, length in zip(vectors, side):
            row[:length] = torch.randn(length, 4, generator=generator)
        sides.append(vectors)
        masks.append(mask)
    return SubwordPairs(*sides, *masks, **options)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_a_picklable_value_whose_probabilities_are_zero_at_padding(method: type[Extraction]) -> None:
    extraction = method()
    assert pickle.loads(pickle.dumps(extraction)) == extraction == method()
    pairs = subword_pairs([(3, 5), (4, 2)], padding=2, scale=0.5, distortion=0.3)
    for probabilities in extraction.probabilities(pairs):
        assert probabilities.shape == pairs.mask.shape
        assert not probabilities[~pairs.mask].any()
        assert (probabilities[pairs.mask] > 0).any()
        assert ((probabilities >= 0) & (probabilities <= 1 + 1e-5)).all()


@pytest.mark.parametrize("method", [method for method in METHODS if method.differentiable])
def test_the_gradient_of_differentiable_methods_is_that_of_small_differences(method: type[Extraction]) -> None:
    pairs = subword_pairs([(3, 4), (2, 2)], padding=1, scale=0.5)
    source = pairs.source.requires_grad_()
    weights = torch.randn(pairs.mask.shape, generator=torch.Generator().manual_seed(1))

    def value(vectors: torch.Tensor) -> torch.Tensor:
        found = method().probabilities(SubwordPairs(vectors, pairs.target, pairs.source_mask, pairs.target_mask, 0.5))
        return ((found.forward + found.backward) * weights).sum()

    [gradient] = torch.autograd.grad(value(source), source)
    assert not gradient[~pairs.source_mask].any()
    step = 1e-2 * torch.randn(source.shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        change = value(source + step) - value(source - step)
    assert (2 * gradient * step).sum().item() == pytest.approx(change.item(), rel=0.02)
    assert gradient.norm() > 1e-3


def test_optimal_transport_compares_the_plan_itself_or_what_each_word_gives_and_takes() -> None:
    pairs = subword_pairs([(3, 5), (4, 2)], padding=1)
    plan, same = OptimalTransport(normalized=False).probabilities(pairs)
    assert torch.equal(plan, same)
    torch.testing.assert_close(plan.sum(dim=(1, 2)), torch.ones(2), atol=1e-4, rtol=0)
    forward, backward = OptimalTransport(normalized=True).probabilities(pairs)
    for row, (n, m) in enumerate([(3, 5), (4, 2)]):
        torch.testing.assert_close(forward[row], plan[row] * n)
        torch.testing.assert_close(backward[row], plan[row] * m)


def test_thresholds_are_those_given_or_the_methods_or_the_encoders() -> None:
    def threshold(extraction: Extraction, given: float | None = None) -> float:
        return LinkExtractor.for_encoder(EncoderDefaults(layer=1, threshold=0.3), extraction, threshold=given).threshold

    assert [threshold(Softmax()), threshold(Softmax(), 0.5)] == [0.3, 0.5]
    assert [threshold(Entmax()), threshold(Entmax(), 0.5)] == [0.0, 0.5]
    assert threshold(OptimalTransport()) == 0.3
    assert threshold(OptimalTransport(normalized=False)) == 0.01


def test_links_follow_from_vectors_without_an_encoder_or_a_doc() -> None:
    vectors = torch.eye(3)[None] * 9
    ones = torch.ones(1, 3, dtype=torch.bool)
    source = Vectors(vectors, ones, torch.tensor([[0, 0, 1]]))
    target = Vectors(vectors.flip(1), ones, torch.tensor([[0, 1, 2]]))
    [found] = LinkExtractor(Entmax(), threshold=0.0).align(source, target, [(2, 3)])
    assert found.to_pharaoh() == "0-1 0-2 1-0"


class Positive(Extraction):
    """What a user may register: links where the dot product is above 0."""

    threshold = 0.5

    def probabilities(self, pairs: SubwordPairs) -> LinkProbabilities:
        linked = ((pairs.logits > 0) & pairs.mask).float()
        return LinkProbabilities(linked, linked)


@pytest.mark.parametrize("config", ["test.positive.v1", {"@extractions": "test.positive.v1"}])
def test_a_new_method_needs_no_more_than_to_be_registered(
    tiny_bert: Path, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalogue.REGISTRY, ("spacy", "extractions", "test.positive.v1"), Positive)
    nlp = spacy.blank("es")
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(tiny_bert), "layer": 1}
    aligner: Any = nlp.add_pipe("word_aligner", config={"model": model, "extraction": config})
    [links] = aligner.align_words([(["Paris"], ["Paris"])])
    assert links.to_pharaoh() == "0-0"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("entmax", Entmax()),
        ("spacy_awesome.entmax.v1", Entmax()),
        ({"@extractions": "spacy_awesome.entmax.v1", "alpha": 2.0}, Entmax(2.0)),
        ({"@misc": "spacy_awesome.entmax.v1", "alpha": 2.0}, Entmax(2.0)),
        ({"@misc": "spacy_awesome.softmax.v1"}, Softmax()),
    ],
)
def test_methods_are_named_in_every_way_and_saved_so(config: Any, expected: Extraction) -> None:
    nlp = spacy.blank("es")
    aligner: Any = nlp.add_pipe("word_aligner", config={"extraction": config})
    assert aligner.extraction == expected
    again: Any = spacy.blank("es").from_config(Config().from_str(nlp.config.to_str())).get_pipe("word_aligner")
    assert again.extraction == expected


def test_an_unknown_method_is_refused_with_the_names_of_all() -> None:
    names = "argmax, entmax, itermax, mwmf, optimal_transport, softmax"
    with pytest.raises(ValueError, match=f"Unknown extraction 'guess'; expected one of: {names}"):
        find_extraction("guess")
    with pytest.raises(ValueError, match="Unknown extraction 'guess'"):
        spacy.blank("es").add_pipe("word_aligner", config={"extraction": "guess"})
