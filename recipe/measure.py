"""Step 8: figures of an encoder on real data, with the components' default settings; they go into the model card.

The README of the encoder gives the same measurements as commands of the command line.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer
from spacy.language import Language

from spacy_awesome import WordAlignment, parallel_stream
from spacy_awesome.evaluation.alignments import LinkScores, score_links
from spacy_awesome.evaluation.retrieval import Retrieval, find_translations, read_translations, retrieval_accuracy
from spacy_awesome.evaluation.spans import score_spans
from spacy_awesome.formats.conll import read_conll
from spacy_awesome.formats.docbin import labelled_sentence
from spacy_awesome.formats.files import open_output, read_lines, zip_equal
from spacy_awesome.formats.parallel_text import read_pairs, split_words
from spacy_awesome.formats.pharaoh import read_links
from spacy_awesome.formats.sentences import read_labelled_docs

# The five test sets of Dou & Neubig (2021).
STANDARD = ("deen", "enfr", "roen", "zhen", "jaen")
TATOEBA = ("deu", "spa", "fra", "ita", "nld", "por")
PARTS = ("dev", "test", "standard", "europarl", "tatoeba")


def main(
    data: Annotated[Path, typer.Argument(help="The data folder (docs/data.md).", exists=True)],
    output: Annotated[Path, typer.Argument(help="JSON file to write.")],
    encoder: Annotated[str, typer.Option(help="bundled, a folder or a hub name.")] = "bundled",
    layer: Annotated[int | None, typer.Option(help="Layer to read; by default the encoder's own.")] = None,
    threshold: Annotated[float | None, typer.Option(help="By default the encoder's own.")] = None,
    parts: Annotated[str, typer.Option(help="Some of the parts, comma-separated.")] = ",".join(PARTS),
) -> None:
    """Write the figures of one encoder, in percent."""
    nlp = spacy.blank("xx")
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": encoder, "layer": layer}
    nlp.add_pipe("word_aligner", config={"model": model, "threshold": threshold})
    nlp.add_pipe("span_projector")
    aligner: Any = nlp.get_pipe("word_aligner")
    figures: dict[str, float] = {}

    def add(name: str, value: float) -> None:
        figures[name] = round(100 * value, 2)
        typer.echo(f"{name}: {figures[name]}")

    for part in parts.split(","):
        if part in ("dev", "test"):
            for path in sorted((data / "alignment" / "xl-wa").glob(f"*/{part}.tsv")):
                add(f"XL-WA {part} {path.parent.name}, AER", xl_wa(aligner, path).aer)
        elif part == "standard":
            for name in STANDARD:
                add(f"{name}, AER", standard(aligner, data / "alignment" / "standard" / name).aer)
        elif part == "europarl":
            add("Europarl en-es, gold entities projected, F1", europarl_f1(nlp, data / "ner" / "europarl"))
        elif part == "tatoeba":
            for name, value in tatoeba(aligner.aligner.encoder, data / "retrieval" / "tatoeba-v1" / "v1").items():
                add(name, value)
    with open_output(output) as stream:
        stream.write(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")


def xl_wa(aligner: Any, path: Path) -> LinkScores:
    """Scores on an XL-WA file: source, target and gold links in three columns."""
    rows = [line.split("\t") for line in read_lines(path)]
    system = aligner.align_words((split_words(source), split_words(target)) for source, target, _ in rows)
    return score_links(zip((WordAlignment.from_pharaoh(links) for _, _, links in rows), system))


def standard(aligner: Any, path: Path) -> LinkScores:
    """Scores on a pair of files `path.src-tgt` and `path.gold`, whose links count from 1."""
    pairs = list(read_pairs(path.with_suffix(".src-tgt")))
    return score_links(zip(read_links(path.with_suffix(".gold"), base=1, pairs=pairs), aligner.align_words(pairs)))


def tatoeba(encoder: Any, folder: Path) -> dict[str, float]:
    """Means over six languages of sentences that find their translations, by the paper's scorer and others."""
    files = find_translations(folder)
    settings = {
        "BERT-score, in-batch normalization": Retrieval(normalization="in_batch"),
        "BERT-score, CSLS": Retrieval(normalization="csls"),
        "average pooling": Retrieval(scoring="pooling", normalization="none"),
    }
    totals = dict.fromkeys(settings, (0.0, 0.0))
    for name in TATOEBA:
        sides = [settings["average pooling"].encode(encoder, lines) for lines in read_translations(*files[name])]
        for key, retrieval in settings.items():
            found = retrieval_accuracy(retrieval.scores(*sides))
            totals[key] = (totals[key][0] + found.accuracy, totals[key][1] + found.source_to_target)
    count = len(TATOEBA)
    return {
        f"Tatoeba de es fr it nl pt, {key}, {way}": total / count
        for key, both in totals.items()
        for way, total in zip(("both directions", "xx to en"), both)
    }


def europarl_f1(nlp: Language, folder: Path) -> float:
    """F1 of gold English entities projected onto the Spanish sentences."""
    english, spanish = (folder / f"{language}-europarl.test.conll02" for language in ("en", "es"))
    sources = read_labelled_docs(english, spacy.blank("en").vocab)
    pairs = zip_equal(sources, read_conll(spanish), names=(english, spanish), unit="sentences")
    docs = nlp.pipe(parallel_stream(nlp, ((source, target.words) for source, target in pairs)))
    return score_spans(zip(read_conll(spanish), map(labelled_sentence, docs))).overall.f1


if __name__ == "__main__":
    typer.run(main)
