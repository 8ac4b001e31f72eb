"""How a word is shown: escaping, width, direction of writing."""

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
