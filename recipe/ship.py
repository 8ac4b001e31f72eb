"""Step 7: the trained encoder as the folder that the package ships: half precision, small files, its own defaults."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from spacy_awesome.encoders.loading import BUNDLED, load_encoder, save_encoder
from spacy_awesome.formats.atomic import atomic_folder

# What a package on an index, and a repository, may carry.
MAX_BYTES = 80_000_000


def main(
    trained: Annotated[str, typer.Argument(help="Folder that `spacy-awesome export` wrote.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write.")] = BUNDLED,
    threshold: Annotated[float | None, typer.Option(help="Of links, chosen on development data.")] = None,
) -> None:
    """Write the folder. Raises ValueError if it is larger than 80 MB."""
    loaded = load_encoder(trained, layer=None, dtype=torch.float32)
    defaults = loaded.defaults if threshold is None else replace(loaded.defaults, threshold=threshold)
    with atomic_folder(folder, keep=True) as temporary:
        save_encoder(loaded.transformer, loaded.tokenizer, replace(defaults, cut=True), temporary, dtype=torch.float16)
        tokenizer = temporary / "tokenizer.json"
        # The library writes a piece on four lines; a third of the file is white space.
        content = json.loads(tokenizer.read_text(encoding="utf-8"))
        tokenizer.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        size = sum(path.stat().st_size for path in temporary.iterdir())
        if size > MAX_BYTES:
            raise ValueError(f"{folder}: expected at most {MAX_BYTES:,} bytes, got {size:,}; keep fewer pieces.")
    typer.echo(f"{folder}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    typer.run(main)
