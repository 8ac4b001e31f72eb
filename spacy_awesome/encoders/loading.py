"""Load a Hugging Face encoder, cut to the layers that are used."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging as transformers_logging

from spacy_awesome.encoders.heads import MaskedLanguageModel, layer_list

logger = logging.getLogger("spacy_awesome")

BUNDLED = Path(__file__).parent / "mini"

# Where the papers read their vectors (AWESOME section 2.1 and appendix; OneAligner section 4).
_KNOWN_LAYERS = {"bert-base-multilingual-cased": 8, "xlm-roberta-base": 8, "xlm-roberta-large": 17}
# Where config.json keeps an encoder's EncoderDefaults.
DEFAULTS_KEY = "spacy_awesome"


@dataclass(frozen=True)
class EncoderDefaults:
    """What suits an encoder; stored in its config.json under DEFAULTS_KEY, else AWESOME's values for mBERT.

    layer: the layer whose vectors are compared, counted from 1; 0 is the embeddings.
    scale: β, the factor on similarities before softmax.
    distortion: λ, the penalty on |i/n − j/m|, in units of scaled similarity.
    threshold: of both softmax probabilities.
    cut: whether the files hold an encoder that was cut; a norm that closes them then belongs to a layer that is gone.
    """

    layer: int
    scale: float = 1.0
    distortion: float = 0.0
    threshold: float = 0.001
    cut: bool = False


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


def load_encoder(name: str, *, layer: int | None, dtype: torch.dtype, language_model: bool = False) -> LoadedEncoder:
    """Load an encoder from the package ("bundled"), a local folder, or the hub.

    layer: keep this many layers; None is the encoder's own default. Later layers, poolers and heads are not built.
    language_model: build the later layers and the masked-language-model head as well, for training. A head that the
        files do not hold starts anew, its output tied to the embeddings.
    Raises ValueError if there is no such encoder, the layer does not exist, or it has no fast tokenizer.
    """
    path = str(BUNDLED) if name == "bundled" else name
    try:
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(path, use_fast=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"Could not load the encoder {name!r}: expected 'bundled', a folder in Hugging Face format, or the name of "
            f"a model on the Hugging Face hub (which needs the network once). {_first_line(error)}"
        ) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ValueError(f"The encoder {name!r} has no fast tokenizer (tokenizer.json), which word ids are read from.")
    if config.is_encoder_decoder:
        raise ValueError(f"{name!r} is an encoder-decoder; expected an encoder alone, such as BERT or XLM-R.")
    defaults = encoder_defaults(config, name)
    depth, layer = config.num_hidden_layers, defaults.layer if layer is None else layer
    if not 0 <= layer <= depth:
        raise ValueError(f"Layer {layer} was asked for, but {name!r} has {depth} layers; choose one from 0 to {depth}.")
    cut = defaults.cut or layer < depth
    if language_model:
        model = MaskedLanguageModel(_load_weights(AutoModelForMaskedLM, name, path, config, dtype), layer)
        return LoadedEncoder(model.model.base_model, tokenizer, layer, cut, defaults, model)
    config.num_hidden_layers = layer
    transformer = _load_weights(AutoModel, name, path, config, dtype)
    if getattr(transformer, "pooler", None) is not None:
        transformer.pooler = None
    return LoadedEncoder(transformer, tokenizer, layer, cut, defaults)


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
    with _without_advice():
        model.save_pretrained(folder, state_dict=weights, safe_serialization=True, max_shard_size=max_file_size)
    for file in folder.glob("*.safetensors"):
        # Written for their owner alone; a package is read by others.
        file.chmod(0o644)
    tokenizer.save_pretrained(folder)


def encoder_defaults(config: PretrainedConfig, name: str = "") -> EncoderDefaults:
    """The defaults stored in a config, or those for an encoder that stores none: two thirds of its depth."""
    stored: dict[str, Any] | None = getattr(config, DEFAULTS_KEY, None)
    if stored is not None:
        return EncoderDefaults(**stored)
    return EncoderDefaults(layer=_KNOWN_LAYERS.get(Path(name).name, -(-2 * config.num_hidden_layers // 3)))


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


def _load_weights(
    auto_class: Any, name: str, path: str, config: PretrainedConfig, dtype: torch.dtype
) -> PreTrainedModel:
    options = {
        "torch_dtype": dtype,
        "trust_remote_code": False,
        "use_safetensors": True,
        "output_loading_info": True,
    }
    try:
        # Weights that the files lack must be the same in every run, whatever drew random numbers before.
        with _without_advice(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model, info = auto_class.from_pretrained(path, config=config, **options)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"Could not load the weights of {name!r}: expected safetensors files (pickled weights are never read). "
            f"{_first_line(error)}"
        ) from error
    if auto_class is AutoModelForMaskedLM and info["missing_keys"]:
        logger.info("%r holds no whole masked-language-model head; it starts anew, tied to the embeddings.", name)
    return cast(PreTrainedModel, model)


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    # Unused upper layers are what is meant here; the library would advise to train. Nor is a progress bar its business.
    verbosity, progress = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if progress:
            transformers_logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
