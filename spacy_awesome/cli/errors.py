"""The one place where a mistake in a command's input becomes a message instead of a traceback."""

from __future__ import annotations

import atexit
import io
import signal
import sys
import threading
from typing import Any

import typer
from typer.core import TyperGroup


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
