"""The README's example does what stands below it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_example_prints_the_output_that_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    example = re.search(r"```python\n(import spacy\n.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)
    assert example is not None
    exec(example[1], {})
    assert capsys.readouterr().out == example[2]


@pytest.mark.parametrize("path", re.findall(r"\]\(((?:docs|assets|spacy_awesome)/[^)]+)\)", README))
def test_files_that_are_linked_exist(path: str) -> None:
    assert (Path(__file__).parent.parent / path).is_file()
