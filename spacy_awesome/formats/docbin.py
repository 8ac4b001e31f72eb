"""`.spacy` files: Docs, and pairs of Docs, in spaCy's own binary format."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from spacy_awesome.formats.conll import LabelledSentence, LabelledSpan
from spacy_awesome.formats.files import display_name, open_input
from spacy_awesome.tokens.checks import check_doc, error_name
from spacy_awesome.tokens.pair import Parallel, check_saved, require_parallel

# Real files unpack to 3 to 30 times their size, and very repetitive ones, which are small, to some 500 times.
_LARGEST_SMALL: Final = 256 << 20
_LARGEST_RATIO: Final = 100
_CHUNK: Final = 1 << 20


def read_docs(path: str | Path, vocab: Vocab | None = None) -> Iterator[Doc]:
    """The Docs of a `.spacy` file, made one by one (the file itself is held in memory).

    Raises ValueError, with the file's name, if it is not such a file, or is damaged anywhere.
    """
    with open_input(path) as stream:
        data = stream.read()
    try:
        _check_unpacked_size(data)
        packed = DocBin().from_bytes(data)
        _check_counts(packed)
    except MemoryError:
        raise
    except Exception as error:
        name = display_name(path)
        raise ValueError(
            f"{name} is not a .spacy file (a DocBin that spaCy wrote), or it is damaged: {error_name(error)}."
        ) from error
    docs = packed.get_docs(Vocab() if vocab is None else vocab)
    for number in itertools.count(1):
        # Whatever spaCy or the codecs of user data raise: it comes of the file.
        try:
            doc = next(docs, None)
            if doc is not None:
                check_doc(doc)
                check_saved(doc)
        except MemoryError:
            raise
        except Exception as error:
            raise ValueError(f"{display_name(path)}: Doc {number} is damaged: {error_name(error)}.") from error
        if doc is None:
            return
        yield doc


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


def _check_unpacked_size(data: bytes) -> None:
    """Raise ValueError at data that would unpack to far more than Docs do."""
    limit = _LARGEST_SMALL + _LARGEST_RATIO * len(data)
    unpack, size = zlib.decompressobj(), 0
    while data and not unpack.eof:
        size += len(unpack.decompress(data, _CHUNK))
        data = unpack.unconsumed_tail
        if size > limit:
            raise ValueError(f"it unpacks to more than {limit >> 20} MiB")


def _check_counts(packed: DocBin) -> None:
    """Raise ValueError unless there is as much of everything as there are Docs, and each has its tokens."""
    parts = (packed.spaces, packed.cats, packed.span_groups, packed.flags, packed.user_data)
    if any(len(part) != len(packed.tokens) for part in parts):
        raise ValueError(f"expected {len(packed.tokens)} of each part, got {[len(part) for part in parts]}")
    if any(len(tokens) != len(spaces) for tokens, spaces in zip(packed.tokens, packed.spaces)):
        raise ValueError("expected as many spaces as tokens")


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
