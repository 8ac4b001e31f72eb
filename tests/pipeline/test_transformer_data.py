"""Vectors that a `transformer` of spacy-transformers has left in `doc._.trf_data`: links without encoding again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from thinc.api import Ragged

from spacy_awesome import SentenceAlignment, WordAlignment, parallel, parallel_stream
from spacy_awesome.pipeline.transformer_data import transformer_subwords
from spacy_awesome.pipeline.word_aligner import WordAligner
from spacy_awesome.tokens.pair import get_parallel

MakeAligner = Callable[..., Language]

SOURCE = "Angela Merkel visited Paris on Tuesday . She met officials there ."
TARGET = "Angela Merkel visitó París el martes . Allí se reunió con la ONU ."


def with_transformer(
    encoder: Path, spans: str | dict[str, Any] = "doc_spans", *, hidden_states: bool = True, sentences: bool = False
) -> Language:
    """A pipeline that leaves an encoder's vectors in its Docs."""
    nlp = spacy.blank("xx")
    if sentences:
        nlp.add_pipe("sentencizer")
    getter = {"@span_getters": f"spacy-transformers.{spans}.v1"} if isinstance(spans, str) else spans
    model = {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": str(encoder),
        "get_spans": getter,
        "tokenizer_config": {"use_fast": True},
        "transformer_config": {"output_hidden_states": hidden_states},
    }
    nlp.add_pipe("transformer", config={"model": model})
    nlp.initialize()
    return nlp


def component(nlp: Language) -> WordAligner:
    aligner = nlp.get_pipe("word_aligner")
    assert isinstance(aligner, WordAligner)
    return aligner


def count_runs(aligner: WordAligner) -> list[int]:
    """The number of rows of each run of the encoder, from now on."""
    runs: list[int] = []
    aligner.aligner.encoder.transformer.register_forward_pre_hook(
        lambda module, args, kwargs: runs.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    return runs


def assert_same(found: WordAlignment, expected: WordAlignment) -> None:
    assert (found.source_length, found.target_length) == (expected.source_length, expected.target_length)
    assert found.to_pharaoh() == expected.to_pharaoh()
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)


