"""Sentence retrieval: how many sentences of one side find their translations among all of the other, and back."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from spacy_awesome.formats.files import read_lines, zip_equal

if TYPE_CHECKING:
    from torch import Tensor

    from spacy_awesome.encoders.encoder import SubwordEncoder
    from spacy_awesome.encoders.sentences import SentenceVectors

SCORINGS: Final = ("bert_score", "pooling")
NO_NORMALIZATION: Final = "none"

# The languages of XTREME's Tatoeba, as LASER's files call them.
TATOEBA_36: Final = frozenset(
    "afr ara ben bul cmn deu ell est eus fin fra heb hin hun ind ita jav jpn kat kaz kor mal mar nld pes por rus spa "
    "swh tam tel tgl tha tur urd vie".split()
)


class RetrievalScores(NamedTuple):
    """Accuracies in [0, 1]; accuracy is the mean of both directions."""

    source_to_target: float
    target_to_source: float
    accuracy: float
    sentences: int


@dataclass(frozen=True)
class Retrieval:
    """How sentences are compared.

    scoring: "bert_score", or "pooling" (average pooling, the baseline), both by cosine.
    normalization: a name of `spacy_awesome.similarity.normalization.NORMALIZATIONS`, or "none".
    max_length: subwords after which a sentence is cut off; None keeps all.
    max_tokens: padded subwords that the encoder sees at once.
    Raises ValueError at an unknown name.
    """

    scoring: str = "bert_score"
    normalization: str = "csls"
    max_length: int | None = None
    max_tokens: int = 4096

    def __post_init__(self) -> None:
        from spacy_awesome.similarity.normalization import NORMALIZATIONS

        known = (NO_NORMALIZATION, *NORMALIZATIONS)
        if self.scoring not in SCORINGS:
            raise ValueError(f"Unknown scoring {self.scoring!r}; expected {' or '.join(SCORINGS)}.")
        if self.normalization not in known:
            raise ValueError(f"Unknown normalisation {self.normalization!r}; expected one of: {', '.join(known)}.")

    def encode(self, encoder: SubwordEncoder, lines: Sequence[str]) -> SentenceVectors:
        """Vectors of raw lines."""
        from spacy_awesome.encoders.sentences import encode_sentences, split_lines

        return encode_sentences(encoder, split_lines(lines), max_tokens=self.max_tokens, max_length=self.max_length)

    def scores(self, source: SentenceVectors, target: SentenceVectors, *, device: str = "cpu") -> Tensor:
        """Scores (N, M) of every source with every target sentence, normalised; on the device."""
        from spacy_awesome.similarity.bert_score import bert_scores
        from spacy_awesome.similarity.normalization import NORMALIZATIONS
        from spacy_awesome.similarity.pooling import average_pool, pooled_scores

        left, right = ([part.to(device) for part in side.padded()] for side in (source, target))
        if self.scoring == "pooling":
            scores = pooled_scores(average_pool(*left), average_pool(*right))
        else:
            scores = bert_scores(*left, *right).f1
        return scores if self.normalization == NO_NORMALIZATION else NORMALIZATIONS[self.normalization](scores)


def retrieval_accuracy(scores: Tensor) -> RetrievalScores:
    """Accuracy of the best-scored sentence, both ways; scores (N, N), of which the diagonal is right.

    A sentence that comes twice counts as found only in its own line, as in the published figures.
    """
    import torch

    if scores.dim() != 2 or scores.shape[0] != scores.shape[1] or not len(scores):
        raise ValueError(f"Expected a square matrix of scores of at least one sentence, got {tuple(scores.shape)}.")
    right = torch.arange(len(scores), device=scores.device)
    forward, backward = (float((scores.argmax(dim=dim) == right).float().mean()) for dim in (1, 0))
    return RetrievalScores(forward, backward, (forward + backward) / 2, len(scores))


def score_retrieval(
    encoder: SubwordEncoder, source: Sequence[str], target: Sequence[str], retrieval: Retrieval
) -> RetrievalScores:
    """Accuracy on raw lines, of which line i of one side translates line i of the other."""
    sides = [retrieval.encode(encoder, lines) for lines in (source, target)]
    return retrieval_accuracy(retrieval.scores(*sides, device=str(encoder.device)))


def read_translations(source: Path, target: Path, *, sample: int = 0) -> tuple[list[str], list[str]]:
    """The lines of two files, of which line i of one translates line i of the other.

    sample: read only so many lines, drawn at random but always the same, as larger test sets are made comparable; 0 is
        all. Raises ValueError if the files differ in length, or hold nothing.
    """
    lines = list(zip_equal(read_lines(source), read_lines(target), names=(source, target)))
    if not lines:
        raise ValueError(f"{source} and {target} are empty; expected a sentence a line.")
    if sample and sample < len(lines):
        lines = random.Random(0).sample(lines, sample)
    return [line for line, _ in lines], [line for _, line in lines]


def find_translations(folder: Path, *, pivot: str = "eng") -> dict[str, tuple[Path, Path]]:
    """The pairs of files in a folder, with the name of the language or of the pair; sorted.

    Of these layouts, the first that is found:
    - `….xxx-yyy.xxx` beside `….xxx-yyy.yyy` (LASER's Tatoeba: `tatoeba.spa-eng.spa`). A pair with `pivot` is called
      after the other language, which is its source.
    - a folder for each pair with `….src` and `….trg` (New-Tatoeba: `eng-spa/test.src`), called after the folder.
    - a file for each language, whose name has the language between full stops (FLORES: `spa_Latn.devtest`; NTREX:
      `newstest2019-ref.spa.txt`). Each is paired with the file of `pivot`, or of its variety (`eng_Latn`, `eng-GB`).
    Raises ValueError if nothing of the kind is there.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    found = _files_of_pairs(files, pivot) or _folders_of_pairs(folder) or _files_of_languages(files, pivot)
    if not found:
        raise ValueError(
            f"{folder}: found no pairs of files. Expected a sentence a line in `x.spa-eng.spa` and `x.spa-eng.eng`, in "
            f"`spa-eng/test.src` and `spa-eng/test.trg`, or in a file for each language with one of {pivot} among them "
            "(`spa_Latn.devtest`, `eng_Latn.devtest`). Another language in the middle is set with --pivot."
        )
    return dict(sorted(found.items()))


def _files_of_pairs(files: Sequence[Path], pivot: str) -> dict[str, tuple[Path, Path]]:
    there = {path.name: path for path in files}
    found = {}
    for name, path in there.items():
        match = re.fullmatch(r"(?P<stem>(?:.*\.)?(?P<a>[^.-]+)-(?P<b>[^.-]+))\.(?P=a)", name)
        other = there.get(f"{match['stem']}.{match['b']}") if match else None
        if match is None or other is None:
            continue
        if match["a"] == pivot:
            found[match["b"]] = (other, path)
        else:
            found[match["a"] if match["b"] == pivot else f"{match['a']}-{match['b']}"] = (path, other)
    return found


def _folders_of_pairs(folder: Path) -> dict[str, tuple[Path, Path]]:
    sources = sorted(path for path in folder.glob("*/*.src") if path.with_suffix(".trg").is_file())
    return {path.parent.name: (path, path.with_suffix(".trg")) for path in sources}


def _files_of_languages(files: Sequence[Path], pivot: str) -> dict[str, tuple[Path, Path]]:
    parts = [path.name.split(".") for path in files]
    width = min(map(len, parts), default=0)
    # What differs most from file to file is the language; NTREX also calls one file the source, the others references.
    place = max(range(width), key=lambda column: len({part[column] for part in parts}), default=0)
    languages = {part[place]: path for part, path in zip(parts, files)} if width else {}
    own = [name for name in sorted(languages) if re.split(r"[_-]", name)[0] == pivot]
    if not own:
        return {}
    return {name: (path, languages[own[0]]) for name, path in languages.items() if name not in own}


def averages(scores: dict[str, RetrievalScores]) -> Iterator[tuple[str, RetrievalScores]]:
    """The mean over all languages, and that over Tatoeba-36 where all of its languages are there."""
    yield "average", _mean(list(scores.values()))
    if scores.keys() >= TATOEBA_36:
        yield "tatoeba36", _mean([scores[name] for name in sorted(TATOEBA_36)])


def _mean(scores: Sequence[RetrievalScores]) -> RetrievalScores:
    forward, backward, both, sentences = (sum(column) for column in zip(*scores))
    count = len(scores)
    return RetrievalScores(forward / count, backward / count, both / count, int(sentences))
