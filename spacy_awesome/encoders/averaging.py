"""The average of two encoders' weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from spacy_awesome.encoders.loading import LoadedEncoder


def average_encoders(first: LoadedEncoder, second: LoadedEncoder, share: float = 0.5) -> None:
    """Move the first encoder's weights towards the second's, in place: (1 − share) · first + share · second.

    Where the second was fine-tuned from the first, the average keeps most of what each is better at (Wortsman et al.
    2022, "Robust fine-tuning of zero-shot models").

    Raises ValueError unless both have the same architecture and vocabulary, and the share is between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"Expected a share between 0 and 1, got {share}.")
    weights, others = first.transformer.state_dict(), second.transformer.state_dict()
    if {name: value.shape for name, value in weights.items()} != {name: value.shape for name, value in others.items()}:
        raise ValueError(
            "The encoders differ in architecture; only one and what was fine-tuned from it can be averaged."
        )
    if first.tokenizer.get_vocab() != second.tokenizer.get_vocab():
        raise ValueError("The encoders differ in vocabulary; only one and what was fine-tuned from it can be averaged.")
    with torch.no_grad():
        for name, value in weights.items():
            if value.is_floating_point():
                value.lerp_(others[name].to(value.dtype), share)
