"""`.spacy` files: Docs, and pairs of Docs, in spaCy's own binary format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from spacy_awesome.formats.files import display_name, open_input
from spacy_awesome.formats.tags import LabelledSentence, LabelledSpan
from spacy_awesome.parallel import Parallel, require_parallel


def read_docs(path: str | Path, vocab: Vocab | None = None) -> Iterator[Doc]:
    """The Docs of a `.spacy` file, made one by one (the file itself is held in memory).

    Raises ValueError if it is not such a file.
    """
    with open_input(path) as stream:
        data = stream.read()
    try:
        packed = DocBin().from_bytes(data)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{display_name(path)} is not a .spacy file (a DocBin that spaCy wrote).") from error
    yield from packed.get_docs(Vocab() if vocab is None else vocab)


def read_paired_docs(path: str | Path, vocab: Vocab | None = None) -> Iterator[tuple[Doc, Parallel]]:
    """The target Docs of a `.spacy` file, each with its pair. Raises ValueError at a Doc that has no source."""
    for number, doc in enumerate(read_docs(path, vocab), start=1):
        try:
            pair = require_parallel(doc)
        except ValueError as error:
            raise ValueError(f"{display_name(path)}: Doc {number}: {error}") from error
        yield doc, pair


def write_docs(stream: IO[bytes], docs: Iterable[Doc]) -> None:
    """Write Docs with all that they hold, their pairs included."""
    packed = DocBin(store_user_data=True)
    for doc in docs:
        packed.add(doc)
    stream.write(packed.to_bytes())


def make_doc(sentence: LabelledSentence, vocab: Vocab) -> Doc:
    """A Doc with these words, and their spans as entities. Raises ValueError if spans overlap."""
    doc = Doc(vocab, words=list(sentence.words))
    doc.ents = spans_of(doc, sentence.spans)
    return doc


def spans_of(doc: Doc, spans: Sequence[LabelledSpan]) -> list[Span]:
    """The same spans in a Doc."""
    return [Span(doc, start, end, label=label) for start, end, label in spans]


def labelled_sentence(doc: Doc) -> LabelledSentence:
    """The words and entities of a Doc, less the tokens that are nothing but spaces, tabs and line breaks.

    spaCy keeps surplus white space as tokens; files of words can't.
    """
    kept = [token.i for token in doc if token.text.strip(" \t\r\n")]
    place = {i: position for position, i in enumerate(kept)}
    spans = []
    for entity in doc.ents:
        inside = [place[token.i] for token in entity if token.i in place]
        if inside:
            spans.append(LabelledSpan(inside[0], inside[-1] + 1, entity.label_))
    return LabelledSentence(tuple(doc[i].text for i in kept), tuple(spans))
