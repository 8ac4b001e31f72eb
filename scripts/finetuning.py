"""What fine-tuning is worth: AER on English–French before, while and after an encoder is trained on Hansards text.

    python scripts/finetuning.py prepare $SPACY_AWESOME_DATA build/finetuning
    python scripts/finetuning.py train build/finetuning
    python scripts/finetuning.py report build/finetuning metrics/finetuning.json docs/finetuning.md

Each run is `spacy train configs/finetune.cfg` with other objectives, from the bundled encoder or from one of the same
shape with random weights. A run that is finished is skipped, one that was interrupted goes on from its checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Annotated

import srsly
import torch
import typer
from thinc.api import Config

from recipe.baselines.eflomal import eflomal_links
from spacy_awesome.encoders.loading import BUNDLED, load_encoder, save_encoder
from spacy_awesome.formats.atomic import atomic_folder
from spacy_awesome.formats.files import open_output
from spacy_awesome.formats.parallel_text import TAB, read_pairs, read_rows, split_words, write_pair
from spacy_awesome.formats.pharaoh import read_links, write_links

CONFIG = Path("configs/finetune.cfg")
PAIRS_A_STEP = 64
# Learning rates: the paper's, and larger ones for what has more to learn.
STARTS = {"bundled": 2e-5, "random": 1e-3}
_TLM_SO = {"translation_lm": 1.0, "self_training": 1.0}
_ALL = _TLM_SO | {"masked_lm": 1.0, "parallel_identification": 1.0}
MIXES: dict[str, tuple[str, dict[str, float]]] = {
    "SO": ("pairs.tsv", {"self_training": 1.0}),
    "TLM + SO": ("pairs.tsv", _TLM_SO),
    "all": ("pairs.tsv", _ALL),
    "all + CO": ("pairs.tsv", _ALL | {"consistency": 1.0}),
    "semi-supervised": ("linked.tsv", _TLM_SO | {"cross_entropy": 1.0}),
}
TABLE, END = "<!-- figures: scripts/finetuning.py report -->", "<!-- end of figures -->"

app = typer.Typer(help=__doc__, no_args_is_help=True)
WorkArgument = Annotated[Path, typer.Argument(help="Folder of this workflow's files.")]


@app.command()
def prepare(
    data: Annotated[Path, typer.Argument(help="Folder of real data (SPACY_AWESOME_DATA).")],
    work: WorkArgument,
    linked: Annotated[
        int, typer.Option(help="Lines, the first ones, that eflomal links for semi-supervision.")
    ] = 40_000,
) -> None:
    """Lay out the text to train on, with and without links of a part of it, the test set, and the random encoder."""
    hansards = data / "parallel" / "hansards" / "en-fr.200k.tsv.gz"
    test = data / "alignment" / "standard" / "enfr"
    if not hansards.exists():
        raise SystemExit(f"{hansards} does not exist; set SPACY_AWESOME_DATA to the folder of real data.")
    work.mkdir(parents=True, exist_ok=True)
    rows = [tuple(columns) for _, columns in read_rows(hansards, widths=(2,))]
    pairs = [(split_words(source), split_words(target)) for source, target in rows]
    with open_output(work / "pairs.tsv") as stream:
        stream.writelines(f"{source}\t{target}\n" for source, target in rows)
    with open_output(work / "linked.tsv") as stream:
        for (source, target), links in zip(rows, eflomal_links(pairs[:linked])):
            stream.write(TAB.join((source, target, links.to_pharaoh())) + "\n")
        stream.writelines(f"{source}\t{target}\t\n" for source, target in islice(rows, linked, None))
    sentences = list(read_pairs(test.with_suffix(".src-tgt")))
    with open_output(work / "test.txt") as stream:
        for source, target in sentences:
            write_pair(stream, source, target)
    with open_output(work / "test.links") as stream:
        for alignment in read_links(test.with_suffix(".gold"), base=1, pairs=sentences):
            write_links(stream, alignment)
    make_random(work / "random")


def starts(work: Path) -> list[str]:
    """The encoders that are there to start from."""
    return [start for start in STARTS if start == "bundled" or (work / start).is_dir()]


def make_random(folder: Path) -> None:
    """Write an encoder of the bundled one's shape, with the random weights that Hugging Face gives a new model."""
    loaded = load_encoder("bundled", layer=None, dtype=torch.float32)
    torch.manual_seed(0)
    model = type(loaded.transformer)(loaded.transformer.config)
    with atomic_folder(folder, keep=True) as temporary:
        save_encoder(model, loaded.tokenizer, loaded.defaults, temporary)


@app.command()
def train(
    work: WorkArgument,
    steps: Annotated[int, typer.Option(help=f"Steps of each run, {PAIRS_A_STEP} pairs each.")] = 40,
    every: Annotated[int, typer.Option(help="Steps between two evaluations.")] = 5,
    gpu: Annotated[int, typer.Option(help="GPU to train on; -1 is none.")] = -1,
) -> None:
    """Train from each start with each mix of objectives."""
    for start in starts(work):
        for mix in MIXES:
            folder = run_folder(work, start, mix)
            config = run_config(work, start, mix, steps=steps, every=every)
            contents = [config.to_bytes(), *(path.read_bytes() for path in inputs(work, start, mix))]
            key = hashlib.blake2b(b"\0".join(contents), digest_size=16).hexdigest()
            if not (folder / key).exists():
                # Nothing of a run on other text or from other weights is to go on.
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                config.to_disk(folder / "config.cfg", interpolate=False)
                (folder / key).touch()
            if not (folder / "finished").exists():
                command = [sys.executable, "-m", "spacy", "train", str(folder / "config.cfg"), "--output", str(folder)]
                subprocess.run([*command, "--gpu-id", str(gpu)], check=True)
                (folder / "finished").touch()


