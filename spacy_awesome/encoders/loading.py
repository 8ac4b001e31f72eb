"""Load a Hugging Face encoder, cut to the layers that are used."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import nn
from transformers import (
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoModel,
    AutoModelForMaskedLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from spacy_awesome.encoders.folders import (
    check_finite,
    check_folder,
    check_vocabulary,
    find_folder,
    guarded_loading,
    load_model,
    without_advice,
)
from spacy_awesome.encoders.layers import MaskedLanguageModel, layer_list
from spacy_awesome.encoders.tokenization import SubwordTokenizer

logger = logging.getLogger("spacy_awesome")

BUNDLED = Path(__file__).parent / "mini"

# Where config.json keeps an encoder's EncoderDefaults.
DEFAULTS_KEY = "spacy_awesome"
# Of its numbers; larger factors leave float32 no digits for what they scale.
_RANGES = {"scale": (1e-6, 1e6), "distortion": (0, 1e6), "threshold": (0, 1)}


@dataclass(frozen=True)
class EncoderDefaults:
    """What suits an encoder; stored in its config.json under DEFAULTS_KEY, else AWESOME's values for mBERT.

    layer: the layer whose vectors are compared, counted from 1; 0 is the embeddings.
    scale: β, the factor on similarities before softmax.
    distortion: λ, the penalty on |i/n − j/m|, in units of scaled similarity.
    threshold: of both softmax probabilities.
    cut: whether the files hold an encoder that was cut; a norm that closes them then belongs to a layer that is gone.
    Raises ValueError at a value of another type, or out of range.
    """

    layer: int
    scale: float = 1.0
    distortion: float = 0.0
    threshold: float = 0.001
    cut: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.layer, bool) or not isinstance(self.layer, int) or self.layer < 0:
            raise ValueError(f"Expected a layer of 0 or more as the encoder's default, got {self.layer!r}.")
        if not isinstance(self.cut, bool):
            raise ValueError(f"Expected true or false as the encoder's default for cut, got {self.cut!r}.")
        for name, (least, largest) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= largest:
                raise ValueError(
                    f"Expected a {name} from {least:g} to {largest:g} as the encoder's default, got {value!r}."
                )


# Where the papers read their vectors (AWESOME section 2.1 and appendix; OneAligner section 4), and what suits E5 on
# XL-WA dev, whose vectors are longer than BERT's.
_KNOWN_DEFAULTS = {
    "bert-base-multilingual-cased": EncoderDefaults(layer=8),
    "xlm-roberta-base": EncoderDefaults(layer=8),
    "xlm-roberta-large": EncoderDefaults(layer=17),
    "multilingual-e5-small": EncoderDefaults(layer=7, threshold=0.15),
}


@dataclass(frozen=True)
class LoadedEncoder:
    """A transformer cut at `layer`, its tokenizer, and the defaults that suit it.

    language_model: the later layers and the head over the same transformer, if they were asked for.
    """

    transformer: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    layer: int
    cut: bool
    defaults: EncoderDefaults
    language_model: MaskedLanguageModel | None = None


def load_encoder(
    name: str, *, layer: int | None, dtype: torch.dtype, language_model: bool = False, label: str | None = None
) -> LoadedEncoder:
    """Load an encoder from the package ("bundled"), a local folder, or the hub: the only way in for all of them.

    layer: keep this many layers; None is the encoder's own default. Later layers, poolers and heads are not built.
    language_model: build the later layers and the masked-language-model head as well, for training. A head that the
        files do not hold starts anew, its output tied to the embeddings.
    label: what errors call the encoder, if not by its name.
    One encoder is loaded at a time in a process, whatever the number of threads.
    Raises ValueError, in one line, if there is no such encoder, it has no fast tokenizer, the layer does not exist, or
    its files are damaged or do not fit each other. Code and pickled weights are never read.
    """
    with guarded_loading(f"the encoder {name!r}" if label is None else label):
        folder = encoder_folder(name)
        config, shapes = check_folder(folder)
        if config.is_encoder_decoder:
            raise ValueError("it is an encoder-decoder; expected an encoder alone, such as BERT or XLM-R.")
        with without_advice():
            tokenizer = AutoTokenizer.from_pretrained(
                folder, config=config, use_fast=True, trust_remote_code=False, local_files_only=True
            )
        if not isinstance(tokenizer, PreTrainedTokenizerFast):
            raise ValueError("it has no fast tokenizer (tokenizer.json), which word ids are read from.")
        defaults = encoder_defaults(config, name)
        depth, layer = config.num_hidden_layers, defaults.layer if layer is None else layer
        if not 0 <= layer <= depth:
            raise ValueError(f"Layer {layer} was asked for, but it has {depth} layers; choose one from 0 to {depth}.")
        cut = defaults.cut or layer < depth
        model = None
        if language_model:
            if type(config) not in MODEL_FOR_MASKED_LM_MAPPING:
                raise ValueError(f"{config.model_type!r} is no masked language model, as masked_lm and others need.")
            whole, lacking = load_model(AutoModelForMaskedLM, folder, config, shapes, dtype=dtype, optional=_is_head)
            if lacking:
                logger.info(
                    "%r holds no whole masked-language-model head; it starts anew, tied to the embeddings.", name
                )
            check_finite(whole)
            model = MaskedLanguageModel(whole, layer)
            transformer = whole.base_model
        else:
            config.num_hidden_layers = layer
            transformer, _ = load_model(AutoModel, folder, config, shapes, dtype=dtype, optional=_is_pooler)
            if getattr(transformer, "pooler", None) is not None:
                transformer.pooler = None
            check_finite(transformer)
        check_vocabulary(tokenizer, transformer)
        _try_out(transformer, tokenizer)
        return LoadedEncoder(transformer, tokenizer, layer, cut, defaults, model)


def encoder_folder(name: str) -> Path:
    """Where an encoder's files are; see `load_encoder`. Raises ValueError if there is no such encoder."""
    if name == "bundled":
        return BUNDLED
    try:
        return find_folder(name)
    except (OSError, ValueError) as error:
        raise ValueError(
            "expected 'bundled', a folder in Hugging Face format, or the name of a model on the Hugging Face hub "
            f"(which needs the network once). {error}"
        ) from error


