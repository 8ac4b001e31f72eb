"""Which source span gets which of its candidates, when no target token may be given twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from spacy_awesome.projection.candidates import Candidate

ASSIGNMENTS: Final = ("greedy", "exact")

# Scores are rounded to 12 decimals; a total that is higher by less than this is equal but for rounding.
_TOLERANCE = 1e-9
# HiGHS stops at an absolute gap of 1e-6. Scores are scaled so that this gap lies far below any difference of scores.
_OBJECTIVE_SCALE = 1e4


def assign(candidates: Sequence[Sequence[Candidate]], method: str = "greedy") -> list[Candidate | None]:
    """Give each source span at most one of its candidates, and each target token to at most one source span.

    candidates: for each source span, in order of preference between equals.
    method: "greedy" (best score first) or "exact" (maximum total score).
    Raises ValueError if the method is unknown.

    >>> spans = [[Candidate(0.9, 0, 2), Candidate(0.5, 0, 1)], [Candidate(0.8, 1, 2)]]
    >>> [c and (c.start, c.end) for c in assign(spans, "greedy")]
    [(0, 2), None]
    >>> [c and (c.start, c.end) for c in assign(spans, "exact")]
    [(0, 1), (1, 2)]
    """
    if method not in ASSIGNMENTS:
        raise ValueError(f"Unknown assignment {method!r}; expected one of: {', '.join(ASSIGNMENTS)}.")
    # Mostly spans want different tokens, and then there is nothing to decide.
    preferred = [best_candidate(options) for options in candidates]
    if _disjoint(preferred):
        return preferred
    return assign_greedily(candidates) if method == "greedy" else assign_exactly(candidates)


def best_candidate(options: Sequence[Candidate]) -> Candidate | None:
    """The best scored of a source span's candidates; of equals the longest, then the one furthest left."""
    if len(options) == 1:
        return options[0]
    return min(options, key=lambda c: (-c.score, c.start - c.end, c.start), default=None)


def assign_greedily(candidates: Sequence[Sequence[Candidate]]) -> list[Candidate | None]:
    """Take candidates by falling score, each if its source span has none yet and its target tokens are all free.

    Of equal scores the earlier source span goes first; of one span's the longer candidate, then the one further left.
    """
    ordered = sorted(
        (-candidate.score, index, candidate.start - candidate.end, candidate.start)
        for index, options in enumerate(candidates)
        for candidate in options
    )
    assigned: list[Candidate | None] = [None] * len(candidates)
    taken = bytearray(max((c.end for options in candidates for c in options), default=0))
    for negative_score, index, negative_length, start in ordered:
        end = start - negative_length
        if assigned[index] is None and taken.find(1, start, end) == -1:
            assigned[index] = Candidate(-negative_score, start, end)
            taken[start:end] = b"\x01" * (end - start)
    return assigned


def assign_exactly(candidates: Sequence[Sequence[Candidate]]) -> list[Candidate | None]:
    """The assignment with the highest sum of scores, by integer programming (HiGHS).

    Source spans that share no target token, directly or through others, are solved apart. Where the greedy assignment
    is already optimal it is the one returned; among other optima, the solver's choice, the same for the same input.
    The problem is NP-hard in general: hundreds of spans that all compete for the same tokens can take long.
    Raises RuntimeError if the solver gives up.
    """
    assigned = assign_greedily(candidates)
    contested = [not _has_best(options, choice) for options, choice in zip(candidates, assigned, strict=True)]
    if not any(contested):
        return assigned
    options = [_undominated(group) for group in candidates]
    # A group's greedy spans may stay while another group is solved: they too must not overlap across groups.
    intervals = [[*options[i], *filter(None, [assigned[i]])] for i in range(len(candidates))]
    for group in _overlapping(intervals):
        if not any(contested[i] for i in group):
            continue
        solution = _solve([options[i] for i in group])
        if _total(solution) > _total(assigned[i] for i in group) + _TOLERANCE:
            for i, choice in zip(group, solution, strict=True):
                assigned[i] = choice
    return assigned


def _disjoint(candidates: Sequence[Candidate | None]) -> bool:
    reach = 0
    for start, end in sorted((c.start, c.end) for c in candidates if c is not None):
        if start < reach:
            return False
        reach = end
    return True


def _overlapping(candidates: Sequence[Sequence[Candidate]]) -> list[list[int]]:
    """Groups of source spans whose candidates overlap, directly or through other spans' candidates."""
    parents = list(range(len(candidates)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    reach, last = 0, 0
    for start, end, index in sorted((c.start, c.end, i) for i, options in enumerate(candidates) for c in options):
        if start < reach:
            parents[root(index)] = root(last)
        reach, last = max(reach, end), index
    groups: dict[int, list[int]] = {}
    for index in range(len(candidates)):
        groups.setdefault(root(index), []).append(index)
    return list(groups.values())


def _has_best(options: Sequence[Candidate], choice: Candidate | None) -> bool:
    return not options or (choice is not None and choice.score >= max(option.score for option in options))


def _undominated(options: Sequence[Candidate]) -> list[Candidate]:
    """Candidates without another candidate of the same source span inside them that scores as high."""
    kept: list[Candidate] = []
    for candidate in sorted(options, key=lambda c: (c.end - c.start, c.start)):
        if not any(k.score >= candidate.score and candidate.start <= k.start and k.end <= candidate.end for k in kept):
            kept.append(candidate)
    return kept


def _solve(options: Sequence[Sequence[Candidate]]) -> list[Candidate | None]:
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    choices = [(index, candidate) for index, group in enumerate(options) for candidate in group]
    constraints = csr_array(_constraints(choices, len(options)))
    result = milp(
        [-candidate.score * _OBJECTIVE_SCALE for _, candidate in choices],
        integrality=np.ones(len(choices)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(constraints, ub=1),
        options={"mip_rel_gap": 0},
    )
    if result.x is None or not result.success:
        raise RuntimeError(
            f"The exact assignment of {len(options)} spans with {len(choices)} candidates was not solved: "
            f"{result.message} Use the greedy assignment."
        )
    solution: list[Candidate | None] = [None] * len(options)
    for (index, candidate), chosen in zip(choices, result.x, strict=True):
        if chosen > 0.5:
            solution[index] = candidate
    return solution


def _constraints(choices: Sequence[tuple[int, Candidate]], spans: int) -> npt.NDArray[np.float64]:
    """One row for each source span and each target token; each row's candidates exclude one another.

    Only tokens at which some candidate starts have a row: two intervals overlap if and only if one holds the other's
    start.
    """
    owners = np.array([index for index, _ in choices])
    starts = np.array([candidate.start for _, candidate in choices])
    ends = np.array([candidate.end for _, candidate in choices])
    tokens = np.unique(starts)[:, None]
    owned = owners == np.arange(spans)[:, None]
    return np.concatenate((owned, (starts <= tokens) & (tokens < ends))).astype(np.float64)


def _total(assigned: Iterable[Candidate | None]) -> float:
    return sum(candidate.score for candidate in assigned if candidate is not None)
