"""Labelled spans of a sentence, and the tag schemes that write them word by word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

SCHEMES: Final = ("IOB2", "IOB1", "BILUO", "BIOES")

# What a prefix says about its word, over all schemes: it opens a span, it closes one. U and S are spans of one word.
_OPENING = frozenset("BUS")
_CLOSING = frozenset("LEUS")
_PREFIXES = frozenset("BIMLEUS")


class LabelledSpan(NamedTuple):
    """Words `start` to `end` (exclusive) of a sentence and their label."""

    start: int
    end: int
    label: str


class LabelledSentence(NamedTuple):
    """The words of a sentence and its spans, which may overlap where the format allows it."""

    words: tuple[str, ...]
    spans: tuple[LabelledSpan, ...] = ()


def check_tag(tag: str) -> str:
    """The tag itself. Raises ValueError unless it is `O` or a prefix of IOB, BILUO, BIOES or BMES, `-` and a label.

    >>> check_tag("B-PER")
    'B-PER'
    """
    if tag != "O" and not (tag[:1] in _PREFIXES and tag[1:2] == "-" and len(tag) > 2):
        raise ValueError(f"expected O or a tag like B-PER (IOB1, IOB2, BILUO, BIOES), got {tag!r}.")
    return tag


def tags_to_spans(tags: Sequence[str]) -> list[LabelledSpan]:
    """The spans of tags in any scheme, read as the CoNLL scorer reads them.

    A span opens at B, U and S, and at any other prefix that follows O, another label or the end of a span; so IOB1,
    IOB2, BILUO, BIOES and BMES need not be told apart.

    >>> tags_to_spans(["I-PER", "I-PER", "B-PER", "O"])
    [LabelledSpan(start=0, end=2, label='PER'), LabelledSpan(start=2, end=3, label='PER')]
    """
    spans: list[LabelledSpan] = []
    start, label = 0, ""
    for position, tag in enumerate([*tags, "O"]):
        prefix, _, new_label = tag.partition("-")
        if label and (prefix in _OPENING or new_label != label):
            spans.append(LabelledSpan(start, position, label))
            label = ""
        if new_label and not label:
            start, label = position, new_label
        if label and prefix in _CLOSING:
            spans.append(LabelledSpan(start, position + 1, label))
            label = ""
    return spans


def spans_to_tags(spans: Sequence[LabelledSpan], length: int, *, scheme: str = "IOB2") -> list[str]:
    """Tags of a sentence of `length` words.

    scheme: one of SCHEMES.
    Raises ValueError if two spans overlap, a span lies outside the sentence, or the scheme is unknown.

    >>> spans_to_tags([LabelledSpan(0, 2, "PER")], 3, scheme="BILUO")
    ['B-PER', 'L-PER', 'O']
    """
    if scheme not in SCHEMES:
        raise ValueError(f"Unknown tag scheme {scheme!r}; expected one of: {', '.join(SCHEMES)}.")
    single, last = {"BILUO": ("U", "L"), "BIOES": ("S", "E")}.get(scheme, ("B", "I"))
    tags = ["O"] * length
    before = LabelledSpan(0, 0, "")
    for span in sorted(spans):
        check_span(span, length)
        if span.start < before.end:
            raise ValueError(f"The spans {tuple(before)} and {tuple(span)} overlap; word tags can't hold both.")
        inside = span.end - span.start
        prefixes = single if inside == 1 else "B" + "I" * (inside - 2) + last
        if scheme == "IOB1" and not (before.end == span.start and before.label == span.label):
            prefixes = "I" * inside
        tags[span.start : span.end] = [f"{prefix}-{span.label}" for prefix in prefixes]
        before = span
    return tags


def check_span(span: LabelledSpan, length: int) -> LabelledSpan:
    """The span itself. Raises ValueError unless it has words and a label and lies in a sentence of `length` words."""
    if not 0 <= span.start < span.end <= length:
        raise ValueError(f"the span {tuple(span)} lies outside the sentence ({length} words) or has no words.")
    if not span.label:
        raise ValueError(f"the span {tuple(span)} has no label.")
    return span