def save_encoder(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    defaults: EncoderDefaults,
    folder: Path,
    *,
    dtype: torch.dtype | None = None,
    max_file_size: str = "5GB",
) -> None:
    """Write a folder in Hugging Face format: safetensors, tokenizer, and the defaults inside config.json.

    model: an encoder, or one with a language model's head.
    dtype: number format of the weights on disk; None keeps the model's own.
    max_file_size: weights beyond it are spread over several files; a single tensor is never split.
    """
    setattr(model.config, DEFAULTS_KEY, asdict(defaults))
    weights = model.state_dict()
    if dtype is not None:
        weights = {name: value.to(dtype) if value.is_floating_point() else value for name, value in weights.items()}
    for stale in folder.glob("*.safetensors*"):
        # One file would lie beside several, and be read in their place.
        stale.unlink()
    with without_advice():
        model.save_pretrained(folder, state_dict=weights, safe_serialization=True, max_shard_size=max_file_size)
    for file in folder.glob("*.safetensors"):
        # Written for their owner alone; a package is read by others.
        file.chmod(0o644)
    tokenizer.save_pretrained(folder)


def encoder_defaults(config: PretrainedConfig, name: str = "") -> EncoderDefaults:
    """The defaults stored in a config, or those for an encoder that stores none: two thirds of its depth.

    Raises ValueError if what is stored is none of them.
    """
    stored: object = getattr(config, DEFAULTS_KEY, None)
    if stored is not None:
        known = [field.name for field in fields(EncoderDefaults)]
        if not isinstance(stored, dict) or "layer" not in stored or not stored.keys() <= set(known):
            raise ValueError(f"Expected an object of layer, {', '.join(known[1:])} as `{DEFAULTS_KEY}` in config.json.")
        return EncoderDefaults(**stored)
    return _KNOWN_DEFAULTS.get(Path(name).name) or EncoderDefaults(layer=-(-2 * config.num_hidden_layers // 3))


def layer_module(transformer: nn.Module, layer: int) -> nn.Module | None:
    """The module whose output is layer `layer` of a cut encoder, or None in one that repeats a single layer."""
    if layer == 0:
        return getattr(transformer, "embeddings", None)
    place = layer_list(transformer, layer)
    return None if place is None else getattr(*place)[-1]


def longest_input(transformer: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> int:
    """How many subwords, special tokens included, the encoder takes at once."""
    limits = [tokenizer.model_max_length]
    positions = getattr(getattr(transformer, "embeddings", None), "position_embeddings", None)
    if isinstance(positions, nn.Embedding):
        # RoBERTa counts positions from behind its padding index.
        limits.append(positions.num_embeddings - (0 if positions.padding_idx is None else positions.padding_idx + 1))
    limits.append(getattr(transformer.config, "max_position_embeddings", None) or 512)
    return int(min(limits))


def _is_pooler(weight: str, prefix: str) -> bool:
    return "pooler" in weight.split(".")


def _is_head(weight: str, prefix: str) -> bool:
    return _is_pooler(weight, prefix) or not weight.startswith(f"{prefix}.")


def _try_out(transformer: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """Raise an error unless the encoder turns a short text into finite vectors, as it is used later."""
    subwords = SubwordTokenizer(tokenizer)
    special, longest = len(subwords.prefix) + len(subwords.suffix), longest_input(transformer, tokenizer)
    if longest <= special:
        raise ValueError(f"it takes {longest} subwords at once by its settings; expected more than {special}.")
    [words] = subwords([["a", "1", "."]])
    ids = torch.from_numpy(subwords.single(words.ids[: longest - special]))[None]
    with torch.inference_mode():
        output = transformer(input_ids=ids, attention_mask=torch.ones_like(ids))
    vectors = getattr(output, "last_hidden_state", None)
    shape = (*ids.shape, transformer.config.hidden_size)
    if vectors is None or vectors.shape != shape:
        raise ValueError(f"{type(transformer).__name__} gives no vector for each subword; expected an encoder of text.")
    if not bool(vectors.isfinite().all()):
        raise ValueError("its vectors are not finite numbers; its weights are damaged.")
