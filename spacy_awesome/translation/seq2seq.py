"""Translation by a Hugging Face encoder-decoder model, such as Helsinki-NLP/opus-mt-es-en."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from typing import Any

logger = logging.getLogger("spacy_awesome")

# A translation may be this much longer than its sentence, in subwords.
_LONGEST = 2
_SPARE = 16


class Seq2SeqEngine:
    """Translates with `AutoModelForSeq2SeqLM`, by beam search, sentences of like length together.

    model: a hub name or a folder, for one direction; models that choose the language by a token are not for this.
    batch_size: sentences that are translated at once.
    beams: hypotheses that are kept of each sentence; 1 is greedy search.
    Code and pickled weights are never read. Raises ValueError if the model can't be loaded, with the reason.
    """

    block_size = 512
    cacheable = True

    def __init__(self, model: str, *, batch_size: int = 32, beams: int = 4) -> None:
        import torch

        from spacy_awesome.encoders.folders import guarded_loading

        with guarded_loading(f"the translation model {model!r}"):
            # Any: transformers types its own classes as unions that no call fits.
            self._tokenizer: Any
            network: Any
            self._tokenizer, network = _load(model)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = network.eval().to(self._device)
        self._batch_size, self._beams = batch_size, beams
        self.name = f"seq2seq {model} beams={beams}"

    def translate(self, lines: Sequence[str]) -> list[str]:
        """One translation for each line; that of a blank line is empty.

        Lines that are longer than the model takes are cut, with a warning that counts them.
        """
        translations = [""] * len(lines)
        rows = sorted((place for place, line in enumerate(lines) if line.strip()), key=lambda row: -len(lines[row]))
        for start in range(0, len(rows), self._batch_size):
            batch = rows[start : start + self._batch_size]
            for row, translation in zip(batch, self._generate([lines[row] for row in batch]), strict=True):
                translations[row] = " ".join(translation.split())
        return translations

    def _generate(self, lines: list[str]) -> list[str]:
        import torch

        # Not all models say how much they take.
        positions = getattr(self._model.config, "max_position_embeddings", None) or self._tokenizer.model_max_length
        longest = min(positions, self._tokenizer.model_max_length)
        cut = sum(len(ids) > longest for ids in self._tokenizer(lines, verbose=False)["input_ids"])
        if cut:
            logger.warning(
                "%d of %d lines are longer than the %d subwords that the translation model takes, and were cut. Split "
                "them into sentences.", cut, len(lines), longest,
            )  # fmt: skip
        encoded = self._tokenizer(lines, return_tensors="pt", padding=True, truncation=True, max_length=longest)
        # Some tokenizers give more, such as token types, which an encoder-decoder does not take.
        inputs = {name: encoded[name].to(self._device) for name in ("input_ids", "attention_mask")}
        limit = min(_LONGEST * inputs["input_ids"].shape[1] + _SPARE, positions - 1)
        with torch.inference_mode():
            outputs = self._model.generate(
                **inputs,
                num_beams=self._beams,
                max_length=None,
                max_new_tokens=limit,
                do_sample=False,
                # Whatever the model's own settings say: one text for each line.
                num_return_sequences=1,
                return_dict_in_generate=False,
            )
        decoded: list[str] = self._tokenizer.batch_decode(outputs, skip_special_tokens=True)
        return decoded


def _load(model: str) -> tuple[Any, Any]:
    """Tokenizer and network. Raises errors whose messages say what is wrong with the model."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    from spacy_awesome.encoders.folders import check_finite, check_folder, check_vocabulary, find_folder, load_model

    try:
        folder = find_folder(model)
    except (OSError, ValueError) as error:
        raise ValueError(
            "expected a hub name such as Helsinki-NLP/opus-mt-es-en (and a network, the first time) or the folder of "
            f"such a model. {error}"
        ) from error
    config, shapes = check_folder(folder)
    if not config.is_encoder_decoder:
        raise ValueError(f"{type(config).__name__} is for no encoder-decoder; expected a model that translates.")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, config=config, trust_remote_code=False, local_files_only=True)
    except (ImportError, ValueError) as error:
        if importlib.util.find_spec("sentencepiece") is None:
            raise ValueError(f"{error} Marian models need pip install 'spacy-awesome[translation]'.") from error
        raise
    network, _ = load_model(
        AutoModelForSeq2SeqLM, folder, config, shapes, dtype=torch.float32, optional=lambda name, prefix: False
    )
    check_finite(network)
    check_vocabulary(tokenizer, network)
    return tokenizer, network
