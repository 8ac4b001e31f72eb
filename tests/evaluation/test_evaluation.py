"""Scores against other implementations, published figures and cases counted by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

from spacy_awesome import WordAlignment
from spacy_awesome.evaluation.alignments import score_links
from spacy_awesome.evaluation.spans import PRF, score_spans
from spacy_awesome.formats.conll import LabelledSentence, LabelledSpan, tags_to_spans
from spacy_awesome.formats.parallel_text import read_pairs
from spacy_awesome.formats.pharaoh import read_links

DATA = os.environ.get("SPACY_AWESOME_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="SPACY_AWESOME_DATA is not set")


# Links


def test_possible_links_are_neither_missed_nor_wrong() -> None:
    gold = WordAlignment.from_pharaoh("0-0 1-1 2p2 3p3")
    scores = score_links([(gold, WordAlignment.from_pharaoh("0-0 2-2 4-4"))])
    assert (scores.links, scores.sure, scores.possible) == (3, 2, 2)
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.recall == pytest.approx(1 / 2)
    assert scores.f1 == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))
    assert scores.aer == pytest.approx(1 - (1 + 2) / (3 + 2))


def test_links_are_counted_over_the_corpus_and_not_by_sentence() -> None:
    one, two = WordAlignment.from_pharaoh("0-0"), WordAlignment.from_pharaoh("0-0 1-1 2-2")
    scores = score_links([(one, one), (two, one)])
    assert (scores.precision, scores.recall) == (1.0, pytest.approx(2 / 4))


def test_sentences_without_links_score_nothing() -> None:
    empty = WordAlignment.from_pharaoh("")
    scores = score_links([(empty, empty)])
    assert (scores.aer, scores.precision, scores.recall, scores.f1) == (0, 0, 0, 0)


@given(*[st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4))) for _ in range(3)])
def test_with_sure_links_only_aer_is_the_complement_of_f1(
    gold: set[tuple[int, int]], system: set[tuple[int, int]], possible: set[tuple[int, int]]
) -> None:
    def align(links: set[tuple[int, int]], sure: set[tuple[int, int]]) -> WordAlignment:
        ordered = sorted(links)
        return WordAlignment(ordered, source_length=5, target_length=5, sure=[link in sure for link in ordered])

    scores = score_links([(align(gold, gold), align(system, system))])
    if gold | system:
        assert scores.aer == pytest.approx(1 - scores.f1)
    lenient = score_links([(align(gold | possible, gold), align(system, system))])
    assert lenient.aer <= scores.aer
    assert lenient.recall == scores.recall


@needs_data
@pytest.mark.parametrize(
    ("pair", "system", "aer"),
    [
        ("deen", "cross", 13.53),
        ("enfr", "awesome", 4.07),
        ("enfr", "cross", 3.36),
        ("roen", "awesome", 20.75),
        ("roen", "cross", 20.88),
        ("jaen", "awesome", 37.36),
        ("zhen", "awesome", 13.31),
        ("zhen", "cross", 10.00),
    ],
)
def test_published_links_get_their_published_error_rate(pair: str, system: str, aer: float) -> None:
    folder = Path(str(DATA)) / "alignment" / "standard"
    gold = read_links(folder / f"{pair}.gold", base=1, pairs=read_pairs(folder / f"{pair}.src-tgt"))
    scores = score_links(zip(gold, read_links(folder / f"{pair}.{system}-align.out")))
    assert round(100 * scores.aer, 2) == aer


@needs_data
def test_ideographic_spaces_count_as_words_of_the_japanese_gold() -> None:
    """The published links count words between any white space; renumbered to the gold's words they score better."""
    folder = Path(str(DATA)) / "alignment" / "standard"

    def renumbered() -> list[WordAlignment]:
        alignments = []
        for (source, target), links in zip(
            read_pairs(folder / "jaen.src-tgt"), read_links(folder / "jaen.awesome-align.out")
        ):
            places = [position for position, word in enumerate(source) if word.strip()]
            pairs = [(places[i], j) for i, j in links]
            alignments.append(WordAlignment(pairs, source_length=len(source), target_length=len(target)))
        return alignments

    scores = score_links(zip(read_links(folder / "jaen.gold", base=1), renumbered()))
    assert round(100 * scores.aer, 2) == 37.05


