"""Write the table of the CoNLL workflow as Markdown, its chart, and the pages of errors.

    python scripts/conll/report.py FIGURES.json PROJECTED DATA RECOGNISER.json metrics reports/conll

metrics/ gets conll.md and conll.svg, pages/ a page for each set and kind of English entities.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer
from errors_page import errors_page, sentence_errors
from layout import ZERO_SHOT

from recipe.error_causes import CAUSES
from spacy_awesome.formats.atomic import atomic_folder
from spacy_awesome.formats.conll import read_conll
from spacy_awesome.formats.docbin import read_docs
from spacy_awesome.formats.files import open_output
from spacy_awesome.formats.markdown import escape_markdown

NAMES = {
    ZERO_SHOT: "zero-shot: the English recogniser on the target text",
    "fast_align": "fast_align",
    "eflomal": "eflomal",
    "GIZA++": "GIZA++",
    "SimAlign": "SimAlign (itermax) on our encoder",
    "untuned": "ours, bundled encoder as it comes",
    "tuned": "ours, fine-tuned on the text of all test pairs (no label)",
    "published": "published links of a fine-tuned AWESOME",
}
RULES = ("link_f1", "min_max", "gap", "exact")
LABELS = ("PER", "LOC", "ORG", "MISC")
KINDS = {"tagged": "English entities by the recogniser", "gold": "gold English entities", "none": ""}

FIGURES = ("ents_p", "ents_r", "ents_f")

Row = dict[str, Any]
Group = tuple[str, str]


def report(
    figures: Annotated[Path, typer.Argument(help="JSON file that evaluate.py wrote.", exists=True)],
    projected: Annotated[Path, typer.Argument(help="Folder of projected pairs that evaluate.py wrote.", exists=True)],
    data: Annotated[Path, typer.Argument(help="Folder that prepare.py wrote.", exists=True)],
    recogniser: Annotated[Path, typer.Argument(help="What `spacy evaluate` wrote of the recogniser.", exists=True)],
    metrics: Annotated[Path, typer.Argument(help="Folder for conll.md and conll.svg.")],
    pages: Annotated[Path, typer.Argument(help="Folder for the pages of errors.")],
) -> None:
    """Write tables, chart and pages."""
    groups = by_group(json.loads(figures.read_text(encoding="utf-8")))
    lines = ["# Translate-test: English entities projected onto Spanish", ""]
    lines += [recogniser_line(json.loads(recogniser.read_text(encoding="utf-8"))), ""]
    for (name, kind), rows in groups.items():
        lines += [f"## {escape_markdown(name)}, {KINDS[kind]}", "", *table(rows), ""]
    lines += ["## Errors by cause", "", "Of our row with the bundled encoder as it comes, rule link_f1.", ""]
    lines += [f"| Set | English | {' | '.join(CAUSES)} |", f"|{'---|' * (len(CAUSES) + 2)}"]
    vocab = spacy.blank("es").vocab
    with atomic_folder(pages) as folder:
        for path in sorted(projected.glob("*/*.spacy")):
            name, kind = path.stem, path.parent.name
            gold = read_conll(data / name / "target.conll")
            found = [sentence_errors(doc, sentence) for doc, sentence in zip(read_docs(path, vocab), gold, strict=True)]
            counts = Counter(error.cause for each in found for error in each.errors)
            lines.append(f"| {escape_markdown(name)} | {kind} | {' | '.join(str(counts[cause]) for cause in CAUSES)} |")
            write(folder / f"{name}.{kind}.html", errors_page(found, title=f"Errors: {name}, {KINDS[kind]}"))
    metrics.mkdir(parents=True, exist_ok=True)
    write(metrics / "conll.md", "\n".join(lines) + "\n")
    write(metrics / "conll.svg", bar_chart(groups))


def recogniser_line(scores: Row) -> str:
    """How good the English recogniser is on its own test set."""
    overall = ", ".join(f"{name} {100 * scores[key]:.1f}" for name, key in zip(("P", "R", "F1"), FIGURES))
    labels = ", ".join(
        f"{escape_markdown(label)} {100 * each['f']:.1f}" for label, each in sorted(scores["ents_per_type"].items())
    )
    return f"The English recogniser on its own test set: {overall} ({labels})."


def by_group(rows: list[Row]) -> dict[Group, list[Row]]:
    """The rows of each set and kind of English entities; zero-shot, which has no English, goes to the tagged ones."""
    groups: dict[Group, list[Row]] = {}
    for row in rows:
        kind = "tagged" if row["english"] == "none" else row["english"]
        groups.setdefault((row["set"], kind), []).append(row)
    return groups


def table(rows: list[Row]) -> list[str]:
    """A Markdown table: a line for each aligner, with F1 by label along its first rule, and F1 of all rules."""
    header = ("Links", "P", "R", "F1", *LABELS, *(f"F1, {rule}" for rule in RULES))
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    for aligner in dict.fromkeys(row.get("aligner", "") for row in rows):
        own = [row for row in rows if row.get("aligner", "") == aligner]
        name = NAMES.get(aligner, "all")
        if "missing" in own[0]:
            lines.append(f"| {name} | {escape_markdown(own[0]['missing'].splitlines()[0])} {'|' * (len(header) - 1)}")
            continue
        first = own[0]["scores"]
        by_rule = {row.get("rule"): row["scores"]["all"]["f1"] for row in own}
        cells = [f"{first['all'][figure]:.1f}" for figure in ("precision", "recall", "f1")]
        cells += [f"{first[label]['f1']:.1f}" if label in first else "–" for label in LABELS]
        cells += [f"{by_rule[rule]:.1f}" if rule in by_rule else "–" for rule in RULES]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def bar_chart(groups: dict[Group, list[Row]]) -> str:
    """F1 along each aligner's links, rule link_f1, by set; as SVG."""
    import matplotlib

    matplotlib.use("svg")
    # Names may hold a $, which would be read as a formula.
    matplotlib.rcParams["text.parse_math"] = False
    from matplotlib import pyplot

    heights = {
        (group, row["aligner"]): row["scores"]["all"]["f1"]
        for group, rows in groups.items()
        for row in rows
        if row.get("rule", "link_f1") == "link_f1" and "scores" in row
    }
    aligners = [name for name in NAMES if any(aligner == name for _, aligner in heights)]
    width = 0.8 / len(aligners)
    figure, axes = pyplot.subplots(figsize=(2 + 1.8 * len(groups), 4), layout="constrained")
    for place, aligner in enumerate(aligners):
        shown = [(x, heights[group, aligner]) for x, group in enumerate(groups) if (group, aligner) in heights]
        bars = axes.bar([x + (place + 0.5) * width - 0.4 for x, _ in shown], [y for _, y in shown], width)
        bars.set_label(NAMES[aligner])
        axes.bar_label(bars, fmt="%.0f", fontsize=7)
    axes.set_xticks(range(len(groups)), [f"{name}\n{KINDS[kind]}" for name, kind in groups], fontsize=7)
    axes.set_ylim(0, 105)
    axes.set_ylabel("Entity F1")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return buffer.getvalue()


def write(path: Path, text: str) -> None:
    """Write a file whole, or not at all."""
    with open_output(path) as stream:
        stream.write(text)


if __name__ == "__main__":
    typer.run(report)
