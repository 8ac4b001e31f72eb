"""Encoders: cutting at a layer, tokenising words, windows over long sentences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModel, AutoTokenizer

from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.loading import load_encoder
from spacy_awesome.encoders.tokenization import windows

WORDS = "Angela Merkel visited Paris in 1984 !".split()


def encoder(name: Path | str, layer: int | None = None) -> SubwordEncoder:
    return SubwordEncoder(load_encoder(str(name), layer=layer, dtype=torch.float32))


@pytest.mark.parametrize("layer", [0, 1, 2, 4])
def test_vectors_are_those_of_the_uncut_model_at_that_layer(tiny_encoder: Path, layer: int) -> None:
    cut = encoder(tiny_encoder, layer)
    [subwords] = cut.tokenizer([WORDS])
    with torch.no_grad():
        vectors = cut.encode([subwords]).values[0]
        whole = AutoModel.from_pretrained(tiny_encoder).eval()
        ids = np.concatenate((cut.tokenizer.prefix, subwords.ids, cut.tokenizer.suffix))
        output = whole(torch.from_numpy(ids)[None], output_hidden_states=True)
        # At full depth the encoder's closing norm belongs to it.
        hidden = output.last_hidden_state if layer == 4 else output.hidden_states[layer]
    torch.testing.assert_close(vectors, hidden[0, 1:-1], atol=1e-5, rtol=1e-5)


def test_later_layers_and_pooler_are_not_built(tiny_bert: Path) -> None:
    cut = encoder(tiny_bert, 2)
    assert len(cut.transformer.encoder.layer) == 2
    assert cut.transformer.pooler is None
    assert not any("pooler" in name for name, _ in cut.named_parameters())


def test_default_layer_is_two_thirds_of_the_depth(tiny_bert: Path) -> None:
    assert encoder(tiny_bert).layer == 3


def test_words_and_ids_are_those_of_the_hugging_face_tokenizer(tiny_bert: Path) -> None:
    [subwords] = encoder(tiny_bert).tokenizer([WORDS])
    expected = AutoTokenizer.from_pretrained(tiny_bert)(WORDS, is_split_into_words=True, add_special_tokens=False)
    assert subwords.ids.tolist() == expected.input_ids
    assert subwords.words.tolist() == expected.word_ids()


def test_byte_level_words_are_tokenised_as_after_a_space(tiny_roberta: Path) -> None:
    [subwords] = encoder(tiny_roberta).tokenizer([WORDS])
    expected = AutoTokenizer.from_pretrained(tiny_roberta)(" " + " ".join(WORDS), add_special_tokens=False)
    assert subwords.ids.tolist() == expected.input_ids


@pytest.mark.parametrize("blank", [" ", "\n\n", "\u3000", "\t"])
def test_white_space_tokens_have_no_subword(tiny_encoder: Path, blank: str) -> None:
    [subwords] = encoder(tiny_encoder).tokenizer([["Paris", blank, "Berlin"]])
    assert set(subwords.words.tolist()) == {0, 2}
    assert subwords.length == 3


def test_special_tokens_are_read_from_the_tokenizer(tiny_bert: Path, tiny_xlmr: Path) -> None:
    for path, start, end in ((tiny_bert, "[CLS]", "[SEP]"), (tiny_xlmr, "<s>", "</s>")):
        tokenizer = encoder(path).tokenizer
        convert = tokenizer.tokenizer.convert_ids_to_tokens
        assert convert(tokenizer.prefix.tolist()) == [start]
        assert convert(tokenizer.suffix.tolist()) == [end]


def test_roberta_positions_leave_room_for_the_padding_index(tiny_xlmr: Path) -> None:
    assert encoder(tiny_xlmr).window == 66 - 2 - 2


@given(length=st.integers(0, 400), size=st.integers(1, 60))
def test_windows_keep_every_subword_once_where_it_has_most_context(length: int, size: int) -> None:
    found = windows(length, size)
    kept = [place for _, _, keep, end in found for place in range(keep, end)]
    assert kept == list(range(length))
    for start, end, keep, stop in found:
        assert end - start <= size
        assert start <= keep <= stop <= end

    def context(place: int, start: int, end: int) -> int:
        # What lies beyond the sentence is no context that a window could lack.
        left = length if start == 0 else place - start
        right = length if end == length else end - 1 - place
        return min(left, right)

    for start, end, keep, stop in found:
        for place in range(keep, stop):
            best = max(context(place, s, e) for s, e, _, _ in found if s <= place < e)
            assert context(place, start, end) >= best - 1


def test_long_sentences_take_their_vectors_from_the_windows(tiny_bert: Path) -> None:
    long = encoder(tiny_bert)
    [subwords] = long.tokenizer([WORDS * 40])
    with torch.no_grad():
        vectors = long.encode([subwords], max_tokens=200).values[0]
        for start, end, keep, stop in windows(len(subwords.ids), long.window):
            ids = np.concatenate((long.tokenizer.prefix, subwords.ids[start:end], long.tokenizer.suffix))
            alone = long(torch.from_numpy(ids)[None], torch.ones(1, len(ids), dtype=torch.int64))[0]
            torch.testing.assert_close(vectors[keep:stop], alone[1 + keep - start : 1 + stop - start])


def test_a_batch_with_long_and_empty_sentences_equals_one_by_one(tiny_bert: Path) -> None:
    enc = encoder(tiny_bert)
    sentences = enc.tokenizer([WORDS, WORDS * 20, [], ["Paris"]])
    with torch.no_grad():
        batch = enc.encode(sentences, max_tokens=150)
        for row, sentence in enumerate(sentences):
            n = len(sentence.ids)
            assert batch.mask[row].sum() == n
            assert batch.words[row, :n].tolist() == sentence.words.tolist()
            if n:
                torch.testing.assert_close(batch.values[row, :n], enc.encode([sentence]).values[0])


def test_unknown_encoder_says_what_was_expected() -> None:
    with pytest.raises(ValueError, match="Could not load the encoder '/no/such/folder'.*'bundled'"):
        encoder("/no/such/folder")


@pytest.mark.parametrize("layer", [-1, 5])
def test_layer_out_of_range_names_the_depth(tiny_bert: Path, layer: int) -> None:
    with pytest.raises(ValueError, match=f"Layer {layer} .* has 4 layers; choose one from 0 to 4"):
        encoder(tiny_bert, layer)


def test_half_precision_weights(tiny_bert: Path) -> None:
    loaded = load_encoder(str(tiny_bert), layer=2, dtype=torch.bfloat16)
    assert {p.dtype for p in loaded.transformer.parameters()} == {torch.bfloat16}
