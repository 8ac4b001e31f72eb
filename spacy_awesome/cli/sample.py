"""`sample`: training text for sentence retrieval, of a given size, from any language pairs."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spacy_awesome.cli.options import QuietOption, progress

if TYPE_CHECKING:
    from spacy_awesome.training.budget import PairSampler


def sample(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES...", help="TSV files, one for each pair of languages; may be packed.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="TSV file to write: source, target.")],
    *,
    budget: Annotated[int, typer.Option(min=1, help="Pairs to draw, in the same number from every file.")] = 1_000_000,
    top: Annotated[int, typer.Option(min=0, help="Draw only from so many of the files, the largest; 0 is all.")] = 0,
    columns: Annotated[str, typer.Option(help="Columns of source and target, counted from 0.")] = "0,1",
    min_tokens: Annotated[int, typer.Option(min=1, help="Drop pairs with a side of fewer subwords.")] = 5,
    max_tokens: Annotated[int, typer.Option(min=1, help="Drop pairs with a side of more subwords.")] = 100,
    held_out: Annotated[
        list[Path] | None,
        typer.Option(help="Test sentences, one a line or in columns: pairs of which a side is among them are dropped."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of real data: all its development and test sentences are held out too.")
    ] = None,
    encoder: Annotated[str, typer.Option(help="The encoder to be trained, which says what a subword is.")] = "bundled",
    seed: Annotated[int, typer.Option(help="Of what is drawn, and of the order.")] = 0,
    quiet: QuietOption = False,
) -> None:
    """Draw training pairs from several language pairs, under one budget, and drop short, long and tested ones.

    Sentences are compared with test sentences by their letters and digits alone, in lower case. As in the paper, pairs
    are dropped after they were drawn, so that somewhat fewer than the budget are written. They are written in random
    order, and kept in memory until then.

    \b
    Examples:
      python -m spacy awesome sample en-es.tsv.gz --output train.tsv --held-out tatoeba.spa-eng.eng
      python -m spacy awesome sample corpora/en-*.tsv.gz --top 4 --budget 100000 --output train.tsv
    """
    from spacy_awesome.formats.files import check_files, open_output, read_lines
    from spacy_awesome.training.budget import PairSampler, share_budget

    check_files(files, (output,), read_again=True)
    check_files((*files, *(held_out or [])), (output,))
    places = _columns(columns)
    sizes = {str(path): sum(1 for _ in read_lines(path)) for path in files}
    chosen = sorted(sizes, key=lambda name: (-sizes[name], name))[: top or None]
    shares = share_budget({name: sizes[name] for name in chosen}, budget)
    keys = _held_out(held_out or [], data)
    sampler = PairSampler(_counter(encoder), min_tokens, max_tokens, keys, seed)
    pairs: list[tuple[str, str]] = []
    for name, count in progress(shares.items(), quiet=quiet, unit=" files"):
        pairs += sampler.draw(Path(name), sizes[name], count, columns=places)
    random.Random(seed).shuffle(pairs)
    with open_output(output) as stream:
        stream.writelines(f"{source}\t{target}\n" for source, target in pairs)
    if not quiet:
        _report(len(pairs), shares, sampler)


def _report(written: int, shares: dict[str, int], sampler: PairSampler) -> None:
    for name, count in shares.items():
        typer.echo(f"{name}: {count} pairs drawn.", err=True)
    dropped = ", ".join(f"{count} {reason}" for reason, count in sampler.dropped.items())
    typer.echo(f"Wrote {written} pairs; dropped {dropped}.", err=True)


def _columns(text: str) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise ValueError(f"Expected two columns, such as --columns 1,2, got {text!r}.")
    return int(parts[0]), int(parts[1])


def _held_out(files: list[Path], data: Path | None) -> set[str]:
    from spacy_awesome.formats.files import read_lines
    from spacy_awesome.training.budget import held_out_keys, sentence_key

    keys = set() if data is None else held_out_keys(data)
    for path in files:
        keys.update(sentence_key(cell) for line in read_lines(path) for cell in line.split("\t"))
    return keys


def _counter(encoder: str) -> Callable[[Sequence[str]], Sequence[int]]:
    from spacy_awesome.encoders.sentences import load_sentence_encoder, split_lines

    # Of layer 0 no more is built than the embeddings.
    tokenizer = load_sentence_encoder(encoder, layer=0).tokenizer
    return lambda lines: [len(sentence.ids) for sentence in tokenizer(split_lines(lines))]
