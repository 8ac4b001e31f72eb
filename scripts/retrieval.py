"""The ablation of OneAligner's Table 1: average pooling and BERT-score, each without and with normalisation.

    python scripts/retrieval.py measure retrieval/figures.json --encoders bundled,xlm-roberta-base
    python scripts/retrieval.py report retrieval/figures.json retrieval

measure takes LASER's Tatoeba files from a folder of real data (--data), and otherwise the sample in assets/.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spacy_awesome.evaluation.retrieval import (
    NO_NORMALIZATION,
    SCORINGS,
    TATOEBA_36,
    Retrieval,
    find_translations,
    read_translations,
    retrieval_accuracy,
)
from spacy_awesome.formats.conll import read_conll
from spacy_awesome.formats.files import open_output

if TYPE_CHECKING:
    from spacy_awesome.encoders.encoder import SubwordEncoder

SAMPLE = Path("assets/sample")
SAMPLE_LANGUAGES = {"en-de": "deu", "en-es": "spa", "en-it": "ita", "en-nl": "nld"}
TATOEBA = Path("retrieval/tatoeba-v1/v1")
NORMALIZATIONS = (NO_NORMALIZATION, "in_batch", "csls")
HEADINGS = {"pooling": "Pooling", "bert_score": "BERT-score", "none": "", "in_batch": " + norm.", "csls": " + CSLS"}

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command()
def measure(
    output: Annotated[Path, typer.Argument(help="JSON file to write.")],
    *,
    data: Annotated[str, typer.Option(help="Folder of real data; may be empty.")] = "",
    encoders: Annotated[str, typer.Option(help="Names or folders of encoders, with commas between.")] = "bundled",
    languages: Annotated[
        str, typer.Option(help="Of Tatoeba: ISO 639-3 codes with commas between, or tatoeba36.")
    ] = "deu,fra,ita,nld,por,spa",
    device: Annotated[str, typer.Option(help="Where encoders and scores are computed: cpu, or cuda.")] = "cpu",
) -> None:
    """Write accuracies, in per cent and as the mean of both directions, by encoder, language and way of scoring."""
    texts = tatoeba_texts(Path(data) / TATOEBA, languages) if data else sample_texts()
    figures = {name: measure_encoder(name, texts, device) for name in encoders.split(",")}
    corpus = {
        "name": "Tatoeba" if data else "sample",
        "sentences": {code: len(text[0]) for code, text in texts.items()},
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    with open_output(output) as stream:
        json.dump({"corpus": corpus, "encoders": figures}, stream, indent=2)


@app.command()
def report(
    figures: Annotated[Path, typer.Argument(help="JSON file that measure wrote.", exists=True)],
    output: Annotated[Path, typer.Argument(help="Folder to write.")],
) -> None:
    """Write report.md and report.svg."""
    measured = json.loads(figures.read_text(encoding="utf-8"))
    output.mkdir(parents=True, exist_ok=True)
    for name, text in (("report.svg", bar_chart(measured["encoders"])), ("report.md", markdown(measured))):
        with open_output(output / name) as stream:
            stream.write(text)


def tatoeba_texts(folder: Path, languages: str) -> dict[str, tuple[list[str], list[str]]]:
    """The lines of both sides of each language."""
    found = find_translations(folder)
    codes = sorted(TATOEBA_36) if languages == "tatoeba36" else languages.split(",")
    if missing := [code for code in codes if code not in found]:
        raise SystemExit(f"{folder} has no files of {missing[0]!r}.")
    return {code: read_translations(*found[code]) for code in codes}


def sample_texts() -> dict[str, tuple[list[str], list[str]]]:
    """The same of the repository's sample."""

    def lines(pair: str, side: str) -> list[str]:
        return [" ".join(sentence.words) for sentence in read_conll(SAMPLE / pair / f"{side}.conll")]

    return {code: (lines(pair, "target"), lines(pair, "source")) for pair, code in SAMPLE_LANGUAGES.items()}


