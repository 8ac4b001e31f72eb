"""The baselines by name, each as a function from sentence pairs to word links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from spacy_awesome.tokens.word_alignment import WordAlignment, WordPair

# Statistical aligners first: those estimate their model on the very pairs that they link.
BASELINES: Final = ("fast_align", "eflomal", "GIZA++", "SimAlign")


def baseline_links(
    name: str, pairs: Sequence[WordPair], *, background: Sequence[WordPair] = (), encoder: str = "bundled"
) -> Iterator[WordAlignment]:
    """The word links of a baseline: one alignment for each pair, in order, whatever the pair.

    name: one of BASELINES.
    background: more pairs for the statistical aligners to estimate their model on.
    encoder: for SimAlign, `bundled`, a folder or a hub name.
    Raises NotInstalledError where the baseline is not installed, ValueError at another name or if it fails.
    """
    if name == "SimAlign":
        from recipe.baselines.simalign import simalign_links

        return simalign_links(pairs, encoder=encoder)
    everything = [*pairs, *background]
    if name == "fast_align":
        from recipe.baselines.fast_align import fast_align_links

        links = fast_align_links(everything)
    elif name == "eflomal":
        from recipe.baselines.eflomal import eflomal_links

        links = eflomal_links(everything)
    elif name == "GIZA++":
        from recipe.baselines.giza import giza_links

        links = giza_links(everything)
    else:
        raise ValueError(f"Unknown baseline {name!r}; expected one of: {', '.join(BASELINES)}.")
    return (alignment for alignment, _ in zip(links, pairs))
