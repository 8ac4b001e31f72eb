"""GIZA++ or MGIZA (Och & Ney 2003; Gao & Vogel 2008), the programs, in both directions."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from recipe.baselines.errors import NotInstalledError
from spacy_awesome.formats.atomic import scratch_folder
from spacy_awesome.formats.files import read_lines
from spacy_awesome.tokens.symmetrization import symmetrize
from spacy_awesome.tokens.word_alignment import WordAlignment, WordPair


class _Toolkit(NamedTuple):
    align: str
    number: str
    cooccurrences: str
    classes: str = "mkcls"


_TOOLKITS: Final = (_Toolkit("mgiza", "plain2snt", "snt2cooc"), _Toolkit("GIZA++", "plain2snt.out", "snt2cooc.out"))
_PAIR_NUMBER = re.compile(r"# Sentence pair \((\d+)\)")
# Each source word, NULL first, with the target words that it stands for.
_WORD_LINKS = re.compile(r"\(\{([ \d]*)\}\)")


def giza_links(pairs: Sequence[WordPair]) -> Iterator[WordAlignment]:
    """Links of lower-cased words after IBM models 1, HMM, 3 and 4, both directions joined by grow-diag-final-and.

    Pairs that the programs leave out, such as those with an empty side, get no links.
    Raises NotInstalledError if neither toolkit is on PATH, ValueError if a program fails.
    """
    toolkit = next((kit for kit in _TOOLKITS if all(map(shutil.which, kit))), None)
    if toolkit is None:
        needed = " or ".join(", ".join(kit) for kit in _TOOLKITS)
        raise NotInstalledError(f"GIZA++ is not on PATH (expected {needed}): see https://github.com/moses-smt/mgiza")
    return _links(pairs, toolkit)


def _links(pairs: Sequence[WordPair], toolkit: _Toolkit) -> Iterator[WordAlignment]:
    rows = [row for row, (source, target) in enumerate(pairs) if source and target]
    with scratch_folder("giza") as folder:
        for side, language in enumerate(("x", "y")):
            text = "".join(_line(pairs[row][side]) + "\n" for row in rows)
            (folder / language).write_text(text, encoding="utf-8")
        _run(toolkit.number, "x", "y", folder=folder)
        for language in ("x", "y"):
            _run(toolkit.classes, "-n2", f"-p{language}", f"-V{language}.vcb.classes", folder=folder)
        there = _direction(toolkit, "x", "y", folder)
        back = _direction(toolkit, "y", "x", folder)
    place = {row: number for number, row in enumerate(rows, start=1)}
    for row, (source, target) in enumerate(pairs):
        forward, backward = there.get(place.get(row, 0), []), back.get(place.get(row, 0), [])
        x_to_y = WordAlignment(forward, source_length=len(source), target_length=len(target))
        y_to_x = WordAlignment(backward, source_length=len(target), target_length=len(source))
        yield symmetrize(x_to_y, y_to_x.T, "grow-diag-final-and")


def _direction(toolkit: _Toolkit, source: str, target: str, folder: Path) -> dict[int, list[tuple[int, int]]]:
    """The links of one direction by the number of the pair."""
    sentences, cooccurrences = f"{source}_{target}.snt", f"{source}_{target}.cooc"
    vocabularies = (f"{source}.vcb", f"{target}.vcb")
    if toolkit.align == "mgiza":
        _run(toolkit.cooccurrences, cooccurrences, *vocabularies, sentences, folder=folder)
    else:
        _run(toolkit.cooccurrences, *vocabularies, sentences, folder=folder, output=cooccurrences)
    options = ("-S", vocabularies[0], "-T", vocabularies[1], "-C", sentences, "-CoocurrenceFile", cooccurrences)
    _run(toolkit.align, *options, "-o", f"{source}_{target}", folder=folder)
    found: dict[int, list[tuple[int, int]]] = {}
    # MGIZA writes one part for each of its threads.
    for path in sorted(folder.glob(f"{source}_{target}.A3.final*")):
        lines = read_lines(path)
        while record := list(islice(lines, 3)):
            number = _PAIR_NUMBER.match(record[0])
            if number is None or len(record) != 3:
                raise ValueError(f"{toolkit.align} wrote alignments in an unknown form: {record[0][:80]!r}.")
            links = _WORD_LINKS.findall(record[2])[1:]
            found[int(number[1])] = [(i, int(j) - 1) for i, words in enumerate(links) for j in words.split()]
    return found


def _run(program: str, *arguments: str, folder: Path, output: str | None = None) -> None:
    run = subprocess.run([program, *arguments], cwd=folder, capture_output=True, check=False)
    if run.returncode:
        message = run.stderr.decode(errors="replace").strip()[-300:]
        raise ValueError(f"{program} ended with status {run.returncode}: {message}")
    if output is not None:
        (folder / output).write_bytes(run.stdout)


def _line(words: Sequence[str]) -> str:
    # Their output marks links by ({ and }), so a word must not look like them.
    return " ".join("_".join(word.lower().replace("({", "_").replace("})", "_").split()) or "_" for word in words)
