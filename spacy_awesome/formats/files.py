"""Text files read line by line and strictly as UTF-8; outputs that appear atomically; `.gz` is compressed."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Generic, NoReturn, TypeVar, cast

from spacy_awesome.formats.atomic import atomic_file, closing_after, resolve_output

A = TypeVar("A")
B = TypeVar("B")

STANDARD_STREAM = "-"


def display_name(path: str | Path) -> str:
    """The name of a file in a message; `-` is standard input.

    >>> display_name("-")
    '<stdin>'
    """
    return "<stdin>" if str(path) == STANDARD_STREAM else str(path)


def read_lines(path: str | Path) -> Iterator[str]:
    """The lines of a UTF-8 file, without their ends; `-` is standard input.

    Only a line feed, with or without a carriage return before it, ends a line: U+2028 and its like stay in the text, as
    they do for every other tool that counts lines. A byte order mark at the start is left out.
    Raises ValueError at the first byte that is not UTF-8, with file, line and byte; OSError if the file can't be read.
    """
    with open_input(path) as stream:
        for number, raw in enumerate(stream, start=1):
            try:
                line = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{display_name(path)}:{number}: byte {error.start + 1} of this line ({raw[error.start]:#04x}) is "
                    "not UTF-8. Convert the file first, for example with iconv -t UTF-8."
                ) from error
            if number == 1:
                line = line.removeprefix("\ufeff")
            yield line.removesuffix("\n").removesuffix("\r")


def check_files(
    inputs: Iterable[str | Path | None], outputs: Iterable[str | Path | None] = (), *, read_again: bool = False
) -> None:
    """Find what is wrong with the files of a command before work begins that would be lost. None stands for no file.

    read_again: the inputs are read more than once.
    Raises OSError if an input can't be read or an output can't be written; ValueError if an output is one of the
        inputs, by whatever link, or another output; if two inputs are the same pipe; and, for inputs that are read
        again, at everything that can be read only once: pipes, process substitutions, standard input.
    """
    read: dict[object, str] = {}
    for path in inputs:
        if path is None:
            continue
        check_readable(path)
        identity, once = _identity(path, sys.stdin)
        if once and read_again:
            what = "Standard input" if str(path) == STANDARD_STREAM else f"{path} is no regular file: it"
            raise ValueError(f"{what} can be read only once; give the name of a file.")
        if once and identity in read:
            names = dict.fromkeys((read[identity], display_name(path)))
            raise ValueError(
                f"Two inputs come from {' and '.join(names)}, which can be read only once; give one the name of a file."
            )
        read[identity] = display_name(path)
    written = set()
    for path in outputs:
        if path is None:
            continue
        place: object = path if str(path) == STANDARD_STREAM else resolve_output(path)
        if place in written:
            raise ValueError("Two files of this command have the same name; give each its own.")
        written.add(place)
        if str(path) != STANDARD_STREAM and not Path(path).exists():
            continue
        identity, once = _identity(path, sys.stdout)
        if not once and identity in read:
            name = "Standard output" if str(path) == STANDARD_STREAM else str(path)
            raise ValueError(
                f"{name} is also read by this command, as {read[identity]}; write to a file with another name."
            )


def check_readable(path: str | Path) -> None:
    """Raise OSError if there is no such file. `-` is always there."""
    if str(path) != STANDARD_STREAM:
        Path(path).stat()
        if Path(path).is_dir():
            raise IsADirectoryError(f"{path} is a folder; give the name of a file.")


def is_stream(path: str | Path) -> bool:
    """Whether an input can be read only once: standard input, a pipe, a process substitution, a terminal."""
    return _identity(path, sys.stdin)[1]


def _identity(path: str | Path, standard: IO[str]) -> tuple[object, bool]:
    """What two names of one file have in common, and whether that is a stream, such as a pipe or a terminal.

    standard: the stream that `-` stands for.
    """
    if str(path) != STANDARD_STREAM:
        status = Path(path).stat()
    else:
        try:
            status = os.fstat(standard.fileno())
        except (OSError, ValueError):
            return STANDARD_STREAM, True  # Not a file of the system, as in tests.
        if standard is sys.stdin:
            return (status.st_dev, status.st_ino), True  # Even if it comes from a file: it is never rewound.
    is_null = stat.S_ISCHR(status.st_mode) and status.st_rdev == Path(os.devnull).stat().st_rdev
    # The null device can be read, and written to, at the same time and as often as one likes.
    identity = object() if is_null else (status.st_dev, status.st_ino)
    return identity, not (is_null or stat.S_ISREG(status.st_mode))


class Unchanged(Generic[A]):
    """Something that is read more than once, and must be the same each time.

    read: gives the items, from the first one, each time that it is called. name: for the message.
    Raises ValueError, at the latest where the items end, if they are not those of the first time.

    >>> lines = ["a", "b"]
    >>> unchanged = Unchanged(lambda: lines, "a.txt")
    >>> list(unchanged())
    ['a', 'b']
    >>> lines.append("c")
    >>> list(unchanged())
    Traceback (most recent call last):
    ValueError: a.txt has changed since this command began to read it. Run it again when the file is complete.
    """

    def __init__(self, read: Callable[[], Iterable[A]], name: str) -> None:
        self._read, self._name = read, name
        self._first: tuple[int, bytes] | None = None

    def __call__(self) -> Iterator[A]:
        digest, count = hashlib.blake2b(digest_size=16), 0
        for item in self._read():
            count += 1
            digest.update(repr(item).encode("utf-8", "surrogatepass"))
            if self._first is not None and count > self._first[0]:
                self._fail()
            yield item
        found = count, digest.digest()
        if self._first is None:
            self._first = found
        elif found != self._first:
            self._fail()

    def _fail(self) -> NoReturn:
        raise ValueError(
            f"{self._name} has changed since this command began to read it. Run it again when the file is complete."
        )


@contextmanager
def open_input(path: str | Path) -> Iterator[IO[bytes]]:
    """A file as a stream of bytes, unpacked if it is called `.gz`; `-` is standard input, which stays open.

    Raises OSError if the file can't be read, ValueError at the place where a packed file is damaged.
    """
    if str(path) == STANDARD_STREAM:
        yield sys.stdin.buffer
    elif _is_packed(path):
        with gzip.open(path, "rb") as stream:
            try:
                yield cast(IO[bytes], stream)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise ValueError(f"{path} is not a whole gzip file ({error}). Make it or copy it again.") from error
    else:
        with Path(path).open("rb") as stream:
            yield stream


@contextmanager
def open_output(path: str | Path) -> Iterator[IO[str]]:
    """Text output in UTF-8 with bare line feeds; see `open_binary_output`."""
    with open_binary_output(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="\n")
        try:
            yield text
        except BaseException:
            # What is left in the buffer is not wanted, and a full disk would only raise again.
            with suppress(OSError):
                text.detach()
            raise
        text.detach()


@contextmanager
def open_binary_output(path: str | Path) -> Iterator[IO[bytes]]:
    """A stream whose content becomes the file `path` when the block ends without an exception; `-` is standard output.

    What is written to a `.gz` file is packed, equal content into equal bytes. Files are replaced as `atomic_file` does,
    whose errors are raised here.
    """
    if str(path) == STANDARD_STREAM:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except OSError as error:
            if error.filename is None and not isinstance(error, BrokenPipeError):
                error.filename = "<stdout>"
            raise
        return
    with atomic_file(path) as stream:
        if _is_packed(path):
            # Neither file name nor time go into the header.
            packed = gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=6, mtime=0)
            with closing_after(packed):
                yield cast(IO[bytes], packed)
        else:
            yield stream


def zip_equal(
    first: Iterable[A], second: Iterable[B], *, names: tuple[str | Path, str | Path], unit: str = "lines"
) -> Iterator[tuple[A, B]]:
    """Two streams side by side, of which neither may be shorter.

    names, unit: what the streams were read from and what they consist of, for the message.
    Raises ValueError, with both counts, at the end of the shorter one.

    >>> list(zip_equal("ab", "cd", names=("x.txt", "y.txt")))
    [('a', 'c'), ('b', 'd')]
    """
    left, right = iter(first), iter(second)
    missing = object()
    for count in itertools.count():
        a, b = next(left, missing), next(right, missing)
        if a is missing and b is missing:
            return
        if a is missing or b is missing:
            counts = (count + (a is not missing) + _rest(left), count + (b is not missing) + _rest(right))
            raise ValueError(
                f"{display_name(names[0])} has {counts[0]} {unit}, but {display_name(names[1])} has {counts[1]}: "
                "both must be about the same sentences, in the same order."
            )
        yield a, b  # type: ignore[misc]


def _is_packed(path: str | Path) -> bool:
    return Path(path).suffix == ".gz"


def _rest(items: Iterator[object]) -> int:
    return sum(1 for _ in items)