def run_folder(work: Path, start: str, mix: str) -> Path:
    """Where a run's models and figures lie."""
    return work / "runs" / f"{start}, {mix}"


def inputs(work: Path, start: str, mix: str) -> list[Path]:
    """The files that a run depends on: its text, and the weights of its start."""
    encoder = BUNDLED if start == "bundled" else work / start
    return [work / MIXES[mix][0], *sorted(encoder.glob("*.safetensors"))]


def run_config(work: Path, start: str, mix: str, *, steps: int, every: int) -> Config:
    """The configuration of a run: configs/finetune.cfg, but for what is set here."""
    text, objectives = MIXES[mix]
    folder = run_folder(work, start, mix)
    config = Config().from_disk(CONFIG, interpolate=False)
    config["paths"] |= {
        "encoder": "bundled" if start == "bundled" else str(work / start),
        "train": str(work / text),
        "dev": str(work / "test.txt"),
        "dev_links": str(work / "test.links"),
        "checkpoints": str(folder / "checkpoints"),
    }
    aligner = config["components"]["word_aligner"]
    aligner["model"]["precision"] = "mixed"
    aligner["objectives"] = objectives
    training = config["training"]
    # Encoders of this shape are made without dropout.
    training |= {"max_steps": steps, "eval_frequency": every, "dropout": 0.0}
    training["before_update"]["every"] = every
    # Pairs of all lengths, so that steps tell how many were seen.
    training["batcher"] = {"@batchers": "spacy.batch_by_sequence.v1", "size": PAIRS_A_STEP}
    training["optimizer"]["learn_rate"] |= {"initial_rate": STARTS[start], "warmup_steps": steps // 10}
    training["logger"] = {"@loggers": "spacy.ConsoleLogger.v3", "output_file": str(folder / "scores.jsonl")}
    return config


@app.command()
def report(
    work: WorkArgument,
    figures: Annotated[Path, typer.Argument(help="JSON file to write.")],
    page: Annotated[Path, typer.Argument(help="Markdown page whose table is replaced; the figure goes to images/.")],
) -> None:
    """Write the figures of all runs as JSON, as a table into a page, and as learning curves."""
    curves = {
        start: {mix: curve(run_folder(work, start, mix) / "scores.jsonl") for mix in MIXES} for start in starts(work)
    }
    figures.parent.mkdir(parents=True, exist_ok=True)
    with open_output(figures) as stream:
        stream.write(json.dumps(curves, indent=2) + "\n")
    before, after = split_page(page)
    picture = "![AER against the pairs that were seen](images/finetuning.svg)"
    text = before + "\n".join([TABLE, "", *table_lines(curves), "", picture, "", END]) + after
    with open_output(page) as stream:
        stream.write(text)
    draw(curves, page.parent / "images" / "finetuning.svg")


def curve(log: Path) -> list[tuple[int, float]]:
    """(pairs seen, AER in per cent) at each evaluation of a run, from the log of spaCy's training."""
    if not log.exists():
        raise SystemExit(f"{log} does not exist; run `scripts/finetuning.py train` first.")
    # The loop evaluates after its step, and counts steps from 0.
    return [(PAIRS_A_STEP * (row["step"] + 1), row["scores"]["alignment_aer"]) for row in srsly.read_jsonl(log)]


def split_page(page: Path) -> tuple[str, str]:
    """A page's text before and after the place of the table."""
    text = page.read_text(encoding="utf-8")
    if TABLE not in text or END not in text:
        raise SystemExit(f"{page} has no lines {TABLE!r} and {END!r} for the table to stand between.")
    return text.split(TABLE, 1)[0], text.split(END, 1)[1]


def table_lines(curves: dict[str, dict[str, list[tuple[int, float]]]]) -> list[str]:
    """AER of each run at its first and its last evaluation, and the pairs that it has then seen."""
    lines = ["| start | objectives | first AER | last AER | pairs seen |", "|---|---|---|---|---|"]
    for start, runs in curves.items():
        for mix, points in runs.items():
            (_, first), (seen, last) = points[0], points[-1]
            lines.append(f"| {start} | {mix} | {first:.2f} | {last:.2f} | {seen:,} |")
    return lines


def draw(curves: dict[str, dict[str, list[tuple[int, float]]]], path: Path) -> None:
    """AER against pairs seen, a picture for each start."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "finetuning"
    from matplotlib import pyplot

    figure, places = pyplot.subplots(
        1, len(curves), figsize=(4.5 * len(curves), 3.4), squeeze=False, layout="constrained"
    )
    for axes, (start, runs) in zip(places[0], curves.items()):
        for mix, points in runs.items():
            axes.plot(*zip(*points), label=mix)
        axes.set(title=f"{start} encoder", xlabel="pairs seen", ylabel="AER (%), enfr")
        axes.grid(alpha=0.3)
    places[0, 0].legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    app()
