"""`mine` and `score`: pairs of sentences from two texts, and scores of pairs that there are already."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spacy_awesome.cli.options import AlignerOptions, EncoderOptions, QuietOption, chunk_progress, with_options

if TYPE_CHECKING:
    from spacy_awesome.mining.sentence_pairs import Mining, PairScores
    from spacy_awesome.tokens.word_alignment import WordPair


@with_options(encoder=EncoderOptions)
def mine(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Text, a sentence a line; .gz is unpacked.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Text in the other language.")],
    output_path: Annotated[
        str,
        typer.Argument(
            metavar="OUTPUT",
            help="Pairs, best first: score, line in SOURCE, line in TARGET (from 1), and both sentences, between tabs.",
        ),
    ],
    *,
    threshold: Annotated[float | None, typer.Option(help="Lowest score that is kept.  [default: all]")] = None,
    top: Annotated[int | None, typer.Option(min=0, help="Keep so many pairs, the best.  [default: all]")] = None,
    calibrate: Annotated[
        tuple[str, str, str] | None,
        typer.Option(
            metavar="DEV_SOURCE DEV_TARGET DEV_GOLD",
            help="Mine two other texts, of which DEV_GOLD names all translations (source, tab, target line or id), and "
            "take the threshold that is best there.",
        ),
    ] = None,
    direction: Annotated[
        str,
        typer.Option(
            help="forward: the best target sentence of each source sentence; backward: the other way round; "
            "intersection: what is both; max: best pairs first, no sentence twice."
        ),
    ] = "intersection",
    normalization: Annotated[
        str, typer.Option(help="Of the scores: distance, ratio, csls, in_batch or none.")
    ] = "distance",
    neighbours: Annotated[
        int, typer.Option(min=1, help="Sentences of the other side that each sentence is compared with.")
    ] = 16,
    index: Annotated[
        str, typer.Option(help="How these are found: exact, ivf (faster, with faiss only), or auto, by size.")
    ] = "auto",
    ids: Annotated[
        bool, typer.Option("--ids", help="All lines are `id<TAB>sentence`; OUTPUT names ids, not line numbers.")
    ] = False,
    work: Annotated[
        Path | None,
        typer.Option(
            help="Folder for vectors and candidates, kept for further runs.  [default: OUTPUT.work, removed at the end]"
        ),
    ] = None,
    quiet: QuietOption = False,
    encoder: EncoderOptions,
) -> None:
    """Find sentence pairs that translate each other in two unaligned texts.

    Nearest neighbours of sentence vectors are the candidates; normalised BERT-score decides among them. If the command
    is stopped, the same command goes on where it was. Equal lines count as one sentence.

    \b
    Examples:
      python -m spacy awesome mine news.en news.es pairs.tsv --threshold 0.05
      python -m spacy awesome mine news.en news.es pairs.tsv --top 10000 --work vectors
      python -m spacy awesome mine test.en test.es pairs.tsv --ids --calibrate dev.en dev.es dev.gold
      cut -f4,5 pairs.tsv > pairs-to-align.tsv
    """
    from spacy_awesome.formats.bucc import read_gold_pairs, write_mined_pair
    from spacy_awesome.formats.files import check_files, open_output
    from spacy_awesome.mining.resumable import work_folder
    from spacy_awesome.mining.sentence_pairs import Mining, fit_threshold
    from spacy_awesome.mining.sentence_pairs import mine as mine_files

    check_files((source, target, *(calibrate or ())), (output_path,), read_again=True)
    if calibrate and threshold is not None:
        raise ValueError("Both --threshold and --calibrate were given; each sets the threshold: leave one out.")
    folder = work or _work_beside(output_path)
    mining = Mining(
        neighbours=neighbours,
        index=index,  # type: ignore[arg-type]
        normalization=normalization,
        direction=direction,
        threshold=threshold,
        top=top,
        with_ids=ids,
        **encoder.batch_size(),
    )
    loaded = encoder.load()
    shown = chunk_progress(quiet=quiet)
    with work_folder(folder, temporary=work is None):
        if calibrate:
            unlimited = replace(mining, top=None)
            dev = mine_files(loaded, calibrate[0], calibrate[1], work=folder, mining=unlimited, progress=shown)
            mining = replace(mining, threshold=fit_threshold(dev, read_gold_pairs(calibrate[2])))
        pairs = mine_files(loaded, source, target, work=folder, mining=mining, progress=shown)
        with open_output(output_path) as stream:
            for pair in pairs:
                write_mined_pair(stream, pair)
    if not quiet:
        typer.echo(_summary(len(pairs), mining), err=True)


def _work_beside(output_path: str) -> Path:
    from spacy_awesome.formats.files import STANDARD_STREAM

    if output_path == STANDARD_STREAM:
        raise ValueError("Nothing can be kept beside standard output; name a work folder with --work.")
    return Path(f"{output_path}.work")


def _summary(pairs: int, mining: Mining) -> str:
    limit = "" if mining.threshold is None else f" with a score of {mining.threshold:.4f} or more"
    return f"{pairs} pairs{limit}."


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
    from spacy_awesome.mining.candidates import check_normalization
    from spacy_awesome.mining.sentence_pairs import score_translations

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
