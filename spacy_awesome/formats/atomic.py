"""Files and folders that appear complete or not at all, and locks that tell who is at work on them.

What is being written stands beside its place under a random name, which nobody can guess and prepare, and is locked. A
killed process leaves it without a lock, so that the next one that writes the same output knows it as litter.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there, and nothing is known to be litter.
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T", bound=IO[bytes] | io.IOBase)

_SUFFIX = ".tmp"
# Of the output's name, so that the temporary one is not too long for the file system, in any script.
_SHOWN_CHARACTERS = 40
_BUFFER = 1 << 16
_NEW, _OLD = "new", "old"
# Neither exists on Windows.
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


class NamedFile(io.FileIO):
    """A file to write to whose errors, such as a full disk, name it as the user did.

    file: a path or an open descriptor. shown: the name for messages.
    """

    def __init__(self, file: int | Path, shown: str | Path) -> None:
        super().__init__(file, "wb")
        self._shown = str(shown)

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = self._shown
            raise

    def close(self) -> None:
        try:
            super().close()
        except OSError as error:
            error.filename = self._shown
            raise


@contextmanager
def closing_after(stream: T) -> Iterator[T]:
    """The stream, closed when the block ends; where that fails after an error of the block, the latter is raised."""
    try:
        yield stream
    except BaseException:
        with suppress(OSError):
            stream.close()
        raise
    stream.close()


def resolve_output(path: str | Path) -> Path:
    """The file that is to be replaced: `path`, or what it points to as a symbolic link, which stays a link.

    Raises OSError if it is a folder, if its folder does not exist, and if links lead in a circle.
    """
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, "Symbolic links that lead in a circle", str(path))
    if target.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file to write.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{path} can't be written: the folder {target.parent} does not exist. Create it first.")
    return target


@contextmanager
def atomic_file(path: str | Path, *, shared: bool = False) -> Iterator[IO[bytes]]:
    """A stream whose content becomes the file `path` when the block ends without an exception.

    Until then a file that was there is left as it was; its permissions stay in any case, and a symbolic link stays a
    link. Devices and pipes are written to directly: they can't be replaced.

    shared: other processes may write the same file at the same time; the last one wins.
    Raises ValueError if another process is writing it, unless it is shared; OSError, with the name, if the folder does
        not exist or can't be written to, and where the disk is full.
    """
    target = resolve_output(path)
    if target.exists() and not target.is_file():
        with closing_after(io.BufferedWriter(NamedFile(target, path), _BUFFER)) as stream:
            yield stream
        return
    _remove_litter(target, path, shared=shared)
    descriptor, temporary = _create_file(target, path)
    try:
        # A descriptor of its own, so that the file stays locked until it has its name.
        with closing_after(io.BufferedWriter(NamedFile(os.dup(descriptor), path), _BUFFER)) as stream:
            yield stream
        if fcntl is None:
            os.close(descriptor)
            descriptor = -1
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def copy_file(source: str | Path, path: str | Path) -> None:
    """Copy the content of a file, into one that appears atomically."""
    with Path(source).open("rb") as read, atomic_file(path) as stream:
        shutil.copyfileobj(read, stream)


@contextmanager
def atomic_folder(path: str | Path, *, keep: bool = False) -> Iterator[Path]:
    """A folder to fill, which takes the place of `path` when the block ends without an exception.

    keep: it begins as a copy of what is there, so that files which the block does not write stay; otherwise empty.
    If the exchange itself fails, the folder that was there is put back.
    Raises ValueError if another process is writing the folder; OSError as `atomic_file`.
    """
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, "Symbolic links that lead in a circle", str(path))
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{path} is a file; give the name of a folder to write.")
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_litter(target, path, shared=False)
    with _temporary_folder(target) as folder:
        new, old = folder / _NEW, folder / _OLD
        if keep and target.exists():
            shutil.copytree(target, new)
        else:
            new.mkdir()
            if target.exists():
                shutil.copymode(target, new)
        yield new
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except BaseException:
            if old.exists():
                old.rename(target)
            raise


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """An empty folder for files that nobody needs later, in the system's folder for them; removed when the block ends.

    What killed processes left there for the same purpose is removed as well.
    purpose: part of the folder's name.
    """
    target = Path(tempfile.gettempdir(), f"spacy-awesome-{purpose}")
    _remove_litter(target, target, shared=True)
    with _temporary_folder(target) as folder:
        yield folder


def lock(descriptor: int, shown: str | Path) -> None:
    """Lock an open file until it is closed. Raises ValueError, with its holder, if another process has locked it.

    Without a word where the file system can't lock. shown: the name for the message.
    """
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ValueError(
            f"{shown} is in use by {_holder(descriptor)}. Wait until that ends, or give another name."
        ) from None
    except OSError:
        return


def _create_file(target: Path, shown: str | Path) -> tuple[int, Path]:
    """A new, locked file beside `target`, with the permissions of the one that is there."""
    mode = stat.S_IMODE(target.stat().st_mode) & 0o777 if target.exists() else None
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | getattr(os, "O_BINARY", 0)
    while True:
        temporary = _random_name(target)
        try:
            # Not readable for others before it has its permissions, if it is to replace a file.
            descriptor = os.open(temporary, flags, 0o666 if mode is None else 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(shown)) from error
        if mode is not None and hasattr(os, "fchmod"):
            with suppress(OSError):
                os.fchmod(descriptor, mode)
        if _lock_new(descriptor):
            return descriptor, temporary
        os.close(descriptor)


@contextmanager
def _temporary_folder(target: Path) -> Iterator[Path]:
    """A new, locked folder beside `target`, removed when the block ends."""
    while True:
        folder = _random_name(target)
        folder.mkdir(mode=0o700)
        if fcntl is None:
            descriptor = -1
            break
        try:
            descriptor = os.open(folder, os.O_RDONLY | _NO_FOLLOW)
        except FileNotFoundError:
            continue
        if _lock_new(descriptor):
            break
        os.close(descriptor)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor >= 0:
            os.close(descriptor)


def _lock_new(descriptor: int) -> bool:
    """Lock what was just made. False if it was taken for litter, and removed, before it had its lock."""
    if fcntl is None:
        return True
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return os.fstat(descriptor).st_nlink > 0


def _prefix(target: Path) -> str:
    digest = hashlib.blake2b(os.fsencode(target.name), digest_size=4).hexdigest()
    return f".{target.name[:_SHOWN_CHARACTERS]}-{digest}-"


def _random_name(target: Path) -> Path:
    return target.with_name(f"{_prefix(target)}{secrets.token_hex(8)}{_SUFFIX}")


def _remove_litter(target: Path, shown: str | Path, *, shared: bool) -> None:
    """Remove what dead processes left of the same output. Raises ValueError if a living one is writing it."""
    if fcntl is None:
        return
    prefix = _prefix(target)
    with os.scandir(target.parent) as entries:
        found = [Path(entry.path) for entry in entries if entry.name.startswith(prefix)]
    for path in found:
        if path.suffix != _SUFFIX:
            continue
        try:
            descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW | _NO_WAIT)
        except OSError:
            continue  # A link, another user's file, or gone by now.
        try:
            status = os.fstat(descriptor)
            kind = stat.S_IFMT(status.st_mode)
            if status.st_uid != os.geteuid() or kind not in (stat.S_IFREG, stat.S_IFDIR) or not status.st_nlink:
                continue
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if kind == stat.S_IFDIR:
                _finish_exchange(path, target)
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        except BlockingIOError:
            if not shared:
                raise ValueError(
                    f"{shown} is already being written by {_holder(descriptor)}; wait until that ends, or give each "
                    "output a name of its own."
                ) from None
        except OSError:
            continue  # The file system can't lock: nobody knows whether it is litter.
        finally:
            os.close(descriptor)


def _finish_exchange(temporary: Path, target: Path) -> None:
    """Give a folder its place if its writer was killed between taking the old one away and that."""
    if (temporary / _OLD).exists() and not target.exists():
        complete = temporary / _NEW
        (complete if complete.exists() else temporary / _OLD).rename(target)


def _holder(descriptor: int) -> str:
    """Who has locked a file, as well as the system tells."""
    with suppress(OSError, ValueError):
        inode = str(os.fstat(descriptor).st_ino)
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            _, kind, _, _, process, place, *_ = line.split()
            if kind == "FLOCK" and place.rpartition(":")[2] == inode and int(process) > 0:
                return "this command" if int(process) == os.getpid() else f"process {process}"
    return "another process"
