"""Translation engines: a file of translations, Apertium, or a Hugging Face model."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from spacy_awesome.formats.files import check_readable, read_lines

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
        return FileEngine(_needed(translations, name, "translations"))
    if name == "apertium":
        return ApertiumEngine(direction)
    if name == "seq2seq":
        from spacy_awesome.translation.seq2seq import Seq2SeqEngine

        return Seq2SeqEngine(str(_needed(model, name, "model")), batch_size=batch_size, beams=beams)
    raise ValueError(f"Unknown translation engine {name!r}; expected one of: {', '.join(ENGINES)}.")


def _needed(value: str | Path | None, engine: str, option: str) -> str | Path:
    if value is None:
        raise ValueError(f"The translation engine {engine!r} needs the option {option!r}.")
    return value


class FileEngine:
    """Gives the lines of a file, one after the other, whatever the lines to be translated say.

    path: the file, in UTF-8.
    Raises OSError if there is no such file.
    """

    block_size = 1000
    # Equal lines may have different translations in the file.
    cacheable = False

    def __init__(self, path: str | Path) -> None:
        check_readable(path)
        self.name = f"file {path}"
        self._path = path
        self._lines = read_lines(path)
        self._given = 0

    def translate(self, lines: Sequence[str]) -> list[str]:
        """The next lines of the file. Raises ValueError at its end."""
        block = list(islice(self._lines, len(lines)))
        self._given += len(block)
        if len(block) < len(lines):
            raise ValueError(
                f"{self._path} has {self._given} lines, but there are more sentences than that to translate: expected "
                "one translation for each, in the same order."
            )
        return block

    def check_used_up(self) -> None:
        """Raise ValueError if the file has more lines than were asked for: it belongs to another text."""
        rest = sum(1 for _ in self._lines)
        if rest:
            raise ValueError(
                f"{self._path} has {self._given + rest} lines, but only {self._given} sentences were to be translated: "
                "expected one translation for each, in the same order."
            )


# Apertium moves words across single line breaks, and ends a sentence at an empty line. Only this splits its output.
_BETWEEN = "\n\n"
# What ends a line for any of Apertium's tools, or is no text; it escapes the signs of its own formats by itself.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class ApertiumEngine:
    """Runs the program `apertium`, one process for each block of lines.

    direction: one of those that `apertium -l` lists, such as spa-eng.
    Raises ValueError if Apertium or the direction is not installed.
    """

    block_size = 2000
    cacheable = True

    def __init__(self, direction: str) -> None:
        if shutil.which("apertium") is None:
            raise ValueError(
                "Apertium is not installed. On Debian and Ubuntu: apt-get install apertium apertium-eng-spa "
                "(or the package of another language pair); elsewhere see https://wiki.apertium.org/wiki/Installation."
            )
        listed = subprocess.run(["apertium", "-l"], capture_output=True, text=True, check=False).stdout.split()
        if direction not in listed:
            raise ValueError(
                f"Apertium has no direction {direction!r} here; installed are: {', '.join(listed) or 'none'}. Install "
                "the Debian package of the language pair, such as apertium-eng-spa for eng-spa and spa-eng."
            )
        self.name = f"apertium {direction}"
        self._direction = direction

    def translate(self, lines: Sequence[str]) -> list[str]:
        """One translation for each line; that of a blank line is empty. Raises ValueError if Apertium fails."""
        texts = [_CONTROL.sub(" ", line).strip(" ") for line in lines]
        spoken = [place for place, text in enumerate(texts) if text]
        translations = [""] * len(texts)
        for place, translation in zip(spoken, self._paragraphs([texts[place] for place in spoken]), strict=True):
            translations[place] = translation
        return translations

    def _paragraphs(self, texts: Sequence[str]) -> list[str]:
        if not texts:
            return []
        found = self._run(_BETWEEN.join(texts) + _BETWEEN).removesuffix(_BETWEEN).split(_BETWEEN)
        if len(found) == len(texts):
            return [" ".join(text.split("\n")) for text in found]
        if len(texts) == 1:
            return [" ".join(text for text in found if text)]
        # Some line made Apertium lose or add a paragraph; halving finds it without losing the others.
        middle = len(texts) // 2
        return self._paragraphs(texts[:middle]) + self._paragraphs(texts[middle:])

    def _run(self, text: str) -> str:
        # Without -u, words that Apertium does not know would be marked by an asterisk.
        command = ["apertium", "-u", self._direction]
        run = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
        if run.returncode:
            message = run.stderr.decode(errors="replace").strip()
            raise ValueError(f"`{' '.join(command)}` ended with status {run.returncode}: {message or 'no message'}.")
        return run.stdout.decode(errors="replace")
