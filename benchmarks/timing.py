"""Interleaved repeats: what is compared runs in turn, so that a machine that slows down slows all of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def interleaved(
    functions: Mapping[str, Callable[[], Any]], *, repeats: int, warm_up: bool = True
) -> dict[str, list[float]]:
    """Seconds of every run of each function, after one that does not count."""
    if warm_up:
        for function in functions.values():
            function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            seconds[name].append(seconds_of(function))
    return seconds


def seconds_of(function: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    """clock: `time.process_time` leaves out what other processes take, but counts the seconds of all threads."""
    start = clock()
    function()
    return clock() - start


def speed_ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    """How many times faster the second is: the median over rounds, in each of which both ran."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))
