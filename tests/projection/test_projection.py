"""The pure part of projection: candidates, assignment, filters. Slow, obvious implementations are the oracle."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from projection_helpers import alignments, disjoint_spans, masks, slow_candidates, slow_greedy

from spacy_awesome import WordAlignment
from spacy_awesome.projection import Outcome, project_spans
from spacy_awesome.projection.assignment import assign
from spacy_awesome.projection.candidates import RULES, Candidate


def links(line: str, source_length: int, target_length: int) -> WordAlignment:
    return WordAlignment.from_pharaoh(line, source_length=source_length, target_length=target_length)


def places(outcomes: list[Outcome]) -> list[tuple[int | None, int | None]]:
    return [(outcome.start, outcome.end) for outcome in outcomes]


def test_discontinuous_links_are_joined_over_an_unaligned_token():
    (outcome,) = project_spans([(0, 2)], links("0-0 1-2", 2, 3))
    assert (outcome.start, outcome.end) == (0, 3)
    assert outcome.score == pytest.approx(2 * (2 / 2.25) / (2 / 2.25 + 1))


def test_a_stray_link_far_away_is_left_out():
    (outcome,) = project_spans([(0, 2)], links("0-0 1-1 1-6 2-2 3-3 4-4 5-5", 6, 7))
    assert (outcome.start, outcome.end) == (0, 2)


def test_min_max_goes_from_the_first_to_the_last_linked_token():
    (outcome,) = project_spans([(0, 2)], links("0-0 1-1 1-6 2-2 3-3 4-4 5-5", 6, 7), rule="min_max")
    assert (outcome.start, outcome.end) == (0, 7)


@pytest.mark.parametrize(("max_gap", "expected"), [(0, (5, 7)), (1, (0, 3)), (2, (0, 7))])
def test_gap_takes_the_longest_run(max_gap: int, expected: tuple[int, int]):
    (outcome,) = project_spans([(0, 1)], links("0-0 0-2 0-5 0-6", 1, 7), rule="gap", max_gap=max_gap)
    assert (outcome.start, outcome.end) == expected


def test_gap_takes_the_first_of_equal_runs():
    (outcome,) = project_spans([(0, 1)], links("0-1 0-4", 1, 6), rule="gap")
    assert (outcome.start, outcome.end) == (1, 2)


def test_repeated_mentions_with_ambiguous_links_keep_their_order():
    outcomes = project_spans([(0, 1), (4, 5)], links("0-0 0-4 4-0 4-4", 5, 5))
    assert places(outcomes) == [(0, 1), (4, 5)]


def test_outcomes_stand_in_the_order_of_the_spans_given():
    assert places(project_spans([(2, 3), (0, 1)], links("0-0 2-1", 3, 2))) == [(1, 2), (0, 1)]


def test_of_nested_spans_the_outer_one_goes_first():
    outcomes = project_spans([(2, 3), (0, 3)], links("0-0 1-1 2-2", 3, 3))
    assert places(outcomes) == [(None, None), (0, 3)]
    assert outcomes[0].reason == "collision"


def test_overlapping_spans_are_all_projected_if_they_may_overlap():
    outcomes = project_spans([(2, 3), (0, 3), (1, 3)], links("0-0 1-1 2-2", 3, 3), allow_overlap=True)
    assert places(outcomes) == [(2, 3), (0, 3), (1, 3)]


def test_punctuation_does_not_stretch_a_span():
    (outcome,) = project_spans([(0, 1)], links("0-0 0-1", 1, 2), target_punct=[False, True])
    assert (outcome.start, outcome.end) == (0, 1)


def test_punctuation_of_the_source_span_is_carried_over():
    (outcome,) = project_spans([(0, 2)], links("0-0 1-1", 2, 2), source_punct=[False, True], target_punct=[False, True])
    assert (outcome.start, outcome.end, outcome.score) == (0, 2, 1.0)


def test_a_span_linked_to_punctuation_only_is_lost():
    (outcome,) = project_spans([(0, 1)], links("0-0", 1, 1), target_punct=[True])
    assert outcome == Outcome(None, None, 0.0, "only_punctuation")


def test_a_span_without_links_is_lost():
    (outcome,) = project_spans([(0, 1)], links("1-0", 2, 1))
    assert outcome == Outcome(None, None, 0.0, "unaligned")


def test_a_span_below_min_score_is_lost_with_its_best_score():
    (outcome,) = project_spans([(0, 1)], links("0-0 1-1 0-2", 2, 3), min_score=0.9)
    assert (outcome.start, outcome.reason) == (None, "low_score")
    assert outcome.score == pytest.approx(6 / 7)


def test_min_score_itself_is_high_enough():
    (outcome,) = project_spans([(0, 1)], links("0-0", 1, 1), min_score=1.0)
    assert outcome.reason is None


def test_a_span_that_is_too_long_is_lost():
    (outcome,) = project_spans([(0, 1)], links("0-0 0-1 0-2", 1, 3), rule="min_max", max_span_ratio=2)
    assert (outcome.start, outcome.reason) == (None, "too_long")


def test_a_long_compound_is_kept_at_the_ratio_itself():
    (outcome,) = project_spans([(0, 1)], links("0-0 0-1", 1, 2), max_span_ratio=2)
    assert (outcome.start, outcome.end) == (0, 2)


def test_existing_target_spans_are_left_alone():
    (outcome,) = project_spans([(0, 1)], links("0-0", 1, 1), existing=[(0, 1)])
    assert (outcome.start, outcome.reason, outcome.score) == (None, "existing_entity", 1.0)


def test_a_span_takes_what_an_existing_one_leaves_free():
    (outcome,) = project_spans([(0, 2)], links("0-0 1-1", 2, 2), existing=[(0, 1)])
    assert (outcome.start, outcome.end) == (1, 2)


@pytest.mark.parametrize(("assignment", "expected"), [("greedy", [(0, 2), (None, None)]), ("exact", [(0, 1), (1, 2)])])
def test_exact_assignment_gives_up_a_little_to_project_both(
    assignment: str, expected: list[tuple[int | None, int | None]]
):
    outcomes = project_spans([(0, 1), (1, 2)], links("0-0 0-1 1-1", 2, 2), assignment=assignment)
    assert places(outcomes) == expected


@pytest.mark.parametrize("span", [(0, 3), (-1, 1), (1, 1)])
def test_a_span_outside_the_sentence_is_an_error(span: tuple[int, int]):
    with pytest.raises(ValueError, match=rf"Span {span[0]}:{span[1]} .*2 tokens"):
        project_spans([span], links("0-0", 2, 2))


def test_a_mask_of_the_wrong_length_is_an_error():
    with pytest.raises(ValueError, match="target_punct for each of 2 tokens, got 1"):
        project_spans([(0, 1)], links("0-0", 2, 2), target_punct=[True])


@pytest.mark.parametrize("option", ["rule", "assignment"])
def test_unknown_names_are_errors(option: str):
    with pytest.raises(ValueError, match="'best'; expected one of"):
        project_spans([(0, 1)], links("0-0", 1, 1), **{option: "best"})


@given(data=st.data(), alignment=alignments())
def test_greedy_link_f1_equals_the_definition(data: st.DataObject, alignment: WordAlignment):
    spans = data.draw(disjoint_spans(alignment.source_length))
    source_punct = data.draw(masks(alignment.source_length))
    target_punct = data.draw(masks(alignment.target_length))
    outcomes = project_spans(spans, alignment, source_punct=source_punct, target_punct=target_punct)
    candidates = [slow_candidates(span, alignment, source_punct, target_punct) for span in spans]
    expected = slow_greedy(spans, candidates)
    assert places(outcomes) == [expected[span] or (None, None) for span in spans]
    for outcome, scores in zip(outcomes, candidates, strict=True):
        score = scores[outcome.start, outcome.end] if outcome.reason is None else max(scores.values(), default=0)
        assert outcome.score == pytest.approx(float(score), abs=1e-11)


@given(data=st.data(), alignment=alignments(), rule=st.sampled_from(RULES))
def test_every_rule_picks_among_the_candidates_of_the_definition(
    data: st.DataObject, alignment: WordAlignment, rule: str
):
    spans = data.draw(disjoint_spans(alignment.source_length))
    outcomes = project_spans(spans, alignment, rule=rule, allow_overlap=True)
    nothing = [False] * max(alignment.source_length, alignment.target_length)
    for span, outcome in zip(spans, outcomes, strict=True):
        scores = slow_candidates(span, alignment, nothing, nothing)
        assert (outcome.reason == "unaligned") == (not scores)
        if scores:
            assert outcome.score == pytest.approx(float(scores[outcome.start, outcome.end]), abs=1e-11)
            if rule == "link_f1":
                assert outcome.score == pytest.approx(float(max(scores.values())), abs=1e-11)


@given(
    data=st.data(),
    alignment=alignments(),
    rule=st.sampled_from(RULES),
    assignment=st.sampled_from(["greedy", "exact"]),
)
def test_no_target_token_is_given_twice(data: st.DataObject, alignment: WordAlignment, rule: str, assignment: str):
    spans = data.draw(disjoint_spans(alignment.source_length))
    existing = data.draw(disjoint_spans(alignment.target_length))
    outcomes = project_spans(spans, alignment, rule=rule, assignment=assignment, existing=existing)
    taken = [j for start, end in existing for j in range(start, end)]
    taken += [j for outcome in outcomes if outcome.reason is None for j in range(outcome.start, outcome.end)]
    assert len(taken) == len(set(taken))


@given(st.data(), st.integers(1, 12), st.sampled_from(RULES), st.sampled_from(["greedy", "exact"]))
def test_identical_sentences_project_every_span_onto_itself(
    data: st.DataObject, length: int, rule: str, assignment: str
):
    spans, punct = data.draw(disjoint_spans(length)), data.draw(masks(length))
    identity = WordAlignment([(i, i) for i in range(length)], source_length=length, target_length=length)
    outcomes = project_spans(spans, identity, source_punct=punct, target_punct=punct, rule=rule, assignment=assignment)
    assert places(outcomes) == spans
    assert all(outcome.score == 1.0 for outcome in outcomes)


_scores = st.integers(1, 10**6).map(lambda n: n / 10**6)
_candidates = st.builds(
    lambda score, start, length: Candidate(score, start, start + length), _scores, st.integers(0, 9), st.integers(1, 4)
)


@given(st.lists(st.lists(_candidates, max_size=4, unique_by=lambda c: (c.start, c.end)), max_size=5))
def test_exact_assignment_reaches_the_optimum_of_trying_everything(options: list[list[Candidate]]):
    best = 0.0
    for choice in product(*([None, *group] for group in options)):
        taken = [j for c in choice if c for j in range(c.start, c.end)]
        if len(taken) == len(set(taken)):
            best = max(best, sum(c.score for c in choice if c))
    chosen = assign(options, "exact")
    tokens = [j for c in chosen if c for j in range(c.start, c.end)]
    assert len(tokens) == len(set(tokens))
    assert all(c is None or c in group for c, group in zip(chosen, options, strict=True))
    assert sum(c.score for c in chosen if c) == pytest.approx(best, abs=1e-9)


def test_exact_assignment_keeps_the_greedy_one_where_it_is_as_good():
    options = [[Candidate(0.5, 0, 1), Candidate(0.5, 2, 3)], [Candidate(0.5, 0, 1), Candidate(0.5, 2, 3)]]
    assert assign(options, "exact") == assign(options, "greedy") == [Candidate(0.5, 0, 1), Candidate(0.5, 2, 3)]


def test_a_greedy_choice_that_is_longer_than_needed_does_not_overlap_a_solved_one():
    # The first span's two candidates are as good as each other; the greedy one, the longer, stands in the second's way.
    options = [
        [Candidate(0.8, 0, 3), Candidate(0.8, 0, 1)],
        [Candidate(0.7, 1, 2), Candidate(0.5, 5, 6)],
    ]
    assert assign(options, "exact") == [Candidate(0.8, 0, 1), Candidate(0.7, 1, 2)]


def test_the_best_candidate_of_a_very_long_span_is_found():
    pairs = [(i, i if i < 100 else i + 10) for i in range(150)] + [(0, 290)]
    alignment = WordAlignment(pairs, source_length=150, target_length=300)
    (outcome,) = project_spans([(0, 150)], alignment)
    nothing = [False] * 300
    scores = slow_candidates((0, 150), WordAlignment(pairs, source_length=150, target_length=300), nothing, nothing)
    assert (outcome.start, outcome.end) == max(scores, key=scores.__getitem__) == (0, 160)


def test_a_span_over_thousands_of_scattered_links_is_projected():
    alignment = WordAlignment([(i, 2 * i) for i in range(5000)], source_length=5000, target_length=10000)
    (outcome,) = project_spans([(0, 5000)], alignment)
    assert (outcome.start, outcome.end) == (0, 9999)
