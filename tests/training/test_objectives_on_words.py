"""What the link objectives train: the extraction's own probabilities, and links over words (AWESOME, section 2)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import catalogue
import pytest
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from torch import Tensor

from spacy_awesome import WordAlignment, parallel
from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.finetuning import drops_activations, set_dropout
from spacy_awesome.encoders.loading import load_encoder
from spacy_awesome.extraction import extraction_methods
from spacy_awesome.extraction.similarity import SubwordPairs
from spacy_awesome.training.batch import SentencePart, TrainingBatch, training_losses
from spacy_awesome.training.objectives import LinkObjective, make_objectives
from spacy_awesome.training.objectives.consistency import consistency_loss
from spacy_awesome.training.objectives.self_training import self_training_loss

MakeAligner = Callable[..., Language]

# "government" and "visited" have two subwords and more.
PAIRS = [
    ("the German government visited Paris", "el Gobierno alemán visitó París"),
    ("Obama met Merkel in Berlin", "Merkel traf Obama in Berlin"),
]
DIFFERENTIABLE = ["entmax", "optimal_transport", "softmax"]


def make_batch(nlp: Language, gold: list[WordAlignment | None] | None = None) -> TrainingBatch:
    aligner = nlp.get_pipe("word_aligner").aligner  # type: ignore[attr-defined]
    pairs = aligner.tokenize([(source.split(), target.split()) for source, target in PAIRS])
    return TrainingBatch(aligner.encoder, aligner.extractor, pairs, gold or [None] * len(pairs), torch.Generator())


def vectors_of(batch: TrainingBatch) -> SubwordPairs:
    return batch.extractor.pairs(*batch.encoder.encode_pairs(batch.pairs))


def test_the_methods_that_can_be_trained_are_those_of_the_papers() -> None:
    assert sorted(name for name, method in extraction_methods().items() if method.differentiable) == DIFFERENTIABLE


@pytest.mark.parametrize("extraction", DIFFERENTIABLE)
@pytest.mark.parametrize("objective", ["self_training", "consistency"])
def test_losses_are_of_the_probabilities_that_links_come_from(
    tiny_bert: Path, make_aligner: MakeAligner, extraction: str, objective: str
) -> None:
    batch = make_batch(make_aligner(tiny_bert, layer=2, scale=0.2, extraction=extraction))
    subwords = vectors_of(batch)
    forward, backward = batch.extractor.extraction.probabilities(subwords)
    masks = subwords.source_mask, subwords.target_mask
    if objective == "consistency":
        expected = consistency_loss(forward, backward, *masks)
    else:
        links = SentencePart(batch, batch.pairs, batch.gold).links
        expected = self_training_loss(forward, backward, links, *masks)
    [loss] = training_losses(batch, list(make_objectives({objective: 1.0}).values()))
    assert loss.item() == pytest.approx(expected.sum().item(), rel=1e-5)
    assert loss.requires_grad


@pytest.mark.parametrize("extraction", ["argmax", "itermax", "mwmf"])
def test_methods_without_gradient_are_refused_by_the_objectives_that_train_them(
    tiny_bert: Path, make_aligner: MakeAligner, extraction: str
) -> None:
    message = "self_training would train .* expected an extraction that can be trained .entmax, optimal_transport, soft"
    with pytest.raises(ValueError, match=message):
        make_aligner(tiny_bert, extraction=extraction, objectives={"self_training": 1.0, "masked_lm": 1.0})
    # Weight 0 and other objectives are no matter, and aligning alone needs no objective.
    make_aligner(tiny_bert, extraction=extraction, objectives={"self_training": 0.0, "cross_entropy": 1.0})
    nlp = make_aligner(tiny_bert, extraction=extraction)
    doc = parallel(nlp, Doc(nlp.vocab, words=["Paris"]), ["París"])
    with pytest.raises(ValueError, match=message):
        nlp.get_pipe("word_aligner").update([Example(doc, doc)])  # type: ignore[attr-defined]


def blocks(links: Tensor, batch: TrainingBatch) -> list[set[tuple[int, int]]]:
    """Linked words of each pair; every block of two words' subwords must be linked as a whole or not at all."""
    found = []
    for matrix, (x, y) in zip(links, batch.pairs):
        cells = matrix[: len(x.ids), : len(y.ids)]
        assert matrix.sum() == cells.sum(), "padding is linked"
        words = set()
        for i in set(x.words.tolist()):
            for j in set(y.words.tolist()):
                block = cells[x.words == i][:, y.words == j]
                assert block.all() or not block.any()
                if block.all():
                    words.add((i, j))
        found.append(words)
    return found


@pytest.mark.parametrize("extraction", DIFFERENTIABLE)
def test_own_links_are_those_of_the_aligner_spread_to_all_subwords_of_both_words(
    tiny_bert: Path, make_aligner: MakeAligner, extraction: str
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, scale=0.2, extraction=extraction, threshold=0.15)
    batch = make_batch(nlp)
    expected = [set(links) for links in nlp.get_pipe("word_aligner").aligner.align(batch.pairs)]  # type: ignore[attr-defined]
    assert any(len(x.ids) > x.length for x, _ in batch.pairs)
    assert blocks(SentencePart(batch, batch.pairs, batch.gold).links, batch) == expected
    assert all(expected)


