"""`mine`: two unaligned texts in, sentence pairs that translate each other out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spacy_awesome.cli.options import EncoderOptions, QuietOption, chunk_progress, with_options

if TYPE_CHECKING:
    from spacy_awesome.mining import Mining


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
    from spacy_awesome.mining import Mining, fit_threshold
    from spacy_awesome.mining import mine as mine_files
    from spacy_awesome.retrieval.work_folder import work_folder

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
