"""Text files read line by line and strictly as UTF-8; outputs that appear whole or not at all; `.gz` is compressed."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar, cast

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


def check_readable(path: str | Path) -> None:
    """Raise OSError if there is no such file, before work begins that would be lost. `-` is always there."""
    if str(path) != STANDARD_STREAM:
        Path(path).stat()
        if Path(path).is_dir():
            raise IsADirectoryError(f"{path} is a folder; give the name of a file.")


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
        finally:
            text.detach()


@contextmanager
def open_binary_output(path: str | Path) -> Iterator[IO[bytes]]:
    """A stream whose content becomes the file `path` when the block ends without an exception; `-` is standard output.

    What is written to a `.gz` file is packed, equal content into equal bytes. Until the end of the block it stands in a
    temporary file beside `path`, which an exception takes away again; a file that was there before is left as it was.
    Devices and pipes are written to directly: they can't be replaced.
    Raises OSError if the folder does not exist or can't be written to.
    """
    if str(path) == STANDARD_STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    # A symbolic link stays a link: the file that it points to is replaced.
    target = Path(path).resolve()
    if target.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file to write.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{path} can't be written: the folder {target.parent} does not exist. Create it first.")
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:
            yield stream
        return
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    if temporary.exists():
        raise ValueError(f"{path} is already being written by this command; give each output a name of its own.")
    try:
        with temporary.open("wb") as stream:
            if _is_packed(path):
                # Neither file name nor time go into the header.
                with gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=6, mtime=0) as packed:
                    yield cast(IO[bytes], packed)
            else:
                yield stream
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


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
