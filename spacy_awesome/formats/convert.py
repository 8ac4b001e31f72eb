"""From one format to another, by a table of readers and a table of writers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_awesome.formats.docbin import read_paired_docs
from spacy_awesome.formats.files import check_files, open_output
from spacy_awesome.formats.parallel_text import PIPES, TAB, join_words, read_pairs, write_pair
from spacy_awesome.formats.pharaoh import read_links, write_links
from spacy_awesome.formats.sentences import LABELLED_FORMATS, format_of, read_labelled_docs, write_labelled_docs
from spacy_awesome.tokens.pair import checked_alignment, pair_words
from spacy_awesome.tokens.word_alignment import WordAlignment, WordPair

Reader = Callable[[str], Iterator[Any]]
Writer = Callable[[str, Iterable[Any]], None]

POSSIBLE = ("keep", "sure", "drop")

_ENDINGS = {".tsv": "tsv", ".links": "pharaoh", ".pharaoh": "pharaoh"}


@dataclass(frozen=True)
class Family:
    """Formats that hold the same thing and so can be converted into each other.

    readers: from a path to items, for each format. writers: from a path and items.
    """

    readers: Mapping[str, Reader]
    writers: Mapping[str, Writer]


def families(
    *, target: str | None = None, output_target: str | None = None, possible: str = "keep"
) -> dict[str, Family]:
    """The table of formats: sentence pairs, word links, labelled sentences. A `.spacy` file of pairs holds all three.

    target, output_target: the second file of a pair of files (format "files").
    possible: links that are possible only are kept, made "sure", or dropped.
    """
    vocab = Vocab()
    return {
        "pairs": Family(
            {
                "pipes": partial(read_pairs, separator=PIPES),
                "tsv": partial(read_pairs, separator=TAB),
                "files": partial(read_pairs, target=target),
                "spacy": _read_doc_words,
            },
            {"pipes": partial(_write_pairs, PIPES), "tsv": partial(_write_pairs, TAB)}
            | ({"files": partial(_write_two_files, output_target)} if output_target else {}),
        ),
        "links": Family(
            {"pharaoh": read_links, "pharaoh1": partial(read_links, base=1), "spacy": _read_doc_links},
            {"pharaoh": partial(_write_links, possible, 0), "pharaoh1": partial(_write_links, possible, 1)},
        ),
        "labelled sentences": Family(
            {name: partial(_read_labelled, vocab, name) for name in LABELLED_FORMATS},
            {name: partial(_write_labelled, name) for name in LABELLED_FORMATS},
        ),
    }


def convert(
    source: str,
    output: str,
    *,
    source_format: str | None = None,
    output_format: str | None = None,
    target: str | None = None,
    output_target: str | None = None,
    possible: str = "keep",
) -> None:
    """Write the content of a file in another format.

    source, output: paths, or `-`.
    source_format, output_format: a format of `families`; None goes by the ending of the path.
    target, output_target: file of the target sentences, where source or output is a pair of files.
    possible: what becomes of possible links: "keep", "sure" or "drop".
    Raises ValueError, with file and line, at malformed content; if a format is unknown or can't become the other; and
        if an output is also an input.
    """
    if possible not in POSSIBLE:
        raise ValueError(f"Unknown treatment of possible links {possible!r}; expected one of: {', '.join(POSSIBLE)}.")
    source_format = _settle_format(source, source_format, second_file=target, options=("--from", "--target"))
    output_format = _settle_format(
        output, output_format, second_file=output_target, options=("--to", "--output-target")
    )
    if possible != "keep" and not output_format.startswith("pharaoh"):
        raise ValueError(f"{output}: only word links can be possible; leave out --possible.")
    table = families(target=target, output_target=output_target, possible=possible)
    for family in table.values():
        if source_format in family.readers and output_format in family.writers:
            check_files((source, target), (output, output_target))
            family.writers[output_format](output, family.readers[source_format](source))
            return
    raise ValueError(_cannot_convert(source_format, output_format, table))


def _settle_format(path: str, name: str | None, *, second_file: str | None, options: tuple[str, str]) -> str:
    """The format that was named, or that a second file or the ending of the path tells."""
    if second_file and name not in (None, "files"):
        raise ValueError(f"{options[1]} makes a pair of files, which are not {name!r}: leave out {options[0]}.")
    if name == "files" and not second_file:
        raise ValueError(
            f"A pair of files needs a second file, that of its target sentences: give it with {options[1]}."
        )
    known = "files" if second_file else name
    guess = known or format_of(path, default=_ENDINGS.get(Path(path).suffix.lower(), ""))
    if not guess:
        raise ValueError(f"{path}: its ending does not tell the format; name it with {options[0]}.")
    return guess


def _cannot_convert(source_format: str, output_format: str, table: dict[str, Family]) -> str:
    possible = "; ".join(
        f"{name}: {', '.join(family.readers)} to {', '.join(family.writers)}" for name, family in table.items()
    )
    return f"Can't convert {source_format} to {output_format}. What can be converted: {possible}."


def _read_labelled(vocab: Vocab, file_format: str, path: str) -> Iterator[Doc]:
    return read_labelled_docs(path, vocab, file_format=file_format)


def _read_doc_words(path: str) -> Iterator[WordPair]:
    return (pair_words(doc) for doc, _ in read_paired_docs(path))


def _read_doc_links(path: str) -> Iterator[WordAlignment]:
    for number, (doc, pair) in enumerate(read_paired_docs(path), start=1):
        alignment = checked_alignment(doc, pair)
        if alignment is None:
            raise ValueError(f"{path}: Doc {number} has no word links yet; run `align` on the file first.")
        yield alignment


def _write_pairs(separator: str, path: str, pairs: Iterable[WordPair]) -> None:
    with open_output(path) as stream:
        for source, target in pairs:
            write_pair(stream, source, target, separator=separator)


def _write_two_files(target_path: str, path: str, pairs: Iterable[WordPair]) -> None:
    with open_output(path) as stream, open_output(target_path) as target_stream:
        for source, target in pairs:
            stream.write(join_words(source) + "\n")
            target_stream.write(join_words(target) + "\n")


def _write_links(possible: str, base: int, path: str, alignments: Iterable[WordAlignment]) -> None:
    with open_output(path) as stream:
        for alignment in alignments:
            write_links(stream, _settle_possible(alignment, possible), base=base)


def _settle_possible(alignment: WordAlignment, possible: str) -> WordAlignment:
    if possible == "keep":
        return alignment
    kept = alignment.sure if possible == "drop" else slice(None)
    return WordAlignment(
        alignment.pairs[kept],
        alignment.scores[kept],
        source_length=alignment.source_length,
        target_length=alignment.target_length,
    )


def _write_labelled(file_format: str, path: str, docs: Iterable[Doc]) -> None:
    write_labelled_docs(path, docs, file_format=file_format)
