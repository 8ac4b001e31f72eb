"""The folder in which a mining run keeps what it has computed: one process at a time, and never another's files."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spacy_awesome.formats.atomic import NamedFile, closing_after, lock

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
