"""Alignment error rate, precision and recall of word links (Och & Ney 2003)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spacy_awesome.alignment import WordAlignment, harmonic_mean


@dataclass(frozen=True, slots=True)
class LinkScores:
    """Counts over a corpus, and the figures they give, as fractions.

    With the system's links A, the sure gold links S and the possible ones P, of which S are a part:
    AER = 1 − (|A∩S| + |A∩P|) / (|A| + |S|), precision = |A∩P| / |A|, recall = |A∩S| / |S|
    (Och & Ney 2003, section 4.1). F1 is the harmonic mean of these two. So a possible link is never missed, and never
    wrong. Figures without anything to count are 0.

    sentences: sentence pairs. links: |A|. sure: |S|. possible: gold links that are possible only, |P| − |S|.
    sure_found, allowed: |A∩S| and |A∩P|.
    """

    sentences: int = 0
    links: int = 0
    sure: int = 0
    possible: int = 0
    sure_found: int = 0
    allowed: int = 0

    @property
    def aer(self) -> float:
        """Alignment error rate."""
        total = self.links + self.sure
        return 1 - (self.sure_found + self.allowed) / total if total else 0.0

    @property
    def precision(self) -> float:
        """Share of the system's links that are sure or possible."""
        return self.allowed / self.links if self.links else 0.0

    @property
    def recall(self) -> float:
        """Share of the sure links that the system has."""
        return self.sure_found / self.sure if self.sure else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return harmonic_mean(self.precision, self.recall)


def score_links(pairs: Iterable[tuple[WordAlignment, WordAlignment]]) -> LinkScores:
    """Score a corpus of (gold, system) alignments; the gold's `sure` marks say which links are sure.

    The lengths of the sentences do not matter, and neither do the system's own marks and scores.

    >>> gold = WordAlignment.from_pharaoh("0-0 1p1")
    >>> system = WordAlignment.from_pharaoh("0-0 1-1 1-0")
    >>> scores = score_links([(gold, system)])
    >>> round(scores.precision, 3), scores.recall, scores.aer
    (0.667, 1.0, 0.25)
    """
    sentences = links = sure = possible = sure_found = allowed = 0
    for gold, system in pairs:
        proposed, either = set(system), set(gold)
        certain = {link for link, is_sure in zip(gold, gold.sure.tolist()) if is_sure}
        sentences += 1
        links += len(proposed)
        sure += len(certain)
        possible += len(either) - len(certain)
        sure_found += len(proposed & certain)
        allowed += len(proposed & either)
    return LinkScores(sentences, links, sure, possible, sure_found, allowed)
