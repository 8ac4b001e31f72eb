"""Precision, recall and error rates of word links and of sentence alignments, against a gold standard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spacy_awesome.tokens.sentence_alignment import SentenceAlignment
from spacy_awesome.tokens.symmetrization import harmonic_mean
from spacy_awesome.tokens.word_alignment import WordAlignment


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


@dataclass(frozen=True, slots=True)
class BeadScores:
    """Counts over a corpus, and the figures they give, as fractions; figures without anything to count are 0.

    A bead is right if it has the same sentences on both sides, and a sentence without a translation if it has none in
    the gold alignment either ("strict" in Véronis & Langlais 2000).

    documents: pairs of texts. gold, system: beads of each. right: those that both have.
    """

    documents: int = 0
    gold: int = 0
    system: int = 0
    right: int = 0

    @property
    def precision(self) -> float:
        """Share of the system's beads that are right."""
        return self.right / self.system if self.system else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold beads that the system has."""
        return self.right / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return harmonic_mean(self.precision, self.recall)


def score_beads(pairs: Iterable[tuple[SentenceAlignment, SentenceAlignment]]) -> BeadScores:
    """Score a corpus of (gold, system) alignments of the same texts.

    A bead of several sentences without a translation counts as one for each.
    Raises ValueError if the two are over different numbers of sentences.

    >>> gold = SentenceAlignment([(0, 1, 0, 1), (1, 2, 1, 2)], source_length=2, target_length=2)
    >>> system = SentenceAlignment([(0, 1, 0, 1), (1, 2, 1, 1), (2, 2, 1, 2)], source_length=2, target_length=2)
    >>> score_beads([(gold, system)])
    BeadScores(documents=1, gold=2, system=3, right=1)
    """
    documents = gold_count = system_count = right = 0
    for gold, system in pairs:
        lengths = [(side.source_length, side.target_length) for side in (gold, system)]
        if lengths[0] != lengths[1]:
            raise ValueError(
                "Expected two alignments of the same texts, but the gold one is over "
                f"{lengths[0][0]} and {lengths[0][1]} sentences, the system's over {lengths[1][0]} and {lengths[1][1]}."
            )
        wanted, found = _beads(gold), _beads(system)
        documents += 1
        gold_count += len(wanted)
        system_count += len(found)
        right += len(wanted & found)
    return BeadScores(documents, gold_count, system_count, right)


def _beads(alignment: SentenceAlignment) -> set[tuple[range, range]]:
    """Both sides of each bead, where one is empty a sentence at a time; empty ranges are equal wherever they stand."""
    beads = set()
    for a, b, c, d in alignment.beads.tolist():
        if a < b and c < d:
            beads.add((range(a, b), range(c, d)))
        else:
            beads |= {(range(s, s + 1), range(0)) for s in range(a, b)} | {
                (range(0), range(t, t + 1)) for t in range(c, d)
            }
    return beads
