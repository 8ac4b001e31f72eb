"""`spacy_awesome.HFEncoder.v1`: a Hugging Face encoder as a Thinc model that spaCy can configure, train and save."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import safetensors.torch
import srsly
import torch
from thinc.api import Model, Optimizer, PyTorchShim, get_torch_default_device, torch2xp, xp2torch
from thinc.types import Floats2d

from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.finetuning import FinetuningSettings, TorchOptimizer, freeze, weight_groups
from spacy_awesome.encoders.folders import LOADING, check_finite, guarded_loading, is_model_file
from spacy_awesome.encoders.layers import Int8Linear, replace_linear_layers
from spacy_awesome.encoders.loading import load_encoder

Precision = Literal["float32", "mixed", "bfloat16", "float16", "int8"]
Sentences = list[list[str]]

_WEIGHTS = {
    "float32": torch.float32,
    "mixed": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "int8": torch.float32,
}

_PARALLEL_HEAD = "parallel_head.safetensors"


def hf_encoder(
    name: str = "bundled",
    layer: int | None = None,
    precision: Precision = "float32",
    max_batch_tokens: int = 4096,
    frozen_layers: int | None = None,
    embedding_rate: float = 1.0,
    gradient_checkpointing: bool = False,
) -> Model[Sentences, list[Floats2d]]:
    """Words to contextual subword vectors, with any encoder that Hugging Face's AutoModel loads.

    name: "bundled", a local folder in Hugging Face format, or a hub name such as "bert-base-multilingual-cased". It is
        loaded when first used, or taken from the pipeline's own folder where that holds it.
    layer: the layer whose vectors are compared, from 1; 0 is the embeddings; None is the encoder's own default.
        Later layers are not even built, unless the word aligner's training objectives need a language model.
    precision: of the weights: float32, bfloat16 or float16; or "mixed": weights in float32 and layers in bfloat16,
        where the processor or GPU has it; or "int8": linear layers in 8-bit integers, on processors. Training takes
        float32 or mixed. Similarities are always in float32.
    max_batch_tokens: padded subwords that the encoder sees at once.
    frozen_layers: training changes only what is above this layer; 0 keeps the embeddings, 3 also the first three layers
        as they are. None trains everything.
    embedding_rate: the embeddings' learning rate, as a share of that of all other weights.
    gradient_checkpointing: keep little of each run in training, and compute it again: less memory, more time.
    Raises ValueError at an unknown precision, a budget below 1 or a negative rate; at first use, if the encoder cannot
        be loaded, or at int8 on a GPU.
    """
    if precision not in _WEIGHTS:
        raise ValueError(f"Unknown precision {precision!r}; expected one of: {', '.join(_WEIGHTS)}.")
    if max_batch_tokens < 1:
        raise ValueError(f"Expected max_batch_tokens of at least 1, got {max_batch_tokens}.")
    finetuning = FinetuningSettings(
        frozen_layers=frozen_layers, embedding_rate=embedding_rate, gradient_checkpointing=gradient_checkpointing
    )
    return Model(
        "hf_encoder",
        _forward,
        init=_init,
        shims=[EncoderShim(name, layer, precision, max_batch_tokens, finetuning)],
    )


class EncoderShim(PyTorchShim):
    """Holds the encoder of a Thinc model: loads it when first asked for, and saves it as a Hugging Face folder.

    The weights are written as safetensors, never pickled.

    language_model, parallel_head: whether to load, train and save what some training objectives need on top; to be set
        before the encoder is loaded. A saved one that is not asked for is dropped.
    summed_losses: how many losses the gradients that wait for `finish_update` are the sum of. It takes their mean, so
        that a batch counts the same in one piece or in several.
    """

    def __init__(
        self,
        name: str,
        layer: int | None,
        precision: Precision,
        max_batch_tokens: int,
        finetuning: FinetuningSettings,
    ) -> None:
        super().__init__(None)
        self.name = name
        self.layer = layer
        self.precision = precision
        self.max_batch_tokens = max_batch_tokens
        self.finetuning = finetuning
        self.summed_losses = 0
        self._stepper: TorchOptimizer | None = None
        self.language_model = False
        self.parallel_head = False

    @property
    def encoder(self) -> SubwordEncoder:
        if self._model is None:
            with LOADING:
                # Another thread may have loaded it while this one waited.
                if self._model is None:
                    self._load(self.name, self.layer)
        return cast(SubwordEncoder, self._model)

    @property
    def device(self) -> torch.device:
        return get_torch_default_device() if self._model is None else self.encoder.device

    def to_device(self, device_type: str, device_id: int) -> None:
        if self._model is not None:
            super().to_device(device_type, device_id)

    def finish_update(self, optimizer: Optimizer) -> None:
        """One step along the collected gradients, as the Thinc optimizer says and torch computes."""
        stepper = self.stepper(optimizer)
        gradients = [weight.grad for weight in self.encoder.parameters() if weight.grad is not None]
        for gradient in gradients:
            gradient /= max(1, self.summed_losses)
        self.summed_losses = 0
        if gradients:
            stepper.step()

    def stepper(self, optimizer: Optimizer) -> TorchOptimizer:
        """What takes a Thinc optimizer's steps, with the state of its earlier ones; another optimizer starts anew."""
        if self._stepper is None or self._stepper.leader is not optimizer:
            rate = self.finetuning.embedding_rate
            groups = weight_groups(self.encoder, self.encoder.transformer, embedding_rate=rate)
            self._stepper = TorchOptimizer(groups, optimizer)
        return self._stepper

    def training_state(self) -> dict[str, Any]:
        """Weights, and what the optimizer remembers of earlier steps: nested dictionaries of tensors and numbers."""
        return {
            "weights": self.encoder.state_dict(),
            "optimizer": None if self._stepper is None else self._stepper.state(),
        }

    def load_training_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state. Raises ValueError if it has an optimizer's part, and no optimizer was seen yet."""
        self.encoder.load_state_dict(state["weights"])
        if state["optimizer"] is not None:
            if self._stepper is None:
                raise ValueError("Expected finish_update before load_training_state, so that there is an optimizer.")
            self._stepper.load_state(state["optimizer"])

    def to_bytes(self) -> bytes:
        encoder = self.encoder
        with tempfile.TemporaryDirectory() as folder:
            encoder.save(Path(folder))
            paths = [path for path in sorted(Path(folder).iterdir()) if is_model_file(path.name)]
            files = {path.name: path.read_bytes() for path in paths}
        if encoder.parallel_head is not None:
            files[_PARALLEL_HEAD] = safetensors.torch.save(encoder.parallel_head.state_dict())
        state = {"files": files, "layer": encoder.layer}
        return cast(bytes, srsly.msgpack_dumps(state))

    def from_bytes(self, bytes_data: bytes) -> EncoderShim:
        """Load what `to_bytes` gave. Raises ValueError at anything else, and writes no other files."""
        label = "the encoder that was saved with the pipeline"
        with guarded_loading(label):
            files, head, layer = _saved_state(srsly.msgpack_loads(bytes_data))
        with LOADING:
            with tempfile.TemporaryDirectory() as folder:
                for name, content in files.items():
                    (Path(folder) / name).write_bytes(content)
                self._load(folder, layer, label=label)
            if head is not None and self.encoder.parallel_head is not None:
                with guarded_loading(f"{label}, {_PARALLEL_HEAD}"):
                    self.encoder.parallel_head.load_state_dict(safetensors.torch.load(head))
                    check_finite(self.encoder.parallel_head)
        return self

    def _load(self, name: str, layer: int | None, *, label: str | None = None) -> None:
        loaded = load_encoder(
            name, layer=layer, dtype=_WEIGHTS[self.precision], language_model=self.language_model, label=label
        )
        encoder = SubwordEncoder(loaded, parallel_head=self.parallel_head, mixed_precision=self.precision == "mixed")
        device = get_torch_default_device()
        if self.precision == "int8":
            if device.type != "cpu":
                raise ValueError('precision = "int8" is for processors; on a GPU set "bfloat16" or "float16".')
            replace_linear_layers(encoder.transformer, Int8Linear)
        if self.finetuning.frozen_layers is not None:
            freeze(encoder.transformer, self.finetuning.frozen_layers, layer=encoder.layer)
        if self.finetuning.gradient_checkpointing:
            encoder.recompute_activations()
        self._stepper = None
        self._model = encoder.to(device)

    def __getstate__(self) -> dict[str, Any]:
        # As bytes, like the encoder; but the leader also belongs to the pipeline, and the two are to stay one object.
        stepper, scaler = self._stepper, pickle.dumps(self._grad_scaler)
        remembered = None if stepper is None else (stepper.leader, pickle.dumps(stepper.state()))
        return {**self.__dict__, "_grad_scaler": scaler, "_stepper": remembered}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _grad_scaler=pickle.loads(state["_grad_scaler"]), _stepper=None)
        if state["_stepper"] is not None:
            leader, memory = state["_stepper"]
            self.stepper(leader).load_state(pickle.loads(memory))


