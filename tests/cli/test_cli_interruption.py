"""A command that is stopped from outside leaves the old output as it was, and nothing half-written beside it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_command_leaves_no_half_written_output(tmp_path: Path, number: signal.Signals) -> None:
    output = tmp_path / "links.txt"
    output.write_text("0-0\n", encoding="utf-8")
    command = [sys.executable, "-m", "spacy", "awesome", "align", "-", str(output), "--quiet"]
    # A shell that runs the tests in the background has them ignore SIGINT, and with them what they start.
    before = signal.signal(number, signal.SIG_DFL)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    signal.signal(number, before)
    try:
        # It waits for more input, its output begun.
        deadline = time.monotonic() + 90
        while not list(tmp_path.glob(".links.txt-*.tmp")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(number)
        assert process.wait(timeout=30) != 0
    finally:
        process.kill()
    assert [path.name for path in tmp_path.iterdir()] == ["links.txt"]
    assert output.read_text(encoding="utf-8") == "0-0\n"
