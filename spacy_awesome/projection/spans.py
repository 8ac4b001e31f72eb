"""Source spans in, target spans out, or the reason why there is none."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, Literal, NamedTuple

from spacy_awesome.projection.assignment import assign, best_candidate
from spacy_awesome.projection.candidates import Candidate, SpanLinks, find_candidates
from spacy_awesome.tokens.word_alignment import WordAlignment

Reason = Literal[
    "label_dropped", "unaligned", "only_punctuation", "low_score", "too_long", "existing_entity", "collision"
]

_ALL_FREE: Final = b""


class Outcome(NamedTuple):
    """Where a source span went, or why it was lost.

    start, end: its target tokens, end exclusive; None if it was lost.
    score: of the span taken; of the best candidate if it was lost, 0.0 if there was none.
    reason: None if it was projected, else the first of these that left it without a candidate:
        "label_dropped": spans with its label are not wanted (decided before projecting, by the component);
        "unaligned": none of its tokens has a link;
        "only_punctuation": its only links are to punctuation;
        "low_score": every candidate scores below `min_score`;
        "too_long": every candidate that is left is longer than `max_span_ratio` allows;
        "existing_entity": every candidate that is left overlaps an existing target span;
        "collision": every candidate that is left overlaps other source spans' target spans.
    """

    start: int | None
    end: int | None
    score: float
    reason: Reason | None


def project_spans(
    spans: Sequence[tuple[int, int]],
    alignment: WordAlignment,
    *,
    source_punct: Sequence[bool] | None = None,
    target_punct: Sequence[bool] | None = None,
    rule: str = "link_f1",
    max_gap: int = 1,
    assignment: str = "greedy",
    min_score: float = 0.0,
    max_span_ratio: float | None = None,
    allow_overlap: bool = False,
    existing: Sequence[tuple[int, int]] = (),
) -> list[Outcome]:
    """Carry spans of source tokens over to the target sentence along word links.

    spans: (start, end) source tokens, end exclusive.
    source_punct, target_punct: for each token, whether it is all punctuation (or white space); by default none is.
        A punctuation token carries a span only if punctuation inside the span is linked to it.
    rule: which candidates each span has: "link_f1", "min_max" or "gap", the last with `max_gap`.
    assignment: "greedy" or "exact", how candidates that share target tokens are chosen between.
    min_score: candidates that score less are dropped.
    max_span_ratio: candidates with more than this many target tokens for each source token are dropped.
    allow_overlap: every span takes its best candidate, whatever the others take.
    existing: (start, end) target tokens that no span may take.
    Returns one Outcome for each of `spans`, in their order. Between equal scores, spans that start earlier come first
    (of those with one start, the longer), and a span's longer candidates before shorter ones, then those further left.
    Raises ValueError at a span outside the source sentence, a mask of the wrong length, an unknown rule or assignment.

    >>> links = WordAlignment([(0, 2), (2, 0)], source_length=3, target_length=3)
    >>> [(outcome.start, outcome.end, outcome.reason) for outcome in project_spans([(0, 1), (1, 2), (2, 3)], links)]
    [(2, 3, None), (None, None, 'unaligned'), (0, 1, None)]
    """
    _check(spans, alignment, source_punct, target_punct)
    order = sorted(range(len(spans)), key=lambda k: (spans[k][0], -spans[k][1]))
    linked = _link_spans([spans[k] for k in order], alignment, source_punct, target_punct)
    occupied = _occupied(existing, alignment.target_length)
    reasons: list[Reason | None] = []
    found: list[list[Candidate]] = []
    candidates: list[list[Candidate]] = []
    for links in linked:
        found.append(find_candidates(links, rule, max_gap=max_gap))
        longest = None if max_span_ratio is None else max_span_ratio * links.source_length
        left, reason = _filter(found[-1], links, min_score=min_score, longest=longest, occupied=occupied)
        reasons.append(reason)
        candidates.append(left)
    chosen = [best_candidate(options) for options in candidates] if allow_overlap else assign(candidates, assignment)
    outcomes = [Outcome(None, None, 0.0, "unaligned")] * len(spans)
    for k, candidate, options, reason in zip(order, chosen, found, reasons, strict=True):
        if candidate is not None:
            outcomes[k] = Outcome(candidate.start, candidate.end, candidate.score, None)
        else:
            best_score = max((option.score for option in options), default=0.0)
            outcomes[k] = Outcome(None, None, best_score, reason or "collision")
    return outcomes


def _filter(
    found: list[Candidate], links: SpanLinks, *, min_score: float, longest: float | None, occupied: bytes
) -> tuple[list[Candidate], Reason | None]:
    """The candidates that may be assigned, and, if none may, why."""
    if not found:
        return [], "only_punctuation" if links.targets else "unaligned"
    left = [candidate for candidate in found if candidate.score >= min_score] if min_score > 0.0 else found
    if not left:
        return [], "low_score"
    if longest is not None:
        left = [candidate for candidate in left if candidate.end - candidate.start <= longest]
        if not left:
            return [], "too_long"
    if occupied:
        left = [candidate for candidate in left if occupied.find(1, candidate.start, candidate.end) == -1]
        if not left:
            return [], "existing_entity"
    return left, None


def _link_spans(
    spans: Sequence[tuple[int, int]],
    alignment: WordAlignment,
    source_punct: Sequence[bool] | None,
    target_punct: Sequence[bool] | None,
) -> list[SpanLinks]:
    # Lists, not arrays: a sentence has few links, and a handful of numpy calls costs more than reading them all.
    sources, targets = alignment.pairs.T.tolist()
    aligned = bytearray(alignment.target_length)
    for j in targets:
        aligned[j] = 1
    aligned_before = list(accumulate(aligned, initial=0))
    linked = []
    for start, end in spans:
        bits: dict[int, int] = {}
        counted = set()
        for k in range(bisect_left(sources, start), bisect_left(sources, end)):
            i, j = sources[k], targets[k]
            bits[j] = bits.get(j, 0) | 1 << (i - start)
            if target_punct is None or not target_punct[j] or (source_punct is not None and source_punct[i]):
                counted.add(j)
        ordered = sorted(bits)
        linked.append(
            SpanLinks(end - start, ordered, [bits[j] for j in ordered], [j in counted for j in ordered], aligned_before)
        )
    return linked


def _occupied(existing: Sequence[tuple[int, int]], target_length: int) -> bytes:
    if not existing:
        return _ALL_FREE
    mask = bytearray(target_length)
    for start, end in existing:
        mask[start:end] = b"\x01" * (end - start)
    return bytes(mask)


def _check(
    spans: Sequence[tuple[int, int]],
    alignment: WordAlignment,
    source_punct: Sequence[bool] | None,
    target_punct: Sequence[bool] | None,
) -> None:
    for start, end in spans:
        if not 0 <= start < end <= alignment.source_length:
            raise ValueError(
                f"Span {start}:{end} is empty or points outside the source sentence ({alignment.source_length} tokens)."
            )
    for name, mask, length in (
        ("source_punct", source_punct, alignment.source_length),
        ("target_punct", target_punct, alignment.target_length),
    ):
        if mask is not None and len(mask) != length:
            raise ValueError(f"Expected one value in {name} for each of {length} tokens, got {len(mask)}.")
