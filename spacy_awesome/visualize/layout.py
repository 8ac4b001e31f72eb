"""The places of things in a drawing: marks of spans in lanes, and words in bands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from spacy.displacy.render import EntityRenderer
from spacy.tokens import Doc

from spacy_awesome.tokens.pair import Parallel, checked_projections
from spacy_awesome.tokens.projection import Projection
from spacy_awesome.visualize.style import display

# displaCy's palette knows OntoNotes' labels; these are the nearest to CoNLL's.
_CONLL_LABELS = {"PER": "PERSON", "MISC": "NORP"}


class LabelColors:
    """displaCy's colour for each label, with the user's own (`registry.displacy_colors`) and those given here.

    colors: CSS colour for a label, as displaCy's option of this name.

    >>> LabelColors({"SHIP": "#aabbcc"})["ship"]
    '#aabbcc'
    """

    def __init__(self, colors: Mapping[str, str] | None = None) -> None:
        # displaCy itself draws running text; of its renderer only the palette fits words at fixed places.
        renderer = EntityRenderer({"colors": dict(colors or {})})
        conll = {label: renderer.colors[like] for label, like in _CONLL_LABELS.items()}
        self._colors: dict[str, str] = conll | renderer.colors
        self._default: str = renderer.default_color

    def __getitem__(self, label: str) -> str:
        return self._colors.get(label.upper(), self._default)


@dataclass(frozen=True, slots=True)
class Mark:
    """A span to be marked in one sentence: words [start, end), its label, and what is said about it on hover."""

    start: int
    end: int
    label: str
    note: str
    lost: bool = False


def source_marks(doc: Doc, pair: Parallel) -> list[Mark]:
    """The source's entities and every other source span that was to be projected."""
    projections = checked_projections(doc, pair)
    fates = {(p.source_start, p.source_end): _fate(p) for p in projections}
    lost = {(p.source_start, p.source_end) for p in projections}
    lost -= {(p.source_start, p.source_end) for p in projections if p.projected}
    spans = [(ent.start, ent.end, ent.label_) for ent in pair.source.ents]
    # The target's label may be another one; a span that is an entity is not marked a second time.
    known = {span[:2] for span in spans}
    spans += [
        (p.source_start, p.source_end, p.label) for p in projections if (p.source_start, p.source_end) not in known
    ]
    return [
        Mark(start, end, label, fates.get((start, end), ""), (start, end) in lost)
        for start, end, label in dict.fromkeys(spans)
    ]


def target_marks(doc: Doc, pair: Parallel) -> list[Mark]:
    """The target's entities and every other projected span."""
    projections = checked_projections(doc, pair)
    scores = {(p.target_start, p.target_end, p.label): _fate(p) for p in projections if p.projected}
    spans = [(ent.start, ent.end, ent.label_) for ent in doc.ents]
    spans += [
        (p.target_start, p.target_end, p.label)
        for p in projections
        if p.target_start is not None and p.target_end is not None
    ]
    return [Mark(start, end, label, scores.get((start, end, label), "")) for start, end, label in dict.fromkeys(spans)]


def lanes(marks: Iterable[Mark]) -> list[list[Mark]]:
    """Spread marks over as few lanes as keep overlapping ones apart; the longest come first.

    >>> [len(lane) for lane in lanes([Mark(0, 2, "A", ""), Mark(1, 4, "B", ""), Mark(4, 5, "C", "")])]
    [2, 1]
    """
    spread: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda m: (m.start - m.end, m.start)):
        for lane in spread:
            if all(mark.end <= other.start or other.end <= mark.start for other in lane):
                lane.append(mark)
                break
        else:
            spread.append([mark])
    return spread


def shown(words: Sequence[str], start: int | None, end: int | None) -> str:
    """The words [start, end) as one shown text."""
    return " ".join(display(word) for word in words[start:end])


def reason_text(projection: Projection) -> str:
    """Why a span was lost, in words."""
    return (projection.reason or "").replace("_", " ")


def _fate(projection: Projection) -> str:
    if projection.projected:
        return f"projected, score {projection.score:.2f}"
    return f"lost: {reason_text(projection)}"


