"""Put the figures of the workflow `transfer` into Markdown tables and a learning curve.

    python scripts/transfer/report.py metrics/transfer build/transfer/corpora metrics --conll metrics/conll.json

metrics/ gets transfer.md and transfer.svg. --conll names the figures of the workflow `conll`, for its row.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from train import ZERO_SHOT

from spacy_awesome.formats.files import open_output

CEILING = "gold"
MAIN = "filtered"
SYSTEMS = {
    ZERO_SHOT: "zero-shot: the English recogniser on Spanish",
    MAIN: "translate-train: filtered projections",
    CEILING: "ceiling: gold Spanish labels",
}
FILTERS = {
    "unfiltered": "none",
    "complete": "all entities projected",
    "score": "projection score",
    "coverage": "alignment coverage",
    "capitals": "labels need a capital letter",
    MAIN: "all of them",
}
LABELS = ("PER", "LOC", "ORG", "MISC")
# Of the rows that the workflow `conll` has: translations by DeepL, or the sample's own.
TRANSLATE_TEST_SETS = ("conll-deepl", "sample")

Figures = dict[str, Any]


def report(
    figures: Annotated[Path, typer.Argument(help="Folder of figures that train.py wrote.", exists=True)],
    corpora: Annotated[Path, typer.Argument(help="Folder of corpora that choose.py wrote.", exists=True)],
    output: Annotated[Path, typer.Argument(help="Folder for transfer.md and transfer.svg.")],
    conll: Annotated[Path, typer.Option(help="Figures of the workflow conll.")] = Path("metrics/conll.json"),
) -> None:
    """Write tables and figure."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(figures.glob("*.json"))}
    if MAIN not in found or CEILING not in found:
        raise SystemExit(f"{figures} has no {MAIN}.json and {CEILING}.json: run the step transfer-train first.")
    curve = learning_curve(found)
    lines = ["# Translate-train: a Spanish recogniser without Spanish labels", "", *systems_table(found, conll)]
    lines += [
        "",
        "## Filters",
        "",
        "Chosen on dev; test was not looked at for any choice.",
        "",
        *filters_table(found, corpora),
    ]
    lines += ["", "## Learning curve", "", *curve_table(curve), "", "![Learning curve](transfer.svg)"]
    output.mkdir(parents=True, exist_ok=True)
    with open_output(output / "transfer.md") as stream:
        stream.write("\n".join(lines) + "\n")
    with open_output(output / "transfer.svg") as stream:
        stream.write(draw(curve, found))


def systems_table(found: Figures, conll: Path) -> list[str]:
    """F1 of each way to a Spanish recogniser."""
    header = [
        "System",
        "Dev F1",
        "Test P",
        "Test R",
        "Test F1",
        *(f"Test {label}" for label in LABELS),
        "Of the ceiling",
    ]
    lines = [row(header), rule(header)]
    ceiling = found[CEILING]["test"]["all"]["f1"]
    for name, title in SYSTEMS.items():
        if name == MAIN:
            lines.append(row(translate_test(conll, ceiling, len(header))))
        if name in found:
            dev, test = found[name]["dev"]["all"]["f1"], found[name]["test"]
            lines.append(row([title, f"{dev:.1f}", *test_cells(test), share(test["all"]["f1"], ceiling)]))
        else:
            lines.append(row([title, "not run: there is no English recogniser", *[""] * (len(header) - 2)]))
    return lines


def translate_test(conll: Path, ceiling: float, columns: int) -> list[str]:
    """The row of the workflow `conll`, or what to do to have it."""
    title = "translate-test: tags of the English translation, projected"
    rows = json.loads(conll.read_text(encoding="utf-8")) if conll.exists() else []
    for wanted in TRANSLATE_TEST_SETS:
        for each in rows:
            place = (each["set"], each["english"], each["aligner"], each.get("rule"))
            if place == (wanted, "tagged", "untuned", "link_f1"):
                return [
                    f"{title} ({wanted})",
                    "–",
                    *test_cells(each["scores"]),
                    share(each["scores"]["all"]["f1"], ceiling),
                ]
    return [title, "not run: see `spacy project run conll`", *[""] * (columns - 2)]


def test_cells(test: Figures) -> list[str]:
    """Precision, recall and F1, and F1 by label."""
    by_label = [test.get(label, {}).get("f1", 0.0) for label in LABELS]
    return [f"{value:.1f}" for value in (*(test["all"][name] for name in ("precision", "recall", "f1")), *by_label)]


def share(f1: float, ceiling: float) -> str:
    """How much of the ceiling is reached."""
    return f"{100 * f1 / ceiling:.0f} %" if ceiling else "–"


def filters_table(found: Figures, corpora: Path) -> list[str]:
    """What each filter drops, and what it is worth."""
    header = ["Filter", "Sentences", "Dropped", "Labels taken", "Dev F1", "Dev P", "Dev R"]
    lines = [row(header), rule(header)]
    for name, title in FILTERS.items():
        counts = json.loads((corpora / name / "report.json").read_text(encoding="utf-8"))
        dropped, taken = (sum(each.values()) for each in (counts["dropped"], counts["spans"]["unlabelled"]))
        dev = [f"{found[name]['dev']['all'][each]:.1f}" for each in ("f1", "precision", "recall")]
        lines.append(row([title, str(found[name]["sentences"]), str(dropped), str(taken), *dev]))
    return lines


def learning_curve(found: Figures) -> list[tuple[int, float, float]]:
    """Sentences, dev F1 and test F1 of the filtered corpora, from the smallest on."""
    runs = [figures for name, figures in found.items() if re.fullmatch(rf"{MAIN}(-\d+)?", name)]
    return sorted((run["sentences"], run["dev"]["all"]["f1"], run["test"]["all"]["f1"]) for run in runs)


def curve_table(curve: list[tuple[int, float, float]]) -> list[str]:
    """The learning curve in figures."""
    header = ["Projected sentences", "Dev F1", "Test F1"]
    return [row(header), rule(header), *(row([str(size), f"{dev:.1f}", f"{test:.1f}"]) for size, dev, test in curve)]


def draw(curve: list[tuple[int, float, float]], found: Figures) -> str:
    """The learning curve between zero-shot and the ceiling, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5.5, 3.4), layout="constrained")
    sizes = [size for size, _, _ in curve]
    axes.plot(sizes, [test for _, _, test in curve], marker="o", label="projected")
    for name, style in ((CEILING, "--"), (ZERO_SHOT, ":")):
        if name in found:
            axes.axhline(found[name]["test"]["all"]["f1"], linestyle=style, color="0.4", label=name)
    axes.set_xlabel("Projected sentences")
    axes.set_ylabel("Test F1")
    axes.set_ylim(0, 100)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return buffer.getvalue()


def row(cells: list[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def rule(header: list[str]) -> str:
    """The line below a table's header."""
    return f"|---|{'---:|' * (len(header) - 1)}"


if __name__ == "__main__":
    typer.run(report)
