"""Arrays that are written block by block and resume where a killed run ended, and the folder that they lie in."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from spacy_awesome.formats.atomic import NamedFile, atomic_file, closing_after, lock


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


# In every work folder: it tells who made the folder, and is locked by the process that is at work there.
MARKER = "spacy-awesome-work"
_MADE = "Made by spacy-awesome, which removes it when it is no longer needed."
_USED = "Used by spacy-awesome, which did not make this folder and does not remove it."
_PARTS = re.compile(r"(sentences|candidates)-[0-9a-f]{16}")


@contextmanager
def work_folder(folder: Path, *, temporary: bool) -> Iterator[None]:
    """Make a folder if it is not there, and lock it for the block.

    temporary: the folder is removed when the block ends without an exception, but for files that others put there. It
        must be new, or left by an earlier run; a folder that somebody else made is refused.
    Raises ValueError if the folder is somebody else's, or in use by another process.
    """
    marker = folder / MARKER
    made = not folder.exists()
    if temporary and not made and not _is_own(marker):
        raise ValueError(
            f"{folder} exists, and is no work folder of this command: it would be removed at the end. Move it, or name "
            "another folder with --work."
        )
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = _lock_marker(marker)
    try:
        if not os.fstat(descriptor).st_size:
            with closing_after(NamedFile(os.dup(descriptor), marker)) as stream:
                stream.write(f"{_MADE if made or temporary else _USED}\n".encode())
        yield
        if temporary:
            _remove(folder)
    finally:
        os.close(descriptor)


def _is_own(marker: Path) -> bool:
    if not marker.is_file():
        return False
    content = marker.read_text(encoding="utf-8", errors="replace")
    # Empty and alone if the process was killed just after making it.
    return content.startswith(_MADE) or (not content and len(list(marker.parent.iterdir())) == 1)


def _lock_marker(marker: Path) -> int:
    while True:
        descriptor = os.open(marker, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            lock(descriptor, marker.parent)
        except BaseException:
            os.close(descriptor)
            raise
        # Another process may have removed the folder before it was locked.
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)
        marker.parent.mkdir(parents=True, exist_ok=True)


def _remove(folder: Path) -> None:
    for part in folder.iterdir():
        if _PARTS.fullmatch(part.name) and part.is_dir() and not part.is_symlink():
            shutil.rmtree(part)
    (folder / MARKER).unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
