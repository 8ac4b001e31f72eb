"""`score`: how likely each given pair is a translation, to filter a noisy corpus."""

from __future__ import annotations

import json
from collections.abc import Iterable
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
    from spacy_awesome.formats.atomic import scratch_folder
    from spacy_awesome.formats.files import Unchanged, check_files, is_stream, open_output
    from spacy_awesome.formats.parallel_text import read_pairs
    from spacy_awesome.pair_scores import score_translations
    from spacy_awesome.retrieval.mining import check_normalization

    check_normalization(normalization)
    check_files((input_path, target), (output_path,))
    component = aligner.load()
    # Pipes and standard input can be read only once.
    from_stream = any(path is not None and is_stream(path) for path in (input_path, target))
    held = list(read_pairs(input_path, target=target)) if from_stream else None

    def read() -> Iterable[WordPair]:
        return read_pairs(input_path, target=target) if held is None else held

    pairs = Unchanged(read, input_path)

    minima = {"bert_score": min_bert_score, "margin": min_margin, "coverage": min_coverage}
    with scratch_folder("score") as work, open_output(output_path) as stream:
        scored = score_translations(
            component.aligner,
            pairs,
            work=work,
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
