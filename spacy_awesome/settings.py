"""The base of settings dataclasses: each field is checked once, by pydantic, when the settings are made."""

from __future__ import annotations

import reprlib
from dataclasses import MISSING, fields
from functools import cache
from typing import Annotated, Any, Self, get_args, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

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
