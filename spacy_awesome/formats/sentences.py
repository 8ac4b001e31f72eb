"""Sentences with labelled spans from any format that has them; the format follows from the file's ending."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_awesome.formats.conll import read_conll, write_conll
from spacy_awesome.formats.docbin import labelled_sentence, make_doc, read_docs, write_docs
from spacy_awesome.formats.files import display_name, open_binary_output, open_output, read_lines
from spacy_awesome.formats.jsonl import doc_record, read_jsonl, write_record
from spacy_awesome.formats.parallel_text import join_words, split_words
from spacy_awesome.formats.tags import SCHEMES, LabelledSentence

_ENDINGS: Final = {".spacy": "spacy", ".jsonl": "jsonl", ".txt": "text"}
_SCHEMES: Final = {"conll": "IOB2"} | {scheme.lower(): scheme for scheme in SCHEMES}

# CoNLL columns, with IOB2 tags or in a certain scheme (all schemes are read the same way), and the others.
LABELLED_FORMATS: Final = (*_SCHEMES, "spacy", "jsonl", "text")


def format_of(path: str | Path, *, default: str) -> str:
    """`spacy`, `jsonl`, `text` (.txt) or `conll` (.conll, .conll02, .conll2003, …) by the ending, else `default`.

    >>> format_of("esp.testb", default="conll"), format_of("out.spacy", default="conll")
    ('conll', 'spacy')
    """
    ending = Path(path).suffix.lower()
    return "conll" if ending.startswith(".conll") else _ENDINGS.get(ending, default)


def read_sentences(path: str | Path, *, file_format: str | None = None) -> Iterator[LabelledSentence]:
    """The words and spans of each sentence of a CoNLL, JSON-lines or `.spacy` file, or of a text without any spans.

    file_format: one of LABELLED_FORMATS; None goes by the ending, and takes CoNLL where that says nothing.
    Raises ValueError, with file and line, at malformed content.
    """
    file_format = file_format or format_of(path, default="conll")
    if file_format == "spacy":
        return (labelled_sentence(doc) for doc in read_docs(path))
    if file_format == "jsonl":
        return read_jsonl(path)
    if file_format == "text":
        return (LabelledSentence(tuple(split_words(line))) for line in read_lines(path))
    return read_conll(path)


def read_labelled_docs(path: str | Path, vocab: Vocab, *, file_format: str | None = None) -> Iterator[Doc]:
    """The same as Docs; those of a `.spacy` file as they are. Raises ValueError also at spans that overlap."""
    if (file_format or format_of(path, default="conll")) == "spacy":
        yield from read_docs(path, vocab)
        return
    for number, sentence in enumerate(read_sentences(path, file_format=file_format), start=1):
        try:
            yield make_doc(sentence, vocab)
        except ValueError as error:
            spans = ", ".join(str(tuple(span)) for span in sentence.spans)
            if not any(b.start < a.end for a, b in pairwise(sorted(sentence.spans))):
                raise ValueError(f"{display_name(path)}: sentence {number}: {error}") from error
            raise ValueError(f"{display_name(path)}: sentence {number} has spans that overlap: {spans}.") from error


def write_labelled_docs(path: str | Path, docs: Iterable[Doc], *, file_format: str) -> None:
    """Write Docs and their entities: `spacy` with all that they hold, `text` only their words.

    file_format: one of LABELLED_FORMATS.
    Raises ValueError at an unknown format, and at a word that the format can't hold; then nothing is written.
    """
    if file_format not in LABELLED_FORMATS:
        raise ValueError(f"Unknown format {file_format!r}; expected one of: {', '.join(LABELLED_FORMATS)}.")
    if file_format == "spacy":
        with open_binary_output(path) as binary:
            write_docs(binary, docs)
        return
    with open_output(path) as stream:
        for doc in docs:
            if file_format == "jsonl":
                write_record(stream, doc_record(doc))
            elif file_format == "text":
                stream.write(join_words(labelled_sentence(doc).words) + "\n")
            else:
                write_conll(stream, labelled_sentence(doc), scheme=_SCHEMES[file_format])
