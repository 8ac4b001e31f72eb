"""Standard output that can't hold every character, and interrupts after the work is done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CONLL = "Άννα B-PER\nζει O\n\n"


def start(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from spacy_awesome.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, check=False)


LOCALES = [
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]


@pytest.mark.parametrize("environment", LOCALES)
def test_figures_are_printed_whatever_the_terminal_can_show(tmp_path: Path, environment: dict[str, str]) -> None:
    labelled = tmp_path / "a.conll"
    labelled.write_text(CONLL.replace("PER", "ΑΝΘ"), encoding="utf-8")
    table = start("evaluate", "spans", labelled, labelled, **environment)
    assert (table.returncode, table.stderr) == (0, b"")
    assert b"100.00" in table.stdout
    result = start("evaluate", "spans", labelled, labelled, "--json", **environment)
    assert result.returncode == 0
    assert list(json.loads(result.stdout.decode("utf-8"))["per_label"]) == ["ΑΝΘ"]


@pytest.mark.parametrize("environment", LOCALES)
def test_drawings_and_summaries_are_printed_and_outputs_are_utf8(tmp_path: Path, environment: dict[str, str]) -> None:
    source, target, links, pairs = (tmp_path / name for name in ("a.conll", "päirs.txt", "links", "pairs"))
    source.write_text(CONLL.replace("PER", "ΑΝΘ"), encoding="utf-8")
    target.write_text("Anna lives\n", encoding="utf-8")
    links.write_text("0-0 1-1\n")
    pairs.write_text("Άννα ζει ||| Anna lives\n", encoding="utf-8")
    drawn = start("render", pairs, "--terminal", "--links", links, **environment)
    assert (drawn.returncode, drawn.stderr) == (0, b"")
    assert b"Anna" in drawn.stdout
    projected = start("project", source, target, tmp_path / "out.conll", "--links", links, **environment)
    assert (projected.returncode, projected.stderr) == (0, b"")
    assert (tmp_path / "out.conll").read_text(encoding="utf-8") == "Anna\tB-ΑΝΘ\nlives\tO\n\n"
    printed = start("convert", pairs, "-", "--from", "pipes", "--to", "tsv", **environment)
    assert printed.stdout.decode("utf-8") == "Άννα ζει\tAnna lives\n"


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_after_the_work_prints_no_traceback(tmp_path: Path, kind: signal.Signals) -> None:
    source = tmp_path / "a.conll"
    source.write_text(CONLL, encoding="utf-8")
    code = (
        "import atexit, os, sys, time\n"
        "from spacy_awesome.cli import main\n"
        # What libraries do at the end; this is called after what the command itself registers.
        f"atexit.register(lambda: (os.kill(os.getpid(), {int(kind)}), time.sleep(10)))\n"
        "main()\n"
    )
    command = [sys.executable, "-c", code, "convert", str(source), str(tmp_path / "out.jsonl")]
    result = subprocess.run(command, capture_output=True, check=False)
    assert result.returncode == -kind
    assert result.stderr == b""
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))["tokens"] == ["Άννα", "ζει"]
