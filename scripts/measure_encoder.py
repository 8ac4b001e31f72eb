"""Measure an encoder on real data, with the aligner's and the projector's default settings.

    python scripts/measure_encoder.py $SPACY_AWESOME_DATA metrics/encoder.json

Writes one JSON object for `spacy-awesome encoder card --figures`: "collection part, language: what" and its value in
per cent. The README gives the same measurements as commands of the command line.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer
from spacy.language import Language

from spacy_awesome import WordAlignment, parallel_stream
from spacy_awesome.evaluation.links import score_links
from spacy_awesome.evaluation.retrieval import Retrieval, find_translations, read_translations, score_retrieval
from spacy_awesome.evaluation.spans import score_spans
from spacy_awesome.formats.conll import read_conll
from spacy_awesome.formats.docbin import labelled_sentence
from spacy_awesome.formats.files import open_output, read_lines, zip_equal
from spacy_awesome.formats.parallel_text import read_pairs, split_words
from spacy_awesome.formats.pharaoh import read_links
from spacy_awesome.formats.sentences import read_labelled_docs

# The language pairs of XL-WA that the bundled encoder was made for.
LANGUAGES = {"es": "Spanish", "it": "Italian", "nl": "Dutch", "pt": "Portuguese"}
# Of the test sets of Dou & Neubig (2021).
STANDARD = {"enfr": "French", "deen": "German"}
TATOEBA = ("deu", "fra", "ita", "nld", "por", "spa")


def measure(
    data: Annotated[Path, typer.Argument(help="Folder of real data.", exists=True)],
    output: Annotated[Path, typer.Argument(help="JSON file to write.")],
    encoder: Annotated[str, typer.Option(help="bundled, a folder or a hub name.")] = "bundled",
) -> None:
    """Write the figures of one encoder."""
    nlp = spacy.blank("xx")
    nlp.add_pipe("word_aligner", config={"model": {"@architectures": "spacy_awesome.HFEncoder.v1", "name": encoder}})
    nlp.add_pipe("span_projector")
    aligner: Any = nlp.get_pipe("word_aligner")
    figures: dict[str, float] = {}
    for part in ("dev", "test"):
        for path in sorted((data / "alignment" / "xl-wa").glob(f"*/{part}.tsv")):
            language = LANGUAGES.get(path.parent.name)
            if language:
                figures[f"XL-WA {part}, {language}: word links, F1"] = link_f1(aligner, path)
    for name, language in STANDARD.items():
        aer = standard_aer(aligner, data / "alignment" / "standard" / name)
        figures[f"{name} test, {language}: word links, AER (less is better)"] = aer
    figures["Europarl test, Spanish: projected gold entities, F1"] = europarl_f1(nlp, data / "ner" / "europarl")
    accuracy = tatoeba_accuracy(aligner.aligner.encoder, data / "retrieval" / "tatoeba-v1" / "v1")
    figures["Tatoeba test, mean of six languages: sentences found by BERT-score, in-batch normalised"] = accuracy
    output.parent.mkdir(parents=True, exist_ok=True)
    with open_output(output) as stream:
        stream.write(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")


def link_f1(aligner: Any, path: Path) -> float:
    """F1 of the word links of an XL-WA file: source, target and gold links in three columns."""
    rows = [line.split("\t") for line in read_lines(path)]
    system = aligner.align_words((split_words(source), split_words(target)) for source, target, _ in rows)
    gold = (WordAlignment.from_pharaoh(links) for _, _, links in rows)
    return round(100 * score_links(zip(gold, system)).f1, 2)


def standard_aer(aligner: Any, path: Path) -> float:
    """Alignment error rate on a pair of files `path.src-tgt` and `path.gold`, whose links count from 1."""
    pairs = list(read_pairs(path.with_suffix(".src-tgt")))
    gold = read_links(path.with_suffix(".gold"), base=1, pairs=pairs)
    return round(100 * score_links(zip(gold, aligner.align_words(pairs))).aer, 2)


def tatoeba_accuracy(encoder: Any, folder: Path) -> float:
    """Accuracy of finding translations, both ways and all languages averaged."""
    files = find_translations(folder)
    retrieval = Retrieval(normalization="in_batch")
    found = [score_retrieval(encoder, *read_translations(*files[name]), retrieval).accuracy for name in TATOEBA]
    return round(100 * sum(found) / len(found), 2)


def europarl_f1(nlp: Language, folder: Path) -> float:
    """F1 of gold English entities projected onto the Spanish sentences."""
    english, spanish = (folder / f"{language}-europarl.test.conll02" for language in ("en", "es"))
    sources = read_labelled_docs(english, spacy.blank("en").vocab)
    pairs = zip_equal(sources, read_conll(spanish), names=(english, spanish), unit="sentences")
    docs = nlp.pipe(parallel_stream(nlp, ((source, target.words) for source, target in pairs)))
    scores = score_spans(zip(read_conll(spanish), map(labelled_sentence, docs)))
    return round(100 * scores.overall.f1, 2)


if __name__ == "__main__":
    typer.run(measure)
