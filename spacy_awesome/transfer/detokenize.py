"""Words back into running text, as translators expect it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

# The Penn Treebank's ways of writing brackets and quotation marks.
_TREEBANK: Final = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
_TREEBANK_QUOTES: Final = {"``": "open", "''": "close"}

_CLOSING: Final = frozenset(".,;:!?%)]}»”…") | {"...", "°", "º", "ª"}
_OPENING: Final = frozenset("([{«“¿¡$£#")
# English words that tokenisers cut off from the one before.
_CLITIC: Final = re.compile(r"(?:n['’]t|['’](?:s|re|ve|ll|d|m))$", re.IGNORECASE)


def detokenize(words: Sequence[str]) -> str:
    """The text of a sentence whose words were split by a tokeniser for English or a language with like punctuation.

    >>> detokenize('" I do n\\'t know ( yet ) , " he said .'.split())
    '"I don\\'t know (yet)," he said.'
    >>> detokenize("Germany 's farmers ' union -LRB- EU -RRB-".split())
    "Germany's farmers' union (EU)"
    """
    text = ""
    join_next = True
    quote_is_open = False
    for word in words:
        word = _TREEBANK.get(word, word)
        join, join_following = _joins(word, text)
        kind = _TREEBANK_QUOTES.get(word) or ("close" if quote_is_open else "open") if _is_quote(word) else None
        if kind is not None:
            quote_is_open = kind == "open"
            join, join_following, word = kind == "close", kind == "open", '"'
        text += word if join or join_next else f" {word}"
        join_next = join_following
    return text


def _is_quote(word: str) -> bool:
    return word == '"' or word in _TREEBANK_QUOTES


def _joins(word: str, before: str) -> tuple[bool, bool]:
    """Whether no space stands before the word, and none behind it."""
    possessive = word in ("'", "’") and before[-1:].lower() == "s"
    return word in _CLOSING or possessive or _CLITIC.match(word) is not None, word in _OPENING
