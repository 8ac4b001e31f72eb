"""Sentences of words to contextual subword vectors."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from spacy_awesome.encoders.finetuning import has_bfloat16, recompute_activations
from spacy_awesome.encoders.layers import OneDnnLinear, ParallelHead, replace_linear_layers
from spacy_awesome.encoders.loading import LoadedEncoder, layer_module, longest_input, save_encoder
from spacy_awesome.encoders.tokenization import Ids, Subwords, SubwordTokenizer, batches_by_length, windows

# Numbers in the hidden states of one run on a processor, as in 512 subwords of BERT-base: what comes between its layers
# stays near the processor, and sentences of one run are of like length (docs/performance.md).
_CPU_RUN = 512 * 768


def _one_thread() -> None:
    # A forked worker inherits the threads' locks but not the threads: torch would wait for ever for them. One thread
    # per worker is also what `n_process` asks for.
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_thread)


@dataclass(frozen=True, slots=True)
class Vectors:
    """Padded subword vectors of a batch of sentences.

    values: (batch, n, d); mask: (batch, n) True at subwords; words: (batch, n) int64, each subword's word.
    """

    values: Tensor
    mask: Tensor
    words: Tensor


class SubwordEncoder(nn.Module):
    """A Hugging Face encoder, cut at one layer, over pre-tokenised sentences of any length.

    loaded: the encoder, with or without the language model over it.
    parallel_head: whether to add the head that tells translations from other pairs.
    mixed_precision: whether layers compute in bfloat16, where the device has it; vectors stay in the weights' format.
    """

    def __init__(self, loaded: LoadedEncoder, *, parallel_head: bool = False, mixed_precision: bool = False) -> None:
        super().__init__()
        self.transformer = loaded.transformer
        self.tokenizer = SubwordTokenizer(loaded.tokenizer)
        self.layer = loaded.layer
        self.cut = loaded.cut
        self.defaults = loaded.defaults
        # Number of special tokens around a sentence, and of dimensions of a vector.
        self.special_tokens = len(self.tokenizer.prefix) + len(self.tokenizer.suffix)
        self.width = int(loaded.transformer.config.hidden_size)
        self.window = longest_input(loaded.transformer, loaded.tokenizer) - self.special_tokens
        self.language_model = loaded.language_model
        self.mixed_precision = mixed_precision
        self.parallel_head = ParallelHead(self.width).to(loaded.transformer.dtype) if parallel_head else None
        if torch.backends.mkldnn.is_available():
            replace_linear_layers(loaded.transformer, OneDnnLinear)
        # Of the runs of `forward` that are under way, by thread: a pipeline may be used from several at once.
        self._last_layer_output: dict[int, Tensor | None] = {}
        last = layer_module(loaded.transformer, loaded.layer) if loaded.cut else None
        if last is not None:
            # The norm that closes a pre-norm encoder belongs behind its last layer, not behind the one it is cut at.
            last.register_forward_hook(partial(_keep_output, self._last_layer_output))
        self.eval()

    def __getstate__(self) -> dict[str, bytes]:
        # For another process torch would lay the weights into shared memory, of which a container has little.
        return {"pickled": pickle.dumps(self.__dict__)}

    def __setstate__(self, state: dict[str, bytes]) -> None:
        super().__setstate__(pickle.loads(state["pickled"]))

    @property
    def device(self) -> torch.device:
        device: torch.device = next(self.transformer.parameters()).device
        return device

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Hidden states of the layer, (rows, length, d), special tokens included."""
        thread = threading.get_ident()
        self._last_layer_output[thread] = None
        # The way back through torch's fused attention takes twice as long on processors as that through its parts.
        attention = sdpa_kernel(SDPBackend.MATH) if self.training and self.device.type == "cpu" else nullcontext()
        with self.arithmetic(), attention:
            output = self.transformer(input_ids=input_ids, attention_mask=attention_mask)
        kept = self._last_layer_output.pop(thread)
        hidden: Tensor = output.last_hidden_state if kept is None else kept
        return hidden.to(self.transformer.dtype)

    def arithmetic(self) -> AbstractContextManager[object]:
        """What the layers compute in; losses and probabilities are none of it."""
        device = self.device.type
        return torch.autocast(device, torch.bfloat16, enabled=self.mixed_precision and has_bfloat16(device))

    def recompute_activations(self) -> None:
        """Keep little of a run in training, in the language model's layers too; see the function of the same name."""
        if self.language_model is None:
            recompute_activations(self.transformer)
        else:
            with self.language_model.full_depth() as model:
                recompute_activations(model)

    def encode(self, sentences: Sequence[Subwords], *, max_tokens: int = 4096) -> Vectors:
        """Vectors of all sentences, padded to the longest.

        max_tokens: the most padded subwords in one run of the encoder; sentences of like length share a run.
        Each subword of a sentence longer than the encoder takes its vector from the window with most context. Sentences
        with vectors keep these.
        """
        longest = max((len(sentence.ids) for sentence in sentences), default=0)
        pieces = [
            (row, *window)
            for row, sentence in enumerate(sentences)
            if sentence.vectors is None
            for window in windows(len(sentence.ids), self.window)
        ]
        # Not in training: each run back would add up gradients of all weights, those of unused words included.
        small = self.device.type == "cpu" and not torch.is_grad_enabled()
        budget = min(max_tokens, _CPU_RUN // self.width) if small else max_tokens

        def fits(rows: int, width: int) -> bool:
            return rows * (width + self.special_tokens) <= budget

        # Where each subword's vector stands among those of all runs; at 0 stands that of padding.
        places = np.zeros((len(sentences), longest), dtype=np.int64)
        found = [torch.zeros(1, self.width, dtype=self.transformer.dtype, device=self.device)]
        filled = 1
        for run in batches_by_length([end - start for _, start, end, _, _ in pieces], fits):
            parts = [pieces[place] for place in run]
            inputs = [self.tokenizer.single(sentences[row].ids[start:end]) for row, start, end, _, _ in parts]
            hidden = self(*self.pad(inputs))
            for row, start, _, keep, stop in parts:
                first = filled + len(self.tokenizer.prefix) - start
                places[row, keep:stop] = np.arange(first + keep, first + stop)
                filled += hidden.shape[1]
            found.append(hidden.flatten(0, 1))
        for row, sentence in enumerate(sentences):
            if sentence.vectors is not None:
                places[row, : len(sentence.ids)] = np.arange(filled, filled + len(sentence.ids))
                filled += len(sentence.ids)
                found.append(sentence.vectors.to(found[0]))
        values = nn.functional.embedding(torch.from_numpy(places).to(self.device), torch.cat(found), padding_idx=0)
        lengths = torch.tensor([len(sentence.ids) for sentence in sentences], dtype=torch.int64)
        mask = torch.arange(longest) < lengths[:, None]
        words = torch.from_numpy(_pad([sentence.words for sentence in sentences], longest, 0))
        return Vectors(values, mask.to(self.device), words.to(self.device))

    def encode_pairs(
        self, pairs: Sequence[tuple[Subwords, Subwords]], *, max_tokens: int = 4096
    ) -> tuple[Vectors, Vectors]:
        """Vectors of all source and of all target sentences, encoded together; each side padded to its own longest."""
        sides = [x for x, _ in pairs], [y for _, y in pairs]
        both, middle = self.encode(sides[0] + sides[1], max_tokens=max_tokens), len(pairs)
        n, m = (max(len(sentence.ids) for sentence in side) for side in sides)
        return (
            Vectors(both.values[:middle, :n], both.mask[:middle, :n], both.words[:middle, :n]),
            Vectors(both.values[middle:, :m], both.mask[middle:, :m], both.words[middle:, :m]),
        )

    def pad(self, rows: Sequence[Ids], value: int | None = None) -> tuple[Tensor, Tensor]:
        """Input ids, filled up with `value`, by default padding, and attention mask, (rows, longest); on the device."""
        longest = max(len(row) for row in rows)
        ids = torch.from_numpy(_pad(rows, longest, self.tokenizer.pad_id if value is None else value))
        mask = torch.arange(longest) < torch.tensor([len(row) for row in rows])[:, None]
        return ids.to(self.device), mask.to(self.device, torch.int64)

    def save(self, folder: Path, **options: Any) -> None:
        """Write a folder in Hugging Face format, at full depth and with the language model's head if there is one.

        options: of `loading.save_encoder`.
        """
        tokenizer, defaults = self.tokenizer.tokenizer, replace(self.defaults, layer=self.layer)
        if self.language_model is None:
            save_encoder(self.transformer, tokenizer, replace(defaults, cut=self.cut), folder, **options)
        else:
            with self.language_model.full_depth() as model:
                save_encoder(model, tokenizer, defaults, folder, **options)


def _keep_output(
    kept: dict[int, Tensor | None], module: nn.Module, inputs: object, output: Tensor | tuple[Tensor, ...]
) -> None:
    # The language model runs the same layer, and nobody would take away what it leaves.
    if (thread := threading.get_ident()) in kept:
        kept[thread] = output if isinstance(output, Tensor) else output[0]


def _pad(rows: Sequence[np.ndarray], length: int, value: int) -> np.ndarray:
    padded = np.full((len(rows), length), value, dtype=np.int64)
    for row, values in zip(padded, rows):
        row[: len(values)] = values
    return padded
