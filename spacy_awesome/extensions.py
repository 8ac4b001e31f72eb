"""The attributes under `doc._`, `token._` and `span._` through which a pair is read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from spacy.tokens import Doc, Span, Token

from spacy_awesome.alignment import WordAlignment
from spacy_awesome.parallel import checked_alignment, checked_sentence_alignment, get_parallel, set_parallel
from spacy_awesome.projection import Projection
from spacy_awesome.sentence_alignment import SentenceAlignment

logger = logging.getLogger("spacy_awesome")


def register_extensions(**names: str) -> None:
    """Register the custom attributes, under other names where the default ones are taken.

    names: new name for any of `parallel`, `source`, `alignment`, `sentence_alignment`, `projection_report` (Doc),
        `aligned` (Token, Span), `projection`, `source_span` (Span). What is saved does not depend on the names.
    Raises ValueError at an unknown attribute, or at a new name that somebody else's extension holds.

    >>> register_extensions(source="translated_from")
    >>> Doc.has_extension("translated_from")
    True
    """
    unknown = set(names) - {attribute for _, attribute, _ in _GETTERS}
    if unknown:
        raise ValueError(
            f"Unknown attribute {sorted(unknown)[0]!r}; "
            f"expected one of: {', '.join(sorted({attribute for _, attribute, _ in _GETTERS}))}."
        )
    for owner, attribute, getter in _GETTERS:
        name = names.get(attribute, attribute)
        setter = set_parallel if attribute == "parallel" else None
        if not owner.has_extension(name):
            owner.set_extension(name, getter=getter, setter=setter)
        elif owner.get_extension(name)[2] is not getter:
            hint = f"register_extensions({attribute}='another_name')"
            if attribute in names:
                raise ValueError(f"{owner.__name__}._.{name} belongs to somebody else; choose a free name: {hint}.")
            logger.warning("%s._.%s is already taken and is left alone; use %s.", owner.__name__, name, hint)


def get_source(doc: Doc) -> Doc | None:
    """The source Doc of a target Doc."""
    pair = get_parallel(doc)
    return None if pair is None else pair.source


def get_alignment(doc: Doc) -> WordAlignment | None:
    """The links between source and target words. Raises ValueError if the Doc was retokenised after the alignment."""
    pair = get_parallel(doc)
    return None if pair is None else checked_alignment(doc, pair)


def get_sentence_alignment(doc: Doc) -> SentenceAlignment | None:
    """The beads of source and target sentences. Raises ValueError if the sentences changed after their alignment."""
    pair = get_parallel(doc)
    return None if pair is None else checked_sentence_alignment(doc, pair)


def get_projection_report(doc: Doc) -> tuple[Projection, ...]:
    """What became of each source span: projected with a score, or lost with a reason."""
    pair = get_parallel(doc)
    return () if pair is None else pair.projections


def get_aligned_to_token(token: Token) -> list[Token]:
    """The source tokens that a target token is linked to, in text order."""
    return _aligned(token.doc, token.i, token.i + 1)


def get_aligned_to_span(span: Span) -> list[Token]:
    """The source tokens that any token of a target span is linked to, in text order."""
    return _aligned(span.doc, span.start, span.end)


def get_projection(span: Span) -> Projection | None:
    """Score, source tokens and method of a projected span; None at any other span.

    Where several source spans came to the same place with the same label, the one of the highest score;
    `doc._.projection_report` has them all.
    """
    place = (span.start, span.end, span.label_)
    here = [p for p in get_projection_report(span.doc) if (p.target_start, p.target_end, p.label) == place]
    return max(here, key=lambda projection: projection.score, default=None)


def get_source_span(span: Span) -> Span | None:
    """The source span that a projected span came from; None at any other span."""
    projection, source = get_projection(span), get_source(span.doc)
    if projection is None or source is None:
        return None
    return source[projection.source_start : projection.source_end]


def _aligned(doc: Doc, start: int, end: int) -> list[Token]:
    pair = get_parallel(doc)
    alignment = None if pair is None else checked_alignment(doc, pair)
    if pair is None or alignment is None:
        return []
    sources, targets = alignment.pairs.T
    return [pair.source[i] for i in sorted(set(sources[(targets >= start) & (targets < end)].tolist()))]


_GETTERS: tuple[tuple[Any, str, Callable[[Any], Any]], ...] = (
    (Doc, "parallel", get_parallel),
    (Doc, "source", get_source),
    (Doc, "alignment", get_alignment),
    (Doc, "sentence_alignment", get_sentence_alignment),
    (Doc, "projection_report", get_projection_report),
    (Token, "aligned", get_aligned_to_token),
    (Span, "aligned", get_aligned_to_span),
    (Span, "projection", get_projection),
    (Span, "source_span", get_source_span),
)
