"""Warnings of this package: one class and a stable code in each text, so that users can filter them.

    warnings.filterwarnings("ignore", category=SpacyAwesomeWarning)
    warnings.filterwarnings("ignore", message=r"\\[SA01\\]")

- SA01: a Doc without a source passed an aligner or a projector.
- SA02: a pair without a word alignment passed a projector.
- SA03: a source Doc lacks the span group that is to be projected.
- SA04: a batch has no links for supervised training.
- SA05: the name of a custom attribute belongs to somebody else.
- SA06: user data of a source Doc cannot be saved.
"""

from __future__ import annotations

import warnings


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
