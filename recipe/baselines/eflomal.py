"""Word links by eflomal, a Bayesian HMM with fertility (Östling & Tiedemann 2016), from co-occurrence alone.

eflomal seeds its sampler from the operating system, so two runs agree on most links, not on all.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from recipe.baselines.errors import NotInstalledError
from spacy_awesome.formats.pharaoh import read_links
from spacy_awesome.tokens.symmetrization import symmetrize
from spacy_awesome.tokens.word_alignment import WordAlignment, WordPair


def eflomal_links(pairs: Sequence[WordPair]) -> Iterator[WordAlignment]:
    """Intersection of eflomal's links in both directions, one result for each pair, in order.

    Raises NotInstalledError where eflomal is not installed.
    """
    return (symmetrize(forward, backward, "intersection") for forward, backward in eflomal_directions(pairs))


def eflomal_directions(pairs: Sequence[WordPair]) -> Iterator[tuple[WordAlignment, WordAlignment]]:
    """eflomal's links in both directions, for each pair in order; the text is lower-cased.

    Raises NotInstalledError where eflomal is not installed.
    """
    if importlib.util.find_spec("eflomal") is None:
        raise NotInstalledError("eflomal is not installed: pip install 'spacy-awesome[baselines]' (needs a C compiler)")
    from eflomal import Aligner

    with tempfile.TemporaryDirectory() as folder:
        forward, backward = Path(folder, "forward"), Path(folder, "backward")
        Aligner().align(
            [_sentence(source) for source, _ in pairs],
            [_sentence(target) for _, target in pairs],
            links_filename_fwd=str(forward),
            links_filename_rev=str(backward),
        )
        yield from zip(read_links(forward, pairs=pairs), read_links(backward, pairs=pairs), strict=True)


def _sentence(words: Sequence[str]) -> str:
    # eflomal would split words at a no-break space, and count on from there.
    return " ".join("_".join(word.lower().split()) or "_" for word in words)
