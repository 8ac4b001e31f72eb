"""Precision, recall and F1 of sentence beads, counted strictly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spacy_awesome.alignment import harmonic_mean
from spacy_awesome.sentence_alignment import SentenceAlignment


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
