"""Tokens a second of a whole training step, against the steps of awesome-align's trainer: same encoder, same run."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import spacy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam
from transformers import AutoModelForMaskedLM, AutoTokenizer

from benchmarks.bert_base import encoder_path
from benchmarks.data import load_pairs
from benchmarks.plain_trainer import PlainTrainer
from benchmarks.report import Table, publish
from benchmarks.timing import interleaved, speed_ratio
from spacy_awesome import parallel
from spacy_awesome.pipeline.word_aligner import WordAligner
from spacy_awesome.tokens.word_alignment import WordPair
from spacy_awesome.training.batching import create_pair_batcher

PLAIN = "awesome-align's loop"
# Pairs in a step of the loop. The other side has steps of as many on average, so that both pay the optimizer as often.
PAIRS_PER_STEP = 32
OBJECTIVES = {"masked_lm": 1.0, "translation_lm": 1.0, "self_training": 1.0, "parallel_identification": 1.0}


def run(*, pairs: int, repeats: int, encoders: Sequence[str], document: bool) -> None:
    table = Table(
        "Training with MLM, TLM, self-training and parallel identification; tokens are subwords of both sides",
        ("encoder", "text", "engine", "tokens_per_second", "to_loop"),
    )
    text = load_pairs("hansards", 8 * pairs)
    corpus = "sample" if text is None else "hansards"
    text = text or load_pairs("sample", 8 * pairs) or []
    with tempfile.TemporaryDirectory() as folder:
        for encoder in encoders:
            path, layer = encoder_path(encoder, Path(folder))
            part = text[:pairs] if encoder == "BERT-base" else text
            engines, tokens = _engines(path, layer, part)
            seconds = interleaved(engines, repeats=repeats)
            for name, runs in seconds.items():
                table.add(
                    encoder=encoder,
                    text=corpus,
                    engine=name,
                    tokens_per_second=tokens / statistics.median(runs),
                    to_loop=speed_ratio(seconds[PLAIN], runs),
                )
    publish("training", [table], document=document)


def _engines(path: Path, layer: int | None, text: list[WordPair]) -> tuple[dict[str, Callable[[], None]], int]:
    """For each name an epoch over the text; and how many subwords that is."""
    ours = {precision: _OurTrainer(path, layer, precision, text) for precision in ("float32", "mixed")}
    settings = ours["float32"].component.aligner
    plain = PlainTrainer(
        AutoModelForMaskedLM.from_pretrained(path, attn_implementation="eager", trust_remote_code=False),
        AutoTokenizer.from_pretrained(path, trust_remote_code=False),
        layer=settings.encoder.layer,
        batch_size=PAIRS_PER_STEP,
        threshold=settings.extractor.threshold,
        scale=settings.extractor.scale,
        distortion=settings.extractor.distortion,
    )
    tokens = sum(len(x.ids) + len(y.ids) for x, y in settings.tokenize(text))
    epochs: dict[str, Callable[[], None]] = {PLAIN: lambda: plain.train(text)}
    return epochs | {f"word_aligner {precision}": trainer.epoch for precision, trainer in ours.items()}, tokens


class _OurTrainer:
    """What `spacy train` does in an epoch: batches of examples, and an update with each."""

    def __init__(self, path: Path, layer: int | None, precision: str, text: list[WordPair]) -> None:
        self.nlp = spacy.blank("xx")
        model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(path), "layer": layer}
        component: Any = self.nlp.add_pipe(
            "word_aligner", config={"model": model | {"precision": precision}, "objectives": OBJECTIVES}
        )
        self.component: WordAligner = component
        self.text = text
        longest = statistics.mean(max(len(source), len(target)) for source, target in text)
        self.batches = create_pair_batcher(size=int(2 * longest * PAIRS_PER_STEP))
        self.optimizer = Adam(2e-5, grad_clip=1.0, L2=0.0, use_averages=False)
        self.nlp.initialize(lambda: [self.example(*text[0])])

    def epoch(self) -> None:
        for batch in self.batches(self.example(*pair) for pair in self.text):
            self.nlp.update(batch, sgd=self.optimizer, drop=0.1)

    def example(self, source: Sequence[str], target: Sequence[str]) -> Example:
        docs = [parallel(self.nlp, Doc(self.nlp.vocab, words=list(source)), target) for _ in range(2)]
        return Example(*docs)
