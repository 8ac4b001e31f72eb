"""Beads: their BERT-scores, the way through both texts, reordered texts, and the record that holds them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import spacy_awesome.sentence_alignment.scores as beads_module
from recipe.synthetic_documents import Changes, make_document
from spacy_awesome import SentenceAlignment
from spacy_awesome.evaluation.alignments import score_beads
from spacy_awesome.sentence_alignment import BeadSettings
from spacy_awesome.sentence_alignment.gains import BeadScorer, align_in_order, align_reordered, frozen_bead_biases
from spacy_awesome.sentence_alignment.path import PathBand, best_path, coarse_band
from spacy_awesome.sentence_alignment.scores import NO_SCORE, TextVectors, bead_scores, unit_vectors
from spacy_awesome.similarity.bert_score import bert_scores

lengths = st.lists(st.integers(0, 4), max_size=6)


def text(lengths: list[int], seed: int = 0) -> TextVectors:
    """Random sentences of so many subwords."""
    vectors = np.random.default_rng(seed).normal(size=(sum(lengths), 16)).astype(np.float32)
    return TextVectors(unit_vectors(vectors), np.array(lengths, dtype=np.int64))


def scorer(source: TextVectors, target: TextVectors) -> BeadScorer:
    biases = frozen_bead_biases(source, target, source_background=[text([3, 3, 3], 98)], max_sentences=3)
    return BeadScorer(source, target, biases, BeadSettings(min_score=0.2))


def covered(beads: list[tuple[int, int, int, int]]) -> tuple[list[int], list[int]]:
    """The sentences of both sides, bead by bead."""
    return [s for a, b, _, _ in beads for s in range(a, b)], [t for _, _, c, d in beads for t in range(c, d)]


def value(path: list[tuple[int, int, int, int]], gains: Any, gap: float) -> float:
    """What a path is worth, bead by bead."""
    beads = [(a, b, c, d) for a, b, c, d in path if a < b and c < d]
    gaps = sum(b - a + d - c for a, b, c, d in path if a == b or c == d)
    return sum(float(gains[a, b - a - 1, d - c - 1, c]) for a, b, c, d in beads) - gap * gaps


@given(source=lengths, target=lengths, cells=st.sampled_from([4_000_000, 7]))
@settings(max_examples=40)
def test_bead_scores_equal_bert_scores_of_the_joined_sentences(
    source: list[int], target: list[int], cells: int
) -> None:
    left, right = text(source, 1), text(target, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beads_module, "_MAX_CELLS", cells)
        scores = bead_scores(left, right, max_sentences=3)
    for (n, m, s, t), score in np.ndenumerate(scores):
        x, y = left[s : s + n + 1].vectors, right[t : t + m + 1].vectors
        if s + n >= len(source) or t + m >= len(target) or not len(x) or not len(y):
            assert score == NO_SCORE
        else:
            masks = [torch.ones(1, len(side), dtype=torch.bool) for side in (x, y)]
            expected = bert_scores(torch.from_numpy(x)[None], masks[0], torch.from_numpy(y)[None], masks[1]).f1
            assert score == pytest.approx(expected.item(), abs=1e-5)


@given(data=st.data(), n=st.integers(0, 4), m=st.integers(0, 4), gap=st.sampled_from([0.0, 0.3]))
@settings(max_examples=60)
def test_the_best_path_is_the_best_of_all(data: Any, n: int, m: int, gap: float) -> None:
    gains = np.full((n, 3, 3, m + 1), -np.inf, dtype=np.float32)
    for s, i, j, t in np.ndindex(*gains.shape):
        if s + i < n and t + j < m:
            gains[s, i, j, t] = data.draw(st.integers(-4, 8)) / 4

    @cache
    def best(s: int, t: int) -> float:
        ways = [
            float(gains[s, i, j, t]) + best(s + i + 1, t + j + 1)
            for i in range(min(3, n - s))
            for j in range(min(3, m - t))
        ]
        ways += [best(s + 1, t) - gap] if s < n else []
        ways += [best(s, t + 1) - gap] if t < m else []
        return max(ways, default=0.0)

    path = best_path(list(gains), PathBand.full(n, m), gap=gap)
    assert covered(path) == (list(range(n)), list(range(m)))
    assert value(path, gains, gap) == pytest.approx(best(0, 0), abs=1e-4)
    # As good a way is found within the narrowest band around it.
    narrow = PathBand.around(path, n, m, radius=0)
    rows = [gains[s][:, :, narrow.low[s] : narrow.high[s] + 1] for s in range(n)]
    assert value(best_path(rows, narrow, gap=gap), gains, gap) == pytest.approx(best(0, 0), abs=1e-4)


@given(
    path=st.lists(st.sampled_from([(1, 1), (1, 0), (0, 1), (2, 1), (1, 3)]), max_size=8), factor=st.sampled_from([1, 2])
)
def test_a_band_always_has_a_way_through(path: list[tuple[int, int]], factor: int) -> None:
    ends = np.cumsum([(0, 0), *path], axis=0)
    beads = [(int(a[0]), int(b[0]), int(a[1]), int(b[1])) for a, b in zip(ends, ends[1:])]
    for short in (0, 1):
        n, m = (max(0, factor * int(length) - short * (factor - 1)) for length in ends[-1])
        band = PathBand.around(beads, n, m, radius=2, factor=factor)
        assert (band.low[0], band.high[-1]) == (0, m)
        assert (np.diff(band.low) >= 0).all()
        assert (np.diff(band.high) >= 0).all()
        assert (band.low[1:] <= band.high[:-1]).all()


@pytest.mark.parametrize("align", [align_in_order, align_reordered])
@given(source=lengths, target=lengths)
@settings(max_examples=25)
def test_every_sentence_is_in_one_bead(align: Any, source: list[int], target: list[int]) -> None:
    beads = [bead for bead, _ in align(scorer(text(source, 1), text(target, 2)))]
    left, right = covered(beads)
    assert (sorted(left), sorted(right)) == (list(range(len(source))), list(range(len(target))))
    SentenceAlignment(beads, source_length=len(source), target_length=len(target))


@pytest.mark.parametrize("align", [align_in_order, align_reordered])
def test_the_sentences_of_identical_texts_go_together(align: Any) -> None:
    sentences = text([5, 3, 4, 6] * 10)
    assert [bead for bead, _ in align(scorer(sentences, sentences))] == [(i, i + 1, i, i + 1) for i in range(40)]


def test_scores_do_not_depend_on_the_part_that_is_scored() -> None:
    whole = scorer(text([3, 4, 2, 5, 1], 1), text([2, 3, 4, 4], 2))
    part = whole.part(slice(1, 4), slice(1, 4)).scores()
    np.testing.assert_allclose(part[0, 0], whole.scores()[0, 0, 1:4, 1:4], rtol=1e-5)


def test_the_band_of_a_long_text_is_narrow_and_follows_what_was_left_out() -> None:
    sentences = text([4] * 1500)
    kept = np.r_[0:500, 800:1500]
    vectors = sentences.vectors.reshape(1500, 4, 16)[kept].reshape(-1, 16)
    band = coarse_band(sentences, TextVectors(vectors, np.full(1200, 4)), radius=10)
    for target, source in enumerate(kept.tolist()):
        assert band.low[source] <= target <= band.high[source]
    assert sum(band.width(row) for row in range(1501)) < 60 * 1501


def test_reordered_sentences_are_found() -> None:
    sentences = text([6] * 30)
    order = [*range(20, 30), *range(10), *range(10, 20)]
    vectors = sentences.vectors.reshape(30, 6, 16)[order].reshape(-1, 16)
    beads = align_reordered(scorer(sentences, TextVectors(vectors, np.full(30, 6))))
    assert [bead[:4] for bead, _ in beads] == [(s, s + 1, order.index(s), order.index(s) + 1) for s in range(30)]


def test_views_of_beads() -> None:
    alignment = SentenceAlignment(
        [(2, 3, 0, 1), (0, 2, 1, 2), (3, 4, 2, 2)], [0.5, 0.8, 0.0], source_length=4, target_length=2
    )
    assert [bead.kind for bead in alignment] == [(2, 1), (1, 1), (1, 0)]
    assert alignment.source_view() == [range(1, 2), range(1, 2), range(1), range(2, 2)]
    assert alignment.target_view() == [range(2, 3), range(2)]
    assert (alignment.targets_of(2), alignment.sources_of(1)) == (range(1), range(2))
    assert not alignment.monotone


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(0, 1, 0, 1)], "in no bead: source sentence 1"),
        ([(0, 2, 0, 1), (1, 2, 1, 1)], "in two beads: source sentence 1"),
        ([(0, 3, 0, 1)], r"past the end of the source text \(2 sentences\)"),
        ([(0, 2, 1, 0)], "target sentences end before they start"),
        ([(0, 2)], r"shape \(n, 4\)"),
    ],
)
def test_sentences_in_no_bead_or_in_two_are_an_error(rows: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SentenceAlignment(rows, source_length=2, target_length=1)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)).filter(any), max_size=8))
def test_beads_are_read_as_they_were_written(kinds: list[tuple[int, int]]) -> None:
    ends = np.cumsum([(0, 0), *kinds], axis=0).tolist()
    rows = [(a, b, c, d) for (a, c), (b, d) in zip(ends, ends[1:])]
    alignment = SentenceAlignment(rows, [0.5] * len(rows), source_length=ends[-1][0], target_length=ends[-1][1])
    assert SentenceAlignment.from_text(alignment.to_text().splitlines()) == alignment


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0", "Line 2: .*1 columns"),
        ("1,3\t1\t0", "Line 2: expected neighbouring sentences"),
        ("1\tx\t0", "Line 2: expected numbers of sentences"),
        ("1\t1\thigh", "Line 2: expected a score"),
        ("0\t1", "in two beads: source sentence 0"),
    ],
)
def test_wrong_bead_files_are_refused(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SentenceAlignment.from_text(["0\t0\t0.5", line])


def test_alignments_of_different_texts_are_not_compared() -> None:
    one = SentenceAlignment([(0, 1, 0, 1)], source_length=1, target_length=1)
    other = SentenceAlignment([(0, 1, 0, 2)], source_length=1, target_length=2)
    with pytest.raises(ValueError, match="same texts"):
        score_beads([(one, other)])


def test_each_sentence_without_a_translation_counts() -> None:
    gold = SentenceAlignment([(0, 2, 0, 0), (2, 3, 0, 1)], source_length=3, target_length=1)
    system = SentenceAlignment([(0, 1, 0, 0), (1, 3, 0, 1)], source_length=3, target_length=1)
    assert (score_beads([(gold, system)]).gold, score_beads([(gold, system)]).right) == (3, 1)


@pytest.mark.parametrize("paragraph", [None, 3])
def test_made_documents_hold_the_words_of_their_beads(paragraph: int | None) -> None:
    pairs = [(f"a{i} , b{i} c{i} d{i}".split(), f"A{i} B{i} ; C{i} D{i}".split()) for i in range(200)]
    changes = Changes(joined=0.2, shifted=0.1, split=0.2, dropped=0.1, inserted=0.0)
    made = make_document(pairs, seed=1, changes=changes, paragraph=paragraph)
    assert {bead.kind for bead in made.alignment} >= {(1, 1), (2, 1), (1, 2), (2, 2), (1, 0), (0, 1)}
    for bead in made.alignment:
        source = {
            word[1:] for words in made.source[bead.source_start : bead.source_end] for word in words if word != ","
        }
        target = {
            word[1:] for words in made.target[bead.target_start : bead.target_end] for word in words if word != ";"
        }
        assert source == target or not (source and target)
    assert made.alignment.monotone == (paragraph is None)
