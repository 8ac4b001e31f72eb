"""Tiny encoders of each tokenizer family, built offline, and Docs built by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import spacy
import torch
from hypothesis import settings
from spacy.language import Language
from spacy.tokens import Doc, Span
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    ModernBertConfig,
    ModernBertModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

# An example that takes long on a busy machine is no error.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

TEXT = [
    "Angela Merkel visited Paris on Monday , the German government said .",
    "Angela Merkel visitó París el lunes , según el Gobierno alemán .",
    "The quick brown fox jumps over the lazy dog in 1984 !",
    "El zorro marrón salta sobre el perro perezoso en 1984 ?",
    "Obama met Merkel in Berlin ; Merkel traf Obama in Berlin .",
]


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WordPiece BERT of 4 layers and 64 positions, with random weights."""
    # A trained vocabulary would differ from run to run, and with it what tests of training reach.
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = {word for line in TEXT for word in line.split()}
    heads = {word if len(word) < 7 else word[:4] for word in words}
    tails = {f"##{word[4:]}" for word in words if len(word) >= 7}
    letters = {letter for word in words for letter in word} | {f"##{letter}" for word in words for letter in word}
    vocabulary = [*special, *sorted(heads | tails | letters | {f"##{digit}" for digit in "0123456789"})]
    tokenizer = Tokenizer(models.WordPiece(vocab={piece: i for i, piece in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    _close(tokenizer, "[CLS]", "[SEP]")
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=64,
    )
    config = BertConfig(vocab_size=len(fast), max_position_embeddings=64, **_SIZES)
    return _save(BertModel, config, fast, tmp_path_factory.mktemp("tiny_bert"))


@pytest.fixture(scope="session")
def tiny_xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Unigram encoder with XLM-R's positions, which are counted from behind the padding index."""
    return _save(XLMRobertaModel, XLMRobertaConfig(**_ROBERTA_SIZES), _unigram(), tmp_path_factory.mktemp("tiny_xlmr"))


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE encoder whose tokenizer was not built for words (no leading space)."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=_ROBERTA_SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    _close(tokenizer, "<s>", "</s>")
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **_ROBERTA_TOKENS)
    return _save(RobertaModel, RobertaConfig(**_ROBERTA_SIZES), fast, tmp_path_factory.mktemp("tiny_roberta"))


@pytest.fixture(scope="session")
def tiny_modernbert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pre-norm encoder: a norm closes the last layer, and must not close the layer it is cut at."""
    config = ModernBertConfig(
        vocab_size=400,
        max_position_embeddings=66,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        cls_token_id=0,
        sep_token_id=2,
        attn_implementation="sdpa",
        **_SIZES,
    )
    return _save(ModernBertModel, config, _unigram(), tmp_path_factory.mktemp("tiny_modernbert"))


@pytest.fixture(params=["tiny_bert", "tiny_xlmr", "tiny_roberta", "tiny_modernbert"])
def tiny_encoder(request: pytest.FixtureRequest) -> Path:
    """Each of the tiny encoders in turn."""
    path: Path = request.getfixturevalue(request.param)
    return path


@pytest.fixture(scope="session")
def make_aligner() -> Callable[..., Language]:
    """A blank Spanish pipeline with a word aligner on a given encoder; further options go to the component."""

    def make(name: Path | str, *, layer: int | None = None, extraction: str = "softmax", **options: object) -> Language:
        nlp = spacy.blank("es")
        nlp.add_pipe(
            "word_aligner",
            config={
                "model": {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(name), "layer": layer},
                "extraction": extraction,
                **options,
            },
        )
        return nlp

    return make


@pytest.fixture(scope="session")
def make_doc() -> Callable[..., Doc]:
    """A Doc from space-separated words, with entities as (start, end, label)."""
    english = spacy.blank("en")

    def make(text: str, ents: Sequence[tuple[int, int, str]] = (), nlp: Language | None = None) -> Doc:
        doc = Doc((nlp or english).vocab, words=text.split(" ") if text else [])
        doc.ents = [Span(doc, *ent) for ent in ents]
        return doc

    return make


_SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "initializer_range": 0.4,
}
_ROBERTA_SIZES = {**_SIZES, "vocab_size": 400, "max_position_embeddings": 66, "pad_token_id": 1}
_ROBERTA_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
_ROBERTA_TOKENS = {
    "bos_token": "<s>",
    "cls_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}


def _unigram() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=_ROBERTA_SPECIAL, unk_token="<unk>")
    tokenizer.train_from_iterator(TEXT, trainer)
    _close(tokenizer, "<s>", "</s>")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **_ROBERTA_TOKENS)


def _close(tokenizer: Tokenizer, start: str, end: str) -> None:
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} $B {end}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (start, end)],
    )


def _save(model: type[PreTrainedModel], config: object, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    torch.manual_seed(0)
    model(config).save_pretrained(folder)  # type: ignore[arg-type]
    tokenizer.save_pretrained(folder)
    return folder