# Spans


def sentence(*tags: str) -> LabelledSentence:
    return LabelledSentence(tuple(f"w{i}" for i in range(len(tags))), tuple(tags_to_spans(tags)))


@st.composite
def tagged_corpora(draw: st.DrawFn) -> list[tuple[list[str], list[str]]]:
    def tags(length: int) -> list[str]:
        drawn: list[str] = []
        while len(drawn) < length:
            label = draw(st.sampled_from(["", "PER", "LOC", "ORG"]))
            inside = draw(st.integers(1, 3))
            drawn += [f"B-{label}", *[f"I-{label}"] * (inside - 1)] if label else ["O"]
        return drawn[:length]

    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    return [(tags(length), tags(length)) for length in lengths]


@given(tagged_corpora())
@pytest.mark.filterwarnings("ignore")
def test_span_scores_equal_those_of_seqeval(corpus: list[tuple[list[str], list[str]]]) -> None:
    gold, system = [list(side) for side in zip(*corpus)]
    scores = score_spans((sentence(*g), sentence(*s)) for g, s in corpus)

    def strict(metric: object, **options: object) -> object:
        return metric(gold, system, mode="strict", scheme=IOB2, zero_division=0, **options)  # type: ignore[operator]

    metrics = (precision_score, recall_score, f1_score)
    overall = scores.overall
    assert [overall.precision, overall.recall, overall.f1] == pytest.approx([strict(metric) for metric in metrics])
    labels = sorted({tag[2:] for side in (*gold, *system) for tag in side if tag != "O"})
    assert list(scores.per_label) == labels
    if labels:
        of_label = [[prf.precision, prf.recall, prf.f1] for prf in scores.per_label.values()]
        expected = zip(*(list(strict(metric, average=None)) for metric in metrics))  # type: ignore[call-overload]
        assert of_label == [pytest.approx(list(figures)) for figures in expected]


def test_a_label_that_the_system_made_up_has_a_score_of_its_own() -> None:
    scores = score_spans([(sentence("B-PER", "O"), sentence("B-PER", "B-LOC"))])
    assert scores.overall == PRF(0.5, 1.0, pytest.approx(2 / 3))
    assert scores.per_label["LOC"] == PRF(0.0, 0.0, 0.0)


def test_overlapping_spans_are_all_scored() -> None:
    words = ("New", "York", "Times")
    gold = LabelledSentence(words, (LabelledSpan(0, 3, "ORG"), LabelledSpan(0, 2, "LOC")))
    system = LabelledSentence(words, (LabelledSpan(0, 2, "LOC"),))
    assert score_spans([(gold, system)]).overall == PRF(1.0, 0.5, pytest.approx(2 / 3))


def test_both_sides_may_be_tokenised_differently() -> None:
    gold = LabelledSentence(("in", "New-York", "."), (LabelledSpan(1, 2, "LOC"),))
    system = LabelledSentence(("in", "New", "-", "York", "."), (LabelledSpan(1, 4, "LOC"),))
    assert score_spans([(gold, system)]).overall == PRF(1.0, 1.0, 1.0)


def test_different_sentences_are_not_compared() -> None:
    same, other = LabelledSentence(("a",)), LabelledSentence(("b",))
    with pytest.raises(ValueError, match="Sentence 2 differs: gold 'a', system 'b'"):
        score_spans([(same, same), (same, other)])


def test_empty_sentences_are_scored_as_nothing() -> None:
    assert score_spans([(LabelledSentence(()), LabelledSentence(()))]).overall == PRF(0.0, 0.0, 0.0)
