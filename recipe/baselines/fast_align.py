"""fast_align (Dyer et al. 2013), the program, in both directions."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from recipe.baselines.errors import NotInstalledError
from spacy_awesome.formats.atomic import scratch_folder
from spacy_awesome.formats.pharaoh import read_links
from spacy_awesome.tokens.symmetrization import symmetrize
from spacy_awesome.tokens.word_alignment import WordAlignment, WordPair

# The options that its authors advise: diagonal alignments, an optimised distribution of fertilities, a Dirichlet prior.
_OPTIONS = ("-d", "-o", "-v")


def fast_align_links(pairs: Sequence[WordPair]) -> Iterator[WordAlignment]:
    """Links of lower-cased words, both directions joined by grow-diag-final-and.

    Raises NotInstalledError if the program is not on PATH, ValueError if it fails.
    """
    if shutil.which("fast_align") is None:
        raise NotInstalledError("fast_align is not on PATH: see https://github.com/clab/fast_align")
    return _links(pairs)


def _links(pairs: Sequence[WordPair]) -> Iterator[WordAlignment]:
    # fast_align stops at a pair with an empty side, so such a pair is left out and gets no links.
    whole = [pair for pair in pairs if pair[0] and pair[1]]
    with scratch_folder("fast_align") as folder:
        text = folder / "pairs"
        text.write_text("".join(f"{_line(x)} ||| {_line(y)}\n" for x, y in whole), encoding="utf-8")
        directions = [_run(text, folder / name, *more) for name, more in (("there", ()), ("back", ("-r",)))]
        found = zip(*(read_links(path, pairs=whole, pairs_name="the pairs") for path in directions), strict=True)
        for source, target in pairs:
            if source and target:
                there, back = next(found)
                yield symmetrize(there, back, "grow-diag-final-and")
            else:
                yield WordAlignment([], source_length=len(source), target_length=len(target))


def _run(text: Path, output: Path, *options: str) -> Path:
    with output.open("wb") as stream:
        command = ["fast_align", "-i", str(text), *_OPTIONS, *options]
        run = subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, check=False)
    if run.returncode:
        message = run.stderr.decode(errors="replace").strip()[-300:]
        raise ValueError(f"fast_align ended with status {run.returncode}: {message}")
    return output


def _line(words: Sequence[str]) -> str:
    # It splits at any white space, and at its own separator.
    return " ".join("_".join(word.lower().replace("|||", "_").split()) or "_" for word in words)
