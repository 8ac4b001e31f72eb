"""Lay out the data of the CoNLL workflow; see layout.py for what is written.

python scripts/conll/prepare.py build/conll/data                      the sample in assets/
python scripts/conll/prepare.py build/conll/data --data DATA_FOLDER   CoNLL 2003, CoNLL 2002 and Europarl
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import spacy
import typer
from layout import Engine

from spacy_awesome import WordAlignment
from spacy_awesome.formats.atomic import atomic_folder, copy_file
from spacy_awesome.formats.conll import LabelledSentence, read_conll
from spacy_awesome.formats.docbin import make_doc
from spacy_awesome.formats.files import open_output, read_lines
from spacy_awesome.formats.parallel_text import join_words, split_words, write_pair
from spacy_awesome.formats.pharaoh import read_links, write_links
from spacy_awesome.formats.sentences import write_labelled_docs

SAMPLE = Path("assets/sample")
SAMPLE_TEST = "en-es"
# English of the other languages' samples, which is other text: recogniser and aligner are trained and chosen on it.
SAMPLE_TRAIN = ("en-de", "en-it")
SAMPLE_DEV = ("en-nl",)
# What CoNLL 2002 calls its splits, and what the files of translations call them.
SPLITS = {"test": "testb", "dev": "testa", "train": "train"}
TRANSLATORS = ("DeepL", "m2m100")


def prepare(
    output: Annotated[Path, typer.Argument(help="Folder to write.")],
    data: Annotated[str, typer.Option(help="Folder of real data; may be empty.")] = "",
    which: Annotated[str, typer.Option(help="sample, conll, or auto: conll where --data is given.")] = "auto",
    seq2seq: Annotated[str, typer.Option(help="A Hugging Face model that translates Spanish, as one more set.")] = "",
) -> None:
    """Write the data of the CoNLL workflow."""
    if which not in ("auto", "sample", "conll"):
        raise SystemExit(f"Unknown data {which!r}; expected auto, sample or conll.")
    if which == "conll" and not data:
        raise SystemExit("CoNLL needs real data: set SPACY_AWESOME_DATA to its folder (docs/data.md says what it has).")
    try:
        with atomic_folder(output) as folder:
            if data and which != "sample":
                prepare_conll(Path(data), folder, seq2seq)
            else:
                prepare_sample(folder)
    except FileNotFoundError as error:
        raise SystemExit(
            f"{error.filename} is missing: expected the sample in the repository, or SPACY_AWESOME_DATA's data as in "
            "docs/data.md."
        ) from error
    except ValueError as error:
        raise SystemExit(str(error)) from error


def prepare_conll(data: Path, folder: Path, seq2seq: str) -> None:
    """CoNLL 2002's Spanish by each translator, and Europarl with gold entities on both sides."""
    english = data / "ner" / "conll2003"
    for name, split in (("train", "train"), ("dev", "testa"), ("test", "testb")):
        write_english(read_conll(english / f"eng.{split}"), folder / "english", name)
    engines = {translator.lower(): Engine("file") for translator in TRANSLATORS}
    engines["apertium"] = Engine("apertium", {"direction": "spa-eng"})
    if seq2seq:
        engines["seq2seq"] = Engine("seq2seq", {"model": seq2seq})
    texts = {name: list(read_conll(data / "ner" / "conll2002" / f"esp.{split}")) for name, split in SPLITS.items()}
    for name, engine in engines.items():
        write_set(folder / f"conll-{name}", data / "ner" / "conll2002" / "esp.testb", engine, texts)
    translations = data / "translations" / "conll2002-es-en"
    for translator in TRANSLATORS:
        english = folder / f"conll-{translator.lower()}" / "english"
        english.mkdir()
        for split in SPLITS:
            copy_file(translations / f"{translator}.{split}.txt", english / f"{split}.txt")
    published = translations / "DeepL.test.awesome-links.txt"
    with open_output(folder / "conll-deepl" / "published.links") as stream:
        for line, (source, target) in zip(read_links(published), pairs_of(folder / "conll-deepl"), strict=True):
            # They are published from Spanish to English.
            links = WordAlignment(line.pairs[:, ::-1], source_length=len(source), target_length=len(target))
            write_links(stream, links)
    write_labelled_set(
        folder / "europarl",
        *(data / "ner" / "europarl" / f"{language}-europarl.test.conll02" for language in ("en", "es")),
    )
    with open_output(folder / "tune.tsv") as pairs, open_output(folder / "tune.links") as links:
        for line in read_lines(data / "alignment" / "xl-wa" / "es" / "dev.tsv"):
            source, target, gold = line.split("\t")
            pairs.write(f"{source}\t{target}\n")
            links.write(gold + "\n")


def prepare_sample(folder: Path) -> None:
    """The English–Spanish sample, translated by its own English."""
    sentences = {
        name: [sentence for pair in pairs for sentence in read_conll(SAMPLE / pair / "source.conll")]
        for name, pairs in (("train", SAMPLE_TRAIN), ("dev", SAMPLE_DEV), ("test", (SAMPLE_TEST,)))
    }
    for name, labelled in sentences.items():
        write_english(labelled, folder / "english", name)
    write_labelled_set(folder / "sample", SAMPLE / SAMPLE_TEST / "source.conll", SAMPLE / SAMPLE_TEST / "target.conll")
    with open_output(folder / "tune.tsv") as pairs, open_output(folder / "tune.links") as links:
        for pair in SAMPLE_DEV:
            source, target = (read_conll(SAMPLE / pair / f"{side}.conll") for side in ("source", "target"))
            for x, y in zip(source, target, strict=True):
                write_pair(pairs, x.words, y.words, separator="\t")
            links.write((SAMPLE / pair / "links.pharaoh").read_text(encoding="utf-8"))


def write_english(sentences: Iterable[LabelledSentence], folder: Path, name: str) -> None:
    """Labelled English as the recogniser's training reads it."""
    folder.mkdir(exist_ok=True)
    vocab = spacy.blank("en").vocab
    docs = (make_doc(sentence, vocab) for sentence in sentences)
    write_labelled_docs(folder / f"{name}.spacy", docs, file_format="spacy")


def write_set(folder: Path, gold: Path, engine: Engine, texts: dict[str, list[LabelledSentence]]) -> None:
    """A test set, to be translated."""
    (folder / "text").mkdir(parents=True)
    copy_file(gold, folder / "target.conll")
    (folder / "engine.json").write_text(json.dumps(asdict(engine), indent=2) + "\n", encoding="utf-8")
    for split, sentences in texts.items():
        with open_output(folder / "text" / f"{split}.txt") as stream:
            stream.writelines(join_words(sentence.words) + "\n" for sentence in sentences)


def write_labelled_set(folder: Path, source: Path, target: Path) -> None:
    """A test set with gold entities on both sides: its translation is its own English."""
    write_set(folder, target, Engine("file"), {"test": list(read_conll(target))})
    copy_file(source, folder / "source.conll")
    (folder / "english").mkdir()
    with open_output(folder / "english" / "test.txt") as stream:
        stream.writelines(join_words(sentence.words) + "\n" for sentence in read_conll(source))


def pairs_of(folder: Path) -> Iterable[tuple[list[str], list[str]]]:
    """English and Spanish words of a test set that has its translations."""
    sides = (map(split_words, read_lines(folder / side / "test.txt")) for side in ("english", "text"))
    return zip(*sides, strict=True)


if __name__ == "__main__":
    typer.run(prepare)
