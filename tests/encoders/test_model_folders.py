"""Model folders from strangers: damaged, hostile and unsuitable ones are refused in one line, before harm is done."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
import torch
from cli_runner import fail, run
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer, XLNetConfig, XLNetModel

from spacy_awesome.encoders.architecture import encoder_shim, hf_encoder
from spacy_awesome.encoders.folders import is_model_file
from spacy_awesome.encoders.loading import EncoderDefaults, LoadedEncoder, load_encoder

Damage = Callable[[Path], object]


@pytest.fixture
def folder(tiny_bert: Path, tmp_path: Path) -> Path:
    """A copy of the tiny BERT, to be damaged."""
    return Path(shutil.copytree(tiny_bert, tmp_path / "encoder"))


def load(folder: Path, *, language_model: bool = False) -> LoadedEncoder:
    return load_encoder(str(folder), layer=None, dtype=torch.float32, language_model=language_model)


def refusal(folder: Path, *, language_model: bool = False) -> str:
    """The message by which a folder is refused: one line that names it."""
    with pytest.raises(ValueError) as caught:
        load(folder, language_model=language_model)
    message = str(caught.value)
    assert message.startswith(f"Could not load the encoder {str(folder)!r}: ")
    assert "\n" not in message
    assert len(message) < 800
    return message


def set_config(file: str = "config.json", **values: object) -> Damage:
    def change(folder: Path) -> None:
        config = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps({**config, **values}))

    return change


def set_weights(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]], **metadata: str) -> Damage:
    def apply(folder: Path) -> None:
        file = folder / "model.safetensors"
        weights = {name: value.clone() for name, value in load_file(file).items()}
        save_file(change(weights), file, metadata={"format": "pt", **metadata})

    return apply


def write(file: str, content: str | bytes) -> Damage:
    raw = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / file).write_bytes(raw)


def cut_file(file: str, keep: float) -> Damage:
    def cut(folder: Path) -> None:
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(content[: int(len(content) * keep)])

    return cut


def remove(*files: str) -> Damage:
    def delete(folder: Path) -> None:
        for file in files:
            (folder / file).unlink()

    return delete


def one_number(value: float) -> Damage:
    def put(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        weights["encoder.layer.1.output.dense.weight"][3, 4] = value
        return weights

    return set_weights(put)


def enlarge_tokenizer(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<ent>", "</ent>"])
    tokenizer.save_pretrained(folder)


def pickled(folder: Path) -> None:
    AutoModel.from_pretrained(folder).save_pretrained(folder, safe_serialization=False)
    (folder / "model.safetensors").unlink()


def defaults(**values: object) -> Damage:
    return set_config(spacy_awesome={"layer": 2, **values})


def header(length: int, content: bytes = b"") -> bytes:
    return struct.pack("<Q", length) + content


DEEP = "[" * 100_000

DAMAGED: dict[str, tuple[Damage, str]] = {
    # Weights
    "no weights": (remove("model.safetensors"), "no weights; expected model.safetensors"),
    "pickled": (pickled, "only pytorch_model.bin.*never read"),
    "empty": (write("model.safetensors", b""), "cut off, damaged"),
    "cut": (cut_file("model.safetensors", 0.5), "cut off, damaged"),
    "cut in the header": (cut_file("model.safetensors", 0.01), "cut off, damaged"),
    "huge header": (write("model.safetensors", header(2**62)), "cut off, damaged"),
    "deep header": (write("model.safetensors", header(len(DEEP), DEEP.encode())), "cut off, damaged"),
    "other bytes": (write("model.safetensors", b"PK\x03\x04" * 100), "cut off, damaged"),
    "Git LFS": (write("model.safetensors", "version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
    "a folder": (lambda f: [(f / "model.safetensors").unlink(), (f / "model.safetensors").mkdir()], "model.safet"),
    "for another library": (set_weights(lambda w: w, format="tf"), "for 'tf'"),
    "NaN": (one_number(float("nan")), r"'encoder\.layer\.1\.output\.dense\.weight' is not finite"),
    "infinite": (one_number(float("-inf")), r"'encoder\.layer\.1\.output\.dense\.weight' is not finite"),
    "overflow": (set_weights(lambda w: {k: torch.full_like(v, 3e38) for k, v in w.items()}), "not finite"),
    "no tensors": (set_weights(lambda w: {}), "lack .* weights"),
    "missing layer": (
        set_weights(lambda w: {k: v for k, v in w.items() if ".layer.1." not in k}), r"lack 1. weights.*layer\.1\."
    ),
    "missing bias": (set_weights(lambda w: w.pop("embeddings.LayerNorm.bias") is None or w), "lack 1 weights"),
    "other prefix": (set_weights(lambda w: {f"module.{k}": v for k, v in w.items()}), "lack .* weights"),
    "other shape": (set_config(intermediate_size=40), "40 × 32 by config.json, and of size 48 × 32"),
    "fewer dimensions": (set_config(hidden_size=16), "does not fit its weights"),
    "whole numbers": (set_weights(lambda w: {k: v.to(torch.int8) for k, v in w.items()}), "."),
    # Indexes
    **{
        f"index of {name}": (
            lambda f, name=name: [
                (f / "model.safetensors").rename(f / "other.safetensors"),
                (f / "model.safetensors.index.json").write_text(
                    json.dumps({"metadata": {}, "weight_map": {"embeddings.word_embeddings.weight": name}})
                ),
            ],
            "names the file",
        )
        for name in (
            "../other.safetensors", "/etc/passwd", "pytorch_model.bin", "other.safetensors", "model.safetensors.bin", 3,
            "sub/model-00001-of-00002.safetensors", "config.json",
        )
    },
    "index of a lost file": (
        lambda f: [
            (f / "model.safetensors").unlink(),
            write("model.safetensors.index.json", '{"weight_map": {"a": "model-00001-of-00001.safetensors"}}')(f),
        ],
        "lacks model-00001-of-00001.safetensors",
    ),
    "no index": (
        lambda f: [(f / "model.safetensors").unlink(), write("model.safetensors.index.json", "[]")(f)],
        "no JSON object",
    ),
    "deep index": (
        lambda f: [(f / "model.safetensors").unlink(), write("model.safetensors.index.json", DEEP)(f)],
        "no JSON",
    ),
    # Configuration
    "no config": (remove("config.json"), "no config.json"),
    "empty config": (write("config.json", ""), "config.json is no JSON"),
    "cut config": (cut_file("config.json", 0.5), "config.json is no JSON"),
    "deep config": (write("config.json", '{"a":' * 100_000), "config.json is no JSON"),
    "long config": (write("config.json", b" " * 5_000_000 + b"{}"), "5,000,002 bytes"),
    "binary config": (write("config.json", b"\xff\xfe\x00"), "config.json is no JSON"),
    "list config": (write("config.json", "[1]"), "no JSON object"),
    "no type": (write("config.json", "{}"), "model_type None"),
    "unknown type": (set_config(model_type="special"), "special"),
    "type of another kind": (set_config(model_type=["bert"]), "model_type"),
    "encoder-decoder": (set_config(model_type="t5", is_encoder_decoder=True), "encoder-decoder"),
    "quantized": (set_config(quantization_config={"quant_method": "bitsandbytes"}), "quantized"),
    "own code": (set_config(model_type="special", auto_map={"AutoModel": "code.Model"}), "never run"),
    "kernel of the hub": (set_config(_attn_implementation="somebody/kernel:run"), "never run"),
    "other weights": (set_config(transformers_weights="/etc/x.safetensors"), "names a file of weights"),
    "adapter": (write("adapter_config.json", '{"base_model_name_or_path": "x"}'), "adapter"),
    **{
        f"{name} of {value}": (set_config(**{name: value}), "config.json|Layer|lack")
        for name, value in {
            "hidden_size": 10**9, "num_hidden_layers": 10**9, "vocab_size": 10**12, "max_position_embeddings": 10**10,
            "intermediate_size": 2**40, "type_vocab_size": 4 * 10**6, "num_labels": 10**10,
            "num_attention_heads": 1e300,
        }.items()
    },
    **{
        f"{name} of {value!r}": (set_config(**{name: value}), ".")
        for name, value in {
            "hidden_size": "32", "num_hidden_layers": None, "vocab_size": -1, "max_position_embeddings": 0,
            "intermediate_size": [48], "num_attention_heads": 5, "layer_norm_eps": "x", "hidden_act": "no_such",
            "torch_dtype": "float99", "id2label": 3,
        }.items()
    },
    # Our own block
    "defaults of text": (set_config(spacy_awesome="2"), "`spacy_awesome`"),
    "defaults without layer": (set_config(spacy_awesome={"scale": 2.0}), "`spacy_awesome`"),
    "unknown default": (defaults(scales=2.0), "`spacy_awesome`"),
    **{
        f"default {name} of {value!r}": (defaults(**{name: value}), name)
        for name, value in [
            ("layer", "2"), ("layer", 2.5), ("layer", True), ("layer", None), ("layer", -1), ("scale", "20"),
            ("scale", 1e300), ("scale", 0), ("scale", -1), ("scale", float("nan")), ("scale", float("inf")),
            ("scale", [1]), ("distortion", -0.1), ("distortion", None), ("distortion", 1e300), ("threshold", 2),
            ("threshold", -1), ("threshold", "0.1"), ("threshold", float("nan")), ("cut", 1), ("cut", "false"),
        ]
    },
    "default layer beyond the depth": (defaults(layer=5), "has 4 layers"),
    # Tokenizers
    "no tokenizer": (remove("tokenizer.json"), "no tokenizer"),
    "cut tokenizer": (cut_file("tokenizer.json", 0.5), "."),
    "empty tokenizer": (write("tokenizer.json", "{}"), "."),
    "deep tokenizer": (write("tokenizer.json", DEEP), "."),
    "larger than the embeddings": (enlarge_tokenizer, "tokenizer has ids up to .* embeddings"),
    "text as length": (set_config("tokenizer_config.json", model_max_length="long"), "model_max_length"),
    "NaN as length": (set_config("tokenizer_config.json", model_max_length=float("nan")), "model_max_length"),
    "no room": (set_config("tokenizer_config.json", model_max_length=2), "2 subwords at once"),
    "file elsewhere": (set_config("tokenizer_config.json", vocab_file="/etc/passwd"), "vocab_file"),
    "deep settings": (write("tokenizer_config.json", DEEP), "tokenizer_config.json is no JSON"),
    "list of settings": (write("tokenizer_config.json", "[]"), "no JSON object"),
    "own tokenizer code": (
        set_config("tokenizer_config.json", tokenizer_class="Own", auto_map={"AutoTokenizer": ["code.Own", None]}),
        ".",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_bad_folder_is_refused_in_one_line_that_names_it(folder: Path, damage: str) -> None:
    change, fault = DAMAGED[damage]
    change(folder)
    message = refusal(folder)
    assert found(fault, message), message


@pytest.mark.parametrize("damage", ["missing layer", "other prefix", "NaN", "other shape", "pickled", "cut"])
def test_a_bad_folder_is_refused_in_training_too(folder: Path, damage: str) -> None:
    change, fault = DAMAGED[damage]
    change(folder)
    assert found(
        fault.replace("lack 16", "lack").replace("'encoder", "'.*encoder"), refusal(folder, language_model=True)
    )


def test_a_model_that_is_no_masked_language_model_is_named(tmp_path: Path, tiny_bert: Path) -> None:
    xlnet = XLNetModel(XLNetConfig(vocab_size=400, d_model=32, n_layer=2, n_head=4, d_inner=48))
    xlnet.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(tmp_path)
    assert "'xlnet' is no masked language model" in refusal(tmp_path, language_model=True)
    assert "subwords at once" in refusal(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        set_config(quantization_config=None),
        set_config(auto_map={"AutoModel": "code.Model"}),
        defaults(scale=20, threshold=0, distortion=5, cut=False),
        write("README.md", "A card."),
        write("pytorch_model.bin", b"not read beside safetensors"),
        set_weights(lambda w: {k: v for k, v in w.items() if "pooler" not in k}),
        set_weights(lambda w: {f"bert.{k}": v for k, v in w.items()}),
        set_weights(lambda w: {k.replace("LayerNorm.weight", "LayerNorm.gamma"): v for k, v in w.items()}),
        set_weights(lambda w: {**w, "classifier.weight": torch.zeros(3, 32)}),
        set_weights(lambda w: {k: v.half() for k, v in w.items()}),
    ],
)
def test_what_is_harmless_is_loaded(folder: Path, change: Damage) -> None:
    change(folder)
    assert all(weight.isfinite().all() for weight in load(folder).transformer.parameters())


def test_a_head_that_is_missing_starts_anew(folder: Path) -> None:
    assert load(folder, language_model=True).language_model is not None


def test_the_door_takes_every_tiny_encoder(tiny_encoder: Path) -> None:
    for language_model in (False, True):
        loaded = load(tiny_encoder, language_model=language_model)
        assert (loaded.language_model is not None) == language_model


def test_weights_that_are_too_large_for_half_precision_are_refused(folder: Path) -> None:
    one_number(1e30)(folder)
    load(folder)
    with pytest.raises(ValueError, match=r"is not finite in torch\.float16"):
        load_encoder(str(folder), layer=None, dtype=torch.float16)


@pytest.mark.parametrize("damage", ["missing layer", "NaN", "cut", "own code", "pickled", "no room"])
def test_commands_end_with_the_message_and_without_a_traceback(folder: Path, tmp_path: Path, damage: str) -> None:
    DAMAGED[damage][0](folder)
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("Obama met Merkel . ||| Obama traf Merkel .\n")
    assert "Could not load the encoder" in fail("align", pairs, "-", "--model", folder)


def test_code_of_a_model_never_runs_and_nothing_is_asked_on_stdin(folder: Path, tmp_path: Path) -> None:
    set_config(model_type="special", auto_map={"AutoConfig": "code.C", "AutoModel": "code.M"})(folder)
    (folder / "code.py").write_text(f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()\n")
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("a ||| b\n")
    for arguments in (
        ("align", pairs, "-", "--model", folder),
        ("translate", pairs, "-", "--engine", "seq2seq", "--model", folder),
    ):
        message = fail(*arguments, stdin="y\n" * 10)
        assert "never run" in message
        assert "[y/N]" not in message
    assert not (tmp_path / "ran").exists()


# Encoders that were saved with a pipeline


def saved(tiny_bert: Path) -> dict[str, Any]:
    state: dict[str, Any] = srsly.msgpack_loads(encoder_shim(hf_encoder(str(tiny_bert), 2)).to_bytes())
    return state


NAMES = [
    "../escaped", "../../escaped", "/tmp/spacy_awesome_escaped", "sub/config.json", "./config.json", "config.json/", "",
    ".", "..", "a\\b", "C:escaped", "config.json\0", "code.py", "model.bin", "sitecustomize.py",
    "model-1-of-2.safetensors",
    "model-00001-of-00002.safetensors\n", "CONFIG.JSON", "model-٠٠٠٠١-of-٠٠٠٠٢.safetensors",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_encoder_writes_no_file_of_another_name(
    name: str, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a" / "b"
    place.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(place))
    state = saved(tiny_bert)
    state["files"][name] = b"escaped"
    with pytest.raises(ValueError, match="only plain names of model files are written") as caught:
        encoder_shim(hf_encoder(str(tiny_bert))).from_bytes(srsly.msgpack_dumps(state))
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "a", place]
    assert not Path("/tmp/spacy_awesome_escaped").exists()
    assert not is_model_file(name)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: [],
        lambda state: {**state, "files": None},
        lambda state: {**state, "files": ["config.json"]},
        lambda state: {**state, "files": {}},
        lambda state: {**state, "files": {**state["files"], 3: b""}},
        lambda state: {**state, "files": {**state["files"], "config.json": "text"}},
        lambda state: {**state, "files": {**state["files"], "config.json": b"{"}},
        lambda state: {**state, "files": {**state["files"], "model.safetensors": b""}},
        lambda state: {**state, "files": {**state["files"], "parallel_head.safetensors": 3}},
        lambda state: {**state, "layer": "2"},
        lambda state: {**state, "layer": 9},
        lambda state: {**state, "layer": True},
    ],
)
def test_a_damaged_saved_encoder_is_refused_in_one_line(change: Callable[[Any], Any], tiny_bert: Path) -> None:
    with pytest.raises(ValueError, match="Could not load the encoder that was saved with the pipeline") as caught:
        encoder_shim(hf_encoder(str(tiny_bert))).from_bytes(srsly.msgpack_dumps(change(saved(tiny_bert))))
    assert "\n" not in str(caught.value)


def test_a_saved_encoder_that_is_no_message_is_refused(tiny_bert: Path) -> None:
    for content in (b"", b"\xc1", b"\xdd\xff\xff\xff\xff", saved_bytes(tiny_bert)[:-100]):
        with pytest.raises(ValueError, match="saved with the pipeline"):
            encoder_shim(hf_encoder(str(tiny_bert))).from_bytes(content)


def saved_bytes(tiny_bert: Path) -> bytes:
    return encoder_shim(hf_encoder(str(tiny_bert), 2)).to_bytes()


@pytest.mark.parametrize("head", [b"", b"x" * 100, "nan", "shape"])
def test_a_damaged_head_of_a_saved_encoder_is_refused(head: bytes | str, tiny_bert: Path) -> None:
    from safetensors.torch import load as load_tensors
    from safetensors.torch import save as save_tensors

    def shim() -> Any:
        shim = encoder_shim(hf_encoder(str(tiny_bert), 2))
        shim.parallel_head = True
        return shim

    state = srsly.msgpack_loads(shim().to_bytes())
    shim().from_bytes(srsly.msgpack_dumps(state))
    if isinstance(head, str):
        weights = load_tensors(state["files"]["parallel_head.safetensors"])
        weights["output.bias"] = torch.tensor([float("nan")]) if head == "nan" else torch.zeros(3)
        head = save_tensors(weights)
    state["files"]["parallel_head.safetensors"] = head
    with pytest.raises(ValueError, match=r"parallel_head\.safetensors") as caught:
        shim().from_bytes(srsly.msgpack_dumps(state))
    assert "\n" not in str(caught.value)


def test_spacy_load_of_a_hostile_pipeline_writes_nothing(
    make_aligner: Callable[..., Any], tiny_bert: Path, tmp_path: Path
) -> None:
    make_aligner(tiny_bert).to_disk(tmp_path / "pipeline")
    file = tmp_path / "pipeline" / "word_aligner" / "model"
    model = srsly.read_msgpack(file)
    state = srsly.msgpack_loads(model["shims"][0][0])
    state["files"] |= {str(tmp_path / "absolute"): b"x", "../../../../relative": b"x"}
    model["shims"][0][0] = srsly.msgpack_dumps(state)
    srsly.write_msgpack(file, model)
    with pytest.raises(ValueError, match="only plain names"):
        spacy.load(tmp_path / "pipeline")
    assert not (tmp_path / "absolute").exists()


def test_all_that_a_saved_encoder_holds_is_read_again(tiny_encoder: Path) -> None:
    shim = encoder_shim(hf_encoder(str(tiny_encoder), 2))
    twin = encoder_shim(hf_encoder("bundled")).from_bytes(shim.to_bytes())
    weights = twin.encoder.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in shim.encoder.state_dict().items())


# Names on the hub


def test_of_a_model_on_the_hub_neither_code_nor_pickles_are_fetched(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def download(name: str, *, allow_patterns: list[str]) -> str:
        asked.update(name=name, patterns=allow_patterns)
        return str(tiny_bert)

    monkeypatch.setattr("spacy_awesome.encoders.folders.snapshot_download", download)
    assert load_encoder("somebody/encoder", layer=1, dtype=torch.float32).layer == 1
    assert asked["name"] == "somebody/encoder"
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= set(asked["patterns"])
    assert not any(pattern.startswith("*") or pattern.endswith((".py", ".bin", "*")) for pattern in asked["patterns"])


@pytest.mark.parametrize("name", ["no/such/folder", "/no/such", "./no-such", "../no-such", "~/no-such", "a\0b", ""])
def test_a_path_is_never_asked_for_on_the_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(name: str, **options: Any) -> str:
        raise AssertionError(f"asked for {name}")

    monkeypatch.setattr("spacy_awesome.encoders.folders.snapshot_download", download)
    with pytest.raises(ValueError, match="Could not load the encoder") as caught:
        load_encoder(name, layer=None, dtype=torch.float32)
    assert "asked for" not in str(caught.value)


# Translation models


@pytest.fixture(scope="module")
def translator(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BART of one layer whose tokenizer gives token types."""
    from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("bart")
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    assert "token_type_ids" in tokenizer("a")
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=64,
        pad_token_id=0, bos_token_id=2, eos_token_id=3, decoder_start_token_id=3, forced_eos_token_id=3, init_std=0.5,
    )  # fmt: skip
    BartForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def translate_lines(folder: Path, tmp_path: Path) -> tuple[str, Path, Path]:
    text = tmp_path / "text.txt"
    text.write_text("Obama met Merkel .\n\nThe fox\n")
    return "translate", text, tmp_path / "out.txt"


