"""Pairs built by hand, random alignments, and the projection rule written once more, slowly and obviously."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import spacy
from hypothesis import strategies as st
from spacy.tokens import Doc, Span

from spacy_awesome import WordAlignment, parallel
from spacy_awesome.pipeline.settings import ProjectionSettings
from spacy_awesome.pipeline.span_projector import SpanProjector
from spacy_awesome.tokens.projection import Projection

nlp = spacy.blank("es")
Interval = tuple[int, int]


def make_source(text: str, ents: Sequence[tuple[int, int, str]] = (), **groups: Sequence[tuple[int, int, str]]) -> Doc:
    """A source Doc from space-separated words, with entities and span groups as (start, end, label)."""
    doc = Doc(nlp.vocab, words=text.split(" "))
    doc.ents = [Span(doc, *ent) for ent in ents]
    for key, spans in groups.items():
        doc.spans[key] = [Span(doc, *span) for span in spans]
    return doc


def make_pair(source: Doc, target: str, links: str) -> Doc:
    """A target Doc, paired and aligned."""
    doc = parallel(nlp, source, target.split(" "))
    doc._.parallel.alignment = WordAlignment.from_pharaoh(links, source_length=len(source), target_length=len(doc))
    return doc


def make_projector(name: str = "span_projector", **settings: object) -> SpanProjector:
    return SpanProjector(nlp.vocab, name, settings=ProjectionSettings(**settings))


def project(source: Doc, target: str, links: str, **settings: object) -> Doc:
    """The target Doc after projection."""
    return make_projector(**settings)(make_pair(source, target, links))


def texts(spans: Sequence[Span]) -> list[tuple[str, str]]:
    return [(span.text, span.label_) for span in spans]


def reasons(doc: Doc) -> list[str | None]:
    records: tuple[Projection, ...] = doc._.projection_report
    return [record.reason for record in records]


@st.composite
def alignments(draw: st.DrawFn, max_length: int = 8) -> WordAlignment:
    """Any set of links between two short sentences, empty ones too."""
    n, m = draw(st.integers(0, max_length)), draw(st.integers(0, max_length))
    cells = [(i, j) for i in range(n) for j in range(m)]
    links = draw(st.sets(st.sampled_from(cells), max_size=3 * max_length)) if cells else set()
    return WordAlignment(sorted(links), source_length=n, target_length=m)


@st.composite
def disjoint_spans(draw: st.DrawFn, length: int) -> list[Interval]:
    """Spans that share no token, in text order."""
    bounds = sorted(draw(st.sets(st.integers(0, length), max_size=8)))
    return list(zip(bounds[::2], bounds[1::2], strict=False))


def masks(length: int) -> st.SearchStrategy[list[bool]]:
    return st.lists(st.booleans(), min_size=length, max_size=length)


def slow_candidates(
    span: Interval, alignment: WordAlignment, source_punct: Sequence[bool], target_punct: Sequence[bool]
) -> dict[Interval, Fraction]:
    """Score of every span between two tokens of T, straight from the definition."""
    links = set(alignment)
    inside = set(range(*span))
    carriers = {j for i, j in links if i in inside and (not target_punct[j] or source_punct[i])}
    scores = {}
    for first in carriers:
        for last in carriers:
            if first > last:
                continue
            tokens = set(range(first, last + 1))
            linked = {j for _, j in links} & tokens
            carried = len(tokens & carriers)
            contrary = len(linked - carriers)
            unaligned = len(tokens - linked)
            covered = len({i for i, j in links if i in inside and j in tokens})
            precision = carried / (carried + contrary + Fraction(unaligned, 4))
            recall = (Fraction(covered, len(inside)) + Fraction(carried, len(carriers))) / 2
            scores[first, last + 1] = 2 * precision * recall / (precision + recall)
    return scores


def slow_greedy(
    spans: Sequence[Interval], candidates: Sequence[dict[Interval, Fraction]]
) -> dict[Interval, Interval | None]:
    """Best score first, at most one candidate a span and one span a token."""
    options = [
        (-score, span[0], -span[1], start - end, start, span, (start, end))
        for span, scores in zip(spans, candidates, strict=True)
        for (start, end), score in scores.items()
    ]
    chosen: dict[Interval, Interval | None] = dict.fromkeys(spans)
    taken: set[int] = set()
    for *_, span, interval in sorted(options):
        if chosen[span] is None and taken.isdisjoint(range(*interval)):
            chosen[span] = interval
            taken |= set(range(*interval))
    return chosen
