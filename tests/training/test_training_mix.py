"""Mixes of training objectives in the word_aligner: what the encoder runs, what is trained and what is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from torch import Tensor
from transformers import AutoModel, AutoModelForMaskedLM

from spacy_awesome import WordAlignment, parallel
from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.loading import load_encoder
from spacy_awesome.pipeline.word_aligner import WordAligner
from spacy_awesome.training.batch import TrainingBatch, training_losses
from spacy_awesome.training.language_model import NO_ANSWER, masked_inputs
from spacy_awesome.training.objectives import make_objectives, objectives
from spacy_awesome.training.objectives.parallel_identification import ParallelIdentification

MakeAligner = Callable[..., Language]
MakeDoc = Callable[..., Doc]

PAIRS = [
    ("Angela Merkel visited Paris", "Angela Merkel visitó París"),
    ("Obama met Merkel in Berlin", "Merkel traf Obama in Berlin"),
    ("The quick brown fox jumps", "El zorro marrón salta"),
    ("the German government said", "según el Gobierno alemán"),
]
OBJECTIVES = sorted(objectives.get_all())
EVERYTHING = dict.fromkeys(OBJECTIVES, 1.0)


def words(pairs: list[tuple[str, str]] = PAIRS) -> list[tuple[list[str], list[str]]]:
    return [(source.split(), target.split()) for source, target in pairs]


def examples(nlp: Language, make_doc: MakeDoc, gold: tuple[str | None, ...] = (None,) * len(PAIRS)) -> list[Example]:
    found = []
    for (source, target), links in zip(PAIRS, gold):
        predicted, reference = (parallel(nlp, make_doc(source), target.split()) for _ in range(2))
        if links is not None:
            lengths = {"source_length": len(source.split()), "target_length": len(target.split())}
            reference._.parallel.alignment = WordAlignment.from_pharaoh(links, **lengths)
        found.append(Example(predicted, reference))
    return found


def component(nlp: Language) -> WordAligner:
    pipe = nlp.get_pipe("word_aligner")
    assert isinstance(pipe, WordAligner)
    return pipe


def make_batch(nlp: Language, pairs: Any, *, gold: Any = None, seed: int = 1, max_tokens: int = 4096) -> TrainingBatch:
    aligner = component(nlp).aligner
    gold = [None] * len(pairs) if gold is None else gold
    generator = torch.Generator().manual_seed(seed)
    return TrainingBatch(
        aligner.encoder, aligner.extractor, aligner.tokenize(pairs), gold, generator, max_tokens=max_tokens
    )


def losses(nlp: Language, weights: dict[str, float], *, pairs: Any = None, **options: Any) -> Iterator[Tensor]:
    batch = make_batch(nlp, words() if pairs is None else pairs, **options)
    return training_losses(batch, list(make_objectives(weights).values()))


class Runs:
    """The inputs of every run of an encoder's transformer, one tuple of ids for each row, without padding."""

    def __init__(self, encoder: SubwordEncoder) -> None:
        self.runs: list[list[tuple[int, ...]]] = []
        self.graded: list[bool] = []
        encoder.transformer.register_forward_pre_hook(self._keep, with_kwargs=True)

    def _keep(self, module: Any, args: tuple[Tensor, ...], inputs: dict[str, Tensor]) -> None:
        ids, masks = args[0] if args else inputs["input_ids"], inputs["attention_mask"].bool()
        self.runs.append([tuple(row[mask].tolist()) for row, mask in zip(ids, masks)])
        self.graded.append(torch.is_grad_enabled())


