"""Judge links and projected entities of every system and language pair against the gold annotations.

    python scripts/evaluate.py corpus projected metrics/scores.json

Systems are the folders of PROJECTED. Language pairs with gold links also get the system "gold links": what projection
along perfect (sure) links gives.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer
from spacy.language import Language
from spacy.tokens import Doc

from spacy_awesome import WordAlignment, attach_alignment, parallel
from spacy_awesome.evaluation.alignments import score_links
from spacy_awesome.evaluation.spans import score_spans
from spacy_awesome.formats.conll import read_conll
from spacy_awesome.formats.docbin import labelled_sentence, read_docs
from spacy_awesome.formats.files import open_output, zip_equal
from spacy_awesome.formats.pharaoh import read_links
from spacy_awesome.formats.sentences import read_labelled_docs

GOLD = "gold links"


def evaluate(
    corpus: Annotated[Path, typer.Argument(help="Folder that scripts/prepare.py wrote.", exists=True)],
    projected: Annotated[
        Path, typer.Argument(help="Folder of systems, as scripts/annotate.py wrote them.", exists=True)
    ],
    output: Annotated[Path, typer.Argument(help="JSON file to write; figures are per cent.")],
) -> None:
    """Write one JSON object: system → language pair → figures."""
    nlp = spacy.blank("xx")
    scores: dict[str, dict[str, Any]] = {}
    for system in sorted(path for path in projected.iterdir() if path.is_dir()):
        for path in sorted(system.glob("*.spacy")):
            docs = list(read_docs(path, nlp.vocab))
            scores.setdefault(system.name, {})[path.stem] = score(docs, corpus / path.stem)
    projector = nlp.create_pipe("span_projector")
    for links in sorted(corpus.glob("*/gold.links")):
        docs = list(projector.pipe(gold_pairs(links.parent, nlp)))
        scores.setdefault(GOLD, {})[links.parent.name] = score(docs, links.parent)
    output.parent.mkdir(parents=True, exist_ok=True)
    with open_output(output) as stream:
        stream.write(json.dumps(scores, indent=2, ensure_ascii=False) + "\n")


def score(docs: list[Doc], folder: Path) -> dict[str, Any]:
    """Figures of one system on one language pair."""
    found = (labelled_sentence(doc) for doc in docs)
    gold = folder / "target.conll"
    spans = score_spans(zip_equal(read_conll(gold), found, names=(gold, "the projected Docs"), unit="sentences"))
    figures: dict[str, Any] = {
        "sentences": len(docs),
        "entities": {
            "all": per_cent(spans.overall),
            **{label: per_cent(prf) for label, prf in spans.per_label.items()},
        },
        "lost": dict(Counter(p.reason for doc in docs for p in doc._.projection_report if not p.projected)),
    }
    links = folder / "gold.links"
    if links.exists():
        pairs = zip_equal(read_links(links), (doc._.alignment for doc in docs), names=(links, "the projected Docs"))
        figures["links"] = per_cent(score_links(pairs), "aer")
    return figures


def gold_pairs(folder: Path, nlp: Language) -> Iterator[Doc]:
    """The pairs of a corpus with its gold entities in the source and its sure gold links."""
    sources = read_labelled_docs(folder / "source.conll", nlp.vocab)
    for source, target, gold in zip(sources, read_conll(folder / "target.conll"), read_links(folder / "gold.links")):
        doc = parallel(nlp, source, target.words)
        sure = WordAlignment(gold.pairs[gold.sure], source_length=len(source), target_length=len(doc))
        attach_alignment(doc, sure)
        yield doc


def per_cent(scores: Any, *more: str) -> dict[str, float]:
    """Precision, recall, F1 and more as per cent."""
    return {name: round(100 * getattr(scores, name), 2) for name in ("precision", "recall", "f1", *more)}


if __name__ == "__main__":
    typer.run(evaluate)
