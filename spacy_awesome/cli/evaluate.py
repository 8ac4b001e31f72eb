"""`evaluate`: links, spans and mined pairs against a gold standard."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spacy_awesome.cli.evaluate_retrieval import evaluate_retrieval
from spacy_awesome.cli.options import JsonOption
from spacy_awesome.cli.reporting import print_json, text_table

if TYPE_CHECKING:
    from spacy_awesome.evaluation.alignments import LinkScores
    from spacy_awesome.evaluation.mined_pairs import MiningCurve, MiningScores
    from spacy_awesome.evaluation.spans import PRF, SpanScores
    from spacy_awesome.tokens.word_alignment import WordAlignment


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
        from spacy_awesome.visualize.charts import save_precision_recall

        save_precision_recall(figure, curves, marked=scores)
    _print_scores(scores, curve, threshold, as_json=as_json)


def _curve(gold: str, mined: str) -> MiningCurve:
    from spacy_awesome.evaluation.mined_pairs import mining_curve
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


evaluate_app = typer.Typer(
    help="Compare word links, labelled spans or found translations with a gold standard.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

evaluate_app.command("retrieval")(evaluate_retrieval)
evaluate_app.command("mining")(evaluate_mining)


@evaluate_app.command("links")
def evaluate_links(
    gold: Annotated[
        str, typer.Argument(metavar="GOLD", help="Gold links, one sentence pair a line: `1-2` is sure, `1p2` possible.")
    ],
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="Links to judge, one sentence pair a line.")],
    *,
    gold_base: Annotated[
        int, typer.Option(min=0, max=1, help="Number of a sentence's first word in GOLD: 0 or 1.")
    ] = 0,
    system_base: Annotated[int, typer.Option(min=0, max=1, help="The same in SYSTEM.")] = 0,
    text: Annotated[
        str | None,
        typer.Option(
            "--source-target",
            help="The sentences (`source ||| target` or tab-separated), to check that no link points outside them.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Alignment error rate (AER), precision, recall and F1 of word links.

    Precision counts a link as right if it is sure or possible in GOLD; recall asks for the sure links only (Och & Ney
    2003). All figures are per cent over the whole file. Many published gold files count words from 1: use
    --gold-base 1.

    \b
    Examples:
      python -m spacy awesome evaluate links gold.txt links.txt
      python -m spacy awesome evaluate links deen.gold deen.out --gold-base 1 --source-target deen.src-tgt
      python -m spacy awesome evaluate links gold.txt links.txt --json
    """
    from spacy_awesome.evaluation.alignments import score_links
    from spacy_awesome.formats.files import check_files, zip_equal
    from spacy_awesome.formats.parallel_text import read_pairs
    from spacy_awesome.formats.pharaoh import read_links

    check_files((gold, system, text))
    # Both advance together, so that no more than one pair is kept between them.
    texts = tee(read_pairs(text)) if text else (None, None)
    links = (
        read_links(path, base=base, pairs=sentences, pairs_name=text or "")
        for path, base, sentences in zip((gold, system), (gold_base, system_base), texts)
    )
    pairs = zip_equal(*links, names=(gold, system))
    lowest = _LowestWord()
    scores = score_links(lowest.watch(pairs))
    if lowest.suspicious and gold_base == 0:
        typer.secho(
            f"⚠ No link of {gold} has word 0 on either side: it seems to count from 1. If so, use --gold-base 1.",
            fg=typer.colors.YELLOW,
            err=True,
        )
    _print_links(scores, as_json=as_json)


@evaluate_app.command("spans")
def evaluate_spans(
    gold: Annotated[
        str, typer.Argument(metavar="GOLD", help="Gold spans: CoNLL columns (IOB, BILUO, BIOES), .spacy or .jsonl.")
    ],
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="Spans to judge, in any of these formats.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Precision, recall and F1 of labelled spans, overall and by label.

    A span is right if it covers the same words and has the same label. All figures are per cent over the whole file.

    \b
    Examples:
      python -m spacy awesome evaluate spans gold.conll projected.conll
      python -m spacy awesome evaluate spans gold.spacy projected.spacy --json
    """
    from spacy_awesome.evaluation.spans import score_spans
    from spacy_awesome.formats.files import check_files, zip_equal
    from spacy_awesome.formats.sentences import read_sentences

    check_files((gold, system))
    pairs = zip_equal(read_sentences(gold), read_sentences(system), names=(gold, system), unit="sentences")
    _print_spans(score_spans(pairs), as_json=as_json)


class _LowestWord:
    """Notices gold links that never name word 0, as the links of a file that counts from 1 never do."""

    def __init__(self) -> None:
        self.links = 0
        self.zeros = 0

    def watch(
        self, pairs: Iterator[tuple[WordAlignment, WordAlignment]]
    ) -> Iterator[tuple[WordAlignment, WordAlignment]]:
        for gold, system in pairs:
            self.links += len(gold)
            self.zeros += int((gold.pairs == 0).sum())
            yield gold, system

    @property
    def suspicious(self) -> bool:
        return self.links > 0 and self.zeros == 0


def _print_links(scores: LinkScores, *, as_json: bool) -> None:
    figures = {name: _per_cent(getattr(scores, name)) for name in ("aer", "precision", "recall", "f1")}
    counts = {name: getattr(scores, name) for name in ("sentences", "links", "sure", "possible")}
    if as_json:
        print_json(figures | counts)
        return
    names = {"aer": "AER", "precision": "Precision", "recall": "Recall", "f1": "F1"}
    count_names = {
        "sentences": "Sentence pairs",
        "links": "Links of the system",
        "sure": "Sure gold links",
        "possible": "Possible gold links",
    }
    rows = [(names[name], f"{value:.2f}") for name, value in figures.items()]
    rows += [(count_names[name], str(value)) for name, value in counts.items()]
    typer.echo(text_table(rows, header=("Word links", "Score")))


def _print_spans(scores: SpanScores, *, as_json: bool) -> None:
    if as_json:
        per_label = {label: _prf(prf) for label, prf in scores.per_label.items()}
        print_json(_prf(scores.overall) | {"per_label": per_label})
        return
    rows = [*scores.per_label.items(), ("all", scores.overall)]
    table = [(label, *(f"{value:.2f}" for value in _prf(prf).values())) for label, prf in rows]
    typer.echo(text_table(table, header=("Label", "Precision", "Recall", "F1")))


def _prf(scores: PRF) -> dict[str, float]:
    return {name: _per_cent(getattr(scores, name)) for name in ("precision", "recall", "f1")}


def _per_cent(fraction: float) -> float:
    return round(100 * fraction, 2)
