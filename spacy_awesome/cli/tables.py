"""How figures are shown to people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any


def print_json(record: dict[str, Any]) -> None:
    """Print a result as a line of JSON, in UTF-8 whatever the terminal can show."""
    from spacy_awesome.formats.files import STANDARD_STREAM, open_output

    with open_output(STANDARD_STREAM) as stream:
        stream.write(json.dumps(record, ensure_ascii=False) + "\n")


def text_table(rows: Iterable[Sequence[str | int]], *, header: Sequence[str]) -> str:
    """Rows in columns under a header: the first column to the left, the others to the right."""
    from wasabi.tables import table

    from spacy_awesome.visualize.text import printable

    # Labels of a file may hold anything, also what a terminal would obey.
    rows = [[printable(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    aligns = ["l", *("r" for _ in header[1:])]
    return table(rows, header=header, divider=True, aligns=aligns)  # type: ignore[arg-type]
