"""Which projected sentences are good enough, and what the report says of the others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_awesome.transfer import FilterSettings, PairFacts, failed_filters
from spacy_awesome.transfer.corpus import detokenize
from spacy_awesome.transfer.corpus_report import CorpusReport, DroppedSentence
from spacy_awesome.transfer.filters import FILTERS

OFF = FilterSettings(complete=False, min_score=0, min_coverage=0, max_length_ratio=None)


def facts(
    source_length: int = 10,
    target_length: int = 10,
    *,
    source_aligned: int = 10,
    target_aligned: int = 10,
    scores: tuple[float, ...] = (),
    lost: int = 0,
) -> PairFacts:
    return PairFacts(
        source_length=source_length,
        target_length=target_length,
        source_aligned=source_aligned,
        target_aligned=target_aligned,
        scores=scores,
        lost=lost,
    )


@pytest.mark.parametrize(
    ("sentence", "settings", "failed"),
    [
        (facts(), FilterSettings(), []),
        (facts(target_length=0, source_aligned=0, target_aligned=0), OFF, ["empty"]),
        (facts(lost=1), FilterSettings(), ["incomplete"]),
        (facts(lost=1), FilterSettings(complete=False), []),
        (facts(scores=(1.0, 0.69)), FilterSettings(min_score=0.7), ["low_score"]),
        (facts(scores=(1.0, 0.7)), FilterSettings(min_score=0.7), []),
        (facts(), FilterSettings(min_score=1.0), []),
        (facts(source_aligned=3, target_aligned=2), FilterSettings(min_coverage=0.26), ["low_coverage"]),
        (facts(source_aligned=3, target_aligned=2), FilterSettings(min_coverage=0.25), []),
        (facts(10, 21), FilterSettings(max_length_ratio=2), ["length_ratio"]),
        (facts(21, 10, source_aligned=21), FilterSettings(max_length_ratio=2), ["length_ratio"]),
        (facts(10, 20, target_aligned=20), FilterSettings(max_length_ratio=2), []),
        (facts(lost=2, scores=(0.1,), source_aligned=0), FilterSettings(), ["incomplete", "low_score"]),
    ],
)
def test_a_sentence_fails_the_filters_that_it_should(
    sentence: PairFacts, settings: FilterSettings, failed: list[str]
) -> None:
    assert failed_filters(sentence, settings) == failed


@given(
    lengths=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    scores=st.lists(st.floats(0, 1), max_size=3),
    lost=st.integers(0, 2),
)
def test_with_every_filter_off_only_empty_translations_are_dropped(
    lengths: tuple[int, int], scores: list[float], lost: int
) -> None:
    sentence = facts(*lengths, source_aligned=0, target_aligned=0, scores=tuple(scores), lost=lost)
    assert failed_filters(sentence, OFF) == ([] if lengths[1] else ["empty"])


def test_two_empty_sides_have_no_undefined_figures() -> None:
    nothing = facts(0, 0, source_aligned=0, target_aligned=0)
    assert (nothing.coverage, nothing.length_ratio) == (1.0, 1.0)


@pytest.mark.parametrize("settings", [{"min_score": 1.1}, {"min_coverage": -0.1}, {"max_length_ratio": 0.5}])
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    [name] = settings
    with pytest.raises(ValueError, match=f"Expected {name}"):
        FilterSettings(**settings)  # type: ignore[arg-type]


def test_report_counts_a_sentence_once_as_dropped_and_under_each_filter_as_failed() -> None:
    report = CorpusReport(FilterSettings(), sentences=3, train=1)
    report.drop(DroppedSentence("a", "b", ("incomplete", "low_score")))
    report.drop(DroppedSentence("c", "d", ("low_score",)))
    figures = json.loads(json.dumps(report.to_dict()))
    assert figures["dropped"] == {"incomplete": 1, "low_score": 1}
    assert figures["failed"] == {"incomplete": 1, "low_score": 2}
    assert list(figures["dropped"]) == [name for name in FILTERS if name in figures["dropped"]]
    assert figures["examples"]["low_score"] == [{"source": "c", "target": "d", "failed": ["low_score"]}]


def test_report_keeps_a_few_examples_and_writes_them_as_plain_text() -> None:
    report = CorpusReport(FilterSettings())
    for number in range(9):
        report.drop(DroppedSentence(f"*{number}*", "<b>", ("empty",)))
    page = report.to_markdown()
    assert [line for line in page.splitlines() if line.startswith("> \\*")] == [
        "> \\*0\\*",
        "> \\*1\\*",
        "> \\*2\\*",
    ]
    assert "> \\<b\\>" in page
    assert "| the translation has no words | 9 | 9 |" in page


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("The EU 's farmers do n't agree .", "The EU's farmers don't agree."),
        ("ministers ' meeting ( Reuters ) : 4.2 % !", "ministers' meeting (Reuters): 4.2%!"),
        ('" Yes , " he said , " no . "', '"Yes," he said, "no."'),
        ("`` Yes '' , he said -LRB- twice -RRB-", '"Yes", he said (twice)'),
        ("¿ Dónde está « El País » ?", "¿Dónde está «El País»?"),
        ("It cost $ 3 .", "It cost $3."),
        ("", ""),
    ],
)
def test_words_become_running_text(words: str, text: str) -> None:
    assert detokenize(words.split()) == text


@given(st.lists(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1).filter(lambda w: w[0] not in "`'-")))
def test_running_text_holds_every_letter_in_order(words: list[str]) -> None:
    assert detokenize(words).replace(" ", "") == "".join(words)