def measure_encoder(name: str, texts: dict[str, tuple[list[str], list[str]]], device: str) -> dict[str, Any]:
    """Accuracies by language, scoring and normalisation."""
    from spacy_awesome.encoders.sentences import load_sentence_encoder

    encoder = load_sentence_encoder(name).to(device)
    return {code: accuracies(encoder, *text) for code, text in texts.items()}


def accuracies(encoder: SubwordEncoder, source: list[str], target: list[str]) -> dict[str, dict[str, float]]:
    """By scoring and normalisation; each sentence is encoded once."""
    from spacy_awesome.similarity.normalization import NORMALIZATIONS as METHODS

    sides = [Retrieval().encode(encoder, lines) for lines in (source, target)]
    results: dict[str, dict[str, float]] = {}
    for scoring in SCORINGS:
        scores = Retrieval(scoring, NO_NORMALIZATION).scores(*sides, device=str(encoder.device))
        results[scoring] = {
            name: 100 * retrieval_accuracy(scores if name == NO_NORMALIZATION else METHODS[name](scores)).accuracy
            for name in NORMALIZATIONS
        }
    return results


def columns() -> list[tuple[str, str]]:
    """The ways of scoring, in the order of the paper's table."""
    return [(scoring, name) for scoring in reversed(SCORINGS) for name in NORMALIZATIONS]


def mean(languages: dict[str, Any], scoring: str, name: str) -> float:
    """Mean accuracy over an encoder's languages."""
    return sum(figures[scoring][name] for figures in languages.values()) / len(languages)


def markdown(measured: dict[str, Any]) -> str:
    """The means, and under them the languages of each encoder."""
    corpus, encoders = measured["corpus"], measured["encoders"]
    sizes = ", ".join(f"{code} {count}" for code, count in corpus["sentences"].items())
    header = [f"{HEADINGS[scoring]}{HEADINGS[name]}" for scoring, name in columns()]
    means = [[encoder, *(mean(values, *column) for column in columns())] for encoder, values in encoders.items()]
    lines = ["# Sentence retrieval", "", *table(["Encoder", *header], means), ""]
    lines += [
        "Accuracy in per cent, mean of both directions and of all languages. norm.: in-batch normalisation, α = 0.75.",
        f"Sentences of the {corpus['name']}, with English: {sizes}.",
        "",
        "![Mean accuracy by encoder](report.svg)",
    ]
    for encoder, values in encoders.items():
        rows = [[code, *(by[scoring][name] for scoring, name in columns())] for code, by in values.items()]
        lines += ["", f"## {encoder}", "", *table(["Language", *header], rows)]
    return "\n".join(lines) + "\n"


def table(header: list[str], rows: list[list[Any]]) -> list[str]:
    """Lines of a Markdown table, the best figure of each row in bold."""
    lines = [f"| {' | '.join(header)} |", f"|---|{'---:|' * (len(header) - 1)}"]
    for name, *values in rows:
        cells = [f"**{value:.1f}**" if value == max(values) else f"{value:.1f}" for value in values]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return lines


def bar_chart(encoders: dict[str, Any]) -> str:
    """Mean accuracy by encoder and way of scoring, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    width = 0.8 / len(columns())
    figure, axes = pyplot.subplots(figsize=(3 + 2.2 * len(encoders), 3.4), layout="constrained")
    for place, (scoring, name) in enumerate(columns()):
        heights = [mean(values, scoring, name) for values in encoders.values()]
        color = ("C0", "C1")[scoring == "bert_score"]
        strength = (0.35, 0.65, 1.0)[NORMALIZATIONS.index(name)]
        label = f"{HEADINGS[scoring]}{HEADINGS[name]}"
        positions = [x + (place + 0.5) * width - 0.4 for x in range(len(encoders))]
        bars = axes.bar(positions, heights, width, label=label, color=color, alpha=strength)
        axes.bar_label(bars, fmt="%.1f", fontsize=8)
    axes.set_xticks(range(len(encoders)), [Path(name).name for name in encoders])
    axes.set_ylim(0, 105)
    axes.set_ylabel("Accuracy")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return buffer.getvalue()


if __name__ == "__main__":
    app()
