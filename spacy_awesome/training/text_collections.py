"""Parallel text for the encoder's training: which files, how much of each, cleaned and tokenised.

Two inputs are understood: a plain folder of `en-xx.tsv[.gz]` files (`source<TAB>target[<TAB>links]`), and the larger
data folder behind `SPACY_AWESOME_DATA` with its `parallel/` and `alignment/xl-wa/` collections (docs/data.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import spacy
from spacy.tokens import Doc

from spacy_awesome.formats.parallel_text import split_words
from spacy_awesome.training.sentence_pairs import SentencePair, linked_pair, read_rows

SOURCE_LANGUAGE = "en"
PRETOKENISED_CORPORA = ("europarl-cs124", "hansards", "wmt14-mix-seq2seq-attn")
# Documentation and user interfaces are far from running text, and Tatoeba is many variations of few sentences.
CORPUS_LIMITS = {
    "tatoeba-manythings": 70_000,
    "tatoeba-mirror": 70_000,
    "hansards": 50_000,
    "multi30k": 15_000,
    "python-docs": 8_000,
    "django-docs": 4_000,
    "gnome-user-docs": 4_000,
    "mozilla-www": 6_000,
}
# How often a pair is drawn for training, by the beginning of its corpus name; 1 for the rest. XL-WA's silver links are
# few and the nearest to gold; Tatoeba is short and repetitive; the documentation's links are poor.
CORPUS_WEIGHTS = {
    "xl-wa": 40.0,
    "tatoeba": 0.4,
    "python-docs": 0.4,
    "django-docs": 0.4,
    "gnome": 0.4,
    "mozilla": 0.4,
    "europarl": 1.5,
    "wmt": 1.5,
    "tico19": 1.5,
}
MAX_WORDS = 90
MAX_LENGTH_RATIO = 4.0


def corpus_weight(origin: str) -> float:
    """The weight in CORPUS_WEIGHTS of the corpus `origin`.

    >>> corpus_weight("tatoeba-mirror"), corpus_weight("my-corpus")
    (0.4, 1.0)
    """
    return next((weight for name, weight in CORPUS_WEIGHTS.items() if origin.startswith(name)), 1.0)


def read_folder(path: Path, language: str) -> Iterator[SentencePair]:
    """Pairs of `path/en-<language>.tsv[.gz]`: source, target and, where a third column is there, `i-j` links.

    Lines without links hold raw text. In lines with links, words stand between spaces: those are what the links count.
    Raises ValueError, with file and line, at another number of columns, malformed links, or links outside a sentence.
    """
    file = _find_tsv(path, f"{SOURCE_LANGUAGE}-{language}")
    origin = file.name.split(".")[0]
    for number, (source, target, *links) in read_rows(file, widths=(2, 3)):
        if links:
            yield linked_pair(source, target, links[0], origin=origin, place=f"{file}:{number}")
        else:
            yield _unlinked_pair(source, target, origin, tokenised=False)


def read_collection(path: Path, language: str) -> Iterator[SentencePair]:
    """Training pairs of one language from the data folder: AWESOME links, XL-WA's silver links, merged text, Hansards.

    Only `train` parts are read. Large narrow corpora are cut to CORPUS_LIMITS lines.
    Raises ValueError, with file and line, at a line that is not in its collection's format; OSError if the merged text
    of the language is not there.
    """
    name = f"{SOURCE_LANGUAGE}-{language}"
    given = path / "parallel" / "links" / f"{name}.tsv.gz"
    if given.exists():
        for number, (translator, part, source, target, links) in read_rows(given, widths=(5,)):
            if part == "train":
                yield linked_pair(source, target, links, origin=f"links-{translator}", place=f"{given}:{number}")
    silver = path / "alignment" / "xl-wa" / language / "train.tsv"
    if silver.exists():
        for number, (source, target, links) in read_rows(silver, widths=(3,)):
            yield linked_pair(source, target, links, origin="xl-wa", place=f"{silver}:{number}")
    limits = Counter(CORPUS_LIMITS)
    for _, (corpus, source, target) in read_rows(path / "parallel" / "merged" / f"{name}.tsv.gz", widths=(3,)):
        if corpus in CORPUS_LIMITS:
            if not limits[corpus]:
                continue
            limits[corpus] -= 1
        yield _unlinked_pair(source, target, corpus, tokenised=corpus in PRETOKENISED_CORPORA)
    hansards = path / "parallel" / "hansards" / f"{name}.200k.tsv.gz"
    if hansards.exists():
        for _, (source, target) in islice(read_rows(hansards, widths=(2,)), CORPUS_LIMITS["hansards"]):
            yield _unlinked_pair(source, target, "hansards", tokenised=True)


def clean_pairs(pairs: Iterable[SentencePair]) -> Iterator[SentencePair]:
    """Drop empty, very long, badly matched and repeated pairs."""
    seen: set[int] = set()
    for pair in pairs:
        shorter, longer = sorted((len(pair.source), len(pair.target)))
        if not shorter or longer > MAX_WORDS or longer > MAX_LENGTH_RATIO * shorter + 3:
            continue
        key = hash((pair.source, pair.target))
        if key in seen:
            continue
        seen.add(key)
        yield pair


def tokenise(pairs: Iterable[SentencePair], language: str) -> Iterator[SentencePair]:
    """Split raw pairs with spaCy's rules for English and `language`, as the aligner's users will.

    Raises ValueError if spaCy has no rules for the language, or needs a package for them that is not installed.
    """
    source_tokenizer, target_tokenizer = _tokenizer(SOURCE_LANGUAGE), _tokenizer(language)
    for pair in pairs:
        if pair.tokenised:
            yield pair
        else:
            source = tuple(token.text for token in source_tokenizer(" ".join(pair.source)) if not token.is_space)
            target = tuple(token.text for token in target_tokenizer(" ".join(pair.target)) if not token.is_space)
            yield replace(pair, source=source, target=target, tokenised=True)


def _unlinked_pair(source: str, target: str, origin: str, *, tokenised: bool) -> SentencePair:
    return SentencePair(tuple(split_words(source)), tuple(split_words(target)), origin, tokenised=tokenised)


def _tokenizer(language: str) -> Callable[[str], Doc]:
    try:
        return spacy.blank(language).tokenizer
    except ImportError as error:
        raise ValueError(
            f"spaCy can't tokenise the language {language!r}; is it a code like es or de? {error}"
        ) from error


def _find_tsv(path: Path, stem: str) -> Path:
    for name in (f"{stem}.tsv.gz", f"{stem}.tsv"):
        if (path / name).exists():
            return path / name
    raise ValueError(f"{path} holds neither {stem}.tsv nor {stem}.tsv.gz; give a folder of `source<TAB>target` files.")
