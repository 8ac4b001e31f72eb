"""Sentence pairs with word links, as the steps that make an encoder hand them on: `origin, source, target, links`."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spacy_awesome.alignment import WordAlignment
from spacy_awesome.formats.files import display_name, open_output, read_lines
from spacy_awesome.formats.parallel_text import TAB, join_words, split_words
from spacy_awesome.formats.pharaoh import parse_links


@dataclass(frozen=True, slots=True)
class SentencePair:
    """A sentence and its translation, as words.

    origin: name of the corpus.
    links: its word links, sure and possible; None where nobody has aligned the pair yet.
    tokenised: whether the corpus itself split `source` and `target` into these words; raw text is split at spaces only.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    origin: str
    links: WordAlignment | None = None
    tokenised: bool = field(default=True, compare=False)


def write_pairs(path: Path, pairs: Iterable[SentencePair]) -> int:
    """Write one line for each pair, packed if `path` ends in `.gz`; returns the number of pairs.

    Raises ValueError at a word with a space, tab or line break in it.
    """
    count = 0
    with open_output(path) as stream:
        for pair in pairs:
            links = "" if pair.links is None else pair.links.to_pharaoh()
            stream.write(TAB.join((pair.origin, join_words(pair.source), join_words(pair.target), links)) + "\n")
            count += 1
    return count


def read_pairs(path: Path) -> Iterator[SentencePair]:
    """Read a file that `write_pairs` wrote. Raises ValueError, with file and line, at anything else."""
    for number, (origin, source, target, links) in read_rows(path, widths=(4,)):
        yield linked_pair(source, target, links, origin=origin, place=f"{path}:{number}")


def sample_pairs(path: Path, size: int, *, weight: Callable[[str], float], rng: random.Random) -> list[SentencePair]:
    """Draw `size` linked pairs of a file that `write_pairs` wrote, with replacement.

    weight: how often the pairs of an origin are drawn, in proportion to each other.
    Raises ValueError if no pair of the file has a link.
    """
    rows = [(number, row) for number, row in read_rows(path, widths=(4,)) if row[3]]
    if not rows:
        raise ValueError(f"{path} has no linked pair; make it again with more text.")
    drawn = rng.choices(rows, weights=[weight(row[0]) for _, row in rows], k=size)
    return [
        linked_pair(source, target, links, origin=origin, place=f"{path}:{number}")
        for number, (origin, source, target, links) in drawn
    ]


def count_words(files: Iterable[Path]) -> tuple[dict[str, float], dict[tuple[str, str], int]]:
    """Word frequencies, and how often two words are linked, over files that `write_pairs` wrote.

    The frequencies are per million words of each side of each file, with the source side shared among the files: every
    language weighs the same, however much text it has.
    """
    paths = list(files)
    frequencies: defaultdict[str, float] = defaultdict(float)
    linked: Counter[tuple[str, str]] = Counter()
    for path in paths:
        sources: Counter[str] = Counter()
        targets: Counter[str] = Counter()
        for pair in read_pairs(path):
            sources.update(pair.source)
            targets.update(pair.target)
            linked.update((pair.source[i], pair.target[j]) for i, j in pair.links or ())
        for counts, share in ((sources, 1 / len(paths)), (targets, 1.0)):
            total = sum(counts.values())
            for word, count in counts.items():
                frequencies[word] += count / total * share * 1_000_000
    return frequencies, linked


def linked_pair(source: str, target: str, links: str, *, origin: str, place: str) -> SentencePair:
    """A tokenised pair and its links from three columns of a line.

    place: file and line, for the ValueError at malformed links and at links past the end of a sentence.
    """
    words = tuple(split_words(source)), tuple(split_words(target))
    alignment = parse_links(links, source_length=len(words[0]), target_length=len(words[1]), place=place)
    return SentencePair(*words, origin, alignment)


def read_rows(path: Path, *, widths: Sequence[int]) -> Iterator[tuple[int, list[str]]]:
    """Number and tab-separated columns of each line. Raises ValueError, with file and line, at another number of them.

    widths: the numbers of columns that a line may have.
    """
    for number, line in enumerate(read_lines(path), start=1):
        columns = line.split(TAB)
        if len(columns) not in widths:
            expected = " or ".join(str(width) for width in widths)
            raise ValueError(
                f"{display_name(path)}:{number}: expected {expected} tab-separated columns, got {len(columns)}."
            )
        yield number, columns
