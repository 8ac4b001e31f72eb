"""Labelled words in columns, one word a line and an empty line after each sentence (CoNLL 2002 and 2003)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from spacy_awesome.formats.files import display_name, read_lines
from spacy_awesome.formats.tags import LabelledSentence, check_tag, spans_to_tags, tags_to_spans

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
