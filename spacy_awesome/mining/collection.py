"""A text file of any size as distinct sentences and their subword vectors, in a folder on disk."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import safetensors.torch
import torch
from torch.nn.functional import normalize as unit_length

from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.sentences import SentenceVectors, encode_subwords, split_lines
from spacy_awesome.encoders.tokenization import Subwords
from spacy_awesome.formats.atomic import atomic_file
from spacy_awesome.mining.resumable import ResumableArray, map_array
from spacy_awesome.similarity.pooling import inverse_document_frequency, weighted_pool

T = TypeVar("T")
# Shows how far a step has come: the items themselves, what they are, and how many there are in all.
Progress = Callable[[Iterable[T], str, int], Iterable[T]]

# Sentences between two points at which an interrupted run can go on.
_CHUNK = 2048
# Changes in what is stored here get a new number, or old work folders would be read as new ones.
_VERSION = 1


def no_progress(items: Iterable[T], description: str, total: int) -> Iterable[T]:
    """Shows nothing."""
    return items


@dataclass(frozen=True)
class Collection:
    """The distinct sentences of a text, in the order in which they first appear.

    lines: (N,) line of the first appearance of each, from 0.
    rows: (lines of the text,) the sentence of each line, −1 for lines without a subword.
    ids: (subwords of all sentences,) int32; starts: (N + 1,) where each sentence begins, and the end.
    folder: where it is stored.
    """

    lines: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    folder: Path

    def __len__(self) -> int:
        return len(self.lines)

    def vectors(self) -> SentenceVectors:
        """The subword vectors, of unit length, mapped into memory: what is not being used takes none."""
        return SentenceVectors(torch.from_numpy(map_array(self.folder / "vectors.npy")), torch.from_numpy(self.starts))

    def weights(self) -> torch.Tensor:
        """What each subword counts, (subwords,): its inverse document frequency in this collection."""
        return inverse_document_frequency(torch.from_numpy(self.ids), torch.from_numpy(self.starts))

    def pooled(self, progress: Progress[int] = no_progress) -> torch.Tensor:
        """One vector for each sentence, (N, d): the weighted sum of its subword vectors, of unit length."""
        weights = self.weights()
        pooled = []
        for first in progress(range(0, len(self), _CHUNK), "pooling", -(-len(self) // _CHUNK)):
            starts = torch.from_numpy(self.starts[first : first + _CHUNK + 1])
            # Mapped anew for each chunk, so that what has been read no longer counts as this process's memory.
            values = self.vectors().values[starts[0] : starts[-1]]
            pooled.append(weighted_pool(values, starts - starts[0], weights[starts[0] : starts[-1]]))
        return torch.cat(pooled)


def encoder_key(encoder: SubwordEncoder) -> str:
    """What tells one encoder from another: a digest of its weights, its tokenizer and its layer."""
    digest = hashlib.sha256(f"{_VERSION} {encoder.layer} ".encode())
    digest.update(encoder.tokenizer.tokenizer.backend_tokenizer.to_str().encode())
    digest.update(
        safetensors.torch.save({name: w.contiguous() for name, w in encoder.transformer.state_dict().items()})
    )
    return digest.hexdigest()


def collect(
    texts: Callable[[], Iterable[str]],
    folder: Path,
    encoder: SubwordEncoder,
    *,
    key: str,
    max_tokens: int = 4096,
    progress: Progress[Sequence[int]] = no_progress,
) -> Collection:
    """Tokenise and encode the distinct sentences of a text, going on where an earlier call was interrupted.

    texts: gives the lines, from the first one, each time that it is called: the same ones, which
        `spacy_awesome.formats.files.Unchanged` sees to. Lines without a subword are left out.
    folder: work folder; the collection gets one of its own in it, named after the text and the encoder.
    key: of the encoder, from `encoder_key`.
    """
    digest = hashlib.sha256(f"{key} {max_tokens} ".encode())
    for text in texts():
        digest.update(text.encode() + b"\n")
    folder = folder / f"sentences-{digest.hexdigest()[:16]}"
    stored = folder / "subwords.npz"
    if not stored.exists():
        arrays = _tokenise(texts(), encoder)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(stored) as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
    with np.load(stored) as loaded:
        collection = Collection(**loaded, folder=folder)
    _encode(collection, encoder, max_tokens=max_tokens, progress=progress)
    return collection


def _tokenise(texts: Iterable[str], encoder: SubwordEncoder) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a Collection."""
    # Digests take far less memory than the lines of a large file.
    known: dict[bytes, int] = {}
    lines: list[int] = []
    rows = array("q")
    ids: list[npt.NDArray[np.int32]] = []
    stream = enumerate(texts)
    while chunk := list(islice(stream, _CHUNK)):
        sentences = split_lines(text for _, text in chunk)
        digests = [hashlib.blake2b(" ".join(words).encode(), digest_size=12).digest() for words in sentences]
        new: dict[bytes, int] = {}
        for place, digest in enumerate(digests):
            if digest not in known:
                new.setdefault(digest, place)
        for (digest, place), subwords in zip(new.items(), encoder.tokenizer([sentences[p] for p in new.values()])):
            known[digest] = len(lines) if len(subwords.ids) else -1
            if len(subwords.ids):
                lines.append(chunk[place][0])
                ids.append(subwords.ids.astype(np.int32))
        rows.extend(known[digest] for digest in digests)
    return {
        "lines": np.array(lines, dtype=np.int64),
        "rows": np.array(rows, dtype=np.int64),
        "ids": np.concatenate([np.empty(0, dtype=np.int32), *ids]),
        "starts": np.cumsum([0, *(len(row) for row in ids)], dtype=np.int64),
    }


def _encode(
    collection: Collection, encoder: SubwordEncoder, *, max_tokens: int, progress: Progress[Sequence[int]]
) -> None:
    shape = (int(collection.starts[-1]), encoder.width)
    vectors = ResumableArray(collection.folder / "vectors.npy", shape, np.float16)
    chunks = [
        range(first, min(first + _CHUNK, len(collection)))
        for first in range(0, len(collection), _CHUNK)
        if collection.starts[first] >= vectors.done
    ]
    for chunk in progress(chunks, "encoding", len(chunks)):
        pieces = [collection.ids[collection.starts[row] : collection.starts[row + 1]].astype(np.int64) for row in chunk]
        subwords = [Subwords(ids, np.zeros_like(ids), 1) for ids in pieces]
        values = encode_subwords(encoder, subwords, max_tokens=max_tokens, dtype=torch.float32).values
        vectors.append(unit_length(values, dim=-1).half().numpy())
