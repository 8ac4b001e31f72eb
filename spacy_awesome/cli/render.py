"""`render`: pairs in, a page of drawings out."""

from __future__ import annotations

import collections
import functools
import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spacy_awesome.cli.options import AlignerOptions, QuietOption, progress, with_options
from spacy_awesome.tokens.pair import Parallel, pair_words, require_parallel, set_parallel

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from spacy.tokens import Doc

    from spacy_awesome.pipeline.word_aligner import WordAligner


@with_options(aligner=AlignerOptions)
def render(
    input_path: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="Paired Docs (.spacy), shown with their links and spans; or sentence pairs, one a line: "
            "`source ||| target` or source, tab, target, words between spaces. `-` reads standard input.",
        ),
    ],
    output_path: Annotated[
        str | None,
        typer.Argument(metavar="OUTPUT.html", help="The page; `-` writes to standard output.", show_default=False),
    ] = None,
    *,
    target: Annotated[
        str | None, typer.Option(help="File of target sentences; INPUT then holds the source sentences only.")
    ] = None,
    links: Annotated[
        str | None, typer.Option(help="File of links like `0-0 1-2`, a line for every pair, instead of aligning.")
    ] = None,
    base: Annotated[int, typer.Option(min=0, max=1, help="Number of the first word of a sentence in --links.")] = 0,
    terminal: Annotated[bool, typer.Option("--terminal", help="Show the pairs here instead of on a page.")] = False,
    heatmap: Annotated[
        bool | None,
        typer.Option(
            "--heatmap/--no-heatmap",
            help="With each pair the similarity of its words, as the aligner sees it.  [default: on a page]",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Number of pairs to show, from the first; 0 shows all.")] = 50,
    title: Annotated[str | None, typer.Option(help="Title of the page.  [default: the name of INPUT]")] = None,
    quiet: QuietOption = False,
    aligner: AlignerOptions,
) -> None:
    """Draw pairs of sentences: their links, their entities, and what was projected or lost.

    The page needs nothing but a browser. Pairs that have no links yet are aligned first.

    \b
    Examples:
      python -m spacy awesome render projected.spacy page.html
      python -m spacy awesome render pairs.txt page.html --limit 10
      python -m spacy awesome render pairs.txt page.html --links gold.txt --base 1
      echo "A red house ||| Una casa roja" | python -m spacy awesome render - --terminal
    """
    from spacy_awesome.formats.files import display_name

    _check_options(input_path, output_path, target, links, terminal=terminal, heatmap=heatmap, title=title)
    load = functools.cache(aligner.load)
    docs = _aligned(_first(_read(input_path, target, links, base), limit, quiet=quiet), load)
    if terminal:
        _show(docs)
    else:
        # A page is written as a whole, so all of its pairs are held at once: that is what --limit is for.
        pairs = list(progress(docs, quiet=quiet))
        similarities = None if heatmap is False else (load().similarity(*pair_words(doc)) for doc in pairs)
        _write_page(str(output_path), pairs, display_name(input_path) if title is None else title, similarities)


def _check_options(
    input_path: str,
    output_path: str | None,
    target: str | None,
    links: str | None,
    *,
    terminal: bool,
    heatmap: bool | None,
    title: str | None,
) -> None:
    """Find what does not go together before a model is loaded."""
    from spacy_awesome.formats.files import check_files

    if terminal == (output_path is not None):
        raise ValueError("Give a file for the page, as in render pairs.txt page.html, or --terminal; one of the two.")
    if terminal and (heatmap or title is not None):
        raise ValueError("--heatmap and --title are for pages: leave them out with --terminal.")
    if Path(input_path).suffix == ".spacy" and target is not None:
        raise ValueError(f"{input_path} holds both sides of each pair: leave out --target.")
    check_files((input_path, target, links), (output_path,))


def _read(input_path: str, target: str | None, links: str | None, base: int) -> Iterator[Doc]:
    """Target Docs with their sources; the links of a file take the place of those that the Docs have."""
    from spacy_awesome.formats.pharaoh import read_links

    docs = _read_docs(input_path, target)
    if links is None:
        yield from docs
        return
    docs, also = itertools.tee(docs)
    words = map(pair_words, also)
    for alignment, doc in zip(read_links(links, base=base, pairs=words, pairs_name=input_path), docs):
        require_parallel(doc).alignment = alignment
        yield doc


def _read_docs(input_path: str, target: str | None) -> Iterator[Doc]:
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

    from spacy_awesome.formats.docbin import read_paired_docs
    from spacy_awesome.formats.parallel_text import read_pairs

    if Path(input_path).suffix == ".spacy":
        yield from (doc for doc, _ in read_paired_docs(input_path))
        return
    vocab = Vocab()
    for source, target_words in read_pairs(input_path, target=target):
        doc = Doc(vocab, words=target_words)
        set_parallel(doc, Parallel(Doc(vocab, words=source)))
        yield doc


def _first(docs: Iterator[Doc], limit: int, *, quiet: bool) -> Iterator[Doc]:
    """The first `limit` Docs, or all at 0; says so if there are more."""
    yield from itertools.islice(docs, limit or None)
    if limit and not quiet and next(docs, None) is not None:
        typer.echo(f"These are the first {limit} pairs; for all of them, give --limit 0.", err=True)


def _aligned(docs: Iterable[Doc], load: Callable[[], WordAligner]) -> Iterator[Doc]:
    """The Docs, those aligned that were not; without such, no model is loaded."""
    docs = iter(docs)
    while batch := list(itertools.islice(docs, 64)):
        unaligned = [doc for doc in batch if require_parallel(doc).alignment is None]
        if unaligned:
            collections.deque(load().pipe(unaligned), maxlen=0)
        yield from batch


def _write_page(
    path: str, docs: Iterable[Doc], title: str, similarities: Iterable[npt.NDArray[np.float32]] | None
) -> None:
    from spacy_awesome import visualize
    from spacy_awesome.formats.files import open_output

    page = visualize.render(docs, title=title, similarities=similarities)
    with open_output(path) as stream:
        stream.write(page)


def _show(docs: Iterable[Doc]) -> None:
    """Write the pairs to standard output, in colour where a person reads it."""
    from wasabi.util import supports_ansi

    from spacy_awesome.visualize import render_terminal

    color = sys.stdout.isatty() and supports_ansi() and "NO_COLOR" not in os.environ
    width = shutil.get_terminal_size().columns
    for number, doc in enumerate(docs, start=1):
        typer.echo(f"Pair {number}\n\n{render_terminal(doc, color=color, width=width)}\n\n")
