"""What is marked in a pair: its entities and projected spans with their colours, on either side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from spacy.displacy.render import EntityRenderer
from spacy.tokens import Doc

from spacy_awesome.parallel import Parallel, checked_projections
from spacy_awesome.projection import Projection
from spacy_awesome.visualize.text import display

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