def test_a_tokenizer_with_token_types_translates(translator: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(translator, tmp_path / "model"))
    set_config("generation_config.json", num_return_sequences=2, num_beams=2, return_dict_in_generate=True)(folder)
    run(*translate_lines(translator, tmp_path), "--engine", "seq2seq", "--model", folder)
    assert len((tmp_path / "out.txt").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (set_config(auto_map={"AutoModelForSeq2SeqLM": "code.M"}, model_type="special"), "never run"),
        (remove("model.safetensors"), "no weights"),
        (
            lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
            "only pytorch_model.bin.*never read",
        ),
        (
            lambda f: [
                (f / "model.safetensors").unlink(),
                write("model.safetensors.index.json", '{"weight_map": {"a": "../model.safetensors"}}')(f),
            ],
            "names the file",
        ),
        (cut_file("model.safetensors", 0.5), "cut off"),
        (set_weights(lambda w: {k: v for k, v in w.items() if "decoder.layers.0" not in k}), "lack .* weights"),
        (set_weights(lambda w: {k: v * float("nan") for k, v in w.items()}), "not finite"),
        (set_config(vocab_size=10**9), "vocab_size is"),
        (set_config(model_type="bert", is_encoder_decoder=False), "encoder-decoder"),
        (enlarge_tokenizer, "ids up to"),
        (remove("tokenizer.json"), "no tokenizer"),
    ],
)
def test_a_bad_translation_model_is_refused(translator: Path, tmp_path: Path, change: Damage, fault: str) -> None:
    folder = Path(shutil.copytree(translator, tmp_path / "model"))
    change(folder)
    message = fail(*translate_lines(folder, tmp_path), "--engine", "seq2seq", "--model", folder, stdin="y\n")
    assert found(fault, message), message
    assert f"Could not load the translation model {str(folder)!r}" in message
    assert not (tmp_path / "out.txt").exists()


