"""Translation by Apertium's rules (Forcada et al. 2011): no model to download, thousands of sentences a second."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence

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
