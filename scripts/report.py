"""Put the figures of the main job into a Markdown table, a chart, and an HTML page with every pair drawn.

python scripts/report.py metrics/scores.json projected/tuned reports
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import spacy
import typer

from spacy_awesome.formats.docbin import read_docs
from spacy_awesome.formats.files import open_output
from spacy_awesome.formats.markdown import escape_markdown
from spacy_awesome.visualize import render
from spacy_awesome.visualize.style import escape

LANGUAGES = {"de": "German", "es": "Spanish", "it": "Italian", "nl": "Dutch"}
# From the simplest to the ceiling; any other system stands behind them.
SYSTEMS = ("untuned", "tuned", "gold links")
HEADER = ("Pair", "System", "AER", "Link F1", "Entity P", "Entity R", "Entity F1", "Lost entities")


def report(
    scores: Annotated[Path, typer.Argument(help="JSON file that scripts/evaluate.py wrote.", exists=True)],
    projected: Annotated[Path, typer.Argument(help="Folder of projected pairs to draw.", exists=True)],
    output: Annotated[Path, typer.Argument(help="Folder to write.")],
    limit: Annotated[int, typer.Option(help="Pairs to draw of each language.")] = 20,
) -> None:
    """Write report.md, report.html, figures.svg, and one page of drawn pairs for each language."""
    figures = in_order(json.loads(scores.read_text(encoding="utf-8")))
    output.mkdir(parents=True, exist_ok=True)
    for stale in output.glob("*.html"):
        stale.unlink()
    rows = table_rows(figures)
    chart = bar_chart(figures)
    nlp = spacy.blank("xx")
    pages = []
    for path in sorted(projected.glob("*.spacy")):
        docs = [doc for doc, _ in zip(read_docs(path, nlp.vocab), range(limit))]
        title = f"English – {LANGUAGES.get(path.stem.removeprefix('en-'), path.stem)}"
        write(output / f"{path.stem}.html", render(docs, title=title))
        pages.append((path.stem, title))
    write(output / "figures.svg", chart)
    write(output / "report.md", markdown(rows, pages))
    write(output / "report.html", page(rows, pages, chart))


def in_order(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures of each system, in the order of the report."""
    return {name: figures[name] for name in dict.fromkeys((*SYSTEMS, *figures)) if name in figures}


def table_rows(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    """One row for each language pair and system."""
    rows = []
    for pair in sorted({pair for system in figures.values() for pair in system}):
        for system, pairs in figures.items():
            if pair in pairs:
                links, entities, lost = (
                    pairs[pair].get("links", {}),
                    pairs[pair]["entities"]["all"],
                    pairs[pair]["lost"],
                )
                rows.append(
                    (
                        pair,
                        system,
                        *(f"{links[name]:.1f}" if name in links else "–" for name in ("aer", "f1")),
                        *(f"{entities[name]:.1f}" for name in ("precision", "recall", "f1")),
                        ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in lost.items()) or "none",
                    )
                )
    return rows


def bar_chart(figures: dict[str, Any]) -> str:
    """Entity F1 by language pair and system, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    # Names may hold a $, which would be read as a formula.
    matplotlib.rcParams["text.parse_math"] = False
    from matplotlib import pyplot

    pairs = sorted({pair for system in figures.values() for pair in system})
    width = 0.8 / len(figures)
    figure, axes = pyplot.subplots(figsize=(1.6 + 1.5 * len(pairs), 3.2), layout="constrained")
    for place, (system, values) in enumerate(figures.items()):
        heights = [values[pair]["entities"]["all"]["f1"] if pair in values else 0 for pair in pairs]
        bars = axes.bar([x + (place + 0.5) * width - 0.4 for x in range(len(pairs))], heights, width, label=system)
        axes.bar_label(bars, fmt="%.0f", fontsize=8)
    axes.set_xticks(range(len(pairs)), pairs)
    axes.set_ylim(0, 105)
    axes.set_ylabel("Entity F1")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=len(figures), frameon=False)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return buffer.getvalue()


def markdown(rows: list[tuple[str, ...]], pages: list[tuple[str, str]]) -> str:
    """The report as Markdown."""
    lines = ["# Projected entities", "", f"| {' | '.join(HEADER)} |", f"|{'---|' * len(HEADER)}"]
    lines += [f"| {' | '.join(map(escape_markdown, row))} |" for row in rows]
    lines += ["", "Figures are per cent. Lower is better for AER, higher for everything else.", ""]
    lines += ["![Entity F1 by language pair and system](figures.svg)", ""]
    lines += [f"- [{escape_markdown(title)}, drawn]({quote(name, safe='')}.html)" for name, title in pages]
    return "\n".join(lines) + "\n"


def page(rows: list[tuple[str, ...]], pages: list[tuple[str, str]], chart: str) -> str:
    """The report as a page of its own, chart included."""
    head = "".join(f"<th>{escape(name)}</th>" for name in HEADER)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    links = "".join(
        f'<li><a href="{quote(name, safe="")}.html">{escape(title)}, drawn</a></li>' for name, title in pages
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Projected entities</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: .25rem .75rem; border-bottom: 1px solid #ccc; text-align: left; }}
svg {{ max-width: 100%; height: auto; }}
</style></head><body>
<h1>Projected entities</h1>
<table><thead><tr>{head}</tr></thead><tbody>
{body}</tbody></table>
<p>Figures are per cent. Lower is better for AER, higher for everything else.</p>
{chart[chart.index("<svg") :]}
<ul>{links}</ul>
</body></html>
"""


def write(path: Path, text: str) -> None:
    """Write a file whole, or not at all."""
    with open_output(path) as stream:
        stream.write(text)


if __name__ == "__main__":
    typer.run(report)