# What a cut between two bands costs: see `_next_cut`.
_CUT_MARK = 2.0
_UNEVEN = 6.0
# Where words change places over the whole sentence, the cheapest cut would be behind the first word.
_LEAST_FULL = 0.6


@dataclass(frozen=True, slots=True)
class Band:
    """Source words [source_start, source_end) drawn above target words [target_start, target_end)."""

    source_start: int
    source_end: int
    target_start: int
    target_end: int


def bands(
    source_widths: Sequence[float],
    target_widths: Sequence[float],
    links: npt.NDArray[np.int32],
    *,
    width: float,
    source_cuts: Sequence[float],
    target_cuts: Sequence[float],
) -> list[Band]:
    """Break a pair into bands no wider than `width`, where few links lead from one band into another.

    source_widths, target_widths: width of each word with the gap that follows it.
    links: (n, 2) source and target word.
    source_cuts, target_cuts: how bad a break before each word is (spans that it cuts), one more value for the end.
    A word wider than `width` stands alone on its side.

    >>> bands([50] * 4, [50] * 4, np.array([(0, 0), (3, 3)]), width=100, source_cuts=[0] * 5, target_cuts=[0] * 5)
    [Band(source_start=0, source_end=2, target_start=0, target_end=2), \
Band(source_start=2, source_end=4, target_start=2, target_end=4)]
    """
    sides = tuple(np.concatenate(([0.0], np.cumsum(widths))) for widths in (source_widths, target_widths))
    cuts = (np.asarray(source_cuts, dtype=float), np.asarray(target_cuts, dtype=float))
    ends = (len(source_widths), len(target_widths))
    broken = []
    here = (0, 0)
    while here != ends:
        there = _next_cut(here, sides, links, cuts, width)
        broken.append(Band(here[0], there[0], here[1], there[1]))
        here = there
    return broken


def _next_cut(
    here: tuple[int, int],
    sides: tuple[npt.NDArray[np.float64], ...],
    links: npt.NDArray[np.int32],
    cuts: tuple[npt.NDArray[np.float64], ...],
    width: float,
) -> tuple[int, int]:
    """The best end of the band that begins at `here`: links torn + spans torn + distance from lines of even length."""
    furthest, taken, shares = [], [], []
    lines = max(math.ceil((side[-1] - side[at]) / width) for side, at in zip(sides, here))
    for side, at in zip(sides, here):
        last = len(side) - 1
        reach = max(int(np.searchsorted(side, side[at] + width, side="right")) - 1, min(at + 1, last))
        furthest.append(reach)
        taken.append(side[at : reach + 1] - side[at])
        shares.append((side[-1] - side[at]) / lines)
    if furthest == [len(side) - 1 for side in sides]:
        return furthest[0], furthest[1]
    uneven = [_UNEVEN * ((wide - share) / max(share, 1.0)) ** 2 for wide, share in zip(taken, shares)]
    cost = _torn_links(here, furthest, links) + uneven[0][:, None] + uneven[1][None, :]
    cost += _CUT_MARK * cuts[0][here[0] : furthest[0] + 1, None] + _CUT_MARK * cuts[1][None, here[1] : furthest[1] + 1]
    full = taken[0][:, None] + taken[1][None, :]
    cost[full < min(_LEAST_FULL * sum(shares), full[-1, -1])] = np.inf
    rows, columns = np.unravel_index(int(cost.argmin()), cost.shape)
    return here[0] + int(rows), here[1] + int(columns)


def _torn_links(
    here: tuple[int, int], furthest: Sequence[int], links: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    """For each place where the band may end, the links that have one word before it and one behind it."""
    rows, columns = furthest[0] - here[0] + 1, furthest[1] - here[1] + 1
    # Word k is before a cut at c if k < c: counting it at k + 1 makes the running sums count exactly those.
    at = np.clip(links + 1 - np.array(here), 0, (rows, columns))
    counts = np.zeros((rows + 1, columns + 1))
    np.add.at(counts, (at[:, 0], at[:, 1]), 1)
    before = counts.cumsum(axis=0).cumsum(axis=1)
    before_source, before_target, before_both = before[:rows, -1:], before[-1:, :columns], before[:rows, :columns]
    torn: npt.NDArray[np.float64] = before_source + before_target - 2 * before_both
    return torn
