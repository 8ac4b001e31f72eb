"""The lexical encoder on a toy corpus: tokenizer, association, embeddings, files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerFast

from spacy_awesome.encoders.lexical import (
    build_encoder,
    lexical_matrix,
    positive_pmi,
    subword_counts,
    train_tokenizer,
)
from spacy_awesome.encoders.loading import EncoderDefaults, encoder_defaults, save_encoder

LINKED = {
    ("dog", "perro"): 20,
    ("cat", "gato"): 20,
    ("house", "casa"): 20,
    ("tree", "árbol"): 20,
    ("white", "blanco"): 10,
    ("white", "blanca"): 10,
    ("Berlin", "Berlín"): 5,
    (".", "."): 60,
}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    words: Counter[str] = Counter()
    for (source, target), count in LINKED.items():
        words[source] += count
        words[target] += count
    return train_tokenizer(words, vocab_size=330)


@pytest.fixture(scope="module")
def matrix(tokenizer: PreTrainedTokenizerFast) -> np.ndarray:
    return lexical_matrix(positive_pmi(subword_counts(LINKED, tokenizer, identity=1.0)), dimensions=16)


def test_frequent_words_are_whole_pieces(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.tokenize("white house.") == ["▁white", "▁house", "▁."]


def test_raw_and_tokenised_text_give_the_same_pieces(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.tokenize("«house», cat—dog.") == tokenizer.tokenize('" house " , cat - dog .')


@pytest.mark.parametrize("text", ["😀", "中文", "Жук", "\u202e", "a\u0301\u0301"])
def test_unseen_characters_become_bytes_and_never_unknown(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    encoding = tokenizer([text, "dog"], is_split_into_words=True)
    assert tokenizer.unk_token_id not in encoding["input_ids"]
    assert encoding.word_ids()[1] == 0
    assert encoding.word_ids()[-2] == 1


def test_a_vocabulary_without_room_for_pieces_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves no room"):
        train_tokenizer({"dog": 1}, vocab_size=200)


def test_counts_share_a_link_among_subwords_and_are_symmetric(tokenizer: PreTrainedTokenizerFast) -> None:
    word = "dogcat"
    pieces = tokenizer.encode(word, add_special_tokens=False)
    house = tokenizer.convert_tokens_to_ids("▁house")
    counts = subword_counts({(word, "house"): 6}, tokenizer, identity=0.0).toarray()
    assert len(set(pieces)) > 1
    assert all(counts[piece, house] == 6 for piece in pieces)
    assert (counts == counts.T).all()
    assert counts.sum() == 2 * 6 * len(pieces)


def test_the_identity_prior_is_a_share_of_the_frequency(tokenizer: PreTrainedTokenizerFast) -> None:
    counts = subword_counts({("dog", "perro"): 4}, tokenizer, identity=0.5).diagonal()
    dog, cat = tokenizer.convert_tokens_to_ids(["▁dog", "▁cat"])
    assert counts[dog] == 0.5 * 4
    assert counts[cat] == 0.0


def test_positive_pmi_of_a_small_table() -> None:
    from scipy.sparse import csr_matrix

    counts = np.array([[4.0, 2.0], [2.0, 0.0]])
    # p(0) = 6/8, p(1) = 2/8; log(4/8 / (36/64)) < 0, log(2/8 / (12/64)) = log(4/3).
    expected = np.array([[0.0, np.log(4 / 3)], [np.log(4 / 3), 0.0]])
    np.testing.assert_allclose(positive_pmi(csr_matrix(counts)).toarray(), expected)


def test_translations_are_nearest_to_each_other(tokenizer: PreTrainedTokenizerFast, matrix: np.ndarray) -> None:
    spanish = tokenizer.convert_tokens_to_ids(["▁perro", "▁gato", "▁casa"])
    english = tokenizer.convert_tokens_to_ids(["▁dog", "▁cat", "▁house"])
    assert (matrix[english] @ matrix[spanish].T).argmax(axis=1).tolist() == [0, 1, 2]


def test_rows_have_unit_length_and_zero_mean(matrix: np.ndarray) -> None:
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1.0, rtol=1e-4)
    np.testing.assert_allclose(matrix.mean(axis=1), 0.0, atol=1e-6)


def test_the_leading_eigenvectors_are_those_of_numpy() -> None:
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(3)
    factors = rng.random((40, 3)).astype(np.float32)
    rows = lexical_matrix(csr_matrix(factors @ factors.T), dimensions=4)
    unit = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    np.testing.assert_allclose(rows @ rows.T, unit @ unit.T, atol=1e-3)


def test_more_dimensions_than_subwords_are_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ValueError, match="choose fewer"):
        lexical_matrix(positive_pmi(subword_counts(LINKED, tokenizer, identity=1.0)), dimensions=1000)


def test_the_untrained_encoder_returns_cosines(matrix: np.ndarray) -> None:
    model = build_encoder(matrix, layers=2, heads=2, intermediate=8)
    ids = torch.tensor([[7, 300, 301, 302]])
    vectors = model(input_ids=ids).last_hidden_state[0]
    rows = torch.from_numpy(matrix)[ids[0]]
    torch.testing.assert_close(vectors @ vectors.T, rows @ rows.T, atol=1e-3, rtol=1e-3)


def test_saved_files_load_with_the_auto_classes(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, matrix: np.ndarray
) -> None:
    model = build_encoder(matrix, layers=1, heads=2, intermediate=8)
    save_encoder(model, tokenizer, EncoderDefaults(layer=1, threshold=0.2), tmp_path, dtype=torch.float16)

    assert {value.dtype for value in load_file(tmp_path / "model.safetensors").values()} == {torch.float16}
    loaded, loaded_tokenizer = AutoModel.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert encoder_defaults(loaded.config) == EncoderDefaults(layer=1, threshold=0.2)
    assert loaded_tokenizer.tokenize("white house") == ["▁white", "▁house"]
    with torch.inference_mode():
        inputs = loaded_tokenizer("white house", return_tensors="pt")
        torch.testing.assert_close(
            loaded(**inputs).last_hidden_state, model(**inputs).last_hidden_state, atol=1e-2, rtol=1e-2
        )