def test_own_and_gold_links_are_spread_alike(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    nlp = make_aligner(tiny_bert, layer=2, scale=0.2, threshold=0.2)
    gold = WordAlignment([(2, 1), (3, 3)], source_length=5, target_length=5)
    found, own = (
        blocks(SentencePart(batch, batch.pairs, batch.gold).links, batch)
        for batch in (make_batch(nlp, [gold, None]), make_batch(nlp))
    )
    assert found == [{(2, 1), (3, 3)}, own[1]]


def test_only_dropout_that_drops_asks_for_a_second_run(tiny_encoder: Path) -> None:
    encoder = SubwordEncoder(load_encoder(str(tiny_encoder), layer=2, dtype=torch.float32))
    assert not drops_activations(encoder)
    set_dropout(encoder, 0.1)
    assert not drops_activations(encoder)
    assert drops_activations(encoder.train())
    set_dropout(encoder, 0.0)
    assert not drops_activations(encoder)


def agreement_batch(
    nlp: Language, gold: str | None, *, max_tokens: int = 4096, rows: slice = slice(None)
) -> TrainingBatch:
    links = gold and WordAlignment.from_pharaoh(gold, source_length=5, target_length=5)
    batch = make_batch(nlp, [links, links] if links else None)  # type: ignore[list-item]
    return replace(batch, pairs=batch.pairs[rows], gold=batch.gold[rows], max_tokens=max_tokens)


def loss_of(batch: TrainingBatch, objective: str) -> float:
    return sum(loss.item() for loss in training_losses(batch, list(make_objectives({objective: 1.0}).values())))


@pytest.mark.parametrize(
    ("threshold", "expected"),
    # Sure links are 0-0 and 4-4; of the possible ones the model finds none, or all.
    [(1.0, "0-0 4-4"), (0.0, "0-0 1-2 3-1 4-4")],
)
def test_agreement_trains_possible_links_only_where_the_model_finds_them(
    tiny_bert: Path, make_aligner: MakeAligner, threshold: float, expected: str
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, scale=0.2, threshold=threshold)
    found = loss_of(agreement_batch(nlp, "0-0 1p2 3p1 4-4"), "agreement")
    assert found == pytest.approx(loss_of(agreement_batch(nlp, expected), "cross_entropy"), rel=1e-5)
    assert found != pytest.approx(loss_of(agreement_batch(nlp, "0-0 3-1 4-4"), "cross_entropy"), rel=1e-3)


def test_agreement_trains_the_encoder_and_nothing_follows_from_pairs_without_links(
    tiny_bert: Path, make_aligner: MakeAligner
) -> None:
    nlp = make_aligner(tiny_bert, layer=2, scale=0.2, threshold=0.0)
    objectives = list(make_objectives({"agreement": 1.0}).values())
    # Possible links alone: what is trained is found by the same run of the encoder, without gradient.
    batch = agreement_batch(nlp, "1p2 3p1")
    [loss] = training_losses(batch, objectives)
    loss.backward()
    weights = list(batch.encoder.transformer.encoder.layer.parameters())
    assert weights
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in weights)
    assert any(weight.grad.abs().max() > 0 for weight in weights if weight.grad is not None)
    [loss] = training_losses(agreement_batch(nlp, None), objectives)
    assert not loss.requires_grad


def test_agreement_does_not_depend_on_padding_or_batch_mates(tiny_bert: Path, make_aligner: MakeAligner) -> None:
    nlp = make_aligner(tiny_bert, layer=2, scale=0.2, threshold=0.1)
    gold = "0-0 1p1 2p2 2p3 3p2 4-4"
    batch = agreement_batch(nlp, gold)
    assert len({len(x.ids) for x, _ in batch.pairs}) == 2
    together = loss_of(batch, "agreement")
    alone = [loss_of(agreement_batch(nlp, gold, rows=slice(row, row + 1)), "agreement") for row in range(2)]
    assert all(alone)
    assert together == pytest.approx(sum(alone), rel=1e-5)


class FirstWords(LinkObjective):
    """What a user may register: the first subwords of both sides should be similar."""

    def pair_losses(self, part: SentencePart) -> Tensor:
        return -part.subwords.logits[:, 0, 0]


def test_a_new_objective_needs_no_more_than_to_be_registered(
    tiny_bert: Path, make_aligner: MakeAligner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalogue.REGISTRY, ("spacy_awesome", "objectives", "first_words"), FirstWords)
    nlp = make_aligner(tiny_bert, layer=2, scale=0.1, objectives={"first_words": 1.0})
    docs = [parallel(nlp, Doc(nlp.vocab, words=x.split()), y.split()) for x, y in PAIRS]
    optimizer = nlp.initialize(lambda: [Example(doc, doc) for doc in docs])
    optimizer.learn_rate = 0.01
    losses = [nlp.update([Example(doc, doc) for doc in docs], sgd=optimizer)["word_aligner"] for _ in range(5)]
    assert losses[-1] < losses[0]


def test_training_and_extraction_know_no_engine_and_extraction_no_spacy() -> None:
    script = """
import sys
import spacy_awesome.training.batch, spacy_awesome.training.objectives as o
o.objectives.get_all()
print("spacy_awesome.aligners.words" in sys.modules, "spacy_awesome.pipeline" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    folder = Path(__file__).parents[2] / "spacy_awesome" / "extraction"
    texts: list[Any] = [path.read_text(encoding="utf8") for path in folder.glob("*.py")]
    assert not any("import spacy\n" in text or "from spacy." in text for text in texts)
