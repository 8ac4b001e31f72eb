"""Arrays on disk that are filled bit by bit, by a process that may be killed at any moment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@contextmanager
def appearing_whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, which becomes `path` when the block ends without an exception."""
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def save_array(path: Path, values: npt.NDArray[Any]) -> None:
    """Write an .npy file that appears whole or not at all."""
    with appearing_whole(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, values)


def map_array(path: Path) -> npt.NDArray[Any]:
    """An .npy file, mapped into memory. Changes would stay in memory."""
    # Copy-on-write, because torch warns of arrays that can't be written to.
    array: npt.NDArray[Any] = np.load(path, mmap_mode="c")
    return array


class ResumableArray:
    """An .npy file that is filled from the front, and knows after any interruption how far it has come.

    The number of finished rows stands in a file beside it, which is replaced only when the rows are on disk. Rows that
    were being written at an interruption are written again.

    path: the .npy file; it is created, or continued where it exists. shape, dtype: of the whole array.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self.path = path
        self._progress = path.with_suffix(".done")
        if not path.exists():
            self._progress.unlink(missing_ok=True)
            with appearing_whole(path) as temporary:
                np.lib.format.open_memmap(temporary, mode="w+", dtype=np.dtype(dtype), shape=shape).flush()
        self.done = int(self._progress.read_text(encoding="ascii")) if self._progress.exists() else 0

    def append(self, rows: npt.NDArray[Any]) -> None:
        """Write the rows that come next."""
        array = np.lib.format.open_memmap(self.path, mode="r+")
        array[self.done : self.done + len(rows)] = rows
        array.flush()
        self.done += len(rows)
        with appearing_whole(self._progress) as temporary:
            temporary.write_text(str(self.done), encoding="ascii")

    def read(self) -> npt.NDArray[Any]:
        """The whole array, mapped into memory."""
        return map_array(self.path)
