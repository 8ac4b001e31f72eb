"""Steps of the optimizer, and what training may leave out: frozen weights, activations, precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.loop import subdivide_batch
from thinc.api import SGD, Adam, Optimizer, RAdam, use_ops, warmup_linear
from torch import nn

from spacy_awesome import WordAlignment, parallel
from spacy_awesome.encoders import encoder as encoder_module
from spacy_awesome.encoders.architecture import encoder_shim
from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.training.batch import TrainingBatch, training_losses
from spacy_awesome.training.objectives import make_objectives

MakeDoc = Callable[..., Doc]
PAIRS = [
    ("Angela Merkel visited Paris", "Angela Merkel visitó París", "0-0 1-1 2-2 3-3"),
    ("Obama met Merkel in Berlin", "Merkel traf Obama in Berlin", "0-2 1-1 2-0 3-3 4-4"),
    ("The quick brown fox jumps", "El zorro marrón salta", "0-0 1-2 2-2 3-1 4-3"),
    ("the German government said", "según el Gobierno alemán", "0-1 1-3 2-2"),
    ("Paris on Monday", "París el lunes", "0-0 1-1 2-2"),
]
SETTINGS: dict[str, Any] = {"learn_rate": 0.001, "L2": 0.1, "grad_clip": 0.5, "use_averages": False}
# Adam makes whole steps of rounding errors, where a gradient is zero but for them; with this it does not.
EPS = 0.01


def make_nlp(path: Path, objectives: dict[str, float] | None = None, **model: Any) -> Language:
    nlp = spacy.blank("es")
    encoder = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(path), "layer": 3, **model}
    weights = {"cross_entropy": 1.0} if objectives is None else objectives
    nlp.add_pipe("word_aligner", config={"model": encoder, "objectives": weights, "scale": 0.2, "threshold": 0.2})
    nlp.initialize()
    return nlp


def examples(nlp: Language, make_doc: MakeDoc) -> list[Example]:
    found = []
    for source, target, links in PAIRS:
        predicted, reference = (parallel(nlp, make_doc(source), target.split()) for _ in range(2))
        lengths = {"source_length": len(source.split()), "target_length": len(target.split())}
        reference._.parallel.alignment = WordAlignment.from_pharaoh(links, **lengths)
        found.append(Example(predicted, reference))
    return found


def encoder(nlp: Language) -> SubwordEncoder:
    return encoder_shim(nlp.get_pipe("word_aligner").model).encoder


def weights(nlp: Language) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in encoder(nlp).named_parameters()}


def gradients(nlp: Language, make_doc: MakeDoc, *, drop: float = 0.0) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    nlp.get_pipe("word_aligner").update(examples(nlp, make_doc), drop=drop)
    return {name: weight.grad for name, weight in encoder(nlp).named_parameters() if weight.grad is not None}


def losses(nlp: Language, make_doc: MakeDoc) -> Iterator[torch.Tensor]:
    """The losses of all pairs, by a way that does not go through the component's `update`."""
    pipe = nlp.get_pipe("word_aligner")
    both = pipe.aligner.tokenize([(source.split(), target.split()) for source, target, _ in PAIRS])
    gold = [example.reference._.alignment for example in examples(nlp, make_doc)]
    encoder(nlp).eval()
    batch = TrainingBatch(pipe.aligner.encoder, pipe.aligner.extractor, both, gold, pipe.generator)
    return training_losses(batch, list(make_objectives(pipe.objectives).values()))


@pytest.mark.parametrize(
    ("leader", "make_follower"),
    [
        (Adam(**SETTINGS, eps=EPS), lambda p: torch.optim.AdamW(p, lr=0.001, weight_decay=0.1, eps=EPS)),
        (
            Adam(**SETTINGS, eps=EPS, L2_is_weight_decay=False),
            lambda p: torch.optim.Adam(p, lr=0.001, weight_decay=0.1, eps=EPS),
        ),
        (
            Adam(**SETTINGS, eps=EPS, beta1=0.7, beta2=0.8),
            lambda p: torch.optim.AdamW(p, lr=0.001, betas=(0.7, 0.8), weight_decay=0.1, eps=EPS),
        ),
        (
            RAdam(**SETTINGS, eps=EPS),
            lambda p: torch.optim.RAdam(p, lr=0.001, weight_decay=0.1, eps=EPS, decoupled_weight_decay=True),
        ),
        (SGD(**SETTINGS), lambda p: torch.optim.SGD(p, lr=0.001, weight_decay=0.1)),
    ],
    ids=["AdamW", "Adam", "betas", "RAdam", "SGD"],
)
def test_steps_are_those_of_a_plain_torch_loop(
    tiny_bert: Path, make_doc: MakeDoc, leader: Optimizer, make_follower: Callable[..., torch.optim.Optimizer]
) -> None:
    ours, plain = make_nlp(tiny_bert), make_nlp(tiny_bert)
    parameters = list(encoder(plain).parameters())
    follower = make_follower(parameters)
    for _ in range(8):
        ours.update(examples(ours, make_doc), sgd=leader, drop=0.0)
        follower.zero_grad()
        sum(loss / len(PAIRS) for loss in losses(plain, make_doc)).backward()
        nn.utils.clip_grad_norm_(parameters, 0.5)
        follower.step()
    expected = weights(plain)
    for name, weight in weights(ours).items():
        torch.testing.assert_close(weight, expected[name], rtol=1e-4, atol=1e-6)
    assert any(not torch.equal(weight, expected[name]) for name, weight in weights(make_nlp(tiny_bert)).items())


