"""Train a recogniser on each corpus by `spacy train`, and judge it on the gold data by `spacy evaluate`.

    python scripts/transfer/train.py build/transfer/corpora build/transfer/data/gold training/transfer metrics/transfer

MODELS/NAME is the recogniser of the corpus NAME, METRICS/NAME.json what it reaches on {dev,test}. A corpus is done when
its metrics are there: they appear at the end, so that a run that was killed goes on with the corpus it was at.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from spacy.cli.evaluate import evaluate as spacy_evaluate
from spacy.cli.train import train as spacy_train

from spacy_awesome.formats.atomic import atomic_folder, scratch_folder
from spacy_awesome.formats.docbin import read_docs
from spacy_awesome.formats.files import open_output

SPLITS = ("dev", "test")
# The name under which a recogniser stands that knows the source language alone.
ZERO_SHOT = "zero-shot"
# What is wanted first, if there is no time for all.
FIRST = ("filtered", "gold")


def train(
    corpora: Annotated[Path, typer.Argument(help="Folder that choose.py wrote.", exists=True)],
    gold: Annotated[Path, typer.Argument(help="Folder of the gold data.", exists=True)],
    models: Annotated[Path, typer.Argument(help="Folder of recognisers to write.")],
    metrics: Annotated[Path, typer.Argument(help="Folder of figures to write.")],
    config: Annotated[Path, typer.Option(help="Configuration of the recogniser.", exists=True)] = Path(
        "configs/ner.cfg"
    ),
    max_steps: Annotated[int, typer.Option(help="Training steps of each recogniser, the same for all.")] = 1000,
    zero_shot: Annotated[str, typer.Option(help="Recogniser of the source language, judged as it is.")] = "",
) -> None:
    """Write a recogniser and its figures for each corpus."""
    metrics.mkdir(parents=True, exist_ok=True)
    names = sorted(
        (path.parent.name for path in corpora.glob("*/train.spacy")), key=lambda name: (name not in FIRST, name)
    )
    for stale in metrics.glob("*.json"):
        if stale.stem not in names:
            stale.unlink()
    settings = config.read_bytes() + str(max_steps).encode()
    for name in names:
        corpus = corpora / name
        key = digest(settings, *(path.read_bytes() for path in (corpus / "train.spacy", corpus / "dev.spacy")))
        if known(metrics / f"{name}.json").get("key") != key:
            train_one(corpus, models / name, config, max_steps)
            sentences = sum(1 for _ in read_docs(corpus / "train.spacy"))
            write(metrics / f"{name}.json", {"key": key, "sentences": sentences, **judge(models / name, gold)})
    if Path(zero_shot, "config.cfg").is_file():
        write(metrics / f"{ZERO_SHOT}.json", judge(Path(zero_shot), gold))


def train_one(corpus: Path, model: Path, config: Path, max_steps: int) -> None:
    """Train one recogniser; its folder appears when it is done."""
    model.parent.mkdir(parents=True, exist_ok=True)
    overrides = {
        "nlp.lang": "es",
        "paths.train": str(corpus / "train.spacy"),
        "paths.dev": str(corpus / "dev.spacy"),
        "training.max_steps": max_steps,
        "training.max_epochs": 0,
        # The best of four states, by the corpus's own development data.
        "training.eval_frequency": max(1, max_steps // 4),
    }
    with scratch_folder("transfer") as folder:
        spacy_train(config, folder, overrides=overrides)
        with atomic_folder(model) as best:
            shutil.copytree(Path(folder, "model-best"), best, dirs_exist_ok=True)


def judge(model: Path, gold: Path) -> dict[str, Any]:
    """What a recogniser reaches on each split, in per cent, overall and by label."""
    figures = {}
    for split in SPLITS:
        # The gold tokens, so that the figures equal those of the CoNLL scorer.
        scores = spacy_evaluate(str(model), gold / f"{split}.spacy", gold_preproc=True, silent=True)
        by_label = {label: per_cent(prf) for label, prf in sorted(scores["ents_per_type"].items())}
        figures[split] = {"all": per_cent({name: scores[f"ents_{name}"] for name in "prf"})} | by_label
    return figures


def per_cent(prf: dict[str, float]) -> dict[str, float]:
    """Precision, recall and F1."""
    return {long: round(100 * prf[short], 2) for long, short in (("precision", "p"), ("recall", "r"), ("f1", "f"))}


def digest(*parts: bytes) -> str:
    """What tells one training from another."""
    return hashlib.blake2b(b"\0".join(parts), digest_size=16).hexdigest()


def known(path: Path) -> dict[str, Any]:
    """The figures of an earlier run, if there are any."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(path: Path, figures: dict[str, Any]) -> None:
    """Write figures whole, or not at all."""
    with open_output(path) as stream:
        stream.write(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    typer.run(train)
