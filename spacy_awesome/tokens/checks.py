"""None"""

from __future__ import annotations

import collections
import reprlib
import warnings
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, get_args, get_type_hints

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

if TYPE_CHECKING:
    from spacy.tokens import Doc


class SpacyAwesomeWarning(UserWarning):
    """The class of all warnings of this package."""


class WarnOnce:
    """Gives each warning once in the life of its owner, whatever Python's filters do about repeated ones.

    >>> import warnings
    >>> warn_once = WarnOnce()
    >>> with warnings.catch_warnings(record=True) as given:
    ...     warnings.simplefilter("always")
    ...     for _ in range(3):
    ...         warn_once("SA01", "a Doc has no source.")
    >>> [str(warning.message) for warning in given]
    ['[SA01] a Doc has no source. (This warning is given once.)']
    """

    def __init__(self) -> None:
        self._given: set[str] = set()

    def __call__(self, code: str, message: str, *, about: str | None = None) -> None:
        """Warn, unless it was done before.

        Args:
            code (str): The warning's code, such as "SA01".
            message (str): The text.
            about (str | None): What the warning is given once for; by default its text.
        """
        key = f"{code} {message if about is None else about}"
        if key not in self._given:
            # Where the filters make it an error, it is raised each time.
            warnings.warn(f"[{code}] {message} (This warning is given once.)", SpacyAwesomeWarning, stacklevel=3)
            self._given.add(key)


# The types of settings. Strict: text is no number, and neither are True and False. Infinity and nan are refused.
Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]


class Settings:
    """Settings of a component, as a dataclass.

    Each field is `Annotated` with a pydantic `Field` whose description says what is expected; errors quote it. Fields
    hold what pydantic makes of the values, so that a list becomes a tuple where the type says so.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        own: Any = type(self)  # mypy takes a class of dataclasses for unhashable
        for name, (adapter, expected) in _adapters(own).items():
            value = getattr(self, name)
            try:
                checked = adapter.validate_python(value)
            except ValidationError:
                raise ValueError(wrong_setting(name, expected, value)) from None
            # A frozen dataclass sets its own fields this way.
            object.__setattr__(self, name, checked)
        self.check_together()

    def check_together(self) -> None:
        """Raise ValueError if settings that are valid each do not go together."""

    @classmethod
    def of(cls, component: str, **values: Any) -> Self:
        """The settings of a component, whose name stands before what is wrong with them."""
        try:
            return cls(**values)
        except ValueError as error:
            raise ValueError(f"{component}: {error}") from None

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The default of each setting, in the types of a configuration."""
        found = {}
        # Not read from an instance: factories are imported at every `spacy.blank()`, and validators take time to build.
        # mypy does not see that every subclass is a dataclass.
        for field in fields(cls):  # type: ignore[arg-type]
            value = field.default if field.default_factory is MISSING else field.default_factory()
            found[field.name] = list(value) if isinstance(value, tuple) else value
        return found


def wrong_setting(name: str, expected: str, value: object) -> str:
    """One line about a setting.

    >>> wrong_setting("min_score", "a number from 0 to 1", "1")
    "Expected min_score to be a number from 0 to 1, got '1'."
    """
    return f"Expected {name} to be {expected}, got {reprlib.repr(value)}."


@cache
def _adapters(settings: type[Any]) -> dict[str, tuple[TypeAdapter[Any], str]]:
    """For each field the validator of its type, and the description of what it expects."""
    found = {}
    for name, hint in get_type_hints(settings, include_extras=True).items():
        described = [extra.description for extra in get_args(hint)[1:] if getattr(extra, "description", None)]
        found[name] = (TypeAdapter[Any](hint, config=ConfigDict(strict=True)), described[0])
    return found


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