# Memory


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
@pytest.mark.parametrize(
    "sizes",
    [
        {"type_vocab_size": 4_000_000, "hidden_size": 4_000_000},
        {"vocab_size": 4_000_000, "hidden_size": 16_384, "max_position_embeddings": 4_000_000},
        {"model_type": "gpt2", "n_positions": 4_000_000},
        {"model_type": "roformer", "max_position_embeddings": 4_000_000},
        {"model_type": "xlm", "max_position_embeddings": 4_000_000, "sinusoidal_embeddings": True},
        {"num_labels": 60_000_000},
        {"num_hidden_layers": 1000, "hidden_size": 16_384},
    ],
)
def test_absurd_sizes_are_refused_before_memory_is_allocated(folder: Path, sizes: dict[str, object]) -> None:
    set_config(**sizes)(folder)
    program = (
        "import resource, sys, torch\n"
        "from spacy_awesome.encoders.loading import load_encoder\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: load_encoder(sys.argv[1], layer=None, dtype=torch.float32)\n"
        "except ValueError as error: print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True, timeout=120
    )
    message, kilobytes = done.stdout.splitlines()
    assert message.startswith("Could not load the encoder")
    assert int(kilobytes) < 300_000, message


def test_defaults_are_validated_wherever_they_are_made() -> None:
    with pytest.raises(ValueError, match="scale from 1e-06 to 1e\\+06.*got 'x'"):
        EncoderDefaults(layer=1, scale="x")  # type: ignore[arg-type]


def found(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None
