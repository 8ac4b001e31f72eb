"""The configurations in configs/: their objectives, that they are up to date, and that each of them trains."""

from __future__ import annotations

import io
import runpy
from pathlib import Path

import pytest
import srsly
import torch
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config, resolve_dot_names
from transformers import BertConfig

from spacy_awesome.encoders.architecture import encoder_shim
from spacy_awesome.encoders.loading import encoder_defaults

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"

# Weights of SO, MLM, TLM, PSI, CO and cross-entropy (Dou & Neubig 2021, section 2.2, and Table 12).
OBJECTIVES = {
    "finetune": (1, 0, 0, 0, 0, 0),
    "bilingual": (1, 1, 1, 1, 0, 0),
    "multilingual": (1, 1, 1, 1, 0, 0),
    "multilingual_consistency": (1, 1, 1, 1, 1, 0),
    "zero_shot": (1, 1, 1, 1, 0, 0),
    "supervised": (1, 0, 0, 0, 0, 0),
    "semi_supervised": (1, 1, 1, 1, 0, 0),
    "ablation_mlm": (1, 0, 1, 1, 0, 0),
    "ablation_tlm": (1, 1, 0, 1, 0, 0),
    "ablation_so": (0, 1, 1, 1, 0, 0),
    "ablation_psi": (1, 1, 1, 0, 0, 0),
}
NAMES = ("self_training", "masked_lm", "translation_lm", "parallel_identification", "consistency", "cross_entropy")
PAIRS = {
    "en-es.tsv": "Angela Merkel visited Paris\tAngela Merkel visitó París\t0-0 1-1 2-2 3-3\n"
    "the lazy dog in 1984\tel perro perezoso en 1984\t\n",
    "en-de.tsv": "Obama met Merkel in Berlin\tMerkel traf Obama in Berlin\t\n",
}


@pytest.fixture
def corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file for each of two pairs of languages."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "corpora"
    folder.mkdir()
    for name, text in PAIRS.items():
        (folder / name).write_text(text, encoding="utf8")
    return folder


def test_configs_are_what_the_script_writes() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "make_configs.py"))
    assert {f"{name}.cfg" for name in OBJECTIVES} == {*script["SETTINGS"], script["BASE"]}
    for name in script["SETTINGS"]:
        assert script["render"](name) == (CONFIGS / name).read_text(encoding="utf8"), name


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_config_trains_from_the_kind_of_files_that_its_command_names(
    name: str, corpora: Path, tiny_bert: Path
) -> None:
    path = CONFIGS / f"{name}.cfg"
    heading = path.read_text(encoding="utf8").partition("[paths]")[0]
    overrides = {
        "paths.train": str(corpora if "--paths.train FOLDER" in heading else corpora / "en-es.tsv"),
        "paths.dev": str(corpora / "en-es.tsv"),
        "paths.encoder": str(tiny_bert),
        "training.max_steps": 2,
        "training.optimizer.learn_rate.warmup_steps": 1,
    }
    nlp = init_nlp(load_config(path, overrides=overrides, interpolate=False))
    aligner = nlp.get_pipe("word_aligner")
    assert tuple(aligner.objectives[objective] for objective in NAMES) == OBJECTIVES[name]
    weight = encoder_shim(aligner.model).encoder.transformer.embeddings.word_embeddings.weight
    before = weight.detach().clone()
    table = io.StringIO()
    train(nlp, stdout=table)
    assert "ALIGNMENT_AER" in table.getvalue()
    assert not torch.equal(weight, before)


def test_zero_shot_training_reads_all_files_but_one(corpora: Path) -> None:
    overrides = {"paths.train": str(corpora), "paths.dev": "dev.tsv", "paths.left_out": "en-es.tsv"}
    config = load_config(CONFIGS / "zero_shot.cfg", overrides=overrides, interpolate=True)
    [corpus] = resolve_dot_names(config, ["corpora.train"])
    assert [files.path.name for files in corpus.files] == ["en-de.tsv"]
    config["corpora"]["train"]["leave_out"] = "en-fr.tsv"
    with pytest.raises(ValueError, match="leave out one of several files: en-de.tsv, en-es.tsv; got 'en-fr.tsv'"):
        resolve_dot_names(config, ["corpora.train"])


@pytest.mark.parametrize("name", ["bert-base-multilingual-cased", "xlm-roberta-base"])
def test_the_papers_encoders_are_read_at_layer_8_by_default(name: str) -> None:
    assert encoder_defaults(BertConfig(), name).layer == 8


def test_training_stops_when_aer_no_longer_falls_and_keeps_the_best_and_the_last_model(
    corpora: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    overrides = {
        "paths.train": str(corpora),
        "paths.dev": str(corpora / "en-es.tsv"),
        "paths.encoder": str(tiny_bert),
        "training.eval_frequency": 1,
        "training.patience": 3,
        "training.max_steps": 50,
    }
    nlp = init_nlp(load_config(CONFIGS / "finetune.cfg", overrides=overrides, interpolate=False))
    # F1 goes on rising: with sure and possible links it is no mirror of AER.
    rates = iter([0.5, 0.3, 0.4, 0.31, 0.35, 0.1])
    evaluate = nlp.evaluate
    nlp.evaluate = lambda examples: {**evaluate(examples), "alignment_aer": next(rates)}  # type: ignore[method-assign]
    train(nlp, tmp_path, stdout=io.StringIO())
    metas = [srsly.read_json(tmp_path / name / "meta.json") for name in ("model-best", "model-last")]
    assert [meta["performance"]["alignment_aer"] for meta in metas] == pytest.approx([0.3, 0.35])
    assert next(rates) == 0.1
