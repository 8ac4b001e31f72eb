"""Word links from co-occurrence alone: eflomal's Bayesian HMM with fertility (Östling & Tiedemann 2016).

eflomal seeds its sampler from the operating system, so two runs agree on most links, not on all. Its links are
therefore kept in files, and whatever is trained from those files depends on nothing but a seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from spacy_awesome.alignment import WordAlignment, symmetrize
from spacy_awesome.formats.atomic import scratch_folder
from spacy_awesome.formats.pharaoh import read_links
from spacy_awesome.training.sentence_pairs import SentencePair


def statistical_links(pairs: Sequence[SentencePair]) -> Iterator[WordAlignment]:
    """Intersection of eflomal's links in both directions, one result for each pair, in order.

    The text is lower-cased. Needs the `encoder` extra; raises ValueError with that advice where it is not installed.
    """
    try:
        from eflomal import Aligner
    except ImportError as error:
        raise ValueError("Statistical links need eflomal: pip install 'spacy-awesome[encoder]'") from error
    words = [(pair.source, pair.target) for pair in pairs]
    with scratch_folder("eflomal") as folder:
        forward, backward = folder / "forward", folder / "backward"
        Aligner().align(
            [_sentence(source) for source, _ in words],
            [_sentence(target) for _, target in words],
            links_filename_fwd=str(forward),
            links_filename_rev=str(backward),
        )
        both = zip(read_links(forward, pairs=words), read_links(backward, pairs=words), strict=True)
        yield from (symmetrize(there, back, "intersection") for there, back in both)


def add_statistical_links(pairs: Sequence[SentencePair]) -> list[SentencePair]:
    """Fill in the links of the pairs that have none; pairs that come with links only help to estimate the model."""
    if all(pair.links is not None for pair in pairs):
        return list(pairs)
    return [
        pair if pair.links is not None else replace(pair, links=links)
        for pair, links in zip(pairs, statistical_links(pairs), strict=True)
    ]


def _sentence(words: Sequence[str]) -> str:
    # eflomal would split words at a no-break space, and count on from there.
    return " ".join("_".join(word.lower().split()) or "_" for word in words)