def encoder_shim(model: Model[Any, Any]) -> EncoderShim:
    """The shim of an `hf_encoder` model. Raises ValueError for any other architecture."""
    for shim in model.shims:
        if isinstance(shim, EncoderShim):
            return shim
    raise ValueError(
        f"Expected a model of the architecture spacy_awesome.HFEncoder.v1, got {model.name!r}; "
        'set @architectures = "spacy_awesome.HFEncoder.v1" in [components.….model].'
    )


def _saved_state(state: object) -> tuple[dict[str, bytes], bytes | None, int | None]:
    """Files of the encoder, weights of its parallel head, and its layer; ValueError unless `to_bytes` gives such."""
    files, layer = (state.get("files"), state.get("layer")) if isinstance(state, dict) else (None, None)
    if not isinstance(files, dict) or not (layer is None or type(layer) is int):
        raise ValueError("expected the files of an encoder and its layer.")
    files = dict(files)
    head = files.pop(_PARALLEL_HEAD, None)
    for name, content in files.items():
        if not is_model_file(name):
            raise ValueError(
                f"it holds a file named {name!r}, and only plain names of model files are written, such as "
                "config.json, model.safetensors and tokenizer.json. Do not load this pipeline if it comes from others."
            )
        if not isinstance(content, bytes):
            raise ValueError(f"its file {name} is of type {type(content).__name__}; expected bytes.")
    if head is not None and not isinstance(head, bytes):
        raise ValueError(f"its file {_PARALLEL_HEAD} is of type {type(head).__name__}; expected bytes.")
    return files, head, layer


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
