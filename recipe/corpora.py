"""Parallel text that the encoder may be trained on: corpora by name, their licences, and how each is tokenized.

Folders hold `en-xx.tsv.gz` with lines of `corpus<TAB>English<TAB>translation`: `parallel/merged` in the data folder
(docs/data.md), and what `recipe.help_texts` writes.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import spacy
from spacy.tokens import Doc

from spacy_awesome.formats.parallel_text import read_rows as tsv_rows

# Languages with parallel text.
LANGUAGES = ("es", "de", "fr", "it", "nl", "pt", "cs", "ru", "zh", "ja", "ro", "hi", "da", "sl", "hu", "et")
MAX_WORDS = 90
MAX_LENGTH_RATIO = 4.0


@dataclass(frozen=True)
class Corpus:
    """A corpus of the merged text.

    license: what allows its use. limit: most lines of a language; 0 is all. tokenized: whether words stand between
    spaces already.
    """

    license: str
    limit: int = 0
    tokenized: bool = False


# Corpora that allow commercial use of what is trained on them.
FREE = {
    "tatoeba-manythings": Corpus("CC BY 2.0 FR"),
    "tatoeba-mirror": Corpus("CC BY 2.0 FR"),
    "europarl-cs124": Corpus("European Parliament: reuse permitted", tokenized=True),
    "tico19": Corpus("CC0 1.0"),
    # Documentation is far from running text: enough of it to know its words.
    "python-docs": Corpus("PSF License 2.0; translations CC0 1.0", limit=16_000),
    "django-docs": Corpus("BSD-3-Clause", limit=12_000),
    "gnome-user-docs": Corpus("CC BY-SA 3.0", limit=4_000),
    "mozilla-www": Corpus("MPL 2.0", limit=4_000),
    "libreoffice-help": Corpus("MPL 2.0"),
}


@dataclass(frozen=True, slots=True)
class TextPair:
    """A sentence and its translation, as words, and the corpus that they are from."""

    corpus: str
    source: tuple[str, ...]
    target: tuple[str, ...]


def read_corpora(folders: Sequence[Path], language: str, corpora: Mapping[str, Corpus] = FREE) -> Iterator[TextPair]:
    """The pairs of English and one language from the named corpora, tokenized; unusable and repeated ones dropped."""
    return clean(_tokenized(read_rows(folders, language, corpora), language, corpora))


def read_rows(
    folders: Sequence[Path], language: str, corpora: Mapping[str, Corpus] = FREE
) -> Iterator[tuple[str, str, str]]:
    """Corpus, English and translation of each line, as they stand.

    Raises ValueError if no folder has a file of the language.
    """
    paths = [path for folder in folders if (path := folder / f"en-{language}.tsv.gz").exists()]
    if not paths:
        raise ValueError(f"Expected en-{language}.tsv.gz in one of: {', '.join(map(str, folders))}.")
    taken: Counter[str] = Counter()
    for path in paths:
        for _, (name, source, target) in tsv_rows(path, widths=(3,)):
            if name in corpora and (not corpora[name].limit or taken[name] < corpora[name].limit):
                taken[name] += 1
                yield name, source, target


def clean(pairs: Iterable[TextPair]) -> Iterator[TextPair]:
    """Drop empty, very long, badly matched and repeated pairs."""
    seen: set[int] = set()
    for pair in pairs:
        shorter, longer = sorted((len(pair.source), len(pair.target)))
        if not shorter or longer > MAX_WORDS or longer > MAX_LENGTH_RATIO * shorter + 3:
            continue
        key = hash((pair.source, pair.target))
        if key not in seen:
            seen.add(key)
            yield pair


@functools.cache
def tokenizer(language: str) -> Callable[[str], Doc]:
    """spaCy's tokenizer; Chinese is segmented into words by jieba, Japanese by SudachiPy."""
    if language == "zh":
        return spacy.blank("zh", config={"nlp": {"tokenizer": {"segmenter": "jieba"}}}).tokenizer
    return spacy.blank(language).tokenizer


def words_of(text: str, language: str) -> tuple[str, ...]:
    """The words of a raw text; white space is none."""
    # A no-break space within a word would end it for every reader of word files.
    return tuple(token.text for token in tokenizer(language)(" ".join(text.split())) if not token.is_space)


def _tokenized(
    rows: Iterable[tuple[str, str, str]], language: str, corpora: Mapping[str, Corpus]
) -> Iterator[TextPair]:
    for name, source, target in rows:
        if corpora[name].tokenized:
            yield TextPair(name, tuple(source.split()), tuple(target.split()))
        else:
            yield TextPair(name, words_of(source, "en"), words_of(target, language))
