"""Run the components over every language pair of a corpus that scripts/prepare.py laid out.

    python scripts/annotate.py align corpus aligned/untuned --encoder bundled     source + target → word links
    python scripts/annotate.py align corpus aligned/tuned --model training/model-last
    python scripts/annotate.py project aligned/tuned projected/tuned              links → entities

Pairs travel as `.spacy` files of target Docs that hold their source; OUTPUT has one for each language pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import spacy
import typer
from spacy.language import Language
from spacy.tokens import Doc
from tqdm import tqdm

from spacy_awesome import parallel_stream
from spacy_awesome.formats.docbin import read_docs
from spacy_awesome.formats.files import zip_equal
from spacy_awesome.formats.parallel_text import read_pairs
from spacy_awesome.formats.sentences import read_labelled_docs, write_labelled_docs

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command()
def align(
    corpus: Annotated[Path, typer.Argument(help="Folder with en-xx/source.conll and pairs.txt.", exists=True)],
    output: Annotated[Path, typer.Argument(help="Folder for en-xx.spacy.")],
    encoder: Annotated[str, typer.Option(help="Encoder: bundled (default), a folder or a hub name.")] = "",
    model: Annotated[str, typer.Option(help="Folder of a pipeline with a word_aligner, instead of an encoder.")] = "",
) -> None:
    """Pair both sides and link their words."""
    if model and encoder:
        raise SystemExit("A pipeline has an encoder of its own: give --model or --encoder, not both.")
    nlp = spacy.load(model) if model else blank_aligner(encoder or "bundled")
    clear(output)
    source_vocab = spacy.blank("en").vocab
    for folder in sorted(path.parent for path in corpus.glob("*/pairs.txt")):
        sources = read_labelled_docs(folder / "source.conll", source_vocab)
        pairs = zip_equal(
            sources, read_pairs(folder / "pairs.txt"), names=(folder / "source.conll", folder / "pairs.txt")
        )
        docs = parallel_stream(nlp, ((source, target) for source, (_, target) in pairs))
        save(annotated(nlp, docs), output / f"{folder.name}.spacy")


@app.command()
def project(
    aligned: Annotated[Path, typer.Argument(help="Folder that `align` wrote.", exists=True)],
    output: Annotated[Path, typer.Argument(help="Folder for en-xx.spacy.")],
) -> None:
    """Carry the source entities along the links."""
    nlp = spacy.blank("xx")
    nlp.add_pipe("span_projector")
    clear(output)
    for path in sorted(aligned.glob("*.spacy")):
        save(annotated(nlp, read_docs(path, nlp.vocab)), output / path.name)


def blank_aligner(encoder: str) -> Language:
    """A pipeline that aligns with an encoder as it comes."""
    nlp = spacy.blank("xx")
    settings = {"model": {"@architectures": "spacy_awesome.HFEncoder.v1", "name": encoder}}
    nlp.add_pipe("word_aligner", config=settings)
    return nlp


def annotated(nlp: Language, docs: Iterable[Doc]) -> Iterator[Doc]:
    """The Docs as the pipeline leaves them, with a progress bar."""
    return iter(tqdm(nlp.pipe(docs), unit=" pairs", disable=None))


def clear(folder: Path) -> None:
    """Remove the pairs of an earlier run, which may have been on other languages."""
    for path in folder.glob("*.spacy"):
        path.unlink()


def save(docs: Iterable[Doc], path: Path) -> None:
    """Write a file of Docs whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_labelled_docs(path, docs, file_format="spacy")


if __name__ == "__main__":
    app()
