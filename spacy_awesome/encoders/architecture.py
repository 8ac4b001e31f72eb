"""`spacy_awesome.HFEncoder.v1`: a Hugging Face encoder as a Thinc model that spaCy can configure, train and save."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

import safetensors.torch
import srsly
import torch
from thinc.api import Model, PyTorchShim, get_torch_default_device, torch2xp, xp2torch
from thinc.types import Floats2d

from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.loading import load_encoder

Precision = Literal["float32", "bfloat16", "float16"]
Sentences = list[list[str]]

_PARALLEL_HEAD = "parallel_head.safetensors"


def hf_encoder(
    name: str = "bundled",
    layer: int | None = None,
    precision: Precision = "float32",
    max_batch_tokens: int = 4096,
) -> Model[Sentences, list[Floats2d]]:
    """Words to contextual subword vectors, with any encoder that Hugging Face's AutoModel loads.

    name: "bundled", a local folder in Hugging Face format, or a hub name such as "bert-base-multilingual-cased". It is
        loaded when first used, or taken from the pipeline's own folder where that holds it.
    layer: the layer whose vectors are compared, from 1; 0 is the embeddings; None is the encoder's own default.
        Later layers are not even built, unless the word aligner's training objectives need a language model.
    precision: of the weights: float32, bfloat16 or float16. Similarities are always in float32.
    max_batch_tokens: padded subwords that the encoder sees at once.
    Raises ValueError at an unknown precision or a budget below 1; at first use, if the encoder cannot be loaded.
    """
    if precision not in ("float32", "bfloat16", "float16"):
        raise ValueError(f"Unknown precision {precision!r}; expected float32, bfloat16 or float16.")
    if max_batch_tokens < 1:
        raise ValueError(f"Expected max_batch_tokens of at least 1, got {max_batch_tokens}.")
    return Model(
        "hf_encoder",
        _forward,
        init=_init,
        shims=[EncoderShim(name, layer, precision, max_batch_tokens)],
    )


class EncoderShim(PyTorchShim):
    """Holds the encoder of a Thinc model: loads it when first asked for, and saves it as a Hugging Face folder.

    The weights are written as safetensors, never pickled.

    language_model, parallel_head: whether to load, train and save what some training objectives need on top; to be set
        before the encoder is loaded. A saved one that is not asked for is dropped.
    """

    def __init__(self, name: str, layer: int | None, precision: Precision, max_batch_tokens: int) -> None:
        super().__init__(None)
        self.name = name
        self.layer = layer
        self.precision = precision
        self.max_batch_tokens = max_batch_tokens
        self.language_model = False
        self.parallel_head = False

    @property
    def encoder(self) -> SubwordEncoder:
        if self._model is None:
            self._load(self.name, self.layer)
        return cast(SubwordEncoder, self._model)

    @property
    def device(self) -> torch.device:
        return get_torch_default_device() if self._model is None else self.encoder.device

    def to_device(self, device_type: str, device_id: int) -> None:
        if self._model is not None:
            super().to_device(device_type, device_id)

    def to_bytes(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            self.encoder.save(Path(folder))
            files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
        if self.encoder.parallel_head is not None:
            files[_PARALLEL_HEAD] = safetensors.torch.save(self.encoder.parallel_head.state_dict())
        state = {"files": files, "layer": self.encoder.layer}
        return cast(bytes, srsly.msgpack_dumps(state))

    def from_bytes(self, bytes_data: bytes) -> EncoderShim:
        state = srsly.msgpack_loads(bytes_data)
        head = state["files"].pop(_PARALLEL_HEAD, None)
        with tempfile.TemporaryDirectory() as folder:
            for name, content in state["files"].items():
                (Path(folder) / name).write_bytes(content)
            self._load(folder, state["layer"])
        if head is not None and self.encoder.parallel_head is not None:
            self.encoder.parallel_head.load_state_dict(safetensors.torch.load(head))
        return self

    def _load(self, path: str, layer: int | None) -> None:
        dtype = getattr(torch, self.precision)
        loaded = load_encoder(path, layer=layer, dtype=dtype, language_model=self.language_model)
        self._model = SubwordEncoder(loaded, parallel_head=self.parallel_head).to(get_torch_default_device())


def encoder_shim(model: Model[Any, Any]) -> EncoderShim:
    """The shim of an `hf_encoder` model. Raises ValueError for any other architecture."""
    for shim in model.shims:
        if isinstance(shim, EncoderShim):
            return shim
    raise ValueError(
        f"Expected a model of the architecture spacy_awesome.HFEncoder.v1, got {model.name!r}; "
        'set @architectures = "spacy_awesome.HFEncoder.v1" in [components.….model].'
    )


def _forward(
    model: Model[Sentences, list[Floats2d]], sentences: Sentences, is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], Sentences]]:
    shim = encoder_shim(model)
    encoder = shim.encoder.train(is_train)
    with torch.set_grad_enabled(is_train):
        subwords = encoder.tokenizer(sentences)
        vectors = encoder.encode(subwords, max_tokens=shim.max_batch_tokens)
    encoder.eval()
    lengths = [len(sentence.ids) for sentence in subwords]

    def backprop(gradients: list[Floats2d]) -> Sentences:
        rows = [values[:length] for values, length in zip(vectors.values, lengths)]
        torch.autograd.backward(rows, [xp2torch(gradient) for gradient in gradients])
        return []

    return [cast(Floats2d, torch2xp(row[:n].detach().float())) for row, n in zip(vectors.values, lengths)], backprop


def _init(model: Model[Sentences, list[Floats2d]], X: Any = None, Y: Any = None) -> None:
    # Loading here makes a wrong name an error of `nlp.initialize`, not of the first batch.
    encoder_shim(model).encoder  # noqa: B018
