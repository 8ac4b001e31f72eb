"""Linear layers of our own, and the heads that training puts on top of an encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

_LARGEST = 127


class OneDnnLinear(nn.Linear):
    """A linear layer whose product in float32 is oneDNN's, except in training.

    torch leaves these products to MKL, which does not use all that processors of other makers have. The operator is the
    one that torch.compile puts in the place of linear layers.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear.in_features, linear.out_features, bias=linear.bias is not None, device="meta")
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, input: Tensor) -> Tensor:
        device = self.weight.device.type
        known = device == "cpu" and self.weight.dtype == input.dtype == torch.float32
        if torch.is_grad_enabled() or torch.is_autocast_enabled(device) or not known:
            return super().forward(input)
        output: Tensor = torch.ops.mkldnn._linear_pointwise(input, self.weight, self.bias, "none", [], "")
        return output


class Int8Linear(nn.Linear):
    """A linear layer whose product is one of 8-bit integers: weights scaled by output, inputs by subword.

    Vector-wise quantisation (Dettmers et al. 2022, LLM.int8(), section 2.1), without its outlier columns. Each subword
    has a scale of its own, so that what becomes of it depends on no other row of the batch; torch's dynamic
    quantisation has one scale for the whole batch. The float weights stay, for saving.
    """

    quantized: Tensor
    scale: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear.in_features, linear.out_features, bias=linear.bias is not None, device="meta")
        self.weight, self.bias = linear.weight, linear.bias
        weight = linear.weight.detach()
        scale = _scale(weight)
        self.register_buffer("quantized", _quantize(weight, scale).T, persistent=False)
        self.register_buffer("scale", scale[:, 0], persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        rows = input.flatten(0, -2)
        scale = _scale(rows)
        output = torch._int_mm(_quantize(rows, scale), self.quantized).to(input.dtype).mul_(scale).mul_(self.scale)
        if self.bias is not None:
            output += self.bias
        result: Tensor = output.unflatten(0, input.shape[:-1])
        return result


def replace_linear_layers(transformer: nn.Module, make: Callable[[nn.Linear], nn.Linear]) -> None:
    """Put another layer with the same weights in the place of each linear one, for good."""
    for module in list(transformer.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Linear):
                setattr(module, name, make(child))


def _scale(rows: Tensor) -> Tensor:
    """What each row is to be divided by, (rows, 1); rows of zeros by anything but 0."""
    return rows.abs().amax(dim=1, keepdim=True).div_(_LARGEST).clamp_(min=torch.finfo(rows.dtype).tiny)


def _quantize(rows: Tensor, scale: Tensor) -> Tensor:
    return (rows / scale).round_().to(torch.int8)


class MaskedLanguageModel(nn.Module):
    """A masked language model whose encoder ends at the aligned layer, except while it predicts or is saved.

    Alignment reads layer ℓ, but a pre-trained head reads the last layer. The encoder inside `model` is cut at ℓ, so
    that whatever else uses it pays for no later layer; these wait here.

    model: from `AutoModelForMaskedLM`, at full depth; it is cut in place.
    layer: ℓ, from 0.
    Raises ValueError if the encoder does not keep its layers in one list, so that it cannot be cut.
    """

    def __init__(self, model: PreTrainedModel, layer: int) -> None:
        super().__init__()
        self.model = model
        place = layer_list(model.base_model, model.config.num_hidden_layers)
        if place is None:
            raise ValueError(
                f"The layers of {type(model).__name__} do not stand in one list of "
                f"{model.config.num_hidden_layers}, so masked_lm and translation_lm cannot train it."
            )
        # In a tuple, where torch does not take the owner for a part of this module.
        self._place = place
        layers = getattr(*place)
        self.later_layers = layers[layer:]
        setattr(*place, layers[:layer])

    @contextmanager
    def full_depth(self) -> Iterator[PreTrainedModel]:
        """The model with all of its layers."""
        cut = getattr(*self._place)
        setattr(*self._place, nn.ModuleList([*cut, *self.later_layers]))
        try:
            yield self.model
        finally:
            setattr(*self._place, cut)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, chosen: Tensor) -> Tensor:
        """Logits of the subwords at the chosen positions, (number chosen, vocabulary), row by row.

        input_ids, attention_mask: (rows, length). chosen: (rows, length) bool.
        """

        def keep_chosen(module: nn.Module, inputs: object, output: BaseModelOutput) -> BaseModelOutput:
            # The head works on one position at a time, and its vocabulary is large: it sees no other positions.
            return BaseModelOutput(last_hidden_state=output[0][chosen][None])

        with self.full_depth() as model, model.base_model.register_forward_hook(keep_chosen):
            logits: Tensor = model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits[0]


class ParallelHead(nn.Module):
    """A multi-layer perceptron from the vector of the first special token to the logit of "these are translations"."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # Its start must be the same in every run, whatever drew random numbers before.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.hidden = nn.Linear(width, width)
            self.output = nn.Linear(width, 1)

    def forward(self, vectors: Tensor) -> Tensor:
        """(batch, width) to (batch,)."""
        logits: Tensor = self.output(self.hidden(vectors).tanh()).squeeze(-1)
        return logits


def layer_list(transformer: nn.Module, depth: int) -> tuple[nn.Module, str] | None:
    """The module that owns the list of `depth` layers, and the list's name in it; None if there is no such list."""
    for owner in transformer.modules():
        for name, child in owner.named_children():
            if isinstance(child, nn.ModuleList) and len(child) == depth:
                return owner, name
    return None
