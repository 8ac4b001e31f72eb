"""How figures are shown to people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def text_table(rows: Iterable[Sequence[str | int]], *, header: Sequence[str]) -> str:
    """Rows in columns under a header: the first column to the left, the others to the right."""
    from wasabi.tables import table

    aligns = ["l", *("r" for _ in header[1:])]
    return table(list(rows), header=header, divider=True, aligns=aligns)  # type: ignore[arg-type]
