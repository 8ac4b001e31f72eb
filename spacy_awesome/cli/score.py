"""`score`: how likely each given pair is a translation, to filter a noisy corpus."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spacy_awesome.cli.options import AlignerOptions, QuietOption, chunk_progress, with_options

if TYPE_CHECKING:
    from spacy_awesome.alignment import WordPair
    from spacy_awesome.pair_scores import PairScores


@with_options(aligner=AlignerOptions)
def score(
    input_path: Annotated[
        str,
        typer.Argument(
            metavar="PAIRS",
            help="Sentence pairs, one a line: `source ||| target` or source, tab, target. `-` reads standard input.",
        ),
    ],
    output_path: Annotated[
        str,
        typer.Argument(
            metavar="OUTPUT",
            help="For each pair BERT-score, margin, coverage, source and target, between tabs. "
            "`-` writes to standard output.",
        ),
    ] = "-",
    *,
    target: Annotated[
        str | None, typer.Option(help="File of target sentences; PAIRS then holds the source sentences only.")
    ] = None,
    min_bert_score: Annotated[
        float | None, typer.Option(help="Leave out pairs below this BERT-score (up to 1).")
    ] = None,
    min_margin: Annotated[float | None, typer.Option(help="Leave out pairs below this margin.")] = None,
    min_coverage: Annotated[
        float | None, typer.Option(help="Leave out pairs of whose words a smaller share (from 0 to 1) is linked.")
    ] = None,
    normalization: Annotated[
        str, typer.Option(help="Which margin: distance, ratio, csls, in_batch or none.")
    ] = "distance",
    neighbours: Annotated[
        int,
        typer.Option(min=1, help="Sentences of the file that each sentence's best neighbours are looked for among."),
    ] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Write a JSON object for each pair.")] = False,
    quiet: QuietOption = False,
    aligner: AlignerOptions,
) -> None:
    """Score sentence pairs by how likely they translate each other.

    BERT-score compares subwords; the margin is by how much that exceeds what the two sentences score with others of the
    file, so it needs some hundred pairs; coverage is the share of words that the word aligner links. A pair without
    text on a side scores 0 in all three.

    \b
    Examples:
      python -m spacy awesome score crawled.tsv scores.tsv
      python -m spacy awesome score crawled.tsv clean.tsv --min-margin 0.0 --min-coverage 0.5
      python -m spacy awesome score pairs.txt --json | head
    """
    from spacy_awesome.formats.files import STANDARD_STREAM, check_readable, open_output
    from spacy_awesome.formats.parallel_text import read_pairs
    from spacy_awesome.pair_scores import score_translations
    from spacy_awesome.retrieval.mining import check_normalization

    check_normalization(normalization)
    if input_path == target == STANDARD_STREAM:
        raise ValueError("Both sides can't come from standard input; give one of them the name of a file.")
    for path in (input_path, target):
        if path is not None:
            check_readable(path)
    component = aligner.load()
    # Standard input can be read only once.
    held = list(read_pairs(input_path, target=target)) if STANDARD_STREAM in (input_path, target) else None

    def pairs() -> Iterable[WordPair]:
        return read_pairs(input_path, target=target) if held is None else held

    minima = {"bert_score": min_bert_score, "margin": min_margin, "coverage": min_coverage}
    with tempfile.TemporaryDirectory() as work, open_output(output_path) as stream:
        scored = score_translations(
            component.aligner,
            pairs,
            work=Path(work),
            neighbours=neighbours,
            normalization=normalization,
            progress=chunk_progress(quiet=quiet),
        )
        for (source_words, target_words), scores in zip(pairs(), scored):
            if all(low is None or getattr(scores, name) >= low for name, low in minima.items()):
                stream.write(_line(scores, " ".join(source_words), " ".join(target_words), as_json=as_json))


def _line(scores: PairScores, source: str, target: str, *, as_json: bool) -> str:
    values = {name: round(getattr(scores, name), 6) for name in ("bert_score", "margin", "coverage")}
    if as_json:
        return json.dumps(values | {"source": source, "target": target}, ensure_ascii=False) + "\n"
    return "\t".join([*(f"{value:.6f}" for value in values.values()), source, target]) + "\n"