def test_rates_follow_the_schedule_of_the_config(tiny_bert: Path, make_doc: MakeDoc) -> None:
    nlp = make_nlp(tiny_bert)
    leader = SGD(warmup_linear(40.0, 2, 6), L2=0.0, grad_clip=0.01, use_averages=False)
    lengths = []
    for _ in range(7):
        before = weights(nlp)
        nlp.update(examples(nlp, make_doc), sgd=leader, drop=0.0)
        leader.step_schedules()
        moved = torch.cat([(weight - before[name]).flatten() for name, weight in weights(nlp).items()])
        lengths.append(moved.norm().item())
    # The gradient is longer than 0.01 throughout, and so is cut to that length.
    assert lengths == pytest.approx([0.0, 0.2, 0.4, 0.3, 0.2, 0.1, 0.0], abs=1e-3)


def test_another_optimizer_starts_without_the_memory_of_the_first(tiny_bert: Path, make_doc: MakeDoc) -> None:
    nlp = make_nlp(tiny_bert)
    first, second = Adam(**SETTINGS), Adam(**SETTINGS)
    shim = encoder_shim(nlp.get_pipe("word_aligner").model)
    for leader, steps in ((first, 1), (first, 2), (second, 1)):
        nlp.update(examples(nlp, make_doc), sgd=leader, drop=0.0)
        state = shim.training_state()["optimizer"]["state"]
        assert {int(weight["step"]) for weight in state.values()} == {steps}


def test_averages_are_not_kept_which_a_warning_says(
    tiny_bert: Path, make_doc: MakeDoc, caplog: pytest.LogCaptureFixture
) -> None:
    nlp = make_nlp(tiny_bert)
    leader = Adam(0.001, use_averages=True)
    for _ in range(2):
        nlp.update(examples(nlp, make_doc), sgd=leader)
    assert [record.message for record in caplog.records] == [
        "Averages of an encoder's weights are not kept; set use_averages = false."
    ]
    assert leader.averages == {}


