"""Step 3: the vocabulary cut to the languages that are served.

Three quarters of the pre-trained encoder are vectors of pieces, most of them of languages that are not served.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated

import torch
import typer
from tokenizers import Tokenizer
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from spacy_awesome.encoders.loading import load_encoder, save_encoder
from spacy_awesome.formats.files import read_lines

# Scripts of the served languages, as the names of Unicode characters begin.
SCRIPTS = ("LATIN", "CYRILLIC", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "DEVANAGARI", "FULLWIDTH")
# Words of a frequency list that are counted; rarer ones are too many names of other languages.
_LISTED_WORDS = 60_000
# How often a word is capitalized, as far as a frequency list in lower case can tell.
_CAPITALIZED = 0.15
_BATCH = 1000


def main(
    base: Annotated[str, typer.Argument(help="The encoder of the step before.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write.")],
    text: Annotated[Path, typer.Option(help="Folder of en.txt, es.txt and so on, maybe .gz: text that chooses.")],
    size: Annotated[int, typer.Option(min=100, help="Pieces to keep.")] = 62_000,
    layer: Annotated[int, typer.Option(min=1, help="Layers to keep.")] = 8,
    scripts: Annotated[str, typer.Option(help="All single characters of these scripts are kept.")] = ",".join(SCRIPTS),
    held_out: Annotated[
        Path | None,
        typer.Option(help="Folder of files of the same names to measure on how many words keep their pieces."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="JSON file for these figures.")] = None,
) -> None:
    """Keep the most frequent pieces of each language, and cut the encoder at a layer."""
    loaded = load_encoder(base, layer=layer, dtype=torch.float32)
    tokenizer: Tokenizer = loaded.tokenizer.backend_tokenizer
    shares = {name: piece_shares(tokenizer, lines, name) for name, lines in _texts(text)}
    keep = choose_pieces(loaded.tokenizer, shares, size=size, scripts=scripts.split(","))
    pruned = prune_tokenizer(loaded.tokenizer, keep)
    prune_embeddings(loaded.transformer, keep)
    figures = {
        name: kept_words(tokenizer, pruned.backend_tokenizer, lines)
        for name, lines in (_texts(held_out) if held_out else ())
    }
    save_encoder(loaded.transformer, pruned, replace(loaded.defaults, layer=layer, cut=True), folder)
    if report is not None:
        report.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    typer.echo(f"{folder}: {len(keep)} pieces; words with the same pieces as before, %: {figures}")


def piece_shares(tokenizer: Tokenizer, lines: Iterable[str], language: str) -> dict[int, float]:
    """Each piece's share of a language's text, half of it by a list of word frequencies where there is one."""
    counts: Counter[int] = Counter()
    for batch in _batches(lines):
        for encoding in tokenizer.encode_batch(batch, add_special_tokens=False):
            counts.update(encoding.ids)
    total = sum(counts.values())
    shares = {piece: count / total for piece, count in counts.items()}
    listed = _listed_words(language)
    if not listed:
        return shares
    weights: defaultdict[int, float] = defaultdict(float)
    for form, factor in ((str, 1.0), (str.capitalize, _CAPITALIZED)):
        encodings = tokenizer.encode_batch([form(word) for word in listed], add_special_tokens=False)
        for frequency, encoding in zip(listed.values(), encodings):
            for piece in encoding.ids:
                weights[piece] += frequency * factor
    scale = sum(weights.values())
    return {piece: shares.get(piece, 0.0) / 2 + weights.get(piece, 0.0) / scale / 2 for piece in {*shares, *weights}}


def choose_pieces(
    tokenizer: PreTrainedTokenizerFast,
    shares: Mapping[str, Mapping[int, float]],
    *,
    size: int,
    scripts: Sequence[str],
) -> list[int]:
    """Ids to keep, ascending: special tokens, single characters, and then those of most use over all languages.

    A piece's use is the sum of its shares: words that keep all their pieces are then most, every language counting the
    same.
    """
    vocabulary = tokenizer.get_vocab()
    keep = set(tokenizer.all_special_ids)
    keep |= {place for piece, place in vocabulary.items() if _is_character(piece.removeprefix("▁"), scripts)}
    use: defaultdict[int, float] = defaultdict(float)
    for language in shares.values():
        for piece, share in language.items():
            use[piece] += share
    for piece, _ in sorted(use.items(), key=lambda item: (-item[1], item[0])):
        if len(keep) >= size:
            break
        keep.add(piece)
    return sorted(keep)


def prune_tokenizer(tokenizer: PreTrainedTokenizerFast, keep: Sequence[int]) -> PreTrainedTokenizerFast:
    """The same Unigram tokenizer with the pieces `keep` alone, numbered anew in their order.

    Raises ValueError for a tokenizer of another kind, and if `keep` lacks a special token.
    """
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    if state["model"]["type"] != "Unigram":
        raise ValueError(
            f"Expected a Unigram tokenizer, got {state['model']['type']}; others can't be cut piece by piece."
        )
    places = {old: new for new, old in enumerate(keep)}
    if lacking := set(tokenizer.all_special_ids) - places.keys():
        raise ValueError(f"Expected to keep all special tokens; the ids {sorted(lacking)} are missing.")
    vocabulary = state["model"]["vocab"]
    state["model"]["vocab"] = [vocabulary[old] for old in keep]
    state["model"]["unk_id"] = places[state["model"]["unk_id"]]
    for token in state["added_tokens"]:
        token["id"] = places[token["id"]]
    for token in (state["post_processor"] or {}).get("special_tokens", {}).values():
        token["ids"] = [places[old] for old in token["ids"]]
    names = ("bos", "eos", "cls", "sep", "pad", "unk", "mask")
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        model_max_length=tokenizer.model_max_length,
        clean_up_tokenization_spaces=False,
        **{f"{name}_token": getattr(tokenizer, f"{name}_token") for name in names},
    )


def prune_embeddings(model: PreTrainedModel, keep: Sequence[int]) -> None:
    """Keep the vectors of the pieces `keep`, in their order, in place."""
    old = model.get_input_embeddings()
    new = torch.nn.Embedding(len(keep), old.embedding_dim, dtype=old.weight.dtype)
    with torch.no_grad():
        new.weight.copy_(old.weight[torch.tensor(keep)])
    if model.config.pad_token_id is not None:
        model.config.pad_token_id = keep.index(model.config.pad_token_id)
        new.padding_idx = model.config.pad_token_id
    model.set_input_embeddings(new)
    model.config.vocab_size = len(keep)


def kept_words(before: Tokenizer, after: Tokenizer, lines: Iterable[str]) -> float:
    """Percentage of the words, between spaces, that have the same pieces."""
    words = [word for line in lines for word in line.split()]
    same = 0
    for batch in _batches(words):
        both = (tokenizer.encode_batch(batch, add_special_tokens=False) for tokenizer in (before, after))
        same += sum(old.tokens == new.tokens for old, new in zip(*both))
    return round(100 * same / max(1, len(words)), 2)


def _is_character(piece: str, scripts: Sequence[str]) -> bool:
    if len(piece) != 1:
        return not piece
    name = unicodedata.name(piece, "").split(" ")[0]
    return not piece.isalpha() or name in scripts


def _listed_words(language: str) -> dict[str, float]:
    from wordfreq import top_n_list, word_frequency

    try:
        return {word: word_frequency(word, language) for word in top_n_list(language, _LISTED_WORDS)}
    except (LookupError, ImportError):
        # No list for the language, or none without a morphological analyzer.
        return {}


def _texts(folder: Path) -> Iterator[tuple[str, Iterator[str]]]:
    for path in sorted(folder.glob("*.txt*")):
        yield path.name.split(".")[0], read_lines(path)


def _batches(lines: Iterable[str]) -> Iterator[list[str]]:
    stream = iter(lines)
    while batch := list(islice(stream, _BATCH)):
        yield batch


if __name__ == "__main__":
    typer.run(main)
