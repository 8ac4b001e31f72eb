"""Linear layers that predict faster than torch's own on a processor."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

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
