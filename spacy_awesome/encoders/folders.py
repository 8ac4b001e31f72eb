"""Model folders in Hugging Face format, which may come from strangers: everything that is checked about their files.

Nothing here trusts a folder: its names stay inside it, its code and its pickles are never run, and what its
config.json describes is compared with the headers of its weights before memory is allocated for it.
"""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from safetensors import safe_open
from torch import nn
from transformers import CONFIG_MAPPING, PretrainedConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

try:
    from transformers.modeling_utils import no_init_weights
except ImportError:  # transformers 5 has moved it; initializing weights without memory takes only time.
    no_init_weights = contextlib.nullcontext

logger = logging.getLogger("spacy_awesome")

Shapes = Mapping[str, tuple[int, ...]]

# The files that transformers and its tokenizers write for a model, apart from weights in several files.
_FILES = frozenset(
    "config.json generation_config.json model.safetensors model.safetensors.index.json tokenizer.json "
    "tokenizer_config.json special_tokens_map.json added_tokens.json vocab.json vocab.txt merges.txt bpe.codes "
    "spiece.model spm.model sentencepiece.model sentencepiece.bpe.model tokenizer.model source.spm target.spm "
    "chat_template.jinja chat_template.json".split()
)
# Of these, every tokenizer has one.
_VOCABULARIES = (
    "tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "spm.model", "sentencepiece.model",
    "sentencepiece.bpe.model", "tokenizer.model", "source.spm",
)  # fmt: skip
_SHARD = re.compile(r"model-[0-9]{5}-of-[0-9]{5}\.safetensors")
_SHARD_PATTERN = "model-?????-of-?????.safetensors"
# What else the name of a folder that is not there may be.
_HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.pkl")

# Known models stay below a tenth of these limits.
_LARGEST_CONFIG = 4 * 2**20
_LARGEST_INDEX = 64 * 2**20
_LARGEST_SIZE = 2**22
_MOST_LAYERS = 1024
_MOST_LABELS = 2**16
_SIZE_SETTING = re.compile(r"(num|n|d)_\w+|\w*(size|dim|length|layers?|heads?|positions?|embeddings)|depth|width")
# Tables of positions that these compute number by number in Python, which the files need not hold.
_COMPUTED_POSITIONS = frozenset({"distilbert", "flaubert", "marian", "pegasus", "roformer", "xlm"})
_MOST_COMPUTED = 2**24
# Numbers that a model may have beside those in its files: computed tables, poolers, heads that start anew.
_MOST_BESIDE_FILES = 2**28
# Files that a tokenizer is read from; they lie in its folder, under the names above.
_TOKENIZER_FILES = ("tokenizer_file", "vocab_file", "merges_file", "source_spm", "target_spm")

# Loading a model changes state of transformers and torch that all threads share. Reentrant, so that whoever asks for a
# model once may hold it around the question whether it is loaded.
LOADING = threading.RLock()
if hasattr(os, "register_at_fork"):
    # A child that was forked while another thread loads would wait for that thread for ever.
    os.register_at_fork(before=LOADING.acquire, after_in_parent=LOADING.release, after_in_child=LOADING.release)


@contextlib.contextmanager
def guarded_loading(what: str) -> Iterator[None]:
    """Load one model at a time in this process, and end every failure in a ValueError of one line.

    what: names the model in the message, such as "the encoder 'bundled'".
    """
    with LOADING:
        try:
            yield
        except BaseException as error:
            # The tokenizers' Rust code panics at some damaged files, which is no Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            logger.debug("Loading %s failed.", what, exc_info=True)
            raise ValueError(f"Could not load {what}: {_one_line(error)}") from error


def is_model_file(name: object) -> bool:
    """Whether this is the plain name of a file that transformers or its tokenizers write for a model.

    >>> [is_model_file(name) for name in ("config.json", "model-00001-of-00002.safetensors", "../config.json", "a.py")]
    [True, True, False, False]
    """
    return isinstance(name, str) and (name in _FILES or _SHARD.fullmatch(name) is not None)


def find_folder(name: str) -> Path:
    """The local folder of this name, or that of a model on the Hugging Face hub, downloaded if it is not in the cache.

    Of a model on the hub only files that `is_model_file` knows are fetched: no code, no pickles.
    Raises ValueError or OSError if there is none.
    """
    path = Path(name)
    if path.is_dir():
        return path
    if path.exists() or not _HUB_NAME.fullmatch(name):
        raise ValueError("there is no such folder.")
    logger.info("%r is no folder here; it is taken from the Hugging Face hub, or from the cache of it.", name)
    return Path(snapshot_download(name, allow_patterns=[*sorted(_FILES), _SHARD_PATTERN]))


