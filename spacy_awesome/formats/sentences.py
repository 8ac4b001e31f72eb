"""Labelled sentences, and pairs of sentences with their links, from a file of any format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, tee
from pathlib import Path
from typing import Final, NamedTuple

from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_awesome.formats.conll import SCHEMES, LabelledSentence, read_conll, write_conll
from spacy_awesome.formats.docbin import labelled_sentence, make_doc, read_docs, write_docs
from spacy_awesome.formats.files import display_name, open_binary_output, open_output, read_lines, zip_equal
from spacy_awesome.formats.jsonl import doc_record, read_jsonl, write_record
from spacy_awesome.formats.parallel_text import TAB, join_words, read_pairs, split_words
from spacy_awesome.formats.pharaoh import parse_links, read_links
from spacy_awesome.tokens.word_alignment import WordAlignment

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


class LinkedPair(NamedTuple):
    """The words of a sentence and of its translation; links is None where nobody gave any."""

    source: Sequence[str]
    target: Sequence[str]
    links: WordAlignment | None = None


@dataclass(frozen=True)
class PairFiles:
    """The file that holds the pairs of two languages, or the files that do so together.

    path: lines of `source ||| target` or source<TAB>target; or a `.tsv` file, in which a third column may hold word
        links (a line where it is empty or absent has none given); or a `.spacy` file of paired Docs. `.gz` is unpacked.
    target: the file of the target sentences, where `path` has the source sentences alone. Each of the two is a text of
        one sentence a line, or CoNLL (`.conll`, `.conll02` and the like).
    links: Pharaoh links, one line for each pair, 0-based; they take the place of those in a third column.
    columns: the columns of a TSV file that hold source, target and perhaps links, counted from 0, where it has others.
    Raises ValueError at options that contradict each other.
    """

    path: Path
    target: Path | None = None
    links: Path | None = None
    columns: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.columns is not None and (len(self.columns) not in (2, 3) or min(self.columns) < 0):
            raise ValueError(
                f"{self.path}: expected 2 or 3 columns (source, target and perhaps links), counted from 0; "
                f"got {list(self.columns)}."
            )
        if self.columns is not None and self.target is not None:
            raise ValueError(f"{self.path}: leave out columns, or the second file {self.target}: it can't have both.")
        if self.is_spacy and (self.target or self.links or self.columns):
            raise ValueError(f"{self.path}: a .spacy file holds both sides and their links; leave out the other files.")

    @property
    def is_spacy(self) -> bool:
        """Whether the pairs are Docs, which `docbin.read_paired_docs` reads."""
        return self.path.suffix == ".spacy"


def read_linked_pairs(files: PairFiles) -> Iterator[LinkedPair]:
    """The pairs of text files, in order; a line without text is a pair of empty sentences.

    Raises ValueError, with file and line, at a malformed line, a malformed link and one outside its sentence; and if
    the files differ in their number of sentences.

    >>> list(read_linked_pairs(PairFiles(Path("no-such-file.tsv"))))
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: 'no-such-file.tsv'
    """
    pairs = _read_pairs(files)
    if files.links is None:
        yield from pairs
        return
    # Both copies advance together, so that no more than one pair is kept between them.
    checked, pairs = tee(pairs)
    lengths = ((pair.source, pair.target) for pair in checked)
    for links, pair in zip(read_links(files.links, pairs=lengths, pairs_name=files.path), pairs):
        yield pair._replace(links=links)


def _read_pairs(files: PairFiles) -> Iterator[LinkedPair]:
    if files.target is not None:
        sides = (_read_side(files.path), _read_side(files.target))
        names = (files.path, files.target)
        yield from (LinkedPair(*pair) for pair in zip_equal(*sides, names=names, unit="sentences"))
    elif files.columns is not None or _unpacked(files.path).suffix == ".tsv":
        yield from _read_tsv(files.path, files.columns)
    else:
        yield from (LinkedPair(*pair) for pair in read_pairs(files.path))


def _read_side(path: Path) -> Iterator[Sequence[str]]:
    is_conll = format_of(_unpacked(path), default="text") == "conll"
    return (sentence.words for sentence in read_sentences(path, file_format="conll" if is_conll else "text"))


def _read_tsv(path: Path, columns: Sequence[int] | None) -> Iterator[LinkedPair]:
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            yield LinkedPair([], [])
            continue
        cells, place = line.split(TAB), f"{display_name(path)}:{number}"
        if columns is not None:
            if len(cells) <= max(columns):
                raise ValueError(
                    f"{place}: expected at least {max(columns) + 1} tab-separated columns, found {len(cells)}."
                )
            cells = [cells[column] for column in columns]
        elif len(cells) not in (2, 3):
            raise ValueError(
                f"{place}: expected 2 or 3 tab-separated columns (source, target and perhaps links), "
                f"found {len(cells)}. Say with columns which of them to read."
            )
        source, target = split_words(cells[0]), split_words(cells[1])
        links = None
        if len(cells) == 3 and cells[2].strip():
            links = parse_links(cells[2], source_length=len(source), target_length=len(target), place=place)
        yield LinkedPair(source, target, links)


def _unpacked(path: Path) -> Path:
    return path.with_suffix("") if path.suffix == ".gz" else path
