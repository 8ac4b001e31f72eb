"""Run the command line in this process, as a user would."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from spacy_awesome.cli import app


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    """Run a command that is expected to succeed."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
    assert result.exit_code == 0, result.output
    return result


def fail(*arguments: str | Path, stdin: str | None = None) -> str:
    """Run a command that is expected to fail with a message and no traceback; the message is returned."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    return result.stderr
