"""A pair as a drawing: source above target, links as curves, entities in colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from spacy.tokens import Doc

from spacy_awesome.tokens.pair import checked_alignment, checked_projections, pair_words, require_parallel
from spacy_awesome.tokens.projection import Projection
from spacy_awesome.tokens.word_alignment import WordAlignment
from spacy_awesome.visualize.layout import Band, LabelColors, Mark, bands, lanes, source_marks, target_marks
from spacy_awesome.visualize.style import display, escape, is_right_to_left, svg, text_width

_FONT_SIZE: Final = 15.0
_GAP: Final = 10.0
_MARGIN: Final = 16.0
_ROW: Final = 26.0
_LANE: Final = 16.0
_LINKS: Final = 76.0
_BETWEEN_BANDS: Final = 22.0


@dataclass(frozen=True, slots=True)
class Word:
    """A word in its place: its text, the middle and the width of its box, the top of its row."""

    text: str
    x: float
    width: float
    y: float


@dataclass(frozen=True, slots=True)
class Side:
    """One sentence as it is to be drawn; `top` at the source, whose labels stand above its words."""

    words: Sequence[str]
    widths: Sequence[float]
    marks: Sequence[Sequence[Mark]]
    right_to_left: bool
    top: bool

    @property
    def label_height(self) -> float:
        """Height that the labels of the marks take, beside the row of words."""
        return _LANE * len(self.marks)


def link_diagram(doc: Doc, *, width: int = 920, colors: Mapping[str, str] | None = None, styled: bool = True) -> str:
    """Draw a pair as a self-contained SVG: readable in light and dark, without scripts or anything from elsewhere.

    doc: a target Doc with its source; links and spans are drawn where there are any.
    width: greatest width in pixels; longer pairs are broken into bands where few links lead from one to another.
    colors: CSS colour for each label, as in displaCy, whose own colours are the default.
    styled: False leaves the style to a page that has it.
    Returns one `<svg>` element. A link's opacity is its score, links inside a projected span have the span's colour,
    "possible" links are dashed, lost spans have a dashed frame. On hover: scores, and the words linked to a word.
    Raises ValueError at a Doc without a source.

    >>> import spacy
    >>> from spacy_awesome import Parallel, WordAlignment
    >>> doc = spacy.blank("es")("Una casa")
    >>> links = WordAlignment.from_pharaoh("0-0 1-1", source_length=2, target_length=2)
    >>> doc._.parallel = Parallel(spacy.blank("en")("A house"), links)
    >>> link_diagram(doc).count('class="link"')
    2
    """
    pair = require_parallel(doc)
    source_words, target_words = pair_words(doc)
    alignment = checked_alignment(doc, pair)
    if alignment is None:
        alignment = WordAlignment([], source_length=len(source_words), target_length=len(target_words))
    palette = LabelColors(colors)
    source = _side(source_words, source_marks(doc, pair), top=True)
    target = _side(target_words, target_marks(doc, pair), top=False)
    broken = bands(
        source.widths,
        target.widths,
        alignment.pairs,
        width=max(width - 2 * _MARGIN, 1.0),
        source_cuts=_cuts(source),
        target_cuts=_cuts(target),
    )
    words, size = _place(source, target, broken)
    links = _Links(alignment, words, broken, _link_colors(checked_projections(doc, pair), alignment, palette))
    body = ["<g>", *links.draw_all(), "</g>"]
    for number, side in enumerate((source, target)):
        body += [drawn for lane in enumerate(side.marks) for drawn in _draw_marks(lane, side, words[number], palette)]
    for number, side in enumerate((source, target)):
        body += [links.draw_word(number, index, side) for index in range(len(side.words))]
    name = f"{' '.join(source.words)} → {' '.join(target.words)}"
    return svg(body, width=size[0], height=size[1], name=name, font_size=_FONT_SIZE, styled=styled)


class _Links:
    """Draws links, over all words and once more with each word that they belong to, there shown on hover only."""

    def __init__(
        self,
        alignment: WordAlignment,
        words: tuple[list[Word], list[Word]],
        broken: Sequence[Band],
        colors: dict[tuple[int, int], str],
    ) -> None:
        self._links = list(alignment)
        self._scores = alignment.scores.tolist()
        self._sure = alignment.sure.tolist()
        self._words = words
        self._colors = colors
        self._band_of = tuple(
            np.repeat(np.arange(len(broken)), [end - start for start, end in zip(starts, ends)])
            for starts, ends in (
                ([b.source_start for b in broken], [b.source_end for b in broken]),
                ([b.target_start for b in broken], [b.target_end for b in broken]),
            )
        )
        self._of_word: tuple[dict[int, list[int]], dict[int, list[int]]] = ({}, {})
        for number, link in enumerate(self._links):
            for side in (0, 1):
                self._of_word[side].setdefault(link[side], []).append(number)

    def draw_all(self) -> list[str]:
        """Every link, from the weakest to the strongest, so that the strong ones lie on top."""
        order = sorted(range(len(self._links)), key=self._scores.__getitem__)
        return [self._draw(number, "link", f"<title>{escape(self._describe(number))}</title>") for number in order]

    def draw_word(self, side: int, index: int, row: Side) -> str:
        """A word that shows its own links and their other ends when the pointer is over it."""
        word = self._words[side][index]
        numbers = self._of_word[side].get(index, [])
        lines = [self._describe(number) for number in numbers] or [f"{word.text}: no link"]
        title = "\n".join(map(escape, lines))
        counterparts = []
        for number in numbers:
            other = self._words[1 - side][self._links[number][1 - side]]
            counterparts += [self._draw(number, "thread"), f'<rect class="other" {_box(other)}/>']
        direction = ' direction="rtl"' if row.right_to_left else ""
        linked = "" if numbers else " alone"
        on_mark = any(mark.start <= index < mark.end and not mark.lost for lane in row.marks[:1] for mark in lane)
        return (
            f'<g class="word{linked}{" marked" if on_mark else ""}"><title>{title}</title>'
            f'<rect class="box" {_box(word)}/>'
            f'<text x="{word.x:.1f}" y="{word.y + _ROW - 8:.1f}" text-anchor="middle"{direction}>'
            f"{escape(display(word.text))}</text>"
            f'<g class="others" visibility="hidden">{"".join(counterparts)}</g></g>'
        )

    def _describe(self, number: int) -> str:
        i, j = self._links[number]
        kind = "" if self._sure[number] else " (possible)"
        return f"{self._words[0][i].text} — {self._words[1][j].text}: {self._scores[number]:.2f}{kind}"

    def _draw(self, number: int, name: str, content: str = "") -> str:
        i, j = self._links[number]
        source, target = self._words[0][i], self._words[1][j]
        bands_between = int(self._band_of[1][j]) - int(self._band_of[0][i])
        # A target in a band above is reached from the source word's upper side, through the space between the bands.
        y1, y2 = (source.y, target.y + _ROW) if bands_between < 0 else (source.y + _ROW, target.y)
        bend = (y2 - y1) / 2
        path = f"M{source.x:.1f},{y1:.1f}C{source.x:.1f},{y1 + bend:.1f} {target.x:.1f},{y2 - bend:.1f} "
        path += f"{target.x:.1f},{y2:.1f}"
        style = f' style="stroke:{escape(self._colors[i, j])};stroke-width:2.6"' if (i, j) in self._colors else ""
        style += "" if self._sure[number] else ' stroke-dasharray="5 4"'
        strength = (0.2 + 0.8 * min(max(self._scores[number], 0.0), 1.0)) * (0.45 if bands_between else 1.0)
        opacity = f' opacity="{strength:.2f}"' if name == "link" else ""
        return f'<path class="{name}" d="{path}"{style}{opacity}>{content}</path>'


def _side(words: Sequence[str], marks: Sequence[Mark], *, top: bool) -> Side:
    widths = [text_width(display(word), font_size=_FONT_SIZE) + _GAP for word in words]
    return Side(words, widths, lanes(marks), is_right_to_left(words), top)


def _cuts(side: Side) -> list[float]:
    """How bad a break before each word is: one for each mark that it cuts, and a half if it follows no punctuation."""
    marks = [mark for lane in side.marks for mark in lane]
    cuts = [float(sum(mark.start < at < mark.end for mark in marks)) for at in range(len(side.words) + 1)]
    return [cut + 0.5 * any(map(str.isalnum, word)) for cut, word in zip(cuts, ["", *side.words])]


def _place(
    source: Side, target: Side, broken: Sequence[Band]
) -> tuple[tuple[list[Word], list[Word]], tuple[float, float]]:
    """Words of both sides in their places, and the size of the drawing."""
    rows = [
        (sum(source.widths[b.source_start : b.source_end]), sum(target.widths[b.target_start : b.target_end]))
        for b in broken
    ]
    width = max((max(row) for row in rows), default=0.0) + 2 * _MARGIN
    places: tuple[list[Word], list[Word]] = ([], [])
    y = _MARGIN
    for band, taken in zip(broken, rows):
        tops = (y + source.label_height, y + source.label_height + _ROW + _LINKS)
        spans = ((band.source_start, band.source_end), (band.target_start, band.target_end))
        for side, (start, end), row, top, place in zip((source, target), spans, taken, tops, places):
            x = (width - row) / 2
            for text, wide in zip(side.words[start:end], side.widths[start:end]):
                middle = x + wide / 2
                place.append(Word(text, width - middle if side.right_to_left else middle, wide - 3, top))
                x += wide
        y = tops[1] + _ROW + target.label_height + _BETWEEN_BANDS
    return places, (width, max(y - _BETWEEN_BANDS, _MARGIN) + _MARGIN)


def _draw_marks(lane: tuple[int, Sequence[Mark]], side: Side, words: Sequence[Word], palette: LabelColors) -> list[str]:
    """The spans of one lane: in the first one as boxes behind the words, in the others as bars; labels outside."""
    number, marks = lane
    drawn = []
    for mark in marks:
        color = escape(palette[mark.label])
        note = escape(f"{mark.label}: {mark.note}" if mark.note else mark.label)
        for part in _parts(words[mark.start : mark.end]):
            left = min(word.x - word.width / 2 for word in part)
            right = max(word.x + word.width / 2 for word in part)
            y = part[0].y
            edge = y - number * _LANE if side.top else y + _ROW + number * _LANE
            if number == 0:
                name, place = ("lost", 1.0) if mark.lost else ("mark", 0.0)
                frame = f'x="{left + place:.1f}" y="{y + place:.1f}" width="{right - left - 2 * place:.1f}"'
                box = f'<rect class="{name}" {frame} height="{_ROW - 2 * place:.1f}" rx="6" '
                box += f'stroke="{color}" fill="none"/>' if mark.lost else f'fill="{color}"/>'
            else:
                bar = edge + 2 if side.top else edge - 2
                box = f'<path class="{"lost" if mark.lost else "mark"}" d="M{left:.1f},{bar:.1f}H{right:.1f}" '
                box += f'stroke="{color}" stroke-width="3" fill="none"/>'
            label_y = edge - 5 if side.top else edge + 12
            label = f'<text class="label" x="{(left + right) / 2:.1f}" y="{label_y:.1f}" text-anchor="middle">'
            drawn.append(f"<g><title>{note}</title>{box}{label}{escape(mark.label)}</text></g>")
    return drawn


def _parts(words: Sequence[Word]) -> list[list[Word]]:
    """The words of a span, row by row."""
    rows: dict[float, list[Word]] = {}
    for word in words:
        rows.setdefault(word.y, []).append(word)
    return list(rows.values())


def _link_colors(
    projections: Sequence[Projection], alignment: WordAlignment, palette: LabelColors
) -> dict[tuple[int, int], str]:
    """The colour of each link that leads from inside a source span to inside the span it was projected to."""
    return {
        (i, j): palette[p.label]
        for p in projections
        if p.target_start is not None and p.target_end is not None
        for i, j in alignment
        if p.source_start <= i < p.source_end and p.target_start <= j < p.target_end
    }


def _box(word: Word) -> str:
    left, width = word.x - word.width / 2, max(word.width, 1.0)
    return f'x="{left:.1f}" y="{word.y:.1f}" width="{width:.1f}" height="{_ROW:.0f}" rx="6"'
