"""From the links of one source span to the target spans that it may become, each with a score.

A rule is a function from `SpanLinks` to candidates. All rules score a candidate alike, by how well its tokens and
the source span's agree on their links, so that scores of different rules can be compared and filtered alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

RULES: Final = ("link_f1", "min_max", "gap")

# An unaligned token inside a candidate costs a quarter of one that is linked elsewhere: articles and case markers
# often have no link, but a token that translates another word does not belong to the span.
_UNALIGNED_COST = 0.25
# Up to this many linked target tokens, candidates start and end at any of them; the number of candidates is quadratic.
_MAX_ENDPOINTS = 64
# Scores are sums of a few fractions: rounding makes equal ones equal, whatever order they were added in.
_DECIMALS = 12


class Candidate(NamedTuple):
    """A target span, `end` exclusive, and its score in [0, 1]."""

    score: float
    start: int
    end: int


class SpanLinks(NamedTuple):
    """The links of one source span, from the target side.

    source_length: number of tokens of the source span.
    targets: every target token linked to the span, ascending.
    sources: for each of `targets`, a bit set of the span's tokens linked to it (bit 0 is the span's first token).
    counts: for each of `targets`, whether it may carry the span; False at punctuation.
    aligned_before: for each target position, how many target tokens before it have any link in the sentence.
    """

    source_length: int
    targets: list[int]
    sources: list[int]
    counts: list[bool]
    aligned_before: Sequence[int]

    def carriers(self) -> list[int]:
        """Indices into `targets` of the tokens that may carry the span, ascending."""
        return [k for k, counted in enumerate(self.counts) if counted]


def find_candidates(links: SpanLinks, rule: str, *, max_gap: int = 1) -> list[Candidate]:
    """Candidates of one source span by the rule of that name, in text order; none if no token can carry the span.

    rule: "link_f1", "min_max" or "gap".
    max_gap: only for "gap", the most tokens that may stand between two neighbours of a run.
    Raises ValueError if the rule is unknown.
    """
    if rule == "link_f1":
        return link_f1_candidates(links)
    if rule == "min_max":
        return min_max_candidates(links)
    if rule == "gap":
        return gap_candidates(links, max_gap=max_gap)
    raise ValueError(f"Unknown projection rule {rule!r}; expected one of: {', '.join(RULES)}.")


def link_f1_candidates(links: SpanLinks) -> list[Candidate]:
    """Every span between two tokens that carry the source span.

    With more than 64 such tokens, candidates begin and end only at the edges of runs of neighbouring ones, and only at
    those of the 64 longest runs and at the first and last token. The best candidate always lies between edges of runs:
    taking in a neighbour that carries the span never lowers the score.

    >>> links = SpanLinks(1, targets=[0, 2], sources=[1, 1], counts=[True, True], aligned_before=[0, 1, 1, 2])
    >>> [(c.start, c.end, round(c.score, 3)) for c in link_f1_candidates(links)]
    [(0, 1, 0.857), (0, 3, 0.941), (2, 3, 0.857)]
    """
    carriers = links.carriers()
    starts, ends = _endpoints(links.targets, carriers)
    candidates = []
    for first in starts:
        covered = carried = 0
        for k in range(first, len(links.targets)):
            covered |= links.sources[k]
            carried += links.counts[k]
            if k in ends:
                candidates.append(_candidate(links, first, k, covered, carried, len(carriers)))
    return candidates


def min_max_candidates(links: SpanLinks) -> list[Candidate]:
    """The span from the first to the last token that carries the source span; best where links are sparse."""
    carriers = links.carriers()
    return [_candidate_between(links, carriers[0], carriers[-1])] if carriers else []


def gap_candidates(links: SpanLinks, *, max_gap: int = 1) -> list[Candidate]:
    """The longest run of tokens that carry the source span, neighbours at most `max_gap` other tokens apart.

    The gap-merging heuristic of annotation projection (García-Ferrero et al. 2022, "Model and Data Transfer for
    Cross-Lingual Sequence Labelling in Zero-Resource Settings"). Of runs of equal length the better scored, then the
    first, is taken.
    """
    runs = _runs(links.targets, links.carriers(), max_gap=max_gap)
    candidates = [_candidate_between(links, first, last) for first, last in runs]
    return sorted(candidates, key=lambda c: (c.start - c.end, -c.score, c.start))[:1]


# The same few small counts come up again and again.
@lru_cache(maxsize=1 << 16)
def score_span(carried: int, contrary: int, unaligned: int, covered: int, source_length: int, carriers: int) -> float:
    """How well a candidate and its source span agree: the harmonic mean of a precision and a recall of links.

    carried, contrary, unaligned: the candidate's tokens that carry the source span; that do not but are linked to some
        source token; that have no link at all.
    covered: tokens of the source span that have a link into the candidate.
    source_length: tokens of the source span. carriers: target tokens that carry it, in the whole sentence.

        P = carried / (carried + contrary + unaligned / 4)
        R = (covered / source_length + carried / carriers) / 2

    >>> score_span(2, 0, 0, 2, 2, 2)
    1.0
    >>> score_span(1, 1, 0, 1, 1, 2)
    0.6
    """
    precision = carried / (carried + contrary + _UNALIGNED_COST * unaligned)
    recall = (covered / source_length + carried / carriers) / 2
    return round(2 * precision * recall / (precision + recall), _DECIMALS)


def _candidate_between(links: SpanLinks, first: int, last: int) -> Candidate:
    covered = 0
    for sources in links.sources[first : last + 1]:
        covered |= sources
    carried = sum(links.counts[first : last + 1])
    return _candidate(links, first, last, covered, carried, sum(links.counts))


def _candidate(links: SpanLinks, first: int, last: int, covered: int, carried: int, carriers: int) -> Candidate:
    start, end = links.targets[first], links.targets[last] + 1
    aligned = links.aligned_before[end] - links.aligned_before[start]
    counts_inside = (carried, aligned - carried, end - start - aligned, covered.bit_count())
    return Candidate(score_span(*counts_inside, links.source_length, carriers), start, end)


def _endpoints(targets: list[int], carriers: list[int]) -> tuple[list[int], set[int]]:
    if len(carriers) <= _MAX_ENDPOINTS:
        return carriers, set(carriers)
    runs = sorted(_runs(targets, carriers, max_gap=0), key=lambda run: run[0] - run[1])[:_MAX_ENDPOINTS]
    starts = {carriers[0], *(first for first, _ in runs)}
    return sorted(starts), {carriers[-1], *(last for _, last in runs)}


def _runs(targets: list[int], carriers: list[int], *, max_gap: int) -> list[tuple[int, int]]:
    """Maximal stretches of `carriers` whose neighbours are at most `max_gap` tokens apart, as (first, last) index."""
    runs: list[tuple[int, int]] = []
    for k in carriers:
        if runs and targets[k] - targets[runs[-1][1]] <= max_gap + 1:
            runs[-1] = (runs[-1][0], k)
        else:
            runs.append((k, k))
    return runs