def check_folder(folder: Path) -> tuple[PretrainedConfig, Shapes]:
    """The configuration in a folder, and the shapes of all tensors in its weights, from the headers alone.

    Raises ValueError or OSError if the folder holds no safetensors, damaged ones, or an index that names other files;
    if its configuration is damaged, absurdly large, quantized, or asks for files elsewhere or for code of its own.
    """
    settings = _read_config(folder)
    _check_tokenizer(folder)
    shapes: dict[str, tuple[int, ...]] = {}
    for file in _weight_files(folder):
        shapes.update(_tensor_shapes(file))
    config: PretrainedConfig = CONFIG_MAPPING[settings["model_type"]].from_dict(settings)
    return config, shapes


def load_model(
    auto_class: Any,
    folder: Path,
    config: PretrainedConfig,
    shapes: Shapes,
    *,
    dtype: torch.dtype,
    optional: Callable[[str, str], bool],
) -> tuple[PreTrainedModel, list[str]]:
    """The model of a checked folder, and the names of those optional weights that its files lack.

    auto_class: of transformers, such as AutoModel.
    shapes: from `check_folder`.
    dtype: number format of the weights.
    optional: whether a weight may be missing in the files, of its name and the name of the encoder inside the model.
    Raises ValueError if the files and the configuration do not fit, before the model is built.
    """
    config = copy.deepcopy(config)
    _check_shapes(auto_class, config, shapes)
    options = {
        "torch_dtype": dtype,
        "trust_remote_code": False,
        "use_safetensors": True,
        "local_files_only": True,
        "output_loading_info": True,
    }
    # Weights that the files lack must be the same in every run, whatever drew random numbers before.
    with without_advice(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, info = auto_class.from_pretrained(str(folder), config=config, **options)
    lacking = sorted(info["missing_keys"])
    missing = [name for name in lacking if not optional(name, model.base_model_prefix)]
    if missing:
        raise ValueError(
            f"its safetensors files lack {len(missing)} weights of a {type(model).__name__} as config.json describes "
            f"it, such as {missing[0]!r}; expected all of its layers, under their usual names."
        )
    return model, lacking


def check_finite(model: nn.Module) -> None:
    """Raise ValueError if a weight is no finite number."""
    for name, value in model.state_dict().items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ValueError(f"the weight {name!r} is not finite in {value.dtype}: it holds NaN, or is too large.")


def check_vocabulary(tokenizer: Any, model: PreTrainedModel) -> None:
    """Raise ValueError if the tokenizer gives ids that the model has no embedding of."""
    embeddings: Any = model.get_input_embeddings()
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if largest >= embeddings.num_embeddings:
        raise ValueError(
            f"its tokenizer has ids up to {largest}, but its weights only {embeddings.num_embeddings} embeddings; "
            "after tokens were added, the model is to be saved with resized embeddings."
        )


@contextlib.contextmanager
def without_advice() -> Iterator[None]:
    """Without warnings and progress bars of transformers: unused upper layers are what is meant here."""
    verbosity, progress = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if progress:
            transformers_logging.enable_progress_bar()


def _read_config(folder: Path) -> dict[str, Any]:
    if not (folder / "config.json").exists():
        raise ValueError(_without_config(folder))
    settings = _read_object(folder / "config.json", _LARGEST_CONFIG)
    _check_sizes(settings)
    if (folder / "adapter_config.json").exists():
        raise ValueError("it holds an adapter (adapter_config.json); expected a model that it was merged into.")
    # transformers takes the mere presence of the entry for a quantized model.
    if settings.pop("quantization_config", None) is not None:
        raise ValueError("its weights are quantized (quantization_config); expected a model in floating point.")
    if settings.get("transformers_weights") is not None:
        raise ValueError("its config.json names a file of weights; expected model.safetensors.")
    if any("/" in str(value) for name, value in settings.items() if "attn_implementation" in name):
        raise ValueError("its config.json asks for code from the hub (attn_implementation), which is never run.")
    kind = settings.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        if settings.get("auto_map"):
            raise ValueError("it needs Python code of its own, which is never run; expected a model without such code.")
        raise ValueError(f"its config.json names the model_type {kind!r}; expected one that transformers knows.")
    return settings


def _without_config(folder: Path) -> str:
    if (folder / "adapter_config.json").exists():
        return "it holds an adapter alone (adapter_config.json); expected a model that it was merged into."
    inner = sorted(path.parent.name for path in folder.glob("*/config.json") if list(path.parent.glob("tokenizer*")))
    advice = f" The folder {inner[0]!r} inside it has one." if inner else ""
    return f"it has no config.json; expected a folder in Hugging Face format.{advice}"


def _check_sizes(section: object, name: str = "") -> None:
    """Raise ValueError at a number of layers, dimensions and so on that would fill the memory before it is used."""
    if isinstance(section, dict):
        for key, value in section.items():
            _check_sizes(value, str(key))
        positions, width = _largest(section, "position"), _largest(section, "_size", "dim", "d_model")
        if str(section.get("model_type")) in _COMPUTED_POSITIONS and positions * width > _MOST_COMPUTED:
            raise ValueError(f"its config.json is damaged: {positions} positions are more than such models take.")
    elif isinstance(section, list):
        for value in section:
            _check_sizes(value, name)
    elif isinstance(section, int | float) and _SIZE_SETTING.fullmatch(name):
        limit = _LARGEST_SIZE
        if "labels" in name:
            limit = _MOST_LABELS
        elif "layer" in name or "head" in name:
            limit = _MOST_LAYERS
        # `not` so that NaN is refused as well.
        if not section <= limit:
            raise ValueError(f"its config.json is damaged: {name} is {section}; expected {limit} at most.")


def _largest(section: Mapping[str, Any], *parts: str) -> int:
    """The largest number among the settings with such a name; vocabularies do not count."""
    sizes = [value for key, value in section.items() if key != "vocab_size" and any(part in key for part in parts)]
    return max((value for value in sizes if isinstance(value, int)), default=0)


def _check_tokenizer(folder: Path) -> None:
    if not any((folder / name).exists() for name in _VOCABULARIES):
        raise ValueError("it has no tokenizer; expected tokenizer.json beside its weights.")
    file = folder / "tokenizer_config.json"
    if not file.exists():
        return
    settings = _read_object(file, _LARGEST_INDEX)
    for name in _TOKENIZER_FILES:
        if settings.get(name) is not None:
            raise ValueError(f"its tokenizer_config.json names a file to read ({name}); expected {name} not to be set.")
    longest = settings.get("model_max_length", 1)
    if isinstance(longest, bool) or not isinstance(longest, int | float) or not longest >= 1:
        raise ValueError(f"its tokenizer_config.json is damaged: model_max_length is {longest!r}; expected a number.")


def _weight_files(folder: Path) -> list[Path]:
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.exists():
        return [single]
    if not index.exists():
        pickled = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
        found = f"only {pickled[0]}, which may be pickled" if pickled else "no weights"
        raise ValueError(
            f"it has {found}; expected model.safetensors. Pickled weights can run code and are never read here: if you "
            "trust them, save them with transformers, save_pretrained(folder, safe_serialization=True)."
        )
    weights = _read_object(index, _LARGEST_INDEX).get("weight_map")
    if not isinstance(weights, dict):
        raise ValueError(f"{index.name} has no weight_map; expected the index of several safetensors files.")
    for name in weights.values():
        if not is_model_file(name) or not name.endswith(".safetensors"):
            raise ValueError(
                f"{index.name} names the file {name!r}; expected files of this folder like "
                "model-00001-of-00002.safetensors."
            )
    return [folder / name for name in sorted(set(weights.values()))]


def _tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Shapes from the header, which the library compares with the length of the file."""
    if not file.is_file():
        raise ValueError(f"it lacks {file.name}.")
    with file.open("rb") as stream:
        if stream.read(12) == b"version http":
            raise ValueError(f"{file.name} is a pointer of Git LFS instead of weights; run `git lfs pull` there.")
    try:
        with safe_open(file, framework="pt") as tensors:
            layout = (tensors.metadata() or {}).get("format", "pt")
            shapes = {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
    except Exception as error:
        raise ValueError(f"{file.name} is cut off, damaged or no safetensors file ({_one_line(error)}).") from error
    if layout != "pt":
        raise ValueError(f"{file.name} is for {layout!r}; expected weights for PyTorch.")
    return shapes


def _check_shapes(auto_class: Any, config: PretrainedConfig, shapes: Shapes) -> None:
    """Build the model without memory, and compare it with the headers."""
    with without_advice(), torch.random.fork_rng(devices=[]), torch.device("meta"), no_init_weights():
        model = auto_class.from_config(config, trust_remote_code=False)
    prefix = f"{model.base_model_prefix}."
    beside = 0
    for name, value in (*model.named_parameters(), *model.named_buffers()):
        found = next((shapes[other] for other in _other_names(name, prefix) if other in shapes), None)
        if found is None:
            beside += value.numel()
        elif found != tuple(value.shape):
            raise ValueError(
                f"its config.json does not fit its weights: {name!r} is of size {_size(value.shape)} by config.json, "
                f"and of size {_size(found)} in the safetensors file."
            )
    if beside > _MOST_BESIDE_FILES:
        raise ValueError(
            f"its config.json describes {beside:,} numbers that its safetensors files do not hold; the folder is "
            "damaged or incomplete."
        )


def _other_names(name: str, prefix: str) -> Iterator[str]:
    """The names that transformers accepts for a weight: with the encoder's prefix or without, and BERT's old ones."""
    for plain in (name, prefix + name, name.removeprefix(prefix)):
        yield plain
        yield plain.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "1"


def _read_object(file: Path, largest: int) -> dict[str, Any]:
    if file.stat().st_size > largest:
        raise ValueError(f"{file.name} has {file.stat().st_size:,} bytes; expected {largest:,} at most.")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file.name} is no JSON ({_one_line(error)}).") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file.name} holds no JSON object.")
    return content


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if len(text) > 400:
        text = f"{text[:400]}…"
    if isinstance(error, ValueError | OSError | ImportError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
