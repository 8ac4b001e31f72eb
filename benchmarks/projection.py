"""`span_projector` on given links: pairs a second on one core, and seconds against the length of a Doc."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span

from benchmarks.data import DATA, SAMPLE
from benchmarks.report import DOCUMENT, Table, publish
from benchmarks.timing import seconds_of
from spacy_awesome import WordAlignment, parallel
from spacy_awesome.formats.pharaoh import read_links
from spacy_awesome.formats.sentences import read_labelled_docs
from spacy_awesome.projection import project_spans

LENGTHS = (100, 1_000, 2_500, 5_000, 10_000, 15_000, 20_000)
FIGURE = DOCUMENT.parent / "images" / "projection_length.svg"
_EUROPARL = ("ner/europarl/en-europarl.test.conll02", "ner/europarl/es-europarl.test.conll02")


def run(*, repeats: int, document: bool) -> None:
    nlp = spacy.blank("xx")
    nlp.add_pipe("span_projector")
    rates = Table(
        "Projection along given links, one thread, by processor time",
        ("text", "entities_per_pair", "words_per_pair", "pairs_per_second", "project_spans_alone_per_second"),
    )
    for text, docs in (("sample", _sample(nlp)), ("europarl", _europarl(nlp))):
        rates.add(text=text, **(_rates(nlp, docs, repeats) if docs else {"pairs_per_second": "skipped: no data"}))
    growth = Table(
        "Processor seconds for one Doc with an entity in every 10 tokens, by number of links per token",
        ("tokens", "1_link", "4_links"),
    )
    for length in LENGTHS:
        growth.add(tokens=length, **{
            name: statistics.median(_seconds(nlp, [_long_pair(nlp, length, links)], repeats))
            for name, links in (("1_link", 1), ("4_links", 4))
        })  # fmt: skip
    _draw(growth)
    publish("projection", [rates, growth], document=document)


def _sample(nlp: Language) -> list[Doc]:
    docs = []
    for folder in sorted(path for path in SAMPLE.iterdir() if path.is_dir()):
        sides = [read_labelled_docs(folder / f"{side}.conll", nlp.vocab) for side in ("source", "target")]
        pairs = [(source, [token.text for token in target]) for source, target in zip(*sides, strict=True)]
        words = (([token.text for token in source], target) for source, target in pairs)
        links = read_links(folder / "links.pharaoh", pairs=words, pairs_name=folder)
        docs += [_aligned(nlp, source, target, line) for (source, target), line in zip(pairs, links, strict=True)]
    return docs


def _europarl(nlp: Language) -> list[Doc]:
    paths = [Path(DATA or "") / path for path in _EUROPARL]
    if DATA is None or not all(path.exists() for path in paths):
        return []
    sides = [read_labelled_docs(path, nlp.vocab) for path in paths]
    pairs = [(source, [token.text for token in target]) for source, target in zip(*sides, strict=True)]
    aligner: Any = spacy.blank("xx").add_pipe("word_aligner")
    links = list(aligner.align_words(([token.text for token in source], target) for source, target in pairs))
    return [_aligned(nlp, source, target, line) for (source, target), line in zip(pairs, links, strict=True)]


def _long_pair(nlp: Language, length: int, links_per_token: int) -> Doc:
    """A pair of Docs as long as whole documents, with links near the diagonal."""
    rng = random.Random(length)
    words = [f"word{i % 997}" for i in range(length)]
    source = Doc(nlp.vocab, words=words)
    source.ents = [Span(source, start, start + rng.randint(1, 3), "PER") for start in range(0, length - 3, 10)]
    links = {
        (i, min(length - 1, max(0, i + rng.randint(-2, 2)))) for i in range(length) for _ in range(links_per_token)
    }
    alignment = WordAlignment(sorted(links), source_length=length, target_length=length)
    return _aligned(nlp, source, words, alignment)


def _aligned(nlp: Language, source: Doc, target: Sequence[str], alignment: WordAlignment) -> Doc:
    doc = parallel(nlp, source, target)
    doc._.parallel.alignment = alignment
    return doc


def _seconds(nlp: Language, docs: list[Doc], repeats: int) -> list[float]:
    projector: Any = nlp.get_pipe("span_projector")
    runs = []
    for _ in range(repeats + 1):
        for doc in docs:
            doc.ents = []
            doc._.parallel.projections = ()
        runs.append(seconds_of(lambda: [None for _ in projector.pipe(docs)], time.process_time))
    return runs[1:]


def _rates(nlp: Language, docs: list[Doc], repeats: int) -> dict[str, float]:
    inputs = [([(ent.start, ent.end) for ent in doc._.source.ents], doc._.alignment) for doc in docs]
    alone = [
        seconds_of(lambda: [project_spans(spans, links) for spans, links in inputs], time.process_time)
        for _ in range(repeats)
    ]
    return {
        "entities_per_pair": sum(len(spans) for spans, _ in inputs) / len(docs),
        "words_per_pair": sum(len(doc) + len(doc._.source) for doc in docs) / len(docs),
        "pairs_per_second": len(docs) / statistics.median(_seconds(nlp, docs, repeats)),
        "project_spans_alone_per_second": len(docs) / statistics.median(alone),
    }


def _draw(growth: Table) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
    for column, label in (("1_link", "1 link a token"), ("4_links", "4 links a token")):
        axes.plot([row["tokens"] for row in growth.rows], [row[column] for row in growth.rows], marker="o", label=label)
    axes.set(xlabel="tokens in the Doc", ylabel="processor seconds", xlim=0, ylim=0)
    axes.legend()
    figure.savefig(FIGURE)
    plt.close(figure)
