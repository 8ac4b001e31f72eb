"""Checks of values that come from files: what anybody may have written is never taken on trust."""

from __future__ import annotations

import collections
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from spacy.tokens import Doc

_STRINGS: Final[list[int | str]] = ["ORTH", "NORM", "LEMMA", "TAG", "DEP", "ENT_TYPE", "ENT_KB_ID", "ENT_ID"]


def error_name(error: BaseException) -> str:
    """An error of another library in one short line."""
    text = " ".join(str(error).split()) or "no reason given"
    text = text[:200].rstrip(".")
    return text if type(error) is ValueError else f"{type(error).__name__}, {text}"


def check_doc(doc: Doc) -> None:
    """Raise an error at a token or a span of which a string was not saved, or that has a value that there is not.

    spaCy itself would raise it wherever that is read.
    """
    found = np.unique(doc.to_array(_STRINGS))
    for key in found[found > 0].tolist():
        doc.vocab.strings[key]
    for first in np.unique(doc.to_array(["POS"]), return_index=True)[1].tolist():
        doc[first].pos_  # noqa: B018
    for spans in (doc.ents, *doc.spans.values()):
        for span in spans:
            span.label_, span.kb_id_, span.id_, span.text  # noqa: B018
    if len(doc) and doc.has_annotation("SENT_START"):
        collections.deque(doc.sents, maxlen=0)


def saved_fields(data: Any, required: Collection[str], *, optional: Collection[str] = (), what: str) -> dict[str, Any]:
    """The fields of a saved object. Raises ValueError unless it has the required ones, and no others but the optional.

    what: the object, for the message.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"{what}: expected a mapping of fields, got {type(data).__name__}.")
    missing = [name for name in required if name not in data]
    unknown = [name for name in data if name not in required and name not in optional]
    if missing or unknown:
        found = f"{missing[0]} is missing" if missing else f"{str(unknown[0])[:40]!r} is unknown"
        raise ValueError(f"{what}: expected the fields {', '.join((*required, *optional))}; {found}.")
    return dict(data)


def saved_value(value: Any, kind: type | tuple[type, ...], *, what: str) -> Any:
    """A value of a type, or of one of several. Raises ValueError at another; a truth value is no number."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        names = " or ".join("nothing" if each is type(None) else each.__name__ for each in kinds)
        raise ValueError(f"{what}: expected {names}, got {type(value).__name__}.")
    return value


def saved_count(value: Any, *, largest: int, what: str) -> int:
    """A whole number from 0 to `largest`. Raises ValueError at anything else."""
    number: int = saved_value(value, int, what=what)
    if not 0 <= number <= largest:
        raise ValueError(f"{what}: expected a number from 0 to {largest}, got {str(number)[:40]}.")
    return number


def saved_array(value: Any, kinds: str, shape: tuple[int | None, ...], *, what: str) -> npt.NDArray[Any]:
    """An array. Raises ValueError at anything else, and at numbers that are not finite.

    kinds: the letters of numpy's dtype.kind that it may have. shape: what is None may be of any length.
    """
    if not isinstance(value, np.ndarray):
        raise ValueError(f"{what}: expected an array, got {type(value).__name__}.")
    fits = value.ndim == len(shape) and all(want in (None, found) for want, found in zip(shape, value.shape))
    if value.dtype.kind not in kinds or not fits:
        expected = " × ".join("n" if length is None else str(length) for length in shape)
        raise ValueError(f"{what}: expected an array of {expected} numbers, got {value.dtype} of shape {value.shape}.")
    with np.errstate(over="ignore"):
        # As float32, which is what they become.
        if value.dtype.kind == "f" and not np.isfinite(value.astype(np.float32)).all():
            raise ValueError(f"{what}: expected finite numbers, got NaN or infinity.")
    return value
