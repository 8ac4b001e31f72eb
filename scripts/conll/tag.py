"""Tag the translations with the English recogniser, and pair them with the target sentences; see layout.py.

    python scripts/conll/tag.py build/conll/data build/conll/translated training/ner/model-best build/conll/tagged

The target sentences are tagged as well: zero-shot, a recogniser that has never seen their language.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import spacy
import typer
from layout import MISSING, ZERO_SHOT, Engine, sets
from spacy.language import Language
from spacy.tokens import Doc

from spacy_awesome import parallel_stream
from spacy_awesome.formats.atomic import atomic_folder, copy_file
from spacy_awesome.formats.files import open_output, read_lines, zip_equal
from spacy_awesome.formats.parallel_text import split_words, write_pair
from spacy_awesome.formats.sentences import read_labelled_docs, write_labelled_docs


def tag(
    data: Annotated[Path, typer.Argument(help="Folder that prepare.py wrote.", exists=True)],
    translated: Annotated[Path, typer.Argument(help="Folder that translate.py wrote.", exists=True)],
    model: Annotated[str, typer.Argument(help="The English pipeline with a recogniser.")],
    output: Annotated[Path, typer.Argument(help="Folder to write.")],
) -> None:
    """Write pairs with found and with gold English entities, and the pairs' words."""
    nlp, target_nlp = spacy.load(model), spacy.blank("es")
    with atomic_folder(output) as folder:
        for source in sets(data, "target.conll"):
            engine = Engine(**json.loads((source / "engine.json").read_text(encoding="utf-8")))
            goal, translations = folder / source.name, translated / source.name
            goal.mkdir()
            targets = words_of(source / "text" / "test.txt")
            tagged = nlp.pipe(Doc(nlp.vocab, words=words) for words in targets)
            write_labelled_docs(goal / f"{ZERO_SHOT}.conll", tagged, file_format="conll")
            reason = translations / f"test{MISSING}"
            if reason.exists():
                copy_file(reason, goal / f"tagged{MISSING}")
                continue
            english = english_docs(nlp, translations / "test.txt", tokenised=engine.tokenised)
            save_pairs(target_nlp, nlp.pipe(english), source / "text" / "test.txt", goal / "tagged.spacy")
            if (source / "source.conll").exists():
                gold = read_labelled_docs(source / "source.conll", nlp.vocab)
                save_pairs(target_nlp, gold, source / "text" / "test.txt", goal / "gold.spacy")
            write_words(nlp, source, translations, goal, tokenised=engine.tokenised)
        gather([path / "pairs.tsv" for path in sets(folder, "pairs.tsv")], folder / "pairs.tsv")


def english_docs(nlp: Language, path: Path, *, tokenised: bool) -> Iterator[Doc]:
    """The translations as Docs: of the words between spaces, or of those that spaCy's tokenizer finds."""
    for line in read_lines(path):
        words = split_words(line)
        yield Doc(nlp.vocab, words=words) if tokenised else nlp.make_doc(" ".join(words))


def words_of(path: Path) -> Iterator[list[str]]:
    """The words of each line."""
    return map(split_words, read_lines(path))


def save_pairs(nlp: Language, sources: Iterable[Doc], target: Path, output: Path) -> None:
    """Pair Docs with the sentences of a file."""
    pairs = zip_equal(sources, words_of(target), names=("the English", target), unit="sentences")
    write_labelled_docs(output, parallel_stream(nlp, pairs), file_format="spacy")


def write_words(nlp: Language, source: Path, translations: Path, goal: Path, *, tokenised: bool) -> None:
    """The words of the test pairs, and of those of the other splits."""
    others = sorted(path.stem for path in (source / "text").glob("*.txt") if path.stem != "test")
    for name, splits in (("pairs.tsv", ["test"]), ("background.tsv", others)):
        with open_output(goal / name) as stream:
            for split in splits:
                english = english_docs(nlp, translations / f"{split}.txt", tokenised=tokenised)
                text = source / "text" / f"{split}.txt"
                for doc, words in zip_equal(english, words_of(text), names=("the English", text), unit="sentences"):
                    write_pair(stream, [token.text for token in doc], words, separator="\t")


def gather(parts: list[Path], output: Path) -> None:
    """All parts, one after the other: what the aligner is fine-tuned on."""
    with open_output(output) as stream:
        stream.writelines(part.read_text(encoding="utf-8") for part in parts)


if __name__ == "__main__":
    typer.run(tag)
