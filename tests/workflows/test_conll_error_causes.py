"""At which step the way from labelled English to the target's gold entities was lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipe.error_causes import CAUSES, ProjectedPair, find_errors
from spacy_awesome.formats.conll import LabelledSentence, LabelledSpan
from spacy_awesome.projection import project_spans
from spacy_awesome.tokens.word_alignment import WordAlignment

Span = tuple[int, int, str]

ENGLISH = "yesterday Angela Merkel visited Paris ."
SPANISH = "ayer Angela Merkel visitó París ."


def causes(
    source: str, target: str, links: str, *, tagged: list[Span], gold: list[Span], projected: list[tuple[Span, Span]]
) -> list[tuple[str, str]]:
    """The cause and the target text of each error. projected: target span and the source span it comes from."""
    source_words, target_words = tuple(source.split()), tuple(target.split())
    pair = ProjectedPair(
        LabelledSentence(source_words, tuple(LabelledSpan(*span) for span in tagged)),
        LabelledSentence(target_words, tuple(LabelledSpan(*span) for span in gold)),
        WordAlignment.from_pharaoh(links, source_length=len(source_words), target_length=len(target_words)),
        [(LabelledSpan(*span), LabelledSpan(*origin)) for span, origin in projected],
    )
    spans = [(error.cause, error.gold or error.projected) for error in find_errors(pair)]
    return [(cause, " ".join(target_words[span.start : span.end])) for cause, span in spans if span]


PERSON: Span = (1, 3, "PER")
CITY: Span = (4, 5, "LOC")


def test_nothing_is_wrong_where_all_gold_entities_were_projected() -> None:
    links = "0-0 1-1 2-2 3-3 4-4 5-5"
    projected = [(PERSON, PERSON), (CITY, CITY)]
    assert not causes(ENGLISH, SPANISH, links, tagged=[PERSON, CITY], gold=[PERSON, CITY], projected=projected)


@pytest.mark.parametrize(
    ("why", "tagged", "projected", "links", "cause"),
    [
        ("not tagged", [], [], "1-1 2-2", "recogniser"),
        ("another label", [(1, 3, "ORG")], [((1, 3, "ORG"), (1, 3, "ORG"))], "1-1 2-2", "recogniser"),
        ("tagged too short", [(1, 2, "PER")], [((1, 2, "PER"), (1, 2, "PER"))], "1-1 2-2", "recogniser"),
        ("tagged too long", [(0, 3, "PER")], [((0, 3, "PER"), (0, 3, "PER"))], "0-0 1-1 2-2", "recogniser"),
        ("a word without a link", [PERSON], [((1, 2, "PER"), PERSON)], "1-1", "alignment"),
        ("no link at all", [PERSON], [], "", "alignment"),
        ("one word linked to more", [PERSON], [((1, 4, "PER"), PERSON)], "1-1 2-2 2-3", "alignment"),
        ("linked to another word", [PERSON], [((3, 4, "PER"), PERSON)], "1-3 2-3 3-1 3-2", "alignment"),
        ("links right, span wrong", [PERSON], [((1, 2, "PER"), PERSON)], "1-1 2-2", "rule"),
        ("links right, span lost", [PERSON], [], "1-1 2-2", "rule"),
        ("links right but for punctuation", [PERSON], [((1, 6, "PER"), PERSON)], "1-1 2-2 2-5", "rule"),
    ],
)
def test_a_missed_entity_has_one_cause(
    why: str, tagged: list[Span], projected: list[tuple[Span, Span]], links: str, cause: str
) -> None:
    found = causes(ENGLISH, SPANISH, links, tagged=tagged, gold=[PERSON], projected=projected)
    assert (cause, "Angela Merkel") in found, why


def test_an_entity_that_the_translation_leaves_out_is_the_translations_error() -> None:
    found = causes("he was there", "estuvo en La Moncloa", "0-0", tagged=[], gold=[(2, 4, "ORG")], projected=[])
    assert found == [("translation", "La Moncloa")]


def test_an_entity_in_other_words_whose_english_has_no_link_is_the_alignments_error() -> None:
    found = causes("the U.N. spoke", "habló la ONU", "2-0", tagged=[(1, 2, "ORG")], gold=[(2, 3, "ORG")], projected=[])
    assert found == [("alignment", "ONU")]


def test_short_words_that_both_languages_have_show_no_counterpart() -> None:
    found = causes("he came de facto", "vino a La de", "0-0", tagged=[], gold=[(2, 4, "LOC")], projected=[])
    assert found == [("translation", "La de")]


def test_a_projected_entity_that_is_none_is_the_recognisers_error() -> None:
    spurious = (0, 1, "MISC")
    found = causes(
        ENGLISH, SPANISH, "0-0 1-1 2-2",
        tagged=[spurious, PERSON], gold=[PERSON], projected=[(spurious, spurious), (PERSON, PERSON)],
    )  # fmt: skip
    assert found == [("recogniser", "ayer")]


def test_a_projected_entity_that_was_linked_to_the_wrong_words_is_the_alignments_error() -> None:
    found = causes(ENGLISH, SPANISH, "1-3 2-3", tagged=[PERSON], gold=[PERSON], projected=[((3, 4, "PER"), PERSON)])
    assert found == [("alignment", "Angela Merkel"), ("alignment", "visitó")]


def test_a_projected_entity_with_wrong_bounds_is_one_error_not_two() -> None:
    found = causes(ENGLISH, SPANISH, "1-1", tagged=[PERSON], gold=[PERSON], projected=[((1, 2, "PER"), PERSON)])
    assert found == [("alignment", "Angela Merkel")]


def spans(words: int) -> st.SearchStrategy[list[Span]]:
    cuts = st.lists(st.integers(0, words), unique=True, max_size=6).map(sorted)
    return cuts.flatmap(
        lambda places: st.lists(
            st.sampled_from(["PER", "LOC"]), min_size=len(places) // 2, max_size=len(places) // 2
        ).map(lambda labels: [(places[2 * k], places[2 * k + 1], label) for k, label in enumerate(labels)])
    )


@given(
    gold=spans(6),
    tagged=spans(6),
    links=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12),
)
def test_every_missed_and_every_lone_entity_has_exactly_one_cause(
    gold: list[Span], tagged: list[Span], links: list[tuple[int, int]]
) -> None:
    alignment = WordAlignment(links, source_length=6, target_length=6)
    outcomes = project_spans([(start, end) for start, end, _ in tagged], alignment)
    projected = [
        (LabelledSpan(outcome.start, outcome.end, label), LabelledSpan(start, end, label))
        for outcome, (start, end, label) in zip(outcomes, tagged)
        if outcome.start is not None and outcome.end is not None
    ]
    golden = tuple(LabelledSpan(*span) for span in gold)
    source = LabelledSentence(tuple(ENGLISH.split()), tuple(LabelledSpan(*span) for span in tagged))
    errors = find_errors(ProjectedPair(source, LabelledSentence(tuple(SPANISH.split()), golden), alignment, projected))
    found = [span for span, _ in projected]
    assert {error.gold for error in errors if error.gold} == set(golden) - set(found)
    lone = {span for span in found if all(span.end <= one.start or one.end <= span.start for one in golden)}
    assert {error.projected for error in errors if error.projected} == lone
    assert all(error.cause in CAUSES for error in errors)
    assert len(errors) == len(set(golden) - set(found)) + len(lone)
