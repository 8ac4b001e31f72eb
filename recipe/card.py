"""The model card (README.md) of an encoder made by the `encoder` commands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spacy_awesome.encoders.loading import DEFAULTS_KEY
from spacy_awesome.formats.files import open_output
from spacy_awesome.transfer.filters import escape_markdown

_CARD = """---
language: [en, es, de, fr, it, nl, pt]
library_name: transformers
tags: [word-alignment, spacy-awesome]
---

# {name}: a small encoder for word alignment

English with Spanish, German, French, Italian, Dutch and Portuguese. `spacy_awesome`'s `word_aligner` uses it when no
other encoder is named; `AutoModel` and `AutoTokenizer` load it without remote code.

## Architecture
RoFormer (BERT with rotary positions): {num_hidden_layers} layers of {hidden_size} dimensions, {num_attention_heads}
heads, feed-forward {intermediate_size}, {vocab_size} subwords, at most {max_position_embeddings} positions, no dropout.
Half precision on disk ({megabytes:.1f} MB in all), to be used in float32 or bfloat16. The tokenizer is a cased Unigram
model that splits around punctuation and numbers and writes unseen characters as bytes.

{scale:g} times the dot product of two subword vectors, less {distortion:g} · |i/n − j/m| (relative positions; more in
texts of over 60 subwords), goes through softmax in both directions; subwords are linked where both probabilities exceed
{threshold:g}. These defaults stand in `config.json`.

## How it was made
`spacy project run encoder`, or one by one: `spacy-awesome encoder links`, `lexical` and `pairs`, `spacy train` with
configs/encoder.cfg, `spacy-awesome export`, both again for the second training, `spacy-awesome encoder average` and
`spacy-awesome encoder card`; project.yml has the commands.

1. Word links: eflomal, both directions, intersected; links that came with the text were kept.
2. Subword pairs in linked words, positive PMI with an identity prior, truncated eigendecomposition: the embeddings.
3. Layers that start as the identity, trained on cross-entropy of both softmaxes towards the links; in a part of the
   pairs names and numbers are replaced by invented strings, copied to both sides.
4. A second, shorter training on other pairs, with the contrastive objective of OneAligner (Niu et al. 2022) beside the
   cross-entropy: translations against all other pairings of a batch, by BERT-score.
5. The mean of the weights after steps 3 and 4.

Steps 2 to 5 follow from a seed and the files of step 1. eflomal takes its seed from the operating system, so a
rebuild that includes step 1 gives slightly different links, weights and figures.

## Training data
Training read no test or development part; development parts chose the defaults. The licences of
the collections apply; some forbid commercial use:

| data | part | licence |
|---|---|---|
| CoNLL 2003, 2002: machine translations, AWESOME links (es, de, it, nl) | train | Apache-2.0 over CoNLL (research) |
| XL-WA, silver links (es, it, nl, pt) | train | CC BY-NC-SA 4.0 |
| Tatoeba | part | CC BY 2.0 |
| Europarl samples, WMT newstest, multi30k, TICO-19 | part | mixed, in part unstated |
| Python, Django, GNOME and Mozilla documentation | part | CC0 and others |
| Hansards (WPT 2003, fr) | part | free for research |

{figures}
## Limits
Links between words whose translation it has not seen rest on spelling, position and neighbours. Other languages get
links for names, numbers and cognates only. Sentences are to be compared by BERT-score: a mean of the vectors finds
translations less well.
"""


def write_card(path: Path, *, figures: Mapping[str, float]) -> Path:
    """Write README.md into an encoder's folder; returns its path.

    figures: what was measured on the encoder, by name, shown with one decimal.
    Raises ValueError if the folder has no config.json with the aligner's defaults.
    """
    config_file = path / "config.json"
    if not config_file.exists():
        raise ValueError(f"{config_file} does not exist; expected the folder of an encoder in Hugging Face format.")
    config = json.loads(config_file.read_text(encoding="utf-8"))
    if DEFAULTS_KEY not in config:
        raise ValueError(f"{config_file} has no `{DEFAULTS_KEY}` entry; expected an encoder made by `encoder train`.")
    files = [file for file in path.iterdir() if file.suffix in (".json", ".safetensors")]
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    table = _figures_table(figures)
    card = path / "README.md"
    with open_output(card) as stream:
        stream.write(
            _CARD.format(name=escape_markdown(path.name), megabytes=megabytes, figures=table, **_plain_values(config))
        )
    return card


def _plain_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an encoder and of its aligner, with text made safe for the card."""
    values = {**config, **config[DEFAULTS_KEY]}
    return {name: escape_markdown(value) if isinstance(value, str) else value for name, value in values.items()}


def _figures_table(figures: Mapping[str, float]) -> str:
    if not figures:
        return ""
    rows = "".join(f"| {escape_markdown(name)} | {value:.1f} |\n" for name, value in figures.items())
    return f"## Figures\n| measured on | % |\n|---|---|\n{rows}"