@pytest.mark.parametrize("encoder", ["tiny_bert", "tiny_xlmr"])
@pytest.mark.parametrize("layer", [1, 4])
def test_links_are_those_of_the_same_encoder_which_does_not_run(
    encoder: str, make_aligner: MakeAligner, layer: int, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(encoder)
    trf = with_transformer(path)
    pairs = [(trf(source), trf(target)) for source, target in [(SOURCE, TARGET), ("Paris", "París"), ("", "Paris")]]
    own = component(make_aligner(path, layer=layer, threshold=0.0))
    reusing = component(make_aligner(path, layer=layer, threshold=0.0, reuse_trf_data=True))
    runs = count_runs(reusing)
    expected, found = own.align(pairs), reusing.align(pairs)
    assert not runs
    assert len(found) == len(expected) == 3
    for a, b in zip(found, expected):
        assert_same(a, b)


@pytest.mark.parametrize("name", ["tiny_bert", "tiny_xlmr", "tiny_roberta"])
def test_subwords_belong_to_the_words_that_the_aligner_gives_them(
    name: str, make_aligner: MakeAligner, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(name)
    doc = with_transformer(path)(TARGET)
    encoder = component(make_aligner(path, layer=2)).aligner.encoder
    found = transformer_subwords(doc, layer=2, width=encoder.width)
    (expected,) = encoder.tokenizer([[token.text for token in doc]])
    assert found is not None
    # The first word of a text is another one to byte-level BPE than the same word behind a space.
    sides = [list(zip(side.words[side.words > 0], side.ids[side.words > 0])) for side in (found, expected)]
    assert sides[0] == sides[1]


def test_a_doc_without_vectors_is_encoded(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    trf, blank = with_transformer(tiny_bert), spacy.blank("xx")
    options = {"layer": 2, "threshold": 0.0}
    reusing = component(make_aligner(tiny_bert, reuse_trf_data=True, **options))
    runs = count_runs(reusing)
    pairs = [(trf(SOURCE), blank(TARGET)), (blank(SOURCE), trf(TARGET)), (blank(SOURCE), blank(TARGET))]
    found = reusing.align(pairs)
    assert sum(runs) == 4
    (expected,) = component(make_aligner(tiny_bert, **options)).align(pairs[-1:])
    for alignment in found:
        assert_same(alignment, expected)


def test_a_doc_that_the_transformer_has_cut_is_encoded(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    trf, blank = with_transformer(tiny_bert), spacy.blank("xx")
    source, target = " ".join([SOURCE] * 8), " ".join([TARGET] * 8)
    options = {"layer": 2, "threshold": 0.0}
    reusing = component(make_aligner(tiny_bert, reuse_trf_data=True, **options))
    runs = count_runs(reusing)
    (found,) = reusing.align([(trf(source), trf(target))])
    assert runs
    (expected,) = component(make_aligner(tiny_bert, **options)).align([(blank(source), blank(target))])
    assert_same(found, expected)


def test_in_a_pipeline_behind_the_transformer(tiny_bert: Path, make_aligner: MakeAligner, tmp_path: Path) -> None:
    nlp = with_transformer(tiny_bert)
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(tiny_bert), "layer": 2}
    nlp.add_pipe("word_aligner", config={"model": model, "threshold": 0.0, "reuse_trf_data": True})
    sources = [*with_transformer(tiny_bert).pipe([SOURCE, "Paris"])]
    stored = DocBin(store_user_data=True, docs=sources).to_bytes()
    (expected,) = component(make_aligner(tiny_bert, layer=2, threshold=0.0)).align([(sources[0], nlp.make_doc(TARGET))])
    nlp.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")
    runs = count_runs(component(again))
    docs = again.pipe(parallel_stream(again, zip(DocBin().from_bytes(stored).get_docs(again.vocab), [TARGET, "París"])))
    first, second = docs
    assert_same(first._.alignment, expected)
    assert second._.alignment.to_pharaoh() == "0-0"
    assert not runs


def test_documents_in_windows(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    trf = with_transformer(
        tiny_bert, {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 12, "stride": 8}
    )
    source, target = trf(" ".join([SOURCE] * 30)), trf(" ".join([TARGET] * 30))
    reusing = component(make_aligner(tiny_bert, layer=2, threshold=0.0, reuse_trf_data=True))
    runs = count_runs(reusing)
    (alignment,) = reusing.align([(source, target)])
    assert not runs
    assert (alignment.source_length, alignment.target_length) == (len(source), len(target))
    assert len({i // 100 for i, _ in alignment.pairs}) > 3
    assert max(abs(i / len(source) - j / len(target)) for i, j in alignment.pairs) < 0.5


def test_beads_of_sentences_that_the_transformer_saw_one_by_one(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    trf = with_transformer(tiny_bert, "sent_spans", sentences=True)
    source, target = trf(SOURCE), trf(TARGET)
    pair = parallel(trf, source, target)
    held = get_parallel(pair)
    assert held is not None
    held.sentence_alignment = SentenceAlignment(
        [(0, 1, 0, 1), (1, 2, 1, 2)], [1.0, 1.0], source_length=2, target_length=2
    )
    options = {"layer": 3, "threshold": 0.0}
    (expected,) = component(make_aligner(tiny_bert, **options)).align([(source, pair)])
    (found,) = component(make_aligner(tiny_bert, reuse_trf_data=True, **options)).align([(source, pair)])
    assert_same(found, expected)
    assert {int(i > 6) for i, _ in found.pairs} == {0, 1}


def test_white_space_and_parts_of_a_doc(tiny_bert: Path) -> None:
    doc = with_transformer(tiny_bert)("Angela  Merkel visited\nParis")
    assert [token.text for token in doc] == ["Angela", " ", "Merkel", "visited", "\n", "Paris"]
    whole = transformer_subwords(doc, layer=2, width=32)
    assert whole is not None
    part = whole.of_words(2, 5)
    assert sorted(set(whole.words.tolist())) == [0, 2, 3, 5]
    assert part.length == 3
    assert sorted(set(part.words.tolist())) == [0, 1]
    inside = (whole.words >= 2) & (whole.words < 5)
    assert part.ids.tolist() == whole.ids[inside].tolist()
    assert whole.vectors is not None
    assert part.vectors is not None
    assert torch.equal(part.vectors, whole.vectors[torch.from_numpy(inside)])


def test_what_cannot_be_reused_is_an_error(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    bare = with_transformer(tiny_bert, hidden_states=False)
    reusing = component(make_aligner(tiny_bert, layer=2, reuse_trf_data=True))
    with pytest.raises(ValueError, match="output_hidden_states = true"):
        reusing.align([(bare("Paris"), bare("París"))])
    doc = with_transformer(tiny_bert)("Paris")
    with pytest.raises(ValueError, match="wide as the word_aligner's encoder .7.*got 32"):
        transformer_subwords(doc, layer=2, width=7)
    with pytest.raises(ValueError, match="layer 9.*got 4"):
        transformer_subwords(doc, layer=9, width=32)


@given(data=st.data())
def test_each_token_is_taken_from_the_span_with_most_context(data: st.DataObject) -> None:
    tokens, width = data.draw(st.integers(1, 12)), 6
    # One subword for a token: windows of `size` tokens with both special tokens around, one every `stride` tokens.
    size = data.draw(st.integers(1, width - 2))
    stride = data.draw(st.integers(1, size))
    windows = [range(start, min(start + size, tokens)) for start in range(0, tokens, stride)]
    seen = [
        [(row, 1 + token - window[0]) for row, window in enumerate(windows) if token in window]
        for token in range(tokens)
    ]
    lengths = [len(window) + 2 for window in windows]
    ids = np.arange(len(windows) * width).reshape(len(windows), width)
    trf_data = SimpleNamespace(
        align=Ragged(
            np.array([row * width + place for places in seen for row, place in places], dtype="i"),
            np.array([len(places) for places in seen], dtype="i"),
        ),
        wordpieces=SimpleNamespace(input_ids=ids, lengths=lengths, strings=[["a"] * width for _ in windows]),
        model_output={"hidden_states": [np.zeros((*ids.shape, 1)), ids[..., None].astype("f")]},
    )
    if not Doc.has_extension("trf_data"):
        Doc.set_extension("trf_data", default=None)
    doc = Doc(spacy.blank("xx").vocab, words=["a"] * tokens)
    doc._.trf_data = trf_data
    found = transformer_subwords(doc, layer=1, width=1)
    assert found is not None
    assert found.vectors is not None
    assert found.words.tolist() == list(range(tokens))
    assert found.vectors[:, 0].tolist() == found.ids.tolist()
    for token, place in enumerate(found.ids.tolist()):
        row, offset = divmod(place, width)
        context = {(r, o): min(o, lengths[r] - 1 - o) for r, o in seen[token]}
        assert (row, offset) in context
        assert context[row, offset] == max(context.values())
