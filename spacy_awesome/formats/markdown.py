"""Text of others inside Markdown."""

from __future__ import annotations

import re

# What may begin a tag, an entity, emphasis, code, a link, a cell of a table or a heading; `:` keeps addresses from
# becoming links.
_SIGNS = re.compile(r"([\\`*_<>&#\[\]|!~:])")


def escape_markdown(text: str) -> str:
    """The text as one line, with nothing in it that Markdown, or the HTML in it, would read as its own.

    >>> escape_markdown("a|b\\n<script>")
    'a\\\\|b \\\\<script\\\\>'
    """
    shown = "".join(char if char.isprintable() else "\ufffd" for char in " ".join(text.split()))
    return _SIGNS.sub(r"\\\1", shown)
