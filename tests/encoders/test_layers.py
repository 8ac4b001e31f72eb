"""Linear layers of our own: against torch's, against a slow loop in integers, and links that stay."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
import torch
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

import spacy_awesome.encoders.architecture as architecture_module
from spacy_awesome.encoders.layers import Int8Linear, OneDnnLinear, replace_linear_layers
from spacy_awesome.formats.sentences import read_sentences
from spacy_awesome.pipeline.word_aligner import WordAligner

SAMPLE = Path(__file__).parents[2] / "assets" / "sample"


def aligner(nlp: Language, name: str, precision: str) -> WordAligner:
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": name, "precision": precision}
    component = nlp.add_pipe("word_aligner", config={"model": model})
    assert isinstance(component, WordAligner)
    return component


def linear_in_integers(linear: nn.Linear, row: Tensor) -> list[float]:
    """One row, output by output, in Python's integers."""
    largest = float(row.abs().max())
    values = [round(float(x) / largest * 127) for x in row]
    outputs = []
    for weights, bias in zip(linear.weight.detach(), linear.bias.detach()):
        most = float(weights.abs().max())
        product = sum(x * round(float(w) / most * 127) for x, w in zip(values, weights))
        outputs.append(product * largest / 127 * most / 127 + float(bias))
    return outputs


def test_the_layer_equals_a_slow_loop_in_integers() -> None:
    torch.manual_seed(0)
    linear, rows = nn.Linear(24, 8), torch.randn(5, 24) * torch.tensor([[0.01], [1.0], [7.0], [100.0], [1.0]])
    with torch.no_grad():
        found = Int8Linear(linear)(rows)
    for row, output in zip(rows, found):
        assert output.tolist() == pytest.approx(linear_in_integers(linear, row), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(7,), (1, 7), (3, 5, 7)])
def test_the_layer_of_onednn_equals_torchs(dtype: torch.dtype, bias: bool, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    linear, rows = nn.Linear(7, 4, bias=bias).to(dtype), torch.randn(shape).to(dtype)
    with torch.inference_mode():
        torch.testing.assert_close(OneDnnLinear(linear)(rows), linear(rows))


def test_the_layer_of_onednn_trains_as_torchs_does() -> None:
    torch.manual_seed(0)
    linear, rows = nn.Linear(7, 4), torch.randn(3, 7)
    layer = OneDnnLinear(linear)
    layer(rows).sum().backward()
    found, linear.weight.grad = linear.weight.grad, None
    linear(rows).sum().backward()
    assert found is not None
    assert linear.weight.grad is not None
    assert torch.equal(found, linear.weight.grad)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.05), ("int8", 0.1)])
def test_an_encoder_has_the_vectors_and_the_files_that_transformers_gives_it(
    precision: str, tolerance: float, tiny_bert: Path, tmp_path: Path
) -> None:
    path, ids = tmp_path / "encoder", torch.arange(5, 25).reshape(2, 10)
    model = AutoModel.from_pretrained(tiny_bert)
    for layer in model.encoder.layer:
        # As they are, the feed-forward networks hardly matter.
        layer.intermediate.dense.weight.data *= 10
        layer.output.dense.weight.data *= 10
    model.save_pretrained(path)
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(path)
    encoder = aligner(spacy.blank("xx"), str(path), precision).aligner.encoder
    options = {"num_hidden_layers": encoder.layer, "torch_dtype": encoder.transformer.dtype}
    encoder.save(tmp_path / "again")
    plain, again = (AutoModel.from_pretrained(folder, **options) for folder in (path, tmp_path / "again"))
    with torch.inference_mode():
        expected = plain(input_ids=ids).last_hidden_state
        assert torch.equal(again(input_ids=ids).last_hidden_state, expected)
        found = encoder(ids, torch.ones_like(ids))
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=0.01)


def test_mixed_precision_computes_in_bfloat16_in_the_layer_of_onednn() -> None:
    layer, rows = OneDnnLinear(nn.Linear(7, 4)), torch.randn(3, 7)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert layer(rows).dtype == torch.bfloat16


@given(batch=st.integers(1, 3), length=st.integers(1, 5), scale=st.sampled_from([0.0, 1e-6, 1.0, 1e6]))
def test_a_row_does_not_depend_on_its_batch(batch: int, length: int, scale: float) -> None:
    torch.manual_seed(batch * length)
    layer, rows = Int8Linear(nn.Linear(16, 32)), torch.randn(batch, length, 16)
    with torch.no_grad():
        alone = layer(rows[:1, :1])
        rows[1:] *= scale
        together = layer(rows)
    assert together.shape == (batch, length, 32)
    assert torch.equal(together[:1, :1], alone)
    assert torch.isfinite(together).all()


def test_a_layer_without_bias() -> None:
    torch.manual_seed(0)
    linear = nn.Linear(16, 4, bias=False)
    rows = torch.randn(3, 16)
    with torch.no_grad():
        torch.testing.assert_close(Int8Linear(linear)(rows), linear(rows), atol=0.05, rtol=0.05)


def test_all_linear_layers_of_a_module_are_replaced_and_its_weights_are_saved_as_they_were() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 2)))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    replace_linear_layers(module, Int8Linear)
    assert [type(part) for part in (module[0], module[1][0], module[1][1])] == [Int8Linear, nn.LayerNorm, Int8Linear]
    assert module.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("language", ["en-de", "en-es"])
def test_the_bundled_encoder_finds_the_links_that_it_finds_in_float32(language: str) -> None:
    sides = (read_sentences(SAMPLE / language / f"{side}.conll") for side in ("source", "target"))
    pairs = [(list(source.words), list(target.words)) for source, target in zip(*sides, strict=True)]
    exact, rounded = (
        [set(alignment) for alignment in aligner(spacy.blank("xx"), "bundled", precision).align_words(pairs)]
        for precision in ("float32", "int8")
    )
    shared = sum(len(a & b) for a, b in zip(exact, rounded))
    assert shared >= 0.995 * sum(len(a | b) for a, b in zip(exact, rounded))


def test_an_aligner_in_int8_is_saved_in_full_and_does_not_train(tiny_bert: Path, tmp_path: Path) -> None:
    nlp = spacy.blank("xx")
    component = aligner(nlp, str(tiny_bert), "int8")
    pairs = [("Angela Merkel visited Paris".split(), "Angela Merkel besuchte Paris".split())]
    expected = [alignment.to_pharaoh() for alignment in component.align_words(pairs)]
    nlp.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline").get_pipe("word_aligner")
    assert isinstance(again, WordAligner)
    assert [alignment.to_pharaoh() for alignment in again.align_words(pairs)] == expected
    kept, first = again.aligner.encoder.state_dict(), component.aligner.encoder.state_dict()
    assert all(torch.equal(value, first[name]) for name, value in kept.items())
    with pytest.raises(ValueError, match="needs weights in float32, got int8"):
        component.update([])


def test_int8_on_a_gpu_is_an_error(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(architecture_module, "get_torch_default_device", lambda: torch.device("cuda"))
    component = aligner(spacy.blank("xx"), str(tiny_bert), "int8")
    with pytest.raises(ValueError, match="int8.* is for processors"):
        list(component.align_words([(["a"], ["b"])]))
