"""What the steps of the CoNLL workflow hand on to each other, and how they write it: a folder at once, or not at all.

    data/english/{train,dev,test}.spacy      labelled English
    data/tune.tsv, tune.links                pairs with gold links, to choose the fine-tuned aligner by
    data/SET/target.conll                    sentences with gold entities
    data/SET/text/SPLIT.txt                  their text (`test`), and more text of the same kind, without labels
    data/SET/engine.json                     how they are translated: an Engine
    data/SET/english/SPLIT.txt               the translations, for the engine `file`
    data/SET/source.conll                    the translations with gold entities, where there are such
    data/SET/published.links                 published links from English to the target, where there are such
    translated/SET/SPLIT.txt                 the translations
    tagged/SET/{tagged,gold}.spacy           pairs, their English with found or with gold entities
    tagged/SET/{pairs,background}.tsv        the same pairs as words; pairs of the other splits
    tagged/SET/zero-shot.conll               the target text, tagged by the English recogniser
    links/SET/ALIGNER.links                  word links of the pairs

Beside or instead of a file that an uninstalled program would have made stands NAME.missing with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from spacy_awesome.formats.files import open_output

ZERO_SHOT = "zero-shot"
MISSING = ".missing"


@dataclass(frozen=True)
class Engine:
    """How a test set is translated: the name of an engine and its options."""

    name: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def tokenised(self) -> bool:
        """Whether the words of the translations stand between spaces already."""
        return self.name == "file"


def sets(folder: Path, name: str) -> list[Path]:
    """The folders of the test sets that have a file of this name. Exits where there is none."""
    found = sorted(path.parent for path in folder.glob(f"*/{name}"))
    if not found:
        raise SystemExit(
            f"{folder} has no */{name}: run the step before this one, `python -m spacy project run conll`."
        )
    return found


def say_missing(path: Path, reason: Exception) -> None:
    """Leave the reason why a file is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_output(path.with_suffix(MISSING)) as stream:
        stream.write(f"{reason}\n")
