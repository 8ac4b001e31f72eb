"""A pair as text for the terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from spacy.tokens import Doc
from wasabi.util import color as paint

from spacy_awesome.tokens.pair import checked_alignment, checked_projections, pair_words, require_parallel
from spacy_awesome.tokens.projection import Projection
from spacy_awesome.tokens.word_alignment import WordAlignment
from spacy_awesome.visualize.layout import LabelColors, Mark, lanes, reason_text, shown, source_marks, target_marks
from spacy_awesome.visualize.style import display, printable, terminal_width

_BLACK = 16
_GREY = 244


def render_terminal(doc: Doc, *, color: bool = True, width: int = 80, colors: Mapping[str, str] | None = None) -> str:
    """A pair as lines of text: both sentences, each source word above the words it is linked to, and the spans.

    color: mark spans with ANSI colours; without, they stand in brackets with their label.
    width: columns, at which the words under each other are broken.
    colors: colour for each label as #rrggbb, as in displaCy, whose own colours are the default.
    Raises ValueError at a Doc without a source.

    >>> import spacy
    >>> from spacy_awesome import Parallel, WordAlignment
    >>> doc = spacy.blank("es")("Una casa roja")
    >>> links = WordAlignment.from_pharaoh("0-0 1-2 2-1", source_length=3, target_length=3)
    >>> doc._.parallel = Parallel(spacy.blank("en")("A red house"), links)
    >>> print(render_terminal(doc, color=False))
    A red house
    Una casa roja
    <BLANKLINE>
      A     red   house
      Una   roja  casa
      1.00  1.00  1.00
    """
    pair = require_parallel(doc)
    alignment, projections = checked_alignment(doc, pair), checked_projections(doc, pair)
    pen = _Pen(color, LabelColors(colors))
    source, target = pair_words(doc)
    blocks = ["\n".join((pen.sentence(source, source_marks(doc, pair)), pen.sentence(target, target_marks(doc, pair))))]
    if alignment is None:
        blocks.append("  " + pen.grey("not aligned"))
    elif source:
        blocks.append(_columns(source, target, alignment, pen, width))
    if projections:
        blocks.append("\n".join(_span_line(p, source, target, pen) for p in projections))
    return "\n\n".join(blocks)


class _Pen:
    """Writes spans in colour, or in brackets where there are no colours."""

    def __init__(self, color: bool, palette: LabelColors) -> None:
        self._color = color
        self._palette = palette

    def grey(self, text: str) -> str:
        return paint(text, fg=_GREY) if self._color and text else text

    def label(self, text: str, label: str) -> str:
        return paint(text, fg=_BLACK, bg=_ansi(self._palette[label])) if self._color else text

    def sentence(self, words: Sequence[str], marks: Sequence[Mark]) -> str:
        """The words with their spans; of overlapping ones the longest are shown."""
        starts = {mark.start: mark for mark in (lanes(marks) or [[]])[0]}
        pieces, at = [], 0
        while at < len(words):
            mark = starts.get(at)
            end = at + 1 if mark is None else mark.end
            text = shown(words, at, end)
            if mark is not None:
                name = printable(mark.label)
                text = self.label(f" {text} {name} ", mark.label) if self._color else f"[{text} {name}]"
            pieces.append(text)
            at = end
        return " ".join(pieces)


def _columns(source: Sequence[str], target: Sequence[str], alignment: WordAlignment, pen: _Pen, width: int) -> str:
    """Each source word, the target words that it is linked to and the best score, in lines no longer than `width`."""
    scores: dict[int, float] = {}
    for (i, _), score in zip(alignment, alignment.scores.tolist()):
        scores[i] = max(score, scores.get(i, 0.0))
    columns = []
    for i, (word, linked) in enumerate(zip(source, alignment.source_view())):
        below = " ".join(display(target[j]) for j in linked) or "·"
        columns.append((display(word), below, f"{scores[i]:.2f}" if i in scores else ""))
    lines: list[list[tuple[str, ...]]] = [[]]
    used = 0
    for column in columns:
        wide = max(map(terminal_width, column)) + 2
        if lines[-1] and used + wide > width:
            lines.append([])
            used = 0
        lines[-1].append(column)
        used += wide
    blocks = ["\n".join(_row(line, number, pen) for number in range(3)) for line in lines]
    alone = [display(target[j]) for j, linked in enumerate(alignment.target_view()) if not len(linked)]
    return "\n\n".join(blocks + ([pen.grey("  without a link: ") + " ".join(alone)] if alone else []))


def _row(columns: Sequence[tuple[str, ...]], number: int, pen: _Pen) -> str:
    cells = []
    for column in columns:
        wide = max(map(terminal_width, column))
        cells.append(column[number] + " " * (wide - terminal_width(column[number])))
    line = ("  " + "  ".join(cells)).rstrip()
    return pen.grey(line) if number == 2 else line


def _span_line(projection: Projection, source: Sequence[str], target: Sequence[str], pen: _Pen) -> str:
    label = pen.label(f" {printable(projection.label)} ", projection.label)
    text = shown(source, projection.source_start, projection.source_end)
    if not projection.projected:
        return f" {label} {text} ✕ {pen.grey(f'lost: {reason_text(projection)}')}"
    there = shown(target, projection.target_start, projection.target_end)
    return f" {label} {text} → {there} {pen.grey(f'{projection.score:.2f}')}"


def _ansi(color: str) -> int:
    """The nearest of the 216 colours of a terminal to a CSS colour #rgb or #rrggbb; light grey for any other.

    >>> _ansi("#ff0000"), _ansi("#fff")
    (196, 231)
    """
    if not re.fullmatch(r"#([0-9a-fA-F]{3}){1,2}", color):
        return 252
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    red, green, blue = (round(int(digits[at : at + 2], 16) / 51) for at in (0, 2, 4))
    return 16 + 36 * red + 6 * green + blue
