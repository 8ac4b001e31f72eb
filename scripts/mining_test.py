"""Make a mining test in BUCC's layout: translations hidden among unrelated lines of news and debates.

    python scripts/mining_test.py $SPACY_AWESOME_DATA corpus/mining-es --language es

writes test.en, test.es (`id<TAB>sentence`) and test.gold (`id<TAB>id`), and dev.en, dev.es and dev.gold to fit a
threshold on. Translations hidden in dev come from one year of WMT's news tests, those in test from another. Unrelated
English lines are the English sides of pairs with other languages, as far as English with LANGUAGE does not have them;
unrelated lines in LANGUAGE come from pairs whose English side stays out. No sentence occurs twice, but for case and
punctuation.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from spacy_awesome.formats.files import open_output
from spacy_awesome.formats.parallel_text import read_rows
from spacy_awesome.training.budget import sentence_key

# Nearest to news first: a source is read only as far as those before it do not suffice. Tatoeba's sentences are short.
SOURCES: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("wmt-news", lambda text: True),
    ("europarl", lambda text: True),
    ("links", lambda text: True),
    ("wmt14", lambda text: True),
    ("tico19", lambda text: True),
    ("tatoeba", lambda text: len(text.split()) >= 10),
)


@dataclass(frozen=True)
class Part:
    """Of what a part of the test consists: the corpus of its hidden translations, and numbers of lines."""

    name: str
    corpus: str
    translations: int
    unrelated: int


def make_test(
    data: Annotated[Path, typer.Argument(help="Folder of real data.", exists=True)],
    output: Annotated[Path, typer.Argument(help="Folder to write.")],
    language: Annotated[str, typer.Option(help="The language beside English.")] = "es",
    translations: Annotated[int, typer.Option(help="Hidden translations of the test.")] = 2000,
    unrelated: Annotated[int, typer.Option(help="Unrelated lines of the test, on each side.")] = 50_000,
    dev_translations: Annotated[int, typer.Option(help="Hidden translations of the development set.")] = 400,
    dev_unrelated: Annotated[int, typer.Option(help="Unrelated lines of the development set, on each side.")] = 10_000,
    test_corpus: Annotated[str, typer.Option(help="Where the test's translations come from.")] = "wmt-newstest2013",
    dev_corpus: Annotated[str, typer.Option(help="Where the development set's come from.")] = "wmt-newstest2011",
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
) -> None:
    """Write test and dev."""
    parts = [
        Part("test", test_corpus, translations, unrelated),
        Part("dev", dev_corpus, dev_translations, dev_unrelated),
    ]
    rng = random.Random(seed)
    own = list(read_corpus(data, language))
    hidden = {part.name: hidden_pairs(own, part, rng) for part in parts}
    pairs = [pair for chosen in hidden.values() for pair in chosen]
    wanted = sum(part.unrelated for part in parts)
    taken = {sentence_key(target) for _, target in pairs}
    foreign = unrelated_lines(((corpus, target) for corpus, _, target in own), taken, wanted, rng)
    # Whatever English side a line in LANGUAGE has is kept out, even those of lines that were not drawn.
    taken = {sentence_key(source) for _, source, _ in own}
    english = unrelated_lines(read_other_english(data, language), taken, wanted, rng)
    output.mkdir(parents=True, exist_ok=True)
    for part in parts:
        write_part(output, part, hidden[part.name], english[: part.unrelated], foreign[: part.unrelated], language, rng)
        del english[: part.unrelated], foreign[: part.unrelated]


def read_corpus(data: Path, language: str) -> Iterator[tuple[str, str, str]]:
    """Corpus, English and other side of each pair of a language; of several translations of a news text, DeepL's."""
    for _, (corpus, source, target) in read_rows(data / "parallel" / "merged" / f"en-{language}.tsv.gz", widths=(3,)):
        yield corpus, source, target
    links = data / "parallel" / "links" / f"en-{language}.tsv.gz"
    if links.exists():
        for _, (translator, _, source, target, _) in read_rows(links, widths=(5,)):
            if translator.endswith("DeepL"):
                yield "links", source, target


def read_other_english(data: Path, language: str) -> Iterator[tuple[str, str]]:
    """Corpus and English side of each pair of all other languages."""
    for path in sorted((data / "parallel" / "merged").glob("en-*.tsv.gz")):
        if path.name != f"en-{language}.tsv.gz":
            for _, (corpus, source, _) in read_rows(path, widths=(3,)):
                yield corpus, source


def hidden_pairs(rows: Sequence[tuple[str, str, str]], part: Part, rng: random.Random) -> list[tuple[str, str]]:
    """Pairs of a part's corpus whose sides occur once in it."""
    pairs = [(source, target) for corpus, source, target in rows if corpus == part.corpus]
    sides = [Counter(sentence_key(pair[side]) for pair in pairs) for side in (0, 1)]
    unique = [pair for pair in pairs if all(sides[side][sentence_key(pair[side])] == 1 for side in (0, 1))]
    if len(unique) < part.translations:
        raise SystemExit(
            f"{part.corpus} has {len(unique)} pairs, {part.translations} are to be hidden; "
            f"choose another with --{part.name}-corpus, or fewer."
        )
    return rng.sample(unique, part.translations)


def unrelated_lines(rows: Iterable[tuple[str, str]], taken: set[str], wanted: int, rng: random.Random) -> list[str]:
    """Lines from SOURCES, in their order, none of which is taken or occurs twice; shuffled. Adds to `taken`."""
    found: dict[str, list[str]] = {name: [] for name, _ in SOURCES}
    for corpus, text in rows:
        for name, suits in SOURCES:
            if corpus.startswith(name) and suits(text) and (key := sentence_key(text)) and key not in taken:
                taken.add(key)
                found[name].append(text)
    lines: list[str] = []
    for name, texts in found.items():
        chosen = rng.sample(texts, min(len(texts), wanted - len(lines)))
        typer.echo(f"{name}: {len(chosen)} lines", err=True)
        lines += chosen
    if len(lines) < wanted:
        raise SystemExit(f"There are only {len(lines)} unrelated lines, {wanted} are wanted; ask for fewer.")
    rng.shuffle(lines)
    return lines


def write_part(
    output: Path,
    part: Part,
    pairs: Sequence[tuple[str, str]],
    english: Sequence[str],
    foreign: Sequence[str],
    language: str,
    rng: random.Random,
) -> None:
    """Write a part's three files, each in an order of its own."""
    places: list[list[str]] = []
    for name, lines in (("en", [p[0] for p in pairs] + [*english]), (language, [p[1] for p in pairs] + [*foreign])):
        order = rng.sample(range(len(lines)), len(lines))
        ids = {row: f"{name}-{place:07d}" for place, row in enumerate(order, start=1)}
        places.append([ids[row] for row in range(len(pairs))])
        with open_output(output / f"{part.name}.{name}") as stream:
            stream.writelines(f"{ids[row]}\t{' '.join(lines[row].split())}\n" for row in order)
    with open_output(output / f"{part.name}.gold") as stream:
        stream.writelines(f"{source}\t{target}\n" for source, target in sorted(zip(*places)))


if __name__ == "__main__":
    typer.run(make_test)
