"""Labels as tags of single words, in IOB2, IOB1, BILUO or BIOES, and the CoNLL files that hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final, NamedTuple

from spacy_awesome.formats.files import display_name, read_lines

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


_DOCUMENT_START = "-DOCSTART-"


def read_conll(path: str | Path) -> Iterator[LabelledSentence]:
    """The sentences of a file with two to four columns: the first is the word, the last its tag (IOB, BILUO, BIOES).

    Columns stand between tabs, or else between ASCII spaces, so that U+3000 can be a word. Lines that start with
    `-DOCSTART-` are skipped, and several empty lines count as one.
    Raises ValueError, with file and line, at another number of columns, an empty word and anything that is not a tag.
    """
    words: list[str] = []
    tags: list[str] = []
    for number, line in enumerate(read_lines(path), start=1):
        columns = _columns(line)
        if columns and columns[0] != _DOCUMENT_START:
            try:
                word, tag = _parse(columns)
            except ValueError as error:
                raise ValueError(f"{display_name(path)}:{number}: {error}") from error
            words.append(word)
            tags.append(tag)
        elif words:
            yield LabelledSentence(tuple(words), tuple(tags_to_spans(tags)))
            words, tags = [], []
    if words:
        yield LabelledSentence(tuple(words), tuple(tags_to_spans(tags)))


def write_conll(stream: IO[str], sentence: LabelledSentence, *, scheme: str = "IOB2") -> None:
    """Write a sentence in two tab-separated columns, and an empty line after it.

    scheme: how the tags are written, one of `tags.SCHEMES`.
    Raises ValueError if spans overlap, or if a word is empty or has a tab or a line break in it.
    """
    tags = spans_to_tags(sentence.spans, len(sentence.words), scheme=scheme)
    for word, tag in zip(sentence.words, tags):
        if not word.strip(" ") or any(mark in word for mark in "\t\r\n"):
            raise ValueError(f"The word {word!r} can't be written in a column: it is blank or breaks the line.")
        stream.write(f"{word}\t{tag}\n")
    stream.write("\n")


def _columns(line: str) -> list[str]:
    line = line.rstrip(" \t")
    return line.split("\t") if "\t" in line else [column for column in line.split(" ") if column]


def _parse(columns: list[str]) -> tuple[str, str]:
    if not 2 <= len(columns) <= 4:
        raise ValueError(f"expected 2 to 4 columns (word … tag), got {len(columns)}.")
    if not columns[0].strip(" "):
        raise ValueError("expected a word in the first column, found nothing.")
    return columns[0], check_tag(columns[-1])
