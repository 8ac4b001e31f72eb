"""Alignments of both directions joined to one (Koehn et al. 2003)."""

from __future__ import annotations

import bisect
from typing import Final

from spacy_awesome.tokens.word_alignment import WordAlignment

SYMMETRIZATIONS: Final = (
    "intersection",
    "union",
    "forward",
    "backward",
    "grow-diag",
    "grow-diag-final",
    "grow-diag-final-and",
)


_NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def symmetrize(forward: WordAlignment, backward: WordAlignment, method: str = "intersection") -> WordAlignment:
    """Join the links of both directions of an aligner.

    forward, backward: links of the source→target and of the target→source direction, both as (source, target) pairs.
    method: one of SYMMETRIZATIONS. grow-diag and its -final variants are those of Koehn, Och & Marcu (2003) as Moses
        runs them: start at the intersection, add neighbouring links of the union that cover a word without one.
    Scores are the harmonic mean of both directions' scores, 0 where one direction lacks the link; with "forward" and
    "backward" the links of that direction come back as they are, with their own scores and sure marks.
    Raises ValueError if the sentence lengths differ or the method is unknown.

    >>> f = WordAlignment([(0, 0), (1, 1), (1, 2)], source_length=2, target_length=3)
    >>> b = WordAlignment([(0, 0), (1, 1)], source_length=2, target_length=3)
    >>> symmetrize(f, b, "grow-diag").to_pharaoh()
    '0-0 1-1 1-2'
    """
    check_symmetrization(method)
    shape = (forward.source_length, forward.target_length)
    if shape != (backward.source_length, backward.target_length):
        raise ValueError(
            f"Expected both directions over the same sentences, got {shape} and "
            f"{(backward.source_length, backward.target_length)} words."
        )
    if method == "forward":
        return forward
    if method == "backward":
        return backward
    there = dict(zip(forward, forward.scores.tolist()))
    back = dict(zip(backward, backward.scores.tolist()))
    links = set(there) & set(back)
    if method == "union":
        links = set(there) | set(back)
    elif method != "intersection":
        links = grow_diag(links, list(there), list(back), method=method)
    ordered = sorted(links)
    return WordAlignment(
        ordered,
        [harmonic_mean(there.get(link, 0.0), back.get(link, 0.0)) for link in ordered],
        source_length=shape[0],
        target_length=shape[1],
    )


def grow_diag(
    intersection: set[tuple[int, int]],
    forward: list[tuple[int, int]],
    backward: list[tuple[int, int]],
    *,
    method: str,
) -> set[tuple[int, int]]:
    """Grow the intersection along the union's neighbouring links.

    method: "grow-diag"; "grow-diag-final" then adds the other links of each direction that have a word without a link,
        "grow-diag-final-and" only those of which both words have none.
    """
    union = {*forward, *backward}
    links = sorted(intersection)
    sources, targets = {i for i, _ in links}, {j for _, j in links}
    grown = True
    while grown:
        grown = False
        position = 0
        while position < len(links):
            i, j = links[position]
            for di, dj in _NEIGHBOURS:
                link = (i + di, j + dj)
                if link in union and (link[0] not in sources or link[1] not in targets):
                    # The scan goes on in reading order, over links added behind it as well: so does Moses.
                    bisect.insort(links, link)
                    position += link < (i, j)
                    sources.add(link[0])
                    targets.add(link[1])
                    grown = True
            position += 1
    added = set(links)
    for direction in () if method == "grow-diag" else (forward, backward):
        for i, j in sorted(direction):
            free = (i not in sources, j not in targets)
            if all(free) if method == "grow-diag-final-and" else any(free):
                added.add((i, j))
                sources.add(i)
                targets.add(j)
    return added


def check_symmetrization(method: str) -> None:
    """Raise ValueError unless `method` is one of SYMMETRIZATIONS."""
    if method not in SYMMETRIZATIONS:
        raise ValueError(f"Unknown symmetrization {method!r}; expected one of: {', '.join(SYMMETRIZATIONS)}.")


def harmonic_mean(a: float, b: float) -> float:
    """2ab/(a + b), and 0 where both are 0."""
    return 2 * a * b / (a + b) if a + b > 0 else 0.0
