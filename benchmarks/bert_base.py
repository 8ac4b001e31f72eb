"""An encoder as large as multilingual BERT, with random weights: nothing is downloaded, the arithmetic is the same."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PretrainedConfig, PreTrainedTokenizerFast

from benchmarks.timing import seconds_of
from spacy_awesome.encoders.loading import BUNDLED

LAYER = 8
VOCABULARY = 120_000
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def encoder_path(name: str, folder: Path) -> tuple[Path, int | None]:
    """Folder and layer of "bundled" or "BERT-base"; the latter is written to `folder`."""
    if name not in ("bundled", "BERT-base"):
        raise ValueError(f"Unknown encoder {name!r}; expected bundled or BERT-base.")
    return (BUNDLED, None) if name == "bundled" else (make_bert_base(folder), LAYER)


def make_bert_base(folder: Path) -> Path:
    """Write a BERT of 12 layers, 768 wide, with 120,000 subwords: those of the bundled encoder, and unused ones."""
    pieces = [piece for piece, _ in json.loads((BUNDLED / "tokenizer.json").read_text())["model"]["vocab"]]
    words = [piece[1:] if piece.startswith("▁") else f"##{piece}" for piece in pieces if piece not in _SPECIAL]
    known = list(dict.fromkeys([*_SPECIAL, *(word for word in words if word)]))
    known += [f"[unused{i}]" for i in range(VOCABULARY - len(known))]
    vocabulary = {word: i for i, word in enumerate(known)}
    tokenizer = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=512, **dict(zip(names, _SPECIAL, strict=True))
    ).save_pretrained(folder)
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(known)), add_pooling_layer=False).save_pretrained(folder)
    return folder


def encoder_operations(config: PretrainedConfig, rows: int, length: int) -> int:
    """Floating-point operations of the layers' matrix products, for a padded batch."""
    width, inner = config.hidden_size, config.intermediate_size
    per_token = 4 * width * width + 2 * width * inner + 2 * length * width
    return int(2 * config.num_hidden_layers * rows * length * per_token)


def matmul_rate(precision: str, *, repeats: int = 5) -> float:
    """Operations a second of a product as large as the encoder's own, in "float32", "bfloat16" or "int8"."""
    size = (4096, 768, 3072)
    left, right = torch.randn(size[0], size[1]), torch.randn(size[1], size[2])
    if precision == "int8":
        multiply, left, right = torch._int_mm, (10 * left).to(torch.int8), (10 * right).to(torch.int8)
    else:
        dtype = getattr(torch, precision)
        multiply, left, right = torch.mm, left.to(dtype), right.to(dtype)
    multiply(left, right)
    seconds = statistics.median(seconds_of(lambda: multiply(left, right)) for _ in range(repeats))
    return 2 * size[0] * size[1] * size[2] / seconds
