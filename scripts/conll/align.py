"""Link the words of the tagged pairs by every aligner at hand; see layout.py.

python scripts/conll/align.py build/conll/data build/conll/tagged build/conll/links --tuned MODEL
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer
from layout import say_missing, sets

from recipe.baselines import BASELINES, NotInstalledError, baseline_links
from spacy_awesome import WordAlignment
from spacy_awesome.formats.atomic import atomic_folder, copy_file
from spacy_awesome.formats.files import open_output
from spacy_awesome.formats.parallel_text import read_pairs
from spacy_awesome.formats.pharaoh import write_links
from spacy_awesome.tokens.word_alignment import WordPair

Linker = Callable[[Sequence[WordPair], Sequence[WordPair]], Iterable[WordAlignment]]


def align(
    data: Annotated[Path, typer.Argument(help="Folder that prepare.py wrote.", exists=True)],
    tagged: Annotated[Path, typer.Argument(help="Folder that tag.py wrote.", exists=True)],
    output: Annotated[Path, typer.Argument(help="Folder to write.")],
    tuned: Annotated[str, typer.Option(help="Pipeline with the fine-tuned word_aligner.")],
    encoder: Annotated[str, typer.Option(help="Encoder of SimAlign and of our un-tuned row.")] = "bundled",
) -> None:
    """Write the links of each set by each aligner."""
    linkers: dict[str, Linker] = {name: partial(by_baseline, name, encoder) for name in BASELINES}
    linkers["untuned"] = by_component(blank_aligner(encoder))
    linkers["tuned"] = by_component(spacy.load(tuned).get_pipe("word_aligner"))
    with atomic_folder(output) as folder:
        for source in sets(tagged, "pairs.tsv"):
            files = (source / f"{name}.tsv" for name in ("pairs", "background"))
            pairs, background = (list(read_pairs(path, separator="\t")) for path in files)
            for name, linker in linkers.items():
                target = folder / source.name / f"{name}.links"
                target.parent.mkdir(exist_ok=True)
                try:
                    with open_output(target) as stream:
                        for links in linker(pairs, background):
                            write_links(stream, links)
                except NotInstalledError as error:
                    say_missing(target, error)
            published = data / source.name / "published.links"
            if published.exists():
                copy_file(published, folder / source.name / "published.links")


def by_baseline(
    name: str, encoder: str, pairs: Sequence[WordPair], background: Sequence[WordPair]
) -> Iterator[WordAlignment]:
    """Links of a baseline."""
    return baseline_links(name, pairs, background=background, encoder=encoder)


def by_component(component: Any) -> Linker:
    """Links of a word_aligner."""
    return lambda pairs, background: component.align_words(pairs)


def blank_aligner(encoder: str) -> Any:
    """A word_aligner with an encoder as it comes."""
    settings = {"model": {"@architectures": "spacy_awesome.HFEncoder.v1", "name": encoder}}
    return spacy.blank("xx").add_pipe("word_aligner", config=settings)


if __name__ == "__main__":
    typer.run(align)
