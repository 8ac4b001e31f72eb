"""Tables of results: printed, kept as JSON, and put into the documentation."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from spacy_awesome.formats.files import open_output

RESULTS = Path(__file__).parent / "results"
DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"


@dataclass
class Table:
    """One table: a row is a mapping of columns to values; columns that a row lacks stay empty."""

    title: str
    columns: Sequence[str]
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, **values: Any) -> None:
        self.rows.append(values)
        print(", ".join(f"{name} {_cell(value)}" for name, value in values.items()), file=sys.stderr, flush=True)

    def markdown(self) -> str:
        header = f"| {' | '.join(column.replace('_', ' ') for column in self.columns)} |"
        lines = [header, "|" + " --- |" * len(self.columns)]
        for row in self.rows:
            lines.append(f"| {' | '.join(_cell(row.get(column)) for column in self.columns)} |")
        return f"{self.title}:\n\n" + "\n".join(lines)


def publish(name: str, tables: Sequence[Table], *, document: bool) -> None:
    """Print the tables, keep them as JSON, and, if `document`, replace those between the document's markers."""
    text = "\n\n".join(table.markdown() for table in tables)
    print(f"\n## {name}\n\n{text}\n", flush=True)
    RESULTS.mkdir(exist_ok=True)
    content = {"machine": machine(), "tables": [{"title": table.title, "rows": table.rows} for table in tables]}
    with open_output(RESULTS / f"{name}.json") as stream:
        stream.write(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    if document:
        marker = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        old = DOCUMENT.read_text(encoding="utf-8")
        with open_output(DOCUMENT) as stream:
            stream.write(marker.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", old))


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load": [round(load, 1) for load in os.getloadavg()],
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return found[1] if found else platform.processor()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return (
        f"{value:,.3g}"
        if isinstance(value, float) and abs(value) < 1000
        else f"{value:,.0f}"
        if isinstance(value, (int, float))
        else str(value)
    )
