"""Step 5: the pairs that the encoder is trained on: the same number of every language, few of them short."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from recipe.corpora import LANGUAGES
from spacy_awesome.formats.files import open_output, read_lines

# How often a pair is drawn: Tatoeba is short and repetitive, and documentation is full of markup.
WEIGHTS = {
    "europarl-cs124": 3.0,
    "tico19": 3.0,
    "python-docs": 0.7,
    "django-docs": 0.7,
    "mozilla-www": 0.7,
    "libreoffice-help": 2.0,
}
# A drawn pair shorter than this is joined with the next ones: words then have as many others to be told apart from as
# in the sentences that are aligned later.
JOINED_WORDS = 24
# One pair in so many stays as short as it is.
_ALONE = 0.25


@dataclass(frozen=True, slots=True)
class LinkedPair:
    """Words of both sides, and the links between them, each with "-" for sure or "p" for possible."""

    corpus: str
    source: tuple[str, ...]
    target: tuple[str, ...]
    links: tuple[tuple[int, int, str], ...]

    def __add__(self, other: LinkedPair) -> LinkedPair:
        n, m = len(self.source), len(self.target)
        moved = tuple((i + n, j + m, kind) for i, j, kind in other.links)
        return LinkedPair(self.corpus, self.source + other.source, self.target + other.target, self.links + moved)


def main(
    links: Annotated[Path, typer.Argument(help="Folder of the step before.")],
    output: Annotated[Path, typer.Argument(help="Folder to write en-es.tsv.gz and so on.")],
    languages: Annotated[str, typer.Option(help="Comma-separated codes.")] = ",".join(LANGUAGES),
    pairs: Annotated[int, typer.Option(min=1, help="Lines of each language.")] = 20_000,
    seed: int = 0,
) -> None:
    """Write lines of corpus, English, translation and links."""
    output.mkdir(parents=True, exist_ok=True)
    for code in languages.split(","):
        rng = random.Random(f"{seed} {code}")
        found = [line.split("\t") for line in read_lines(links / f"en-{code}.tsv.gz")]
        weights = [WEIGHTS.get(row[0], 1.0) * min(1.0, (1 + row[1].count(" ")) / 12) for row in found]
        with open_output(output / f"en-{code}.tsv.gz") as stream:
            for pair in join_short(map(linked_pair, rng.choices(found, weights=weights, k=3 * pairs)), pairs, rng):
                pharaoh = " ".join(f"{i}{kind}{j}" for i, j, kind in pair.links)
                stream.write("\t".join((pair.corpus, " ".join(pair.source), " ".join(pair.target), pharaoh)) + "\n")
        typer.echo(f"en-{code}: {pairs} pairs from {len(found)}")


def linked_pair(row: Sequence[str]) -> LinkedPair:
    """A line that `recipe.links` wrote: links of both directions are sure, those of one are possible."""
    corpus, source, target, *directions = row
    forward, backward = (set(links.split(" ")) - {""} for links in directions)
    links = []
    for link in forward | backward:
        i, j = map(int, link.split("-"))
        links.append((i, j, "-" if link in forward & backward else "p"))
    return LinkedPair(corpus, tuple(source.split(" ")), tuple(target.split(" ")), tuple(sorted(links)))


def join_short(drawn: Iterable[LinkedPair], count: int, rng: random.Random) -> Iterator[LinkedPair]:
    """`count` pairs, most of the short ones joined with those that follow them."""
    stream = iter(drawn)
    for _, pair in zip(range(count), stream):
        while len(pair.source) < JOINED_WORDS and rng.random() >= _ALONE:
            following = next(stream, None)
            if following is None or len(pair.source) + len(following.source) > 2 * JOINED_WORDS:
                break
            pair += following
        yield pair


if __name__ == "__main__":
    typer.run(main)
