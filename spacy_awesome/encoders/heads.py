"""What some training objectives need on top of the layer that is aligned with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput


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
