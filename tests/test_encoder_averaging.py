"""`encoder average`: the mean of the weights of an encoder and of what was fine-tuned from it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cli_runner import fail, run

from spacy_awesome.encoders.loading import LoadedEncoder, load_encoder, save_encoder


def load(folder: Path) -> LoadedEncoder:
    return load_encoder(str(folder), layer=None, dtype=torch.float32)


@pytest.fixture
def moved(tiny_bert: Path, tmp_path: Path) -> Path:
    """The same encoder with all weights moved by 1."""
    encoder = load(tiny_bert)
    for weight in encoder.transformer.state_dict().values():
        if weight.is_floating_point():
            weight += 1
    (tmp_path / "moved").mkdir()
    save_encoder(encoder.transformer, encoder.tokenizer, encoder.defaults, tmp_path / "moved")
    return tmp_path / "moved"


@pytest.mark.parametrize("share", [0, 0.25, 1])
def test_weights_lie_between_both_encoders(tiny_bert: Path, moved: Path, tmp_path: Path, share: float) -> None:
    run("encoder", "average", tiny_bert, moved, tmp_path / "mean", "--share", share)
    first, mean = load(tiny_bert), load(tmp_path / "mean")
    for name, weight in first.transformer.state_dict().items():
        if weight.is_floating_point():
            torch.testing.assert_close(mean.transformer.state_dict()[name], weight + share)
    assert mean.defaults == first.defaults
    assert mean.tokenizer.get_vocab() == first.tokenizer.get_vocab()


def test_half_precision_in_files_of_a_size(tiny_bert: Path, moved: Path, tmp_path: Path) -> None:
    run("encoder", "average", tiny_bert, moved, tmp_path / "mean", "--half", "--max-file-size", "50KB")
    files = list((tmp_path / "mean").glob("*.safetensors"))
    assert len(files) > 1
    (weight, *_), (expected, *_) = (
        list(load(path).transformer.parameters()) for path in (tmp_path / "mean", tiny_bert)
    )
    torch.testing.assert_close(weight, expected + 0.5, atol=1e-3, rtol=0)


def test_other_architectures_and_vocabularies_are_refused(
    tiny_bert: Path, tiny_roberta: Path, moved: Path, tmp_path: Path
) -> None:
    assert "differ in architecture" in fail("encoder", "average", tiny_bert, tiny_roberta, tmp_path / "mean")
    tokenizer = moved / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8").replace('"Merkel"', '"Angela"'), encoding="utf-8")
    assert "differ in vocabulary" in fail("encoder", "average", tiny_bert, moved, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_a_folder_that_exists_is_kept(tiny_bert: Path, moved: Path) -> None:
    before = (moved / "config.json").read_bytes()
    assert "exists already" in fail("encoder", "average", tiny_bert, tiny_bert, moved)
    assert (moved / "config.json").read_bytes() == before
