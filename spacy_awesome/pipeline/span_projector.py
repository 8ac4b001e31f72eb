"""The component that carries entities and span groups of the source Doc over to the target Doc."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from spacy.scorer import Scorer
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_awesome.pipeline.base import Component, ScoreFunction, Scores, predicted_pair
from spacy_awesome.pipeline.settings import ProjectionSettings
from spacy_awesome.projection import Outcome, project_spans
from spacy_awesome.tokens.pair import (
    Parallel,
    checked_alignment,
    checked_projections,
    current_projections,
    get_parallel,
    set_projections,
)
from spacy_awesome.tokens.projection import Projection
from spacy_awesome.tokens.word_alignment import WordAlignment


class ProjectedSpan(NamedTuple):
    """A record, and the target span that it is about; None if the source span was lost."""

    record: Projection
    span: Span | None


class SpanProjector(Component[list[ProjectedSpan] | None]):
    """Project the source Doc's spans along the word alignment of a pair (`doc._.parallel`).

    Needs a pair with an alignment, by the word aligner or `spacy_awesome.attach_alignment`; a Doc without passes
    through unchanged, with one warning. Projected spans keep their label (or the label map's), `kb_id` and `span_id`.
    Each source span leaves a `Projection` in `doc._.projection_report`, with its score, or the reason why it was lost:
    those that `project_spans` names, and "label_dropped". Run again on the same Doc, the component replaces what it
    wrote itself.

    Raises ValueError if the alignment is over another number of source tokens than the source Doc has.

    >>> import spacy
    >>> from spacy_awesome import WordAlignment, parallel
    >>> nlp = spacy.blank("es")
    >>> source = Doc(nlp.vocab, words=["Obama", "left", "Rome"], ents=["B-PER", "O", "B-LOC"])
    >>> doc = parallel(nlp, source, ["Obama", "abandonó", "Roma"])
    >>> doc._.parallel.alignment = WordAlignment.from_pharaoh("0-0 1-1 2-2")
    >>> [(ent.text, ent.label_) for ent in SpanProjector(nlp.vocab)(doc).ents]
    [('Obama', 'PER'), ('Roma', 'LOC')]
    """

    def __init__(
        self,
        vocab: Vocab,
        name: str = "span_projector",
        *,
        settings: ProjectionSettings | None = None,
        scorer: ScoreFunction | None = None,
    ) -> None:
        super().__init__(name, scorer=scorer)
        self.vocab = vocab
        self.settings = settings or ProjectionSettings()

    def predict(self, docs: Iterable[Doc]) -> list[list[ProjectedSpan] | None]:
        """For each Doc what becomes of its source spans, in their order; None without a pair or an alignment."""
        return [self._project(doc) for doc in docs]

    def set_annotations(self, docs: Iterable[Doc], predictions: Iterable[list[ProjectedSpan] | None]) -> None:
        """Write the projected spans to the Docs, and the records to their pairs."""
        for doc, projected in zip(docs, predictions, strict=True):
            pair = get_parallel(doc)
            if pair is None or projected is None:
                continue
            spans = [span for _, span in projected if span is not None]
            for place in self.settings.write_to:
                if place == "ents":
                    self._write_ents(doc, pair, spans)
                else:
                    self._write_group(doc, pair, spans, place)
            others = [record for record in current_projections(doc, pair) if record.component != self.name]
            set_projections(doc, pair, [*others, *(record for record, _ in projected)])

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Scores:
        """Score the written spans, and count what was projected and lost."""
        return super().score(examples, **{"component": self.name, "write_to": self.settings.write_to, **kwargs})

    def _project(self, doc: Doc) -> list[ProjectedSpan] | None:
        pair = get_parallel(doc)
        if pair is None or pair.alignment is None:
            missing, code = ("pair", "SA01") if pair is None else ("word alignment", "SA02")
            self.warn_once(
                code,
                f"{self.name}: a Doc has no {missing} and is passed through unchanged. Make Docs with "
                "spacy_awesome.parallel() and run a word aligner before this component.",
            )
            return None
        source = pair.source  # read now, so that its length is checked as well
        alignment = checked_alignment(doc, pair)
        assert alignment is not None
        sources = self._source_spans(source)
        labels = [self.settings.label_map.get(span.label_, span.label_) for span in sources]
        kept = [(span.start, span.end) for span, label in zip(sources, labels, strict=True) if label is not None]
        outcomes = iter(self._outcomes(doc, pair, alignment, kept) if kept else ())
        return [
            self._projected(doc, span, label, None if label is None else next(outcomes))
            for span, label in zip(sources, labels, strict=True)
        ]

    def _outcomes(
        self, doc: Doc, pair: Parallel, alignment: WordAlignment, spans: Sequence[tuple[int, int]]
    ) -> list[Outcome]:
        settings = self.settings
        return project_spans(
            spans,
            alignment,
            source_punct=_Punctuation(pair.source),
            target_punct=_Punctuation(doc),
            rule=settings.rule,
            max_gap=settings.max_gap,
            assignment=settings.assignment,
            min_score=settings.min_score,
            max_span_ratio=settings.max_span_ratio,
            allow_overlap=settings.overlaps,
            existing=self._existing_ents(doc, pair),
        )

    def _source_spans(self, source: Doc) -> Sequence[Span]:
        key = self.settings.source_spans
        if key == "ents":
            return source.ents
        if key not in source.spans:
            message = f"{self.name}: a source Doc has no span group {key!r}; nothing is projected from it."
            self.warn_once("SA03", message)
            return ()
        return list(source.spans[key])

    def _existing_ents(self, doc: Doc, pair: Parallel) -> list[tuple[int, int]]:
        if "ents" not in self.settings.write_to or self.settings.overwrite:
            return []
        return [(ent.start, ent.end) for ent in self._foreign(doc.ents, pair)]

    def _projected(self, doc: Doc, source: Span, label: str | None, outcome: Outcome | None) -> ProjectedSpan:
        if outcome is None:
            outcome = Outcome(None, None, 0.0, "label_dropped")
        record = Projection(
            component=self.name,
            group=self.settings.source_spans,
            source_start=source.start,
            source_end=source.end,
            label=source.label_ if label is None else label,
            method=self.settings.rule,
            target_start=outcome.start,
            target_end=outcome.end,
            score=outcome.score,
            reason=outcome.reason,
        )
        if outcome.start is None or outcome.end is None:
            return ProjectedSpan(record, None)
        span = Span(doc, outcome.start, outcome.end, label=record.label, kb_id=source.kb_id_, span_id=source.id_)
        return ProjectedSpan(record, span)

    def _foreign(self, spans: Sequence[Span] | SpanGroup, pair: Parallel) -> list[Span]:
        """Those of the target spans that this component did not write itself in an earlier run."""
        if not spans:
            return []
        records = current_projections(spans[0].doc, pair)
        own = {(r.target_start, r.target_end, r.label) for r in records if r.component == self.name}
        return [span for span in spans if (span.start, span.end, span.label_) not in own]

    def _write_ents(self, doc: Doc, pair: Parallel, spans: list[Span]) -> None:
        others = self._foreign(doc.ents, pair)
        if others:
            taken = {i for span in spans for i in range(span.start, span.end)}
            others = [ent for ent in others if taken.isdisjoint(range(ent.start, ent.end))]
        doc.set_ents([*others, *spans])

    def _write_group(self, doc: Doc, pair: Parallel, spans: list[Span], key: str) -> None:
        attrs, others = {}, []
        if key in doc.spans:
            attrs = doc.spans[key].attrs
            others = [] if self.settings.overwrite else self._foreign(doc.spans[key], pair)
        doc.spans[key] = SpanGroup(doc, name=key, attrs=attrs, spans=[*others, *spans])


def make_span_projector_scorer() -> ScoreFunction:
    """The scorer `spacy_awesome.span_projector_scorer.v1`: P, R and F1 of the written spans, and counts."""
    return score_projections


def score_projections(
    examples: Iterable[Example],
    *,
    write_to: Sequence[str] = ("ents",),
    component: str | None = None,
    **kwargs: Any,
) -> Scores:
    """Scores of projected spans: spaCy's `Scorer.score_spans`, and what was projected and lost.

    write_to: where the spans stand, "ents" or the key of a span group; of several places each is scored.
    component: name of the component whose projections are counted; by default all.
    kwargs: what spaCy hands to every scorer; not used here.
    Returns `ents_p`, `ents_r`, `ents_f`, `ents_per_type` (or `spans_KEY_p` and so on), `projection_projected`,
    `projection_lost` (counts) and `projection_lost_per_reason` (count for each reason).
    Raises ValueError at an example whose reader has lost the source, and at a Doc retokenized after its projection.
    """
    examples = list(examples)
    paired = [(example.predicted, pair) for example in examples if (pair := predicted_pair(example)) is not None]
    scores: Scores = {}
    for place in write_to:
        scores |= _score_ents(examples) if place == "ents" else _score_group(examples, place)
    records = [record for doc, pair in paired for record in checked_projections(doc, pair)]
    if component is not None:
        records = [record for record in records if record.component == component]
    lost = Counter(record.reason for record in records if not record.projected)
    scores["projection_projected"] = len(records) - lost.total()
    scores["projection_lost"] = lost.total()
    scores["projection_lost_per_reason"] = dict(sorted(lost.items()))
    return scores


def _score_ents(examples: list[Example]) -> Scores:
    return Scorer.score_spans(examples, "ents", has_annotation=lambda doc: doc.has_annotation("ENT_IOB"))


def _score_group(examples: list[Example], key: str) -> Scores:
    return Scorer.score_spans(
        examples,
        f"spans_{key}",
        getter=lambda doc, _: doc.spans.get(key, []),
        has_annotation=lambda doc: key in doc.spans,
        allow_overlap=True,
    )


class _Punctuation(Sequence[bool]):
    """Which tokens are nothing but punctuation, quotes (`` is a symbol to Unicode) or white space.

    Looked up when asked for: only a span's linked tokens are.
    """

    def __init__(self, doc: Doc) -> None:
        self._doc = doc

    def __len__(self) -> int:
        return len(self._doc)

    def __getitem__(self, index: Any) -> Any:
        token = self._doc[index]
        return token.is_punct or token.is_quote or token.is_space
