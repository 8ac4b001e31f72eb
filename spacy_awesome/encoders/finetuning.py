"""What fine-tuning asks of an encoder: which weights move, by which arithmetic, and what is kept of a run."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from thinc.api import Optimizer
from torch import nn
from transformers import PreTrainedModel

from spacy_awesome.encoders.layers import layer_list

logger = logging.getLogger("spacy_awesome")

_DROPOUT_RATES = ("dropout_prob", "attention_dropout")


@dataclass(frozen=True, kw_only=True)
class FinetuningSettings:
    """How an encoder is trained, where that is its own affair; the options of `hf_encoder`, which describes them.

    Raises ValueError at a negative rate.
    """

    frozen_layers: int | None = None
    embedding_rate: float = 1.0
    gradient_checkpointing: bool = False

    def __post_init__(self) -> None:
        if self.embedding_rate < 0:
            raise ValueError(f"Expected an embedding_rate of 0 or more, got {self.embedding_rate}.")


class TorchOptimizer:
    """Takes the steps of a Thinc optimizer in torch: all weights at once, where they are, fused where torch can.

    Thinc's own optimizer goes through numpy weight by weight. It still says what a step is: its `learn_rate`, betas,
    `eps`, `L2` and `grad_clip` are read before each one, so that its schedules hold. Adam.v1 is AdamW (Loshchilov &
    Hutter 2019), or Adam with `L2_is_weight_decay = false`; RAdam.v1 and SGD.v1 are torch's as well. Gradients are
    clipped by the norm of all of them together; Thinc would clip each weight's by itself.

    groups: the weights to train, as `weight_groups` gives them.
    leader: the Thinc optimizer.
    """

    def __init__(self, groups: Sequence[dict[str, Any]], leader: Optimizer) -> None:
        self.leader = leader
        self._parameters = [weight for group in groups for weight in group["params"]]
        self._optimizer = _make_optimizer(groups, leader)
        if leader.averages is not None:
            logger.warning("Averages of an encoder's weights are not kept; set use_averages = false.")

    def step(self) -> None:
        """Move the weights along their gradients, and forget these."""
        leader = self.leader
        if leader.grad_clip:
            nn.utils.clip_grad_norm_(self._parameters, leader.grad_clip)
        settings = {"betas": (leader.b1, leader.b2), "eps": leader.eps, "weight_decay": leader.L2}
        for group in self._optimizer.param_groups:
            group.update(settings, lr=group["share"] * leader.learn_rate)
        self._optimizer.step()
        self._optimizer.zero_grad()

    def state(self) -> dict[str, Any]:
        """All that the next step depends on besides weights, gradients and leader; tensors and numbers."""
        return self._optimizer.state_dict()

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state, on the device of the weights."""
        self._optimizer.load_state_dict(dict(state))


def weight_groups(encoder: nn.Module, transformer: PreTrainedModel, *, embedding_rate: float) -> list[dict[str, Any]]:
    """The weights of an encoder that are not frozen, with the share of the learning rate that they take.

    transformer: the part of the encoder that has the embeddings, whose share is `embedding_rate`; all others' is 1.
    """
    embeddings = list(_embeddings(transformer).parameters())
    ids = {id(weight) for weight in embeddings}
    others = [weight for weight in encoder.parameters() if id(weight) not in ids]
    return [
        {"params": [weight for weight in weights if weight.requires_grad], "share": share}
        for weights, share in ((embeddings, embedding_rate), (others, 1.0))
    ]


def freeze(transformer: PreTrainedModel, up_to: int, *, layer: int) -> None:
    """Keep the embeddings, and the lowest `up_to` layers, as they are in training.

    layer: the number of layers, of a cut encoder.
    Raises ValueError unless 0 ≤ up_to < layer, or if the encoder does not keep its layers in one list.
    """
    if not 0 <= up_to < layer:
        raise ValueError(
            f"Expected frozen_layers from 0 (the embeddings alone) to {layer - 1}, got {up_to}: "
            f"vectors are read at layer {layer}, and something below must be left to train."
        )
    frozen = [_embeddings(transformer)]
    if up_to:
        place = layer_list(transformer, layer)
        if place is None:
            raise ValueError(f"The layers of {type(transformer).__name__} do not stand in one list; freeze none or 0.")
        frozen += getattr(*place)[:up_to]
    for module in frozen:
        module.requires_grad_(False)


def recompute_activations(model: PreTrainedModel) -> None:
    """Keep only the input of each layer for the way back, which runs the layer again (gradient checkpointing).

    Raises ValueError if the encoder's code does not offer it.
    """
    model.gradient_checkpointing_enable({"use_reentrant": False})


def set_dropout(encoder: nn.Module, rate: float) -> None:
    """Set every rate of dropout in an encoder, that of attention included."""
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate
        # Attention on fused kernels keeps its rate as a number.
        for name in _DROPOUT_RATES:
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, rate)


def drops_activations(encoder: nn.Module) -> bool:
    """Whether two runs of an encoder on the same input differ: in training mode, with a rate of dropout above 0."""
    return encoder.training and any(
        (isinstance(module, nn.Dropout) and module.p > 0)
        or any(isinstance(rate := getattr(module, name, None), float) and rate > 0 for name in _DROPOUT_RATES)
        for module in encoder.modules()
    )


@cache
def has_bfloat16(device_type: str) -> bool:
    """Whether a device computes in bfloat16 faster than in float32, rather than imitating it."""
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device_type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _embeddings(transformer: PreTrainedModel) -> nn.Module:
    embeddings: nn.Module = getattr(transformer, "embeddings", None) or transformer.get_input_embeddings()
    return embeddings


def _make_optimizer(groups: Sequence[dict[str, Any]], leader: Optimizer) -> torch.optim.Optimizer:
    if leader.use_radam:
        return torch.optim.RAdam(groups, decoupled_weight_decay=leader.L2_is_weight_decay)
    if not leader.b1 and not leader.b2:
        return torch.optim.SGD(groups, fused=True)
    adam = torch.optim.AdamW if leader.L2_is_weight_decay else torch.optim.Adam
    return adam(groups, fused=True)
