"""The attributes under `doc._`, `token._` and `span._` through which a pair is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spacy.tokens import Doc, Span, Token
from spacy.tokens.underscore import Underscore

from spacy_awesome.tokens.checks import WarnOnce
from spacy_awesome.tokens.pair import (
    checked_alignment,
    checked_projections,
    checked_sentence_alignment,
    current_projections,
    get_parallel,
    remember_target,
    set_parallel,
    target_of,
)
from spacy_awesome.tokens.projection import Projection
from spacy_awesome.tokens.sentence_alignment import SentenceAlignment
from spacy_awesome.tokens.word_alignment import WordAlignment

_warn_once = WarnOnce()


def register_extensions(**names: str) -> None:
    """Register the custom attributes, under other names where the default ones are taken.

    Nobody needs to call this for the default names: they are registered when a component is added to a pipeline, or a
    pair is made or read. Attributes that got another name before are not registered a second time then.

    Args:
        names (str): New name for any of `parallel`, `source`, `alignment`, `sentence_alignment`, `projection_report`
            (Doc), `aligned` (Token, Span), `projection`, `source_span` (Span). What is saved does not depend on the
            names.

    Raises ValueError at an unknown attribute, or at a new name that somebody else's extension holds; then nothing is
    registered. A default name that somebody else's extension holds is left alone, with a warning.

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
    renamed = [(owner, attribute, getter) for owner, attribute, getter in _GETTERS if attribute in names]
    for owner, attribute, getter in renamed:
        name = names[attribute]
        if owner.has_extension(name) and owner.get_extension(name)[2] is not getter:
            raise ValueError(
                f"{owner.__name__}._.{name} belongs to somebody else; choose a free name: "
                f"register_extensions({attribute}='another_name')."
            )
    for owner, attribute, getter in renamed:
        if not owner.has_extension(names[attribute]):
            _register(owner, attribute, getter, names[attribute])
    register_missing_extensions()


def register_missing_extensions() -> None:
    """Register the attributes that have no name yet under their default ones; warns once of each that is taken."""
    for owner, attribute, getter in _GETTERS:
        # This runs for each pair that is made, and is usually over here.
        found = _extensions(owner).get(attribute)
        if found is not None and found[2] is getter:
            continue
        # A list, because another thread may add to the dictionary.
        if any(extension[2] is getter for extension in list(_extensions(owner).values())):
            continue
        if found is None:
            _register(owner, attribute, getter, attribute)
        else:
            _warn_once(
                "SA05",
                f"{owner.__name__}._.{attribute} belongs to somebody else and is left alone, so that it says nothing "
                f"about pairs; give this package's own another name: "
                f"spacy_awesome.register_extensions({attribute}='another_name').",
            )


def get_source(doc: Doc) -> Doc | None:
    """The source Doc of a target Doc."""
    pair = get_parallel(doc)
    if pair is None:
        return None
    remember_target(pair.source, doc)
    return pair.source


def get_alignment(doc: Doc) -> WordAlignment | None:
    """The links between source and target words. Raises ValueError if the Doc was retokenised after the alignment."""
    pair = get_parallel(doc)
    return None if pair is None else checked_alignment(doc, pair)


def get_sentence_alignment(doc: Doc) -> SentenceAlignment | None:
    """The beads of source and target sentences. Raises ValueError if the sentences changed after their alignment."""
    pair = get_parallel(doc)
    return None if pair is None else checked_sentence_alignment(doc, pair)


def get_projection_report(doc: Doc) -> tuple[Projection, ...]:
    """What became of each source span: projected with a score, or lost with a reason.

    Raises ValueError if either Doc was retokenised after the projection.
    """
    pair = get_parallel(doc)
    return () if pair is None else checked_projections(doc, pair)


def get_aligned_to_token(token: Token) -> list[Token]:
    """The tokens of the other side that a token is linked to, in text order.

    For a target token these are source tokens. For a token of a source Doc they are those of its target: of several
    targets the one that was paired, or whose `_.source` was read, last. None are found once the target is gone.
    """
    return _aligned(token.doc, token.i, token.i + 1)


def get_aligned_to_span(span: Span) -> list[Token]:
    """The tokens of the other side that any token of a span is linked to, in text order; see `get_aligned_to_token`."""
    return _aligned(span.doc, span.start, span.end)


def get_projection(span: Span) -> Projection | None:
    """Score, source tokens and method of a projected span; None at any other span.

    None, too, if either Doc was retokenised after the projection: tokens are no longer those that the record counts.
    Where several source spans came to the same place with the same label, the one of the highest score;
    `doc._.projection_report` has them all.
    """
    place = (span.start, span.end, span.label_)
    pair = get_parallel(span.doc)
    records = () if pair is None else current_projections(span.doc, pair)
    here = [p for p in records if (p.target_start, p.target_end, p.label) == place]
    return max(here, key=lambda projection: projection.score, default=None)


def get_source_span(span: Span) -> Span | None:
    """The source span that a projected span came from; None at any other span."""
    projection, source = get_projection(span), get_source(span.doc)
    if projection is None or source is None:
        return None
    return source[projection.source_start : projection.source_end]


def _aligned(doc: Doc, start: int, end: int) -> list[Token]:
    source, target = get_source(doc), doc
    is_source = source is None
    if is_source:
        found = target_of(doc)
        if found is None:
            return []
        source, target = doc, found
    pair = get_parallel(target)
    # A Doc that was paired with another source since is no longer the target of this one.
    if pair is None or pair.source is not source:
        return []
    alignment = checked_alignment(target, pair)
    if alignment is None:
        return []
    sources, targets = alignment.pairs.T
    here, there = (sources, targets) if is_source else (targets, sources)
    other = target if is_source else pair.source
    return [other[i] for i in sorted(set(there[(here >= start) & (here < end)].tolist()))]


def _register(owner: Any, attribute: str, getter: Callable[[Any], Any], name: str) -> None:
    # The name is free; forced, because another thread may just have registered the same.
    owner.set_extension(name, getter=getter, setter=set_parallel if attribute == "parallel" else None, force=True)


def _extensions(owner: Any) -> dict[str, tuple[Any, ...]]:
    """All custom attributes of Docs, Spans or Tokens: (default, method, getter, setter) by name."""
    if owner is Doc:
        return Underscore.doc_extensions
    return Underscore.span_extensions if owner is Span else Underscore.token_extensions


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
