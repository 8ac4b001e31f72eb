"""`evaluate retrieval`: which line of one file translates which line of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spacy_awesome.cli.options import AlignerOptions, JsonOption, LayerOption, ModelOption, QuietOption, progress
from spacy_awesome.cli.reporting import print_json, text_table

if TYPE_CHECKING:
    from spacy_awesome.evaluation.retrieval import RetrievalScores

_DIRECTIONS = ("source_to_target", "target_to_source", "accuracy")


def evaluate_retrieval(
    *,
    source: Annotated[Path | None, typer.Option(help="A sentence a line, as raw or as tokenised text.")] = None,
    target: Annotated[Path | None, typer.Option(help="Its translations: line i translates line i of --source.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Instead of two files, a folder of them, laid out as LASER's Tatoeba, as New-Tatoeba, or with a file "
            "for each language as in FLORES and NTREX."
        ),
    ] = None,
    languages: Annotated[
        str | None, typer.Option(help="Of the folder, these languages or pairs only, for example spa,deu.")
    ] = None,
    pivot: Annotated[str, typer.Option(help="Of the folder, the language that all others are paired with.")] = "eng",
    scoring: Annotated[str, typer.Option(help="bert_score, or pooling (the average of a sentence's vectors).")] = (
        "bert_score"
    ),
    normalization: Annotated[
        str,
        typer.Option(
            help="What is done about popular sentences: csls, in_batch (the paper's), distance, ratio or none."
        ),
    ] = "csls",
    model: ModelOption = None,
    layer: LayerOption = None,
    max_length: Annotated[
        int | None, typer.Option(min=1, help="Subwords after which a sentence is cut off.  [default: never]")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, help="Compare only so many sentences, drawn at random but always the same; 0 is all.")
    ] = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Accuracy of finding each sentence's translation among all sentences of the other side, in both directions.

    All figures are per cent. The larger a file, the harder the task: compare figures only at equal sizes.

    \b
    Examples:
      python -m spacy awesome evaluate retrieval --source news.es --target news.en
      python -m spacy awesome evaluate retrieval --folder tatoeba/v1 --languages spa,deu --json
      python -m spacy awesome evaluate retrieval --folder flores --model xlm-roberta-large --layer 17
    """
    from spacy_awesome.evaluation.retrieval import Retrieval, averages, read_translations, score_retrieval

    retrieval = Retrieval(scoring, normalization, max_length=max_length)
    files = _files(source, target, folder, languages, pivot)
    # All files are read before the encoder is loaded, so that what is wrong with one is known at once.
    texts = {name: read_translations(*paths, sample=sample) for name, paths in files.items()}
    encoder = AlignerOptions(model=model, layer=layer).load().aligner.encoder
    scores = {
        name: score_retrieval(encoder, *text, retrieval)
        for name, text in progress(texts.items(), quiet=quiet or as_json, unit=" languages")
    }
    if folder is None:
        _print_pair(scores[""], as_json=as_json)
    else:
        _print_folder(scores, dict(averages(scores)), as_json=as_json)


def _files(
    source: Path | None, target: Path | None, folder: Path | None, languages: str | None, pivot: str
) -> dict[str, tuple[Path, Path]]:
    from spacy_awesome.evaluation.retrieval import find_translations
    from spacy_awesome.formats.files import check_files

    if folder is None:
        if source is None or target is None:
            raise ValueError("Expected --source FILE and --target FILE, or --folder FOLDER.")
        if languages is not None:
            raise ValueError("--languages chooses from a --folder; leave it out with --source and --target.")
        check_files((source, target))
        return {"": (source, target)}
    if source is not None or target is not None:
        raise ValueError("Expected --source and --target, or --folder, but not both.")
    found = find_translations(folder, pivot=pivot)
    if languages is None:
        return found
    wanted = languages.split(",")
    if unknown := [name for name in wanted if name not in found]:
        raise ValueError(f"{folder} has no files of {unknown[0]!r}; it has {', '.join(found)}.")
    return {name: found[name] for name in wanted}


def _print_pair(scores: RetrievalScores, *, as_json: bool) -> None:
    if as_json:
        print_json(_figures(scores))
        return
    names = ("Source to target", "Target to source", "Both")
    rows = [(name, f"{_figures(scores)[key]:.2f}") for name, key in zip(names, _DIRECTIONS)]
    typer.echo(text_table([*rows, ("Sentences", str(scores.sentences))], header=("Retrieval", "Accuracy")))


def _print_folder(scores: dict[str, RetrievalScores], means: dict[str, RetrievalScores], *, as_json: bool) -> None:
    if as_json:
        languages = {name: _figures(score) for name, score in scores.items()}
        print_json({"languages": languages} | {name: _figures(score) for name, score in means.items()})
        return
    names = {"average": "all", "tatoeba36": "Tatoeba-36"}
    rows = [*scores.items(), *((names[name], score) for name, score in means.items())]
    table = [
        (name, *(f"{_figures(score)[key]:.2f}" for key in _DIRECTIONS), str(score.sentences)) for name, score in rows
    ]
    header = ("Language", "Source to target", "Target to source", "Both", "Sentences")
    typer.echo(text_table(table, header=header))


def _figures(scores: RetrievalScores) -> dict[str, float | int]:
    return {name: round(100 * getattr(scores, name), 2) for name in _DIRECTIONS} | {"sentences": scores.sentences}
