"""`export`: what Hugging Face and spacy-transformers make of an exported encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spacy
import torch
from cli_runner import fail, run
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from spacy_awesome import parallel
from spacy_awesome.encoders.loading import load_encoder

MakeAligner = Callable[..., Language]
MakeDoc = Callable[..., Doc]


TINY = {"layer": 2, "scale": 0.2, "threshold": 0.2}


def trained(make_aligner: MakeAligner, make_doc: MakeDoc, encoder: Path | str, **options: object) -> Language:
    nlp = make_aligner(encoder, **options)
    source, target = "Obama met Merkel in Berlin", "Merkel traf Obama in Berlin"
    pairs = [parallel(nlp, make_doc(source), target.split()) for _ in range(2)]
    batch = [Example(*pairs)]
    optimizer = nlp.initialize(lambda: batch)
    nlp.update(batch, sgd=optimizer)
    return nlp


@pytest.fixture
def exported(tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc, tmp_path: Path) -> tuple[Language, Path]:
    nlp = trained(make_aligner, make_doc, tiny_bert, objectives={"self_training": 1.0, "masked_lm": 1.0}, **TINY)
    nlp.to_disk(tmp_path / "pipeline")
    run("export", tmp_path / "pipeline", tmp_path / "encoder")
    return nlp, tmp_path / "encoder"


def test_a_language_model_is_exported_at_full_depth_with_its_head(exported: tuple[Language, Path]) -> None:
    nlp, folder = exported
    encoder = nlp.get_pipe("word_aligner").aligner.encoder
    model, info = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert model.config.num_hidden_layers == 4
    with encoder.language_model.full_depth() as own:
        expected = own.state_dict()
    assert expected.keys() == model.state_dict().keys()
    assert all(torch.equal(values, expected[name]) for name, values in model.state_dict().items())
    assert sorted(path.name for path in folder.parent.iterdir()) == ["encoder", "pipeline"]


def test_auto_model_gives_the_vectors_that_are_aligned(exported: tuple[Language, Path]) -> None:
    nlp, folder = exported
    encoder = nlp.get_pipe("word_aligner").aligner.encoder
    words = "Angela Merkel visited Paris".split()
    inputs = AutoTokenizer.from_pretrained(folder)(words, is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        states = AutoModel.from_pretrained(folder).eval()(**inputs, output_hidden_states=True).hidden_states[2]
        expected = encoder.encode(encoder.tokenizer([words])).values
    torch.testing.assert_close(states[:, 1:-1], expected)


def test_without_a_language_model_the_encoder_ends_at_its_layer(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc, tmp_path: Path
) -> None:
    trained(make_aligner, make_doc, tiny_bert, **TINY).to_disk(tmp_path / "pipeline")
    run("export", tmp_path / "pipeline", tmp_path / "encoder")
    assert AutoModel.from_pretrained(tmp_path / "encoder").config.num_hidden_layers == 2


@pytest.mark.parametrize("objectives", [{"self_training": 1.0}, {"masked_lm": 1.0}])
def test_an_exported_encoder_aligns_as_the_pipeline_did(
    tiny_modernbert: Path, make_aligner: MakeAligner, make_doc: MakeDoc, tmp_path: Path, objectives: dict[str, float]
) -> None:
    # Of a pre-norm encoder, which is cut before the norm that closes it.
    nlp = trained(make_aligner, make_doc, tiny_modernbert, objectives=objectives, **TINY)
    nlp.to_disk(tmp_path / "pipeline")
    run("export", tmp_path / "pipeline", tmp_path / "encoder")
    again = make_aligner(tmp_path / "encoder", **{**TINY, "layer": None})
    pair = "Angela Merkel visited Paris".split(), "Angela Merkel visitó París".split()
    expected, found = (pipeline.get_pipe("word_aligner").similarity(*pair) for pipeline in (nlp, again))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_spacy_transformers_trains_an_ner_on_an_exported_encoder(
    make_aligner: MakeAligner, make_doc: MakeDoc, tmp_path: Path
) -> None:
    trained(make_aligner, make_doc, "bundled").to_disk(tmp_path / "pipeline")
    run("export", tmp_path / "pipeline", tmp_path / "encoder")
    fix_random_seed(0)
    nlp = spacy.blank("en")
    architecture = {"@architectures": "spacy-transformers.TransformerModel.v3", "name": str(tmp_path / "encoder")}
    nlp.add_pipe("transformer", config={"model": architecture})
    listener = {"@architectures": "spacy-transformers.TransformerListener.v1", "pooling": {"@layers": "reduce_mean.v1"}}
    nlp.add_pipe(
        "ner",
        config={
            "model": {
                "@architectures": "spacy.TransitionBasedParser.v2",
                "tok2vec": listener,
                "state_type": "ner",
                "extra_state_tokens": False,
                "hidden_width": 64,
                "maxout_pieces": 2,
                "use_upper": False,
            }
        },
    )
    text = "Obama met Merkel in Berlin"
    gold = make_doc(text, [(0, 1, "PER"), (2, 3, "PER"), (4, 5, "LOC")], nlp)
    batch = [Example(make_doc(text, nlp=nlp), gold)]
    optimizer = nlp.initialize(lambda: batch)
    optimizer.learn_rate = 0.001
    for _ in range(100):
        nlp.update(batch, sgd=optimizer, drop=0.0)
    assert [ent.text for ent in nlp(make_doc(text, nlp=nlp)).ents] == ["Obama", "Merkel", "Berlin"]


def test_an_existing_folder_and_a_pipeline_without_aligner_are_refused(tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "pipeline")
    assert "exists already" in fail("export", tmp_path / "pipeline", tmp_path)
    assert "without a word_aligner" in fail("export", tmp_path / "pipeline", tmp_path / "encoder")
    assert not (tmp_path / "encoder").exists()


def test_weights_in_half_precision_are_spread_over_files_and_replace_others(
    exported: tuple[Language, Path], tmp_path: Path
) -> None:
    _, folder = exported
    before = load_encoder(str(folder), layer=None, dtype=torch.float32).transformer.state_dict()
    (folder / "README.md").write_text("stays")
    run("export", tmp_path / "pipeline", folder, "--half", "--max-file-size", "50KB", "--force")
    assert not (folder / "model.safetensors").exists()
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert (folder / "README.md").read_text() == "stays"
    after = load_encoder(str(folder), layer=None, dtype=torch.float32).transformer.state_dict()
    assert after.keys() == before.keys()
    for name, weights in before.items():
        torch.testing.assert_close(after[name], weights, atol=1e-3, rtol=1e-3)
