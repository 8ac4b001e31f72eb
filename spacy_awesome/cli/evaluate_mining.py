"""`evaluate mining`: mined sentence pairs against gold ones, with the threshold from a development set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spacy_awesome.cli.options import JsonOption
from spacy_awesome.cli.tables import print_json, text_table

if TYPE_CHECKING:
    from spacy_awesome.evaluation.mining import MiningCurve, MiningScores


def evaluate_mining(
    gold: Annotated[
        str, typer.Argument(metavar="GOLD", help="All translations there are: `source id<TAB>target id` lines.")
    ],
    mined: Annotated[str, typer.Argument(metavar="MINED", help="Output of `mine`, without a threshold.")],
    *,
    dev_gold: Annotated[str | None, typer.Option(help="The same for a development set.")] = None,
    dev_mined: Annotated[str | None, typer.Option(help="What was mined there, by the same options.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Lowest score that counts, instead of one from dev.")] = None,
    top: Annotated[int | None, typer.Option(min=0, help="Count so many pairs, the best, instead.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw precision over recall (.svg, .png, .pdf); needs the extra `plots`.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Precision, recall and F1 of mined sentence pairs, as in BUCC.

    The threshold with the best F1 on the development set is applied to MINED. Without one, and without --threshold and
    --top, all pairs count. What the best threshold for GOLD itself would reach is shown as well: a
    bound, not a result.

    \b
    Examples:
      python -m spacy awesome mine dev.en dev.es dev.tsv --ids
      python -m spacy awesome mine test.en test.es test.tsv --ids
      python -m spacy awesome evaluate mining test.gold test.tsv --dev-gold dev.gold --dev-mined dev.tsv
      python -m spacy awesome evaluate mining test.gold test.tsv --top 2000 --figure curve.svg
    """
    from spacy_awesome.formats.files import check_files

    if (dev_gold is None) != (dev_mined is None):
        raise ValueError("A development set needs both --dev-gold and --dev-mined.")
    if sum(option is not None for option in (dev_gold, threshold, top)) > 1:
        raise ValueError("Give a development set, --threshold or --top: only one of them can say which pairs count.")
    check_files((gold, mined, dev_gold, dev_mined), (figure,))
    curves = {"test": _curve(gold, mined)}
    if dev_gold is not None and dev_mined is not None:
        curves["dev"] = _curve(dev_gold, dev_mined)
        threshold = curves["dev"].best_threshold()
    curve = curves["test"]
    scores = curve.best(top) if threshold is None else curve.above(threshold)
    if figure is not None:
        from spacy_awesome.visualize.precision_recall import save_precision_recall

        save_precision_recall(figure, curves, marked=scores)
    _print_scores(scores, curve, threshold, as_json=as_json)


def _curve(gold: str, mined: str) -> MiningCurve:
    from spacy_awesome.evaluation.mining import mining_curve
    from spacy_awesome.formats.bucc import read_gold_pairs, read_mined_pairs

    pairs = [(pair.score, (pair.source_id, pair.target_id)) for pair in read_mined_pairs(mined)]
    return mining_curve(pairs, read_gold_pairs(gold))


def _print_scores(scores: MiningScores, curve: MiningCurve, threshold: float | None, *, as_json: bool) -> None:
    figures = {name: round(100 * getattr(scores, name), 2) for name in ("precision", "recall", "f1")}
    best = curve.above(curve.best_threshold()).f1 if scores.gold and curve.best().correct else 0.0
    figures["best_f1"] = round(100 * best, 2)
    counts = {name: getattr(scores, name) for name in ("gold", "mined", "correct")}
    if as_json:
        print_json(figures | counts | {"threshold": threshold})
        return
    names = ("Precision", "Recall", "F1", "F1 with the best threshold")
    rows = [(name, f"{value:.2f}") for name, value in zip(names, figures.values())]
    rows += [
        (name, str(value)) for name, value in zip(("Gold pairs", "Pairs that count", "Of these gold"), counts.values())
    ]
    rows += [] if threshold is None else [("Threshold", f"{threshold:.4f}")]
    typer.echo(text_table(rows, header=("Mined pairs", "Score")))
