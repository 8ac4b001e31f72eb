"""Arrays on disk that are filled bit by bit, by a process that may be killed at any moment."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from spacy_awesome.formats.atomic import NamedFile, atomic_file, closing_after


def save_array(path: Path, values: npt.NDArray[Any]) -> None:
    """Write an .npy file atomically."""
    with atomic_file(path) as stream:
        _write_header(stream, values.shape, values.dtype)
        # Not by numpy, which writes past the stream and then can't say that the disk is full.
        stream.write(np.ascontiguousarray(values).data)


def map_array(path: Path) -> npt.NDArray[Any]:
    """An .npy file, mapped into memory. Changes would stay in memory."""
    # Copy-on-write, because torch warns of arrays that can't be written to.
    array: npt.NDArray[Any] = np.load(path, mmap_mode="c")
    return array


class ResumableArray:
    """An .npy file that is filled from the front, and knows after any interruption how far it has come.

    The number of finished rows stands in a file beside it, which is replaced only when the rows are on disk. Rows that
    were being written at an interruption are written again. The space for all of them is taken at the beginning.

    path: the .npy file; it is created, or continued where it exists. shape, dtype: of the whole array.
    Raises OSError, with the file's name, where the disk is full; ValueError if the file beside it is damaged.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self.path = path
        self._progress = path.with_suffix(".done")
        if not path.exists():
            self._progress.unlink(missing_ok=True)
            with atomic_file(path) as stream:
                _write_header(stream, shape, np.dtype(dtype))
                stream.flush()
                _allocate(stream.fileno(), stream.tell() + int(np.prod(shape)) * np.dtype(dtype).itemsize, path)
        self.done = self._read_progress(shape[0])

    def append(self, rows: npt.NDArray[Any]) -> None:
        """Write the rows that come next."""
        # Not through a memory map: where the disk is full, that ends the process without a message.
        array = map_array(self.path)
        wanted = np.ascontiguousarray(np.broadcast_to(rows, (len(rows), *array.shape[1:])), dtype=array.dtype)
        offset = self.path.stat().st_size - array.nbytes + self.done * (array.nbytes // max(len(array), 1))
        with closing_after(NamedFile(os.open(self.path, os.O_WRONLY), self.path)) as stream:
            stream.seek(offset)
            data = wanted.reshape(-1).data.cast("B") if wanted.size else memoryview(b"")
            while data:
                data = data[stream.write(data) :]
            os.fsync(stream.fileno())
        self.done += len(rows)
        with atomic_file(self._progress) as progress:
            progress.write(str(self.done).encode("ascii"))

    def read(self) -> npt.NDArray[Any]:
        """The whole array, mapped into memory."""
        return map_array(self.path)

    def _read_progress(self, rows: int) -> int:
        if not self._progress.exists():
            return 0
        text = self._progress.read_text(encoding="ascii", errors="replace")
        if not text.isdecimal() or int(text) > rows:
            raise ValueError(
                f"{self._progress}: expected a number of rows up to {rows}, got {text[:20]!r}. Delete the folder "
                f"{self.path.parent} to compute it again."
            )
        return int(text)


def _write_header(stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)


def _allocate(descriptor: int, size: int, shown: Path) -> None:
    """Make a file this large, on disk where the file system can: a full disk is reported now and not in some hours."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise OSError(error.errno, error.strerror, str(shown)) from error
    os.truncate(descriptor, size)
