"""WordAlignment, Pharaoh lines and symmetrisation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_awesome import WordAlignment
from spacy_awesome.tokens.symmetrization import SYMMETRIZATIONS, symmetrize

links_6x6 = st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=14)


def make(links: object, source: int = 6, target: int = 6) -> WordAlignment:
    return WordAlignment(list(links), source_length=source, target_length=target)  # type: ignore[call-overload]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(0, 1, width=32), st.booleans())))
def test_links_are_sorted_and_doubled_ones_keep_the_best_score(rows: list[tuple[int, int, float, bool]]) -> None:
    found = WordAlignment(
        [(i, j) for i, j, _, _ in rows],
        [score for _, _, score, _ in rows],
        source_length=6,
        target_length=6,
        sure=[sure for _, _, _, sure in rows],
    )
    assert list(found) == sorted({(i, j) for i, j, _, _ in rows})
    for (i, j), score, sure in zip(found, found.scores, found.sure):
        assert score == max(s for a, b, s, _ in rows if (a, b) == (i, j))
        assert sure == any(s for a, b, _, s in rows if (a, b) == (i, j))


@given(links_6x6)
def test_views_list_each_words_counterparts(links: set[tuple[int, int]]) -> None:
    found = make(links)
    assert [view.tolist() for view in found.source_view()] == [sorted(j for a, j in links if a == i) for i in range(6)]
    assert [view.tolist() for view in found.target_view()] == [sorted(i for i, b in links if b == j) for j in range(6)]
    for n in range(6):
        assert found.targets_of(n).tolist() == found.source_view()[n].tolist()
        assert found.sources_of(n).tolist() == found.target_view()[n].tolist()
    assert found == found.T.T
    assert set(found) == links
    assert all(link in found for link in links)


def test_views_of_empty_sentences() -> None:
    empty = make([], 0, 0)
    assert (empty.source_view(), empty.target_view(), len(empty)) == ([], [], 0)


@given(links_6x6, st.sampled_from([0, 1]))
def test_pharaoh_round_trip(links: set[tuple[int, int]], base: int) -> None:
    line = " ".join(f"{i + base}{'-' if (i + j) % 2 else 'p'}{j + base}" for i, j in links)
    found = WordAlignment.from_pharaoh(line, source_length=6, target_length=6, base=base)
    assert set(found) == links
    assert found.sure.tolist() == [(i + j) % 2 == 1 for i, j in found]
    assert WordAlignment.from_pharaoh(found.to_pharaoh(), source_length=6, target_length=6) == found


@pytest.mark.parametrize(
    ("line", "options", "message"),
    [
        ("0-0 1", {}, "Expected links like 0-0 .* got '1'"),
        ("0-a", {}, "got '0-a'"),
        ("0--1", {}, "got '0--1'"),
        ("-1-0", {}, "got '-1-0'"),
        ("0-0", {"base": 1}, "counts from 0, but base=1"),
        ("0-99999999999", {}, "more words than any sentence has"),
        ("0-3", {"target_length": 3}, r"Link 0-3 points past the end of the target sentence \(3 tokens\)"),
        ("17-3", {"source_length": 12}, r"past the end of the source sentence \(12 tokens\).*use base 1"),
    ],
)
def test_what_is_not_a_link_is_named(line: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WordAlignment.from_pharaoh(line, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pairs", "scores", "message"),
    [
        ([(0, 6)], None, "Link 0-6 points outside the sentences"),
        ([(-1, 0)], None, "Link -1-0 points outside"),
        ([(0, 0)], [0.1, 0.2], "one value in scores for each of 1 links"),
        ([0, 1], None, r"array of shape \(n, 2\), got shape \(2,\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(pairs: list[object], scores: list[float] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WordAlignment(pairs, scores, source_length=6, target_length=6)


def test_equality_ignores_scores_but_not_lengths() -> None:
    assert WordAlignment([(0, 0)], [0.5], source_length=1, target_length=1) == make([(0, 0)], 1, 1)
    assert make([(0, 0)], 1, 1) != make([(0, 0)], 1, 2)
    assert make([(0, 0)], 1, 1) != "0-0"


def test_to_dict_is_undone_by_the_constructor() -> None:
    found = WordAlignment([(0, 1)], [0.25], source_length=2, target_length=2, sure=[False])
    again = WordAlignment.from_dict(found.to_dict())
    assert again == found
    assert again.scores.tolist() == [0.25]


def slow_grow_diag(forward: set[tuple[int, int]], backward: set[tuple[int, int]], final: str) -> set[tuple[int, int]]:
    """Koehn, Och & Marcu's heuristic as nested loops over the matrix, the way Moses scans it."""
    union = forward | backward
    grid = [[(i, j) in forward & backward for j in range(6)] for i in range(6)]

    def source_free(i: int) -> bool:
        return not any(grid[i])

    def target_free(j: int) -> bool:
        return not any(row[j] for row in grid)

    added = True
    while added:
        added = False
        for i in range(6):
            for j in range(6):
                if grid[i][j]:
                    for di, dj in ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)):
                        a, b = i + di, j + dj
                        if (a, b) in union and (source_free(a) or target_free(b)):
                            grid[a][b] = True
                            added = True
    for direction in (forward, backward):
        for i, j in sorted(direction):
            free = (source_free(i), target_free(j))
            if (final == "final" and any(free)) or (final == "final-and" and all(free)):
                grid[i][j] = True
    return {(i, j) for i in range(6) for j in range(6) if grid[i][j]}


@given(links_6x6, links_6x6)
def test_symmetrisation_equals_slow_loops(forward: set[tuple[int, int]], backward: set[tuple[int, int]]) -> None:
    expected = {
        "intersection": forward & backward,
        "union": forward | backward,
        "forward": forward,
        "backward": backward,
        "grow-diag": slow_grow_diag(forward, backward, ""),
        "grow-diag-final": slow_grow_diag(forward, backward, "final"),
        "grow-diag-final-and": slow_grow_diag(forward, backward, "final-and"),
    }
    assert set(expected) == set(SYMMETRIZATIONS)
    for method, links in expected.items():
        assert set(symmetrize(make(forward), make(backward), method)) == links, method


def test_symmetrised_scores_are_harmonic_means() -> None:
    forward = WordAlignment([(0, 0), (1, 1)], [0.5, 0.8], source_length=2, target_length=2)
    backward = WordAlignment([(0, 0)], [1.0], source_length=2, target_length=2)
    np.testing.assert_allclose(symmetrize(forward, backward, "union").scores, [2 / 3, 0.0])


def test_one_direction_alone_keeps_its_scores() -> None:
    forward = WordAlignment([(0, 0), (1, 1)], [0.5, 0.25], source_length=2, target_length=2)
    backward = WordAlignment([(0, 0)], [1.0], source_length=2, target_length=2)
    assert symmetrize(forward, backward, "forward").scores.tolist() == [0.5, 0.25]
    assert symmetrize(forward, backward, "backward").scores.tolist() == [1.0]


def test_symmetrisation_refuses_unknown_methods_and_other_sentences() -> None:
    with pytest.raises(ValueError, match="Unknown symmetrization 'grow'; expected one of: intersection, union"):
        symmetrize(make([]), make([]), "grow")
    with pytest.raises(ValueError, match="over the same sentences"):
        symmetrize(make([], 1, 1), make([], 2, 1))
