"""What a translation engine is, and the engines by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

# In the order of what they need: nothing, a Debian package, a model.
ENGINES: Final = ("file", "apertium", "seq2seq")


class TranslationEngine(Protocol):
    """Translates blocks of lines.

    name: the engine with everything that decides what it gives; translations are cached under it.
    block_size: lines that are best handed over at once.
    cacheable: whether a line's translation depends on the line alone, so that it may be kept and used again.
    """

    name: str
    block_size: int
    cacheable: bool

    def translate(self, lines: Sequence[str]) -> list[str]:
        """One translation for each line, in order; blocks come in the order of the text. Raises ValueError."""
        ...


def make_engine(
    name: str,
    *,
    translations: str | Path | None = None,
    direction: str = "spa-eng",
    model: str | None = None,
    batch_size: int = 32,
    beams: int = 4,
) -> TranslationEngine:
    """The engine of this name.

    name: one of ENGINES.
    translations: for `file`, the file with a translation for each line.
    direction: for `apertium`, one of those that `apertium -l` lists.
    model: for `seq2seq`, a hub name such as Helsinki-NLP/opus-mt-es-en, or a folder.
    batch_size, beams: for `seq2seq`, sentences that are translated at once, and hypotheses that are kept of each.
    Raises ValueError at another name, at an option that the engine needs and was not given, and, with what to do,
        where the engine or its model is not installed.
    """
    if name == "file":
        from spacy_awesome.translation.file import FileEngine

        return FileEngine(_needed(translations, name, "translations"))
    if name == "apertium":
        from spacy_awesome.translation.apertium import ApertiumEngine

        return ApertiumEngine(direction)
    if name == "seq2seq":
        from spacy_awesome.translation.seq2seq import Seq2SeqEngine

        return Seq2SeqEngine(str(_needed(model, name, "model")), batch_size=batch_size, beams=beams)
    raise ValueError(f"Unknown translation engine {name!r}; expected one of: {', '.join(ENGINES)}.")


def _needed(value: str | Path | None, engine: str, option: str) -> str | Path:
    if value is None:
        raise ValueError(f"The translation engine {engine!r} needs the option {option!r}.")
    return value
