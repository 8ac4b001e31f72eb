"""docs/transfer.md shows the example's code and what it prints."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from cli_runner import run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "transfer.md").read_text(encoding="utf-8")


def test_the_page_shows_every_part_of_the_example() -> None:
    parts = re.split(r"^# %% .*\n", (ROOT / "examples" / "transfer.py").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert re.findall(r"```python\n(.*?)\n```", PAGE, re.DOTALL) == [part.strip("\n") for part in parts[1:]]


def test_the_example_prints_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "examples" / "transfer.py"))
    shown = re.findall(r"```python\n.*?\n```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert capsys.readouterr().out == "".join(shown)


def test_the_command_prints_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = re.search(r"```bash\npython -m spacy awesome (corpus [^\n]*)\n```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    monkeypatch.chdir(ROOT)
    output = str(tmp_path / "corpus")
    arguments = [output if word == "build/corpus" else word for word in example[1].split()]
    assert run(*arguments).stdout.replace(output, "build/corpus") == example[2]
