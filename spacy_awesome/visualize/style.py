"""How text is shown and measured, and the style of drawings and pages."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable
from typing import Final

_LONGEST_WORD = 32
# Advance widths of a common sans-serif font in em. The words are drawn centred, so a few per cent do not matter.
_NARROW: Final = frozenset("iljtfrI.,;:'!|()[]{}-/\\`\"·¡ \u2018\u2019\u201c\u201d")
_BROAD: Final = frozenset("mwMW@%\u2014\u2026")


def display(text: str) -> str:
    """A word as it is shown: white space as a sign, control characters replaced, long words shortened in the middle.

    >>> display("\\n"), display("a" * 40)
    ('⏎', 'aaaaaaaaaaaaaaaaaa…aaaaaaaaaaaaa')
    """
    if not text.strip():
        return "⏎" if "\n" in text else "␣"
    if len(text) > _LONGEST_WORD:
        text = text[:18] + "…" + text[-13:]
    return printable(text)


def printable(text: str) -> str:
    """The text with each character that neither XML nor a terminal can take replaced by U+FFFD, line breaks by a space.

    >>> printable("a\\x1b[31m")
    'a�[31m'
    """
    return "".join(" " if char in "\t\r\n" else "\ufffd" if _unprintable(char) else char for char in text)


def escape(text: str) -> str:
    """The text made safe for the content and the attributes of HTML and XML.

    >>> escape('<b>"&')
    '&lt;b&gt;&quot;&amp;'
    """
    return html.escape(printable(text))


def text_width(text: str, *, font_size: float) -> float:
    """About how wide a word is when drawn, in the unit of `font_size`."""
    return font_size * sum(_em(char) for char in text)


def terminal_width(text: str) -> int:
    """Columns that a word takes in a terminal.

    >>> terminal_width("Paris"), terminal_width("巴黎")
    (5, 4)
    """
    return sum(0 if _zero_width(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def is_right_to_left(words: Iterable[str]) -> bool:
    """Whether most letters of the words belong to a script that is written from right to left.

    Seen in the letters, not in the Doc's language: pipelines for several languages have none.
    """
    classes = [unicodedata.bidirectional(char) for word in words for char in word]
    return sum(c in ("R", "AL") for c in classes) > classes.count("L")


def _unprintable(char: str) -> bool:
    return char in "\ufffe\uffff" or unicodedata.category(char) in ("Cc", "Cs")


def _zero_width(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Me", "Cf")


def _em(char: str) -> float:
    if _zero_width(char):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    if char in _NARROW:
        return 0.33
    if char in _BROAD:
        return 0.9
    return 0.67 if char.isupper() else 0.56


FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif"

# Plain colours rather than CSS variables, which many viewers of stand-alone SVG files do not know.
DIAGRAM_STYLE: Final = """
.spacy-awesome .paper { fill: #ffffff }
.spacy-awesome text { fill: #1f2937 }
.spacy-awesome .alone text { fill: #9ca3af }
.spacy-awesome .marked text { fill: #1f2937 }
.spacy-awesome text.label { fill: #6b7280; font-size: 10px; font-weight: 600; letter-spacing: 0.05em }
.spacy-awesome .link, .spacy-awesome .thread { fill: none; stroke: #94a3b8; stroke-width: 1.7; stroke-linecap: round }
.spacy-awesome .lost { stroke-width: 1.6; stroke-dasharray: 4 3 }
.spacy-awesome .box { fill: transparent }
.spacy-awesome .word { cursor: default }
.spacy-awesome .others { pointer-events: none }
.spacy-awesome .word:hover .others { visibility: visible }
.spacy-awesome .word:hover .thread, .spacy-awesome .link:hover {
  stroke: #2563eb !important; stroke-width: 2.8 !important; opacity: 1 }
.spacy-awesome .other, .spacy-awesome .word:hover .box { fill: #2563eb; fill-opacity: 0.1; stroke: #2563eb }
.spacy-awesome .cell { fill: #2563eb }
.spacy-awesome .grid { fill: none; stroke: #e5e7eb }
.spacy-awesome .chosen { fill: none; stroke: #111827; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
.spacy-awesome .paper { fill: #161b22 }
.spacy-awesome text { fill: #e5e7eb }
.spacy-awesome .alone text { fill: #7d8590 }
.spacy-awesome .marked text { fill: #1f2937 }
.spacy-awesome text.label { fill: #9ca3af }
.spacy-awesome .link, .spacy-awesome .thread { stroke: #64748b }
.spacy-awesome .word:hover .thread, .spacy-awesome .link:hover { stroke: #60a5fa !important }
.spacy-awesome .other, .spacy-awesome .word:hover .box { fill: #60a5fa; fill-opacity: 0.2; stroke: #60a5fa }
.spacy-awesome .cell { fill: #60a5fa }
.spacy-awesome .grid { stroke: #30363d }
.spacy-awesome .chosen { stroke: #f9fafb }
}
"""

PAGE_STYLE: Final = (
    f"body {{ font: 15px/1.5 {FONT} }}"
    """
:root { color-scheme: light dark }
body { margin: 0; background: #f3f4f6; color: #1f2937 }
main { max-width: 960px; margin: 0 auto; padding: 40px 16px 80px }
h1 { font-size: 24px; font-weight: 600; margin: 0 0 28px }
h2 { font-size: 13px; font-weight: 600; margin: 0 0 8px }
article { margin: 0 0 20px; padding: 16px 20px; background: #ffffff; border: 1px solid #e5e7eb; border-radius: 12px }
.drawing { overflow-x: auto }
.drawing svg { display: block; margin: 0 auto }
.muted { color: #6b7280; font-weight: 400 }
.spans { border-collapse: collapse; margin: 8px 0 0; font-size: 14px }
.spans td { padding: 3px 20px 3px 0; vertical-align: baseline }
.spans td:nth-child(3), .spans td:last-child { color: #6b7280 }
.spans td:last-child { font-variant-numeric: tabular-nums }
.spans mark { color: #1f2937; font-size: 10px; font-weight: 600; letter-spacing: 0.05em; padding: 3px 7px;
  border-radius: 5px }
.spans .reason { color: #b45309; font-style: italic }
details { margin: 12px 0 0; font-size: 13px }
summary { color: #6b7280; cursor: pointer }
@media (prefers-color-scheme: dark) {
body { background: #0d1117; color: #e5e7eb }
article { background: #161b22; border-color: #30363d }
.muted, .spans td:nth-child(3), .spans td:last-child, summary { color: #9ca3af }
.spans .reason { color: #fbbf24 }
}
"""
)


def svg(body: Iterable[str], *, width: float, height: float, name: str, font_size: float, styled: bool) -> str:
    """The elements of a drawing as one `<svg>`, on paper of its own so that it can be read on any ground.

    name: what is drawn, for those who cannot see it.
    styled: whether the drawing brings its style; one that stands in a page with DIAGRAM_STYLE need not.
    """
    style = f"<style>{DIAGRAM_STYLE}</style>\n" if styled else ""
    size = f'width="{width:.0f}" height="{height:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="spacy-awesome" role="img" aria-label="{escape(name)}" {size} '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}" font-size="{font_size:g}">\n'
        f'{style}<rect class="paper" {size} rx="10"/>\n' + "\n".join(body) + "\n</svg>"
    )
