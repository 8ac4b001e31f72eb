"""Project the English entities along all links by all rules, and judge the result; see layout.py.

    python scripts/conll/evaluate.py DATA TAGGED LINKS PROJECTED metrics/conll.json

Writes the figures, in per cent, and for each set the pairs as our un-tuned row has them (rule link_f1), for the report.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer
from layout import MISSING, ZERO_SHOT, sets
from spacy.language import Language
from spacy.tokens import Doc

from recipe.baselines import BASELINES
from spacy_awesome import WordAlignment
from spacy_awesome.evaluation.spans import score_spans
from spacy_awesome.formats.atomic import atomic_folder
from spacy_awesome.formats.conll import LabelledSentence, read_conll
from spacy_awesome.formats.docbin import labelled_sentence, read_docs
from spacy_awesome.formats.files import open_output
from spacy_awesome.formats.pharaoh import read_links
from spacy_awesome.formats.sentences import write_labelled_docs
from spacy_awesome.tokens.pair import pair_words, require_parallel

ALIGNERS = (*BASELINES, "untuned", "tuned", "published")
DRAWN = "untuned"
RULES: dict[str, dict[str, Any]] = {
    "link_f1": {},
    "min_max": {"rule": "min_max"},
    "gap": {"rule": "gap"},
    "exact": {"assignment": "exact"},
}


def evaluate(
    data: Annotated[Path, typer.Argument(help="Folder that prepare.py wrote.", exists=True)],
    tagged: Annotated[Path, typer.Argument(help="Folder that tag.py wrote.", exists=True)],
    links: Annotated[Path, typer.Argument(help="Folder that align.py wrote.", exists=True)],
    projected: Annotated[Path, typer.Argument(help="Folder of projected pairs to write.")],
    output: Annotated[Path, typer.Argument(help="JSON file to write.")],
) -> None:
    """Write a row for each set, kind of English entities, aligner and rule."""
    nlp = spacy.blank("es")
    rows: list[dict[str, Any]] = []
    with atomic_folder(projected) as folder:
        for source in sets(tagged, f"{ZERO_SHOT}.conll"):
            gold = list(read_conll(data / source.name / "target.conll"))
            zero_shot = list(read_conll(source / f"{ZERO_SHOT}.conll"))
            rows.append({"set": source.name, "english": "none", "aligner": ZERO_SHOT} | scores(gold, zero_shot))
            for kind in ("tagged", "gold"):
                row = {"set": source.name, "english": kind}
                reason = source / f"{kind}{MISSING}"
                if reason.exists():
                    rows.append(row | {"missing": reason.read_text(encoding="utf-8").strip()})
                elif (source / f"{kind}.spacy").exists():
                    docs = list(read_docs(source / f"{kind}.spacy", nlp.vocab))
                    rows += [row | more for more in project(nlp, docs, gold, links / source.name, folder, kind)]
    output.parent.mkdir(parents=True, exist_ok=True)
    with open_output(output) as stream:
        stream.write(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def project(
    nlp: Language, docs: list[Doc], gold: list[LabelledSentence], links: Path, output: Path, kind: str
) -> Iterator[dict[str, Any]]:
    """The rows of one set with one kind of English entities."""
    for aligner in ALIGNERS:
        path, missing = links / f"{aligner}.links", links / f"{aligner}{MISSING}"
        if missing.exists():
            yield {"aligner": aligner, "missing": missing.read_text(encoding="utf-8").strip()}
        elif path.exists():
            alignments = list(read_links(path, pairs=map(pair_words, docs), pairs_name="the pairs"))
            for rule, settings in RULES.items():
                found = list(projections(nlp, docs, alignments, settings))
                lost = Counter(each.reason for doc in docs for each in doc._.projection_report if not each.projected)
                yield {"aligner": aligner, "rule": rule, "lost": dict(lost)} | scores(gold, found)
                if (aligner, rule) == (DRAWN, "link_f1"):
                    (output / kind).mkdir(exist_ok=True)
                    write_labelled_docs(output / kind / f"{links.name}.spacy", docs, file_format="spacy")


def projections(
    nlp: Language, docs: list[Doc], alignments: list[WordAlignment], settings: dict[str, Any]
) -> Iterator[LabelledSentence]:
    """Run the projector over the same Docs with these links; it replaces what it wrote before."""
    projector: Any = nlp.create_pipe("span_projector", config=settings)
    for doc, alignment in zip(docs, alignments, strict=True):
        require_parallel(doc).alignment = alignment
        yield labelled_sentence(projector(doc))


def scores(gold: list[LabelledSentence], found: list[LabelledSentence]) -> dict[str, Any]:
    """Precision, recall and F1 of all entities and by label."""
    spans = score_spans(zip(gold, found, strict=True))
    all_labels = {"all": spans.overall, **spans.per_label}
    return {
        "scores": {
            label: {name: round(100 * getattr(prf, name), 2) for name in ("precision", "recall", "f1")}
            for label, prf in all_labels.items()
        }
    }


if __name__ == "__main__":
    typer.run(evaluate)
