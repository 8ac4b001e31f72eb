"""Step 4: word links of the training text by a statistical aligner, which saw nothing but this text.

eflomal seeds its sampler from the operating system: two runs agree on most links, not on all.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from recipe.baselines.eflomal import eflomal_directions
from recipe.corpora import LANGUAGES, read_corpora
from spacy_awesome.formats.files import open_output, read_lines
from spacy_awesome.formats.parallel_text import TAB, join_words
from spacy_awesome.training.budget import held_out_keys, is_held_out


def main(
    data: Annotated[Path, typer.Argument(help="The data folder (docs/data.md).")],
    help_texts: Annotated[Path, typer.Argument(help="Folder that recipe.help_texts wrote.")],
    output: Annotated[Path, typer.Argument(help="Folder to write en-es.tsv.gz and so on.")],
    languages: Annotated[str, typer.Option(help="Comma-separated codes.")] = ",".join(LANGUAGES),
    workers: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Write lines of corpus, English, translation, forward and backward links; files that exist are kept."""
    output.mkdir(parents=True, exist_ok=True)
    jobs = [(data, help_texts, code, output / f"en-{code}.tsv.gz") for code in languages.split(",")]
    with ProcessPoolExecutor(max_workers=workers) as pool:
        for (*_, code, file), count in zip(jobs, pool.map(_link_language, jobs), strict=True):
            typer.echo(f"en-{code}: {count} pairs in {file}")


def _link_language(job: tuple[Path, Path, str, Path]) -> int:
    data, help_texts, language, file = job
    if file.exists():
        return sum(1 for _ in read_lines(file))
    held_out = held_out_keys(data)
    pairs = [
        pair
        for pair in read_corpora((data / "parallel" / "merged", help_texts), language)
        if not is_held_out(" ".join(pair.source), " ".join(pair.target), held_out)
    ]
    with open_output(file) as stream:
        links = eflomal_directions([(pair.source, pair.target) for pair in pairs])
        for pair, (forward, backward) in zip(pairs, links, strict=True):
            sides = join_words(pair.source), join_words(pair.target)
            stream.write(TAB.join((pair.corpus, *sides, forward.to_pharaoh(), backward.to_pharaoh())) + "\n")
    return len(pairs)


if __name__ == "__main__":
    typer.run(main)