@pytest.mark.parametrize("pieces", [2, 3, 5])
@pytest.mark.parametrize("objective", ["self_training", "consistency", "cross_entropy"])
def test_a_batch_in_several_pieces_makes_the_same_step(
    tiny_bert: Path, make_doc: MakeDoc, objective: str, pieces: int
) -> None:
    results = []
    for number in (1, pieces):
        nlp = make_nlp(tiny_bert, {objective: 1.0})
        leader = Adam(**SETTINGS, eps=EPS)
        for _ in range(3):
            for piece in subdivide_batch(examples(nlp, make_doc), number):
                nlp.update(piece, sgd=False, drop=0.0)
            nlp.get_pipe("word_aligner").finish_update(leader)
        results.append(weights(nlp))
    for name, weight in results[0].items():
        torch.testing.assert_close(weight, results[1][name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("frozen", [0, 2])
def test_frozen_weights_stay_and_the_others_move(tiny_encoder: Path, make_doc: MakeDoc, frozen: int) -> None:
    nlp = make_nlp(tiny_encoder, {"cross_entropy": 1.0, "masked_lm": 1.0}, frozen_layers=frozen)
    before = weights(nlp)
    nlp.update(examples(nlp, make_doc), sgd=Adam(**SETTINGS), drop=0.0)
    moved = {name for name, weight in weights(nlp).items() if not torch.equal(weight, before[name])}
    layers = next(name for name, module in encoder(nlp).named_modules() if isinstance(module, nn.ModuleList))
    kept = ("transformer.embeddings.", *(f"{layers}.{number}." for number in range(frozen)))
    trained = {name for name in before if not name.startswith(kept)}
    assert moved <= trained
    assert {f"{layers}.{number}" for number in range(frozen, 3)} == {
        ".".join(name.split(".")[: layers.count(".") + 2]) for name in moved if name.startswith(f"{layers}.")
    }


def test_embeddings_take_their_share_of_the_learning_rate(tiny_encoder: Path, make_doc: MakeDoc) -> None:
    moved = []
    for rate in (1.0, 0.25):
        nlp = make_nlp(tiny_encoder, embedding_rate=rate)
        before = weights(nlp)
        nlp.update(examples(nlp, make_doc), sgd=SGD(1.0, L2=0.0, grad_clip=1.0, use_averages=False), drop=0.0)
        moved.append({name: weight - before[name] for name, weight in weights(nlp).items()})
    for name, change in moved[0].items():
        share = 0.25 if name.startswith("transformer.embeddings.") else 1.0
        torch.testing.assert_close(moved[1][name], share * change, atol=1e-6, rtol=1e-3)
    with pytest.raises(ValueError, match="embedding_rate of 0 or more, got -1"):
        make_nlp(tiny_encoder, embedding_rate=-1.0)


@pytest.mark.parametrize("frozen", [-1, 3])
def test_frozen_layers_leave_something_to_train(tiny_bert: Path, frozen: int) -> None:
    with pytest.raises(ValueError, match=f"frozen_layers from 0 .* to 2, got {frozen}"):
        make_nlp(tiny_bert, frozen_layers=frozen)


def test_gradient_checkpointing_gives_the_same_gradients_from_a_second_run_of_each_layer(
    tiny_encoder: Path, make_doc: MakeDoc
) -> None:
    objectives = {"cross_entropy": 1.0, "translation_lm": 1.0}
    found, runs = [], []
    for checkpointing in (False, True):
        nlp = make_nlp(tiny_encoder, objectives, gradient_checkpointing=checkpointing)
        layers = next(module for module in encoder(nlp).modules() if isinstance(module, nn.ModuleList))
        run: list[int] = []
        layers[1].register_forward_pre_hook(lambda *_, run=run: run.append(1))
        found.append(gradients(nlp, make_doc, drop=0.2))
        runs.append(len(run))
    # One run for each objective.
    assert runs == [2, 4]
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient)


def test_mixed_precision_keeps_weights_and_vectors_in_float32(
    tiny_encoder: Path, make_doc: MakeDoc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_module, "has_bfloat16", lambda device: True)
    objectives = {"cross_entropy": 1.0, "masked_lm": 1.0, "parallel_identification": 1.0}
    plain, mixed = (make_nlp(tiny_encoder, objectives, precision=kind) for kind in ("float32", "mixed"))
    subwords = encoder(mixed).tokenizer([source.split() for source, _, _ in PAIRS])
    exact, vectors = encoder(plain).encode(subwords).values, encoder(mixed).encode(subwords).values
    assert vectors.dtype == torch.float32
    assert 0 < (exact - vectors).norm() < 0.1 * exact.norm()
    expected, found = (gradients(nlp, make_doc) for nlp in (plain, mixed))
    assert {gradient.dtype for gradient in found.values()} == {torch.float32}
    together = [torch.cat([both[name].flatten() for name in expected]) for both in (found, expected)]
    assert torch.cosine_similarity(*together, dim=0) > 0.9


def test_mixed_precision_is_float32_where_the_processor_has_no_bfloat16(
    tiny_bert: Path, make_doc: MakeDoc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_module, "has_bfloat16", lambda device: False)
    plain, mixed = (gradients(make_nlp(tiny_bert, precision=kind), make_doc) for kind in ("float32", "mixed"))
    for name, gradient in plain.items():
        assert torch.equal(gradient, mixed[name])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_everything_stays_there_and_lowers_the_loss(tiny_bert: Path, make_doc: MakeDoc) -> None:
    pytest.importorskip("cupy", reason="spaCy's --gpu-id needs it")
    with use_ops("cupy"):
        nlp = make_nlp(tiny_bert, precision="mixed")
        leader = Adam(0.003, L2=0.0, use_averages=False)
        steps = [nlp.update(examples(nlp, make_doc), sgd=leader)["word_aligner"] for _ in range(20)]
        state = encoder_shim(nlp.get_pipe("word_aligner").model).training_state()["optimizer"]["state"]
    assert steps[-1] < steps[0]
    assert {moment.device.type for weight in state.values() for moment in weight.values()} == {"cuda"}
