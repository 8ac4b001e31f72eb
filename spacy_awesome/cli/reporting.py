"""What commands print: tables and JSON, and one message instead of a traceback for a mistake in their input."""

from __future__ import annotations

import atexit
import io
import json
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from typer.core import TyperGroup


def print_json(record: dict[str, Any]) -> None:
    """Print a result as a line of JSON, in UTF-8 whatever the terminal can show."""
    from spacy_awesome.formats.files import STANDARD_STREAM, open_output

    with open_output(STANDARD_STREAM) as stream:
        stream.write(json.dumps(record, ensure_ascii=False) + "\n")


def text_table(rows: Iterable[Sequence[str | int]], *, header: Sequence[str]) -> str:
    """Rows in columns under a header: the first column to the left, the others to the right."""
    from wasabi.tables import table

    from spacy_awesome.visualize.style import printable

    # Labels of a file may hold anything, also what a terminal would obey.
    rows = [[printable(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    aligns = ["l", *("r" for _ in header[1:])]
    return table(rows, header=header, divider=True, aligns=aligns)  # type: ignore[arg-type]


class ReportingGroup(TyperGroup):
    """Commands whose ValueErrors and OSErrors end the program with one message and exit code 1.

    These two, with their subclasses, are what bad input, unknown names and unreadable files raise; anything else is a
    mistake of the program's own and keeps its traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the command line names."""
        if threading.current_thread() is threading.main_thread():
            # As an exception, so that half-written files are taken away as they are after Ctrl-C.
            signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Tables for people; results are written in UTF-8 whatever the terminal can show.
            sys.stdout.reconfigure(errors="replace")
        try:
            result = super().invoke(ctx)
            _end_quietly()
            return result
        except BrokenPipeError:
            raise  # The reader of our output has seen enough (`| head`): nothing to report.
        except (ValueError, OSError) as error:
            typer.secho(f"✘ {_message(error)}", fg=typer.colors.RED, err=True)
            raise typer.Exit(1) from error


def _end_quietly() -> None:
    """From here on all is written: an interrupt ends the program at once, without a traceback."""
    if threading.current_thread() is threading.main_thread():
        for kind in (signal.SIGINT, signal.SIGTERM):
            atexit.register(signal.signal, kind, signal.SIG_DFL)


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}."
    return str(error) or type(error).__name__
