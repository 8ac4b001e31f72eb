"""`encoder` commands: make the bundled encoder from parallel text, one resumable step after the other."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from spacy_awesome.cli.export import check_folder
from spacy_awesome.cli.options import EncoderFolderArgument, FileSizeOption, HalfOption, ReplaceOption
from spacy_awesome.training.encoder_options import DISTORTION, SCALE, THRESHOLD, LexicalOptions, PairOptions

LANGUAGES = "es,de,fr,it,nl,pt"
DEFAULT_WORK = Path("build/encoder")

encoder_app = typer.Typer(
    help="Make a small encoder from sentences and their translations, on a CPU. The steps, in this order: links, "
    "lexical, pairs; then `spacy train` with configs/encoder.cfg, `spacy-awesome export`, average of two trainings, "
    "and card. What is done is skipped, so a step that was interrupted can be run again.",
    no_args_is_help=True,
)

WorkOption = Annotated[Path, typer.Option(help="Folder where every step finds the files of the one before it.")]
LanguagesOption = Annotated[
    str, typer.Option(help="Languages beside English: spaCy's codes, comma-separated. The same in all steps.")
]
SeedOption = Annotated[int, typer.Option(help="Same seed and same files of the step before: same result.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Do the step again where its result exists.")]


@encoder_app.command("links")
def links_command(
    *,
    work: WorkOption = DEFAULT_WORK,
    input_folder: Annotated[
        Path | None,
        typer.Option(
            "--input",
            help="Folder of your own text: en-es.tsv or en-es.tsv.gz and so on, with lines of English<TAB>translation, "
            "or English<TAB>translation<TAB>links, where links are like 0-0 1-2 and words stand between spaces.  "
            "[default: the collections in the folder that the variable SPACY_AWESOME_DATA names]",
        ),
    ] = None,
    languages: LanguagesOption = LANGUAGES,
    workers: Annotated[int, typer.Option(min=1, help="Languages aligned at the same time.")] = 2,
    force: ForceOption = False,
) -> None:
    """Step 1: tokenise the text, and find out which words translate which.

    Where the text has no links, the statistical aligner eflomal makes them from co-occurrence. Test and development
    sentences of the data folder are left out. Writes WORK/links/en-es.tsv.gz and so on.
    """
    files = _links_files(work, languages)
    missing = {language: file for language, file in files.items() if force or not file.exists()}
    if not missing:
        typer.echo(f"{work}/links is complete (--force makes it again).")
        return
    folder, is_collection = input_folder or _data_folder(), input_folder is None
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; expected one with the text to link.")
    if (work / "links").is_dir() and (work / "links").samefile(folder):
        raise ValueError(f"{folder} is read and would be written to; name another folder with --work.")
    jobs = [(folder, is_collection, language, file) for language, file in missing.items()]
    (work / "links").mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(max_workers=workers) as pool:
        for (language, file), count in zip(missing.items(), pool.map(_link_language, jobs), strict=True):
            typer.echo(f"en-{language}: {count} linked pairs in {file}")


@encoder_app.command("lexical")
def lexical_command(
    *,
    work: WorkOption = DEFAULT_WORK,
    languages: LanguagesOption = LANGUAGES,
    vocab_size: Annotated[int, typer.Option(help="Subwords of all languages together.")] = LexicalOptions.vocab_size,
    dimensions: Annotated[
        int, typer.Option(help="Size of a subword's vector; a multiple of --heads.")
    ] = LexicalOptions.dimensions,
    layers: Annotated[
        int, typer.Option(help="Transformer layers; they change nothing before `train`.")
    ] = LexicalOptions.layers,
    heads: Annotated[int, typer.Option(help="Attention heads of a layer.")] = LexicalOptions.heads,
    intermediate: Annotated[
        int, typer.Option(help="Size of a layer's feed-forward part.")
    ] = LexicalOptions.intermediate,
    min_count: Annotated[
        int, typer.Option(help="Use two words that are linked at least so often.")
    ] = LexicalOptions.min_count,
    seed: SeedOption = LexicalOptions.seed,
    force: ForceOption = False,
) -> None:
    """Step 2: make a vocabulary, and vectors that put translations next to each other.

    They are computed from the links' counts, without training; the result aligns already. Writes WORK/lexical.
    """
    import torch

    from spacy_awesome.encoders.lexical import (
        build_encoder,
        lexical_matrix,
        positive_pmi,
        subword_counts,
        train_tokenizer,
    )
    from spacy_awesome.encoders.loading import EncoderDefaults, save_encoder
    from spacy_awesome.formats.atomic import atomic_folder
    from spacy_awesome.training.sentence_pairs import count_words

    result = work / "lexical"
    if not force and (result / "config.json").exists():
        typer.echo(f"{result} holds an encoder (--force makes it again).")
        return
    words, linked = count_words(_finished_links(work, languages).values())
    tokenizer = train_tokenizer(words, vocab_size=vocab_size)
    frequent = {pair: count for pair, count in linked.items() if count >= min_count}
    association = positive_pmi(subword_counts(frequent, tokenizer, identity=LexicalOptions.identity))
    matrix = lexical_matrix(association, dimensions=dimensions, seed=seed)
    model = build_encoder(matrix, layers=layers, heads=heads, intermediate=intermediate, seed=seed)
    defaults = EncoderDefaults(layer=layers, scale=SCALE, distortion=DISTORTION, threshold=THRESHOLD)
    with atomic_folder(result, keep=True) as folder:
        save_encoder(model, tokenizer, defaults, folder, dtype=torch.float16)
    typer.echo(f"{result}: {len(tokenizer)} subwords, {len(frequent)} linked word pairs")


@encoder_app.command("pairs")
def pairs_command(
    *,
    work: WorkOption = DEFAULT_WORK,
    languages: LanguagesOption = LANGUAGES,
    pairs: Annotated[
        int, typer.Option(min=1, help="Sentence pairs to train on, the same number of each language.")
    ] = PairOptions.pairs,
    copies: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Share of the pairs in which names and numbers are replaced by invented ones, so that the encoder "
            "learns to link words that it has never seen.",
        ),
    ] = PairOptions.copies,
    output: Annotated[Path | None, typer.Option(help="Folder to write instead of WORK/pairs.")] = None,
    seed: SeedOption = PairOptions.seed,
    force: ForceOption = False,
) -> None:
    """Step 3: draw the pairs to train on, and others to follow the training with.

    Writes train/en-es.tsv.gz and so on, and dev.tsv.gz, to WORK/pairs. Training is spaCy's own, with
    configs/encoder.cfg, and `spacy-awesome export` makes the encoder's folder of its result.
    """
    from spacy_awesome.formats.files import check_files
    from spacy_awesome.training.encoder_pairs import draw_pairs
    from spacy_awesome.training.sentence_pairs import write_pairs

    folder = output or work / "pairs"
    files = {code: folder / "train" / file.name for code, file in _links_files(work, languages).items()}
    dev = folder / "dev.tsv.gz"
    if not force and all(file.exists() for file in (*files.values(), dev)):
        typer.echo(f"{folder} is complete (--force makes it again).")
        return
    check_files(_finished_links(work, languages).values(), (path for path in (*files.values(), dev) if path.exists()))
    train, held_out = draw_pairs(_finished_links(work, languages), PairOptions(pairs=pairs, copies=copies, seed=seed))
    (folder / "train").mkdir(parents=True, exist_ok=True)
    for code, file in files.items():
        typer.echo(f"en-{code}: {write_pairs(file, train[code])} pairs in {file}")
    typer.echo(f"{write_pairs(dev, held_out)} held-out pairs in {dev}")


@encoder_app.command("average")
def average_command(
    first: Annotated[str, typer.Argument(help="Folder of an encoder.")],
    second: Annotated[str, typer.Argument(help="Folder of one that was trained further from it.")],
    folder: EncoderFolderArgument,
    *,
    share: Annotated[float, typer.Option(min=0, max=1, help="Weight of the second encoder.")] = 0.5,
    half: HalfOption = False,
    max_file_size: FileSizeOption = "5GB",
    force: ReplaceOption = False,
) -> None:
    """Average the weights of two encoders, one of which was trained further from the other.

    The result has nearly what training has added and has lost less of what was there before.
    """
    import torch

    from spacy_awesome.encoders.averaging import average_encoders
    from spacy_awesome.encoders.loading import load_encoder, save_encoder
    from spacy_awesome.formats.atomic import atomic_folder

    check_folder(folder, force=force, inputs=(first, second))
    encoder, other = (load_encoder(name, layer=None, dtype=torch.float32) for name in (first, second))
    average_encoders(encoder, other, share)
    dtype = torch.float16 if half else None
    with atomic_folder(folder, keep=True) as temporary:
        save_encoder(
            encoder.transformer,
            encoder.tokenizer,
            encoder.defaults,
            temporary,
            dtype=dtype,
            max_file_size=max_file_size,
        )
    typer.echo(f"{folder}: {1 - share:g} {first} + {share:g} {second}")


@encoder_app.command("card")
def card_command(
    encoder: Annotated[Path, typer.Argument(help="Folder of the encoder; README.md is written there.")],
    *,
    figures: Annotated[
        Path | None,
        typer.Option(help='JSON file of what was measured on the encoder, in per cent: {"what": 83.2, …}.'),
    ] = None,
) -> None:
    """Write the model card (what the encoder is, how it was made, on what, and how good it is)."""
    from spacy_awesome.encoders.card import write_card
    from spacy_awesome.formats.files import check_files

    check_files((figures,), (encoder / "README.md",))
    measured = {} if figures is None else _read_figures(figures)
    typer.echo(f"{write_card(encoder, figures=measured)} written")


def _link_language(job: tuple[Path, bool, str, Path]) -> int:
    """One language of the `links` step, in a process of its own."""
    from spacy_awesome.training.decontamination import decontaminated, held_out_keys
    from spacy_awesome.training.sentence_pairs import write_pairs
    from spacy_awesome.training.statistical_links import add_statistical_links
    from spacy_awesome.training.text_collections import clean_pairs, read_collection, read_folder, tokenise

    folder, is_collection, language, file = job
    if is_collection:
        raw = decontaminated(read_collection(folder, language), held_out_keys(folder))
    else:
        raw = read_folder(folder, language)
    return write_pairs(file, add_statistical_links(list(clean_pairs(tokenise(raw, language)))))


def _links_files(work: Path, languages: str) -> dict[str, Path]:
    """The file of the `links` step for each language, there or not."""
    codes = [code.strip() for code in languages.split(",") if code.strip()]
    if not codes:
        raise ValueError(f"Expected languages such as {LANGUAGES}, got {languages!r}.")
    return {code: work / "links" / f"en-{code}.tsv.gz" for code in codes}


def _finished_links(work: Path, languages: str) -> dict[str, Path]:
    files = _links_files(work, languages)
    for language, file in files.items():
        if not file.exists():
            raise ValueError(f"{file} does not exist; run the `links` step for {language!r} first.")
    return files


def _read_figures(path: Path) -> dict[str, float]:
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(figures, dict) or not all(isinstance(value, int | float) for value in figures.values()):
        raise ValueError(f"{path}: expected one JSON object of names and numbers.")
    return figures


def _data_folder() -> Path:
    folder = os.environ.get("SPACY_AWESOME_DATA")
    if not folder:
        raise ValueError("Give the folder of your text with --input, or set SPACY_AWESOME_DATA to the data folder.")
    return Path(folder)