@pytest.mark.parametrize(
    ("objectives", "rows"),
    [
        ({"self_training": 1.0}, [8]),
        ({"self_training": 1.0, "consistency": 1.0, "cross_entropy": 1.0}, [8]),
        ({"consistency": 0.5}, [8]),
        ({"masked_lm": 1.0}, [8]),
        ({"translation_lm": 1.0}, [8]),
        ({"parallel_identification": 1.0}, [4]),
        ({"masked_lm": 1.0, "translation_lm": 1.0}, [16]),
        (EVERYTHING, [8, 16, 4]),
    ],
)
def test_every_distinct_input_runs_once_and_weight_zero_runs_nothing(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc, objectives: dict[str, float], rows: list[int]
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, objectives={**dict.fromkeys(OBJECTIVES, 0.0), **objectives})
    batch = examples(nlp, make_doc, gold=("0-0 1-1", None, None, "0-0"))
    optimizer = nlp.initialize(lambda: batch)
    seen = Runs(component(nlp).aligner.encoder)
    nlp.update(batch, sgd=optimizer, drop=0.0)
    assert all(seen.graded)
    assert len(seen.runs) == len(rows)
    for run, most in zip(seen.runs, rows):
        # Inputs in which nothing was chosen to be masked are not run at all.
        assert 0 < len(run) <= most
        assert len(run) == len(set(run))


def test_with_dropout_only_the_guide_of_unlinked_pairs_takes_a_second_run(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, objectives={"self_training": 1.0, "consistency": 1.0})
    batch = examples(nlp, make_doc)
    optimizer = nlp.initialize(lambda: batch)
    seen = Runs(component(nlp).aligner.encoder)
    nlp.update(batch, sgd=optimizer, drop=0.1)
    assert seen.graded == [False, True]
    nlp.update(examples(nlp, make_doc, gold=("0-0",) * 4), sgd=optimizer, drop=0.1)
    assert seen.graded == [False, True, True]


@pytest.mark.parametrize(
    "objective",
    ["self_training", "consistency", "masked_lm", "translation_lm", "parallel_identification"],
)
def test_losses_do_not_depend_on_how_pairs_are_batched(
    tiny_bert: Path, make_aligner: MakeAligner, objective: str
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, scale=0.2, threshold=0.2, objectives={objective: 1.0})
    pairs = [*words(), (["Paris"], "Angela Merkel visitó París el lunes".split())]
    together = list(losses(nlp, {objective: 1.0}, pairs=pairs))
    apart = list(losses(nlp, {objective: 1.0}, pairs=pairs, max_tokens=16))
    assert len(apart) > len(together) == 1
    assert sum(loss.item() for loss in apart) == pytest.approx(together[0].item(), rel=1e-4)


