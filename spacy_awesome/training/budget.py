"""A fixed number of sentence pairs from any number of language pairs, without those that something is tested on."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spacy_awesome.formats.conll import read_conll
from spacy_awesome.formats.files import display_name, read_lines
from spacy_awesome.formats.parallel_text import TAB


def sentence_key(text: str) -> str:
    """Letters and digits of a sentence, lower-cased: the same whatever its tokenisation, case and punctuation.

    >>> sentence_key("The U.N. said : \\"No\\" .") == sentence_key('the UN said: "no".')
    True
    """
    return "".join(character for character in text.lower() if character.isalnum())


def held_out_keys(data: Path) -> set[str]:
    """Keys of both sides of all development and test sentences of the data folder; see docs/data.md for its layout."""
    keys: set[str] = set()
    alignment, ner, retrieval = data / "alignment", data / "ner", data / "retrieval"
    for path in sorted((alignment / "xl-wa").glob("*/*.tsv")):
        if path.stem in ("dev", "test"):
            keys.update(sentence_key(column) for line in read_lines(path) for column in line.split("\t")[:2])
    for path in sorted((alignment / "standard").glob("*.src-tgt")):
        keys.update(sentence_key(side) for line in read_lines(path) for side in line.split("|||"))
    for path in sorted(ner.glob("*/*")):
        if path.suffix in (".conll02", ".testa", ".testb"):
            keys.update(sentence_key(" ".join(sentence.words)) for sentence in read_conll(path))
    for path in sorted(retrieval.glob("*/*/tatoeba.*-*.*")):
        keys.update(map(sentence_key, read_lines(path)))
    return keys


def is_held_out(source: str, target: str, held_out: Collection[str]) -> bool:
    """Whether either side is a held-out sentence."""
    return sentence_key(source) in held_out or sentence_key(target) in held_out


# Lines that are tokenised together.
_BATCH = 1024


def share_budget(sizes: Mapping[str, int], budget: int) -> dict[str, int]:
    """How many pairs to draw of each language pair: the same of all, and all of those that have fewer.

    The paper gives every experiment the same budget, however many language pairs it has (Niu et al. 2022, section 3.1).

    >>> share_budget({"en-es": 900, "en-de": 900, "en-ga": 50}, 250)
    {'en-es': 100, 'en-de': 100, 'en-ga': 50}
    """
    if budget < 1:
        raise ValueError(f"Expected a budget of at least one pair, got {budget}.")
    shares: dict[str, int] = {}
    # The smallest first: what they leave over is shared among the rest.
    for place, name in enumerate(sorted(sizes, key=lambda name: sizes[name])):
        shares[name] = min(sizes[name], (budget - sum(shares.values())) // (len(sizes) - place))
    return {name: shares[name] for name in sizes}


@dataclass
class PairSampler:
    """Draws pairs and drops those that teach nothing, or are tested on.

    count_tokens: numbers of subwords of sentences, as the encoder that is to be trained counts them.
    min_tokens, max_tokens: of both sides; shorter pairs are too easily confused, longer ones cost too much.
    held_out: keys of test sentences (`decontamination.sentence_key`).
    seed: of what is drawn.
    dropped: how many pairs were dropped so far, by reason.
    """

    count_tokens: Callable[[Sequence[str]], Sequence[int]]
    min_tokens: int = 5
    max_tokens: int = 100
    held_out: Collection[str] = frozenset()
    seed: int = 0
    dropped: dict[str, int] = field(default_factory=lambda: {"too short": 0, "too long": 0, "held out": 0})

    def draw(self, path: Path, size: int, count: int, *, columns: Sequence[int] = (0, 1)) -> Iterator[tuple[str, str]]:
        """Draw `count` of the `size` lines of a TSV file, and give those that are kept, in the file's order.

        As in the paper, lines are dropped after they were drawn: fewer than `count` come out.
        columns: of source and target, from 0.
        Raises ValueError, with file and line, where they are not there; and if the file has another number of lines.
        """
        # Strings as seeds do not depend on the hash seed of the process, as tuples would.
        wanted = set(random.Random(f"{self.seed} {path.name}").sample(range(size), count))
        batch: list[tuple[str, str]] = []
        number = -1
        for number, line in enumerate(read_lines(path)):
            if number not in wanted:
                continue
            cells = line.split(TAB)
            if len(cells) <= max(columns):
                raise ValueError(
                    f"{display_name(path)}:{number + 1}: expected at least {max(columns) + 1} tab-separated columns, "
                    f"found {len(cells)}."
                )
            batch.append((cells[columns[0]], cells[columns[1]]))
            if len(batch) == _BATCH:
                yield from self._kept(batch)
                batch = []
        if number + 1 != size:
            raise ValueError(f"{display_name(path)} had {size} lines and now has {number + 1}: it has been changed.")
        yield from self._kept(batch)

    def _kept(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        counts = self.count_tokens([side for pair in pairs for side in pair])
        for pair, *lengths in zip(pairs, counts[::2], counts[1::2]):
            if min(lengths) < self.min_tokens:
                self.dropped["too short"] += 1
            elif max(lengths) > self.max_tokens:
                self.dropped["too long"] += 1
            elif is_held_out(*pair, self.held_out):
                self.dropped["held out"] += 1
            else:
                yield pair