def test_weights_multiply_their_objectives(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    nlp = make_aligner(tiny_bert, layer=2, scale=0.2, objectives=EVERYTHING)
    for objective in ("self_training", "consistency", "masked_lm", "translation_lm", "parallel_identification"):
        once, thrice = (sum(loss.item() for loss in losses(nlp, {objective: weight})) for weight in (1.0, 3.0))
        assert thrice == pytest.approx(3 * once, rel=1e-5)
        assert once != 0


def test_gold_links_replace_the_models_own_for_the_pairs_that_have_them(
    tiny_bert: Path, make_aligner: MakeAligner
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, scale=0.2, threshold=0.2)
    aligner = component(nlp).aligner
    both = aligner.tokenize(words()[:2])
    gold = WordAlignment.from_pharaoh("0-1 3-3", source_length=4, target_length=4)

    def loss(rows: list[int], links: list[WordAlignment | None]) -> float:
        pairs = [both[row] for row in rows]
        return sum(part.item() for part in losses(nlp, {"self_training": 1.0}, pairs=pairs, gold=links))

    subwords = aligner.extractor.pairs(*aligner.encoder.encode_pairs(both[:1]))
    forward, backward = aligner.extractor.extraction.probabilities(subwords)
    linked = [
        (i, j)
        for i, word in enumerate(both[0][0].words)
        for j, other in enumerate(both[0][1].words)
        if (word, other) in {(0, 1), (3, 3)}
    ]
    n, m = len(both[0][0].ids), len(both[0][1].ids)
    supervised = -sum(forward[0, i, j].item() / n + backward[0, i, j].item() / m for i, j in linked) / 2
    assert loss([0], [gold]) == pytest.approx(supervised, rel=1e-4)
    assert loss([0], [gold]) != pytest.approx(loss([0], [None]), rel=1e-2)
    assert loss([0, 1], [gold, None]) == pytest.approx(supervised + loss([1], [None]), rel=1e-4)


def test_special_tokens_are_never_masked_or_predicted(tiny_encoder: Path, make_aligner: MakeAligner) -> None:
    nlp = make_aligner(tiny_encoder, layer=2, objectives={"masked_lm": 1.0, "translation_lm": 1.0})
    aligner = component(nlp).aligner
    tokenizer = aligner.encoder.tokenizer
    both = aligner.tokenize(words() * 40)
    made = list(make_objectives(component(nlp).objectives).values())
    inputs, _, masked, _ = masked_inputs(make_batch(nlp, both, seed=0), made)
    special, mask_id = set(tokenizer.tokenizer.all_special_ids), tokenizer.tokenizer.mask_token_id
    originals = {tuple(tokenizer.single(side.ids).tolist()) for pair in both for side in pair}
    originals |= {
        tuple(tokenizer.joined(*order).tolist()) for x, y in both for order in ((x.ids, y.ids), (y.ids, x.ids))
    }
    changed = 0
    for item in inputs:
        asked = item.answers != NO_ANSWER
        assert tuple(np.where(asked, item.answers, item.ids).tolist()) in originals
        assert not special & set(item.answers[asked].tolist())
        assert not (special - {mask_id}) & set(item.ids[asked].tolist())
        changed += int((item.ids != item.answers)[asked].sum())
    count = sum(len(x.ids) + len(y.ids) for x, y in both)
    assert masked.sum().item() / (3 * count) == pytest.approx(0.15, abs=0.02)
    assert changed / masked.sum().item() == pytest.approx(0.9, abs=0.03)


def test_both_orders_of_a_pair_are_masked_alike(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    nlp = make_aligner(tiny_bert, layer=2, objectives={"translation_lm": 1.0})
    aligner = component(nlp).aligner
    [pair] = aligner.tokenize([("Obama met Merkel in Berlin on Monday".split(), "Merkel traf Obama in Berlin".split())])
    made = list(make_objectives({"translation_lm": 1.0}).values())
    (xy, yx), _, _, _ = masked_inputs(make_batch(nlp, [pair], seed=3), made)
    n, m = len(pair[0].ids), len(pair[1].ids)
    for there, back in ((xy.ids, yx.ids), (xy.answers, yx.answers)):
        assert there[1 : 1 + n].tolist() == back[2 + m : 2 + m + n].tolist()
        assert there[2 + n : 2 + n + m].tolist() == back[1 : 1 + m].tolist()


def test_long_sentences_are_masked_in_windows_and_long_pairs_left_out_with_a_count(
    tiny_bert: Path, make_aligner: MakeAligner, caplog: pytest.LogCaptureFixture
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, objectives=EVERYTHING)
    aligner = component(nlp).aligner
    pairs = aligner.tokenize([*words(), (["Paris", "Berlin"] * 100, ["Merkel"] * 3)])
    batch = make_batch(nlp, pairs, seed=0)
    made = list(make_objectives({"masked_lm": 1.0, "translation_lm": 1.0}).values())
    inputs, sentences, masked, _ = masked_inputs(batch, made)
    longest = [item for item, sentence in zip(inputs, sentences) if sentence == 8]
    assert len(longest) > 3
    assert all(len(item.ids) == 64 for item in longest)
    asked = sum(int((item.answers != NO_ANSWER).sum()) for item in longest)
    assert asked == masked[8].item()
    assert asked / len(pairs[4][0].ids) == pytest.approx(0.15, abs=0.08)
    assert len(masked) == 2 * 5 + 2 * 4
    ParallelIdentification().sample(batch)
    assert [record.message for record in caplog.records] == [
        f"{objective}: left out 1 of 5 pairs, which have more than 61 subwords together."
        for objective in ("translation_lm", "parallel_identification")
    ]


def test_a_batch_of_one_pair_is_left_out_of_parallel_identification_with_a_warning(
    tiny_bert: Path, make_aligner: MakeAligner, caplog: pytest.LogCaptureFixture
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, objectives={"parallel_identification": 1.0})
    assert list(losses(nlp, {"parallel_identification": 1.0}, pairs=words()[:1])) == []
    assert "a batch of 1, which has no two pairs to mix" in caplog.text


def test_a_repeated_sentence_is_never_its_own_mismatch(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    nlp = make_aligner(tiny_bert, layer=2, objectives={"parallel_identification": 1.0})
    aligner = component(nlp).aligner
    batch = make_batch(nlp, words()[:2] * 4, seed=0)
    true = {tuple(aligner.encoder.tokenizer.joined(x.ids, y.ids).tolist()) for x, y in batch.pairs}
    inputs, labels = ParallelIdentification().sample(batch)
    assert labels.sum() == 4
    assert [tuple(ids.tolist()) in true for ids in inputs] == labels.bool().tolist()


def test_parallel_identification_reads_the_same_layer_in_training_and_evaluation(
    tiny_modernbert: Path, make_aligner: MakeAligner
) -> None:
    nlp = make_aligner(tiny_modernbert, layer=2, objectives={"parallel_identification": 1.0, "masked_lm": 1.0})
    encoder = component(nlp).aligner.encoder
    ids, mask = encoder.pad([encoder.tokenizer.single(x.ids) for x, _ in component(nlp).aligner.tokenize(words())])
    whole = AutoModel.from_pretrained(tiny_modernbert).eval()
    expected = whole(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[2]
    for training in (False, True):
        encoder.train(training)
        torch.testing.assert_close(encoder(ids, mask)[:, 0], expected[:, 0])


def full_depth(path: Path) -> SubwordEncoder:
    return SubwordEncoder(load_encoder(str(path), layer=2, dtype=torch.float32, language_model=True))


def test_alignment_vectors_at_full_depth_are_those_of_the_cut_encoder(tiny_encoder: Path) -> None:
    cut = SubwordEncoder(load_encoder(str(tiny_encoder), layer=2, dtype=torch.float32))
    full = full_depth(tiny_encoder)
    sentences = cut.tokenizer([source for source, _ in words()])
    torch.testing.assert_close(full.encode(sentences).values, cut.encode(sentences).values)
    layers = next(child for child in full.transformer.modules() if isinstance(child, torch.nn.ModuleList))
    assert len(layers) == 2


def test_masked_subwords_get_the_logits_of_the_pretrained_model_and_its_tied_head(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    torch.manual_seed(5)
    reference = AutoModelForMaskedLM.from_pretrained(tiny_encoder).eval()
    reference.save_pretrained(tmp_path)
    full_depth(tiny_encoder).tokenizer.tokenizer.save_pretrained(tmp_path)
    encoder = full_depth(tmp_path)
    assert encoder.language_model is not None
    ids, mask = encoder.pad([encoder.tokenizer.single(x.ids) for x in encoder.tokenizer([s for s, _ in words()])])
    chosen = (torch.rand(ids.shape, generator=torch.Generator().manual_seed(0)) < 0.3) & mask.bool()
    with torch.no_grad():
        expected = reference(input_ids=ids, attention_mask=mask).logits[chosen]
        torch.testing.assert_close(encoder.language_model(ids, mask, chosen), expected)
    model = encoder.language_model.model
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_a_new_language_model_head_is_tied_and_the_same_in_every_run(tiny_bert: Path) -> None:
    heads = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = full_depth(tiny_bert).language_model
        assert model is not None
        assert model.model.get_output_embeddings().weight is model.model.get_input_embeddings().weight
        heads.append(model.model.state_dict())
    assert all(torch.equal(heads[0][name], heads[1][name]) for name in heads[0])
    assert all(values.isfinite().all() for values in heads[0].values())


def test_the_same_seed_gives_the_same_training(tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc) -> None:
    def train(seed: int, noise: int) -> list[float]:
        torch.manual_seed(noise)
        nlp = make_aligner(tiny_bert, layer=2, scale=0.2, objectives=EVERYTHING, seed=seed)
        batch = examples(nlp, make_doc)
        optimizer = nlp.initialize(lambda: batch)
        return [nlp.update(batch, sgd=optimizer, drop=0.0)["word_aligner"] for _ in range(3)]

    assert train(0, noise=1) == train(0, noise=2)
    assert train(0, noise=1) != train(1, noise=1)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_training_lowers_each_loss(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc, objective: str
) -> None:
    # At a threshold of 0.001 the random encoder links everything, and self-training has nothing to choose from.
    nlp = make_aligner(tiny_bert, layer=2, scale=0.2, threshold=0.2, objectives={objective: 1.0})
    batch = examples(nlp, make_doc, gold=("0-0 1-1 3-3", None, None, None))
    optimizer = nlp.initialize(lambda: batch)
    optimizer.learn_rate = 0.002
    steps = [nlp.update(batch, sgd=optimizer, drop=0.0)["word_aligner"] for _ in range(25)]
    assert np.mean(steps[-6:]) < np.mean(steps[:6]) - 0.05


def test_semi_supervised_training_makes_given_links_more_probable_in_a_mix_with_all_objectives(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, scale=0.2, threshold=0.2, objectives=EVERYTHING)
    given = [(0, 1), (1, 0), (2, 3), (3, 2)]
    batch = examples(nlp, make_doc, gold=("0-1 1-0 2-3 3-2", None, None, None))
    optimizer = nlp.initialize(lambda: batch)
    optimizer.learn_rate = 0.002

    def probability() -> float:
        matrix = component(nlp).similarity(*words()[0])
        return float(np.mean([matrix[link] for link in given]))

    before = probability()
    for _ in range(25):
        nlp.update(batch, sgd=optimizer, drop=0.0)
    assert probability() > before


def state(nlp: Language) -> dict[str, Tensor]:
    return dict(component(nlp).aligner.encoder.named_parameters())


def test_trained_heads_are_saved_with_the_pipeline_and_training_goes_on(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc, tmp_path: Path
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, scale=0.2, objectives=EVERYTHING)
    batch = examples(nlp, make_doc)
    fresh = {name: values.detach().clone() for name, values in state(nlp).items()}
    nlp.update(batch, sgd=nlp.initialize(lambda: batch))
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert state(nlp).keys() == state(loaded).keys()
    for name, values in state(nlp).items():
        assert torch.equal(values, state(loaded)[name]), name
    moved = {name.split(".")[0] for name, values in fresh.items() if not torch.equal(values, state(nlp)[name])}
    assert moved == {"transformer", "language_model", "parallel_head"}
    assert b"PK\x03\x04" not in (tmp_path / "word_aligner" / "model").read_bytes()[:10_000]
    assert np.isfinite(loaded.update(batch, sgd=loaded.resume_training())["word_aligner"])


def test_a_pipeline_without_these_objectives_is_saved_without_heads(
    tiny_bert: Path, make_aligner: MakeAligner, make_doc: MakeDoc, tmp_path: Path
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, scale=0.2, objectives=EVERYTHING)
    expected = component(nlp).align([(make_doc(source), make_doc(target)) for source, target in PAIRS])
    nlp.to_disk(tmp_path)
    off = dict.fromkeys(("masked_lm", "translation_lm", "parallel_identification"), 0.0)
    small = spacy.load(tmp_path, config={"components": {"word_aligner": {"objectives": off}}})
    assert component(small).align([(make_doc(s), make_doc(t)) for s, t in PAIRS]) == expected
    plain = make_aligner(tiny_bert, layer=2)
    assert len(small.to_bytes()) == pytest.approx(len(plain.to_bytes()), rel=0.01)
    assert len(nlp.to_bytes()) > 1.2 * len(small.to_bytes())


def test_an_objective_without_its_head_is_refused(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    nlp = make_aligner(tiny_bert, layer=2)
    with pytest.raises(ValueError, match="masked_lm and translation_lm need a language model"):
        list(losses(nlp, {"masked_lm": 1.0}))
    with pytest.raises(ValueError, match="parallel_identification needs"):
        list(losses(nlp, {"parallel_identification": 1.0}))
