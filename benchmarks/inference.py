"""Pairs a second of `word_aligner`, SimAlign and awesome-align's loop: same run, same weights, same links."""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import spacy
import torch
from transformers import AutoModel, AutoTokenizer

from benchmarks.bert_base import encoder_operations, encoder_path, matmul_rate
from benchmarks.data import CORPORA, load_pairs
from benchmarks.plain_aligner import PlainAligner
from benchmarks.report import Table, publish
from benchmarks.timing import interleaved, speed_ratio
from spacy_awesome.pipeline.word_aligner import WordAligner
from spacy_awesome.tokens.word_alignment import WordPair

Engine = Callable[[Sequence[WordPair]], list[str]]

PLAIN = "awesome-align's loop"
OURS = "word_aligner"
METHODS = ("softmax", "entmax", "optimal_transport", "argmax", "itermax")
PRECISIONS = ("float32", "bfloat16", "int8")
# Enough to load what is needed, and for most lengths to have been seen; a whole round more would cost minutes.
_WARM_UP = 64


def run(*, pairs: int, repeats: int, encoders: Sequence[str], document: bool) -> None:
    speed = Table(
        "Words to links, pairs in a stream; ratios of speed to awesome-align's loop and to SimAlign (argmax)",
        ("encoder", "text", "pairs", "engine", "pairs_per_second", "words_per_second", "to_loop", "to_SimAlign",
         "outside_encoder_%", "encoder_GFLOP/s", "of_matmul_%", "same_links_%"),
    )  # fmt: skip
    methods = Table(
        "Extraction methods of `word_aligner`, float32, speed relative to softmax", ("encoder", "text", *METHODS)
    )
    with tempfile.TemporaryDirectory() as folder:
        for encoder in encoders:
            path, layer = encoder_path(encoder, Path(folder))
            count = pairs if encoder == "BERT-base" else 4 * pairs
            engines = _engines(path, layer)
            for corpus in CORPORA:
                text = load_pairs(corpus, count)
                if text is None:
                    speed.add(encoder=encoder, text=corpus, engine="skipped: SPACY_AWESOME_DATA is not set")
                    continue
                _compare(speed, encoder, corpus, engines, text, repeats)
                methods.add(encoder=encoder, text=corpus, **_method_speeds(path, layer, text[: count // 4], repeats))
    publish("inference", [speed, methods], document=document)


class Round(NamedTuple):
    """One run of an engine.

    seconds: of all of it. outside: share of them in which the encoder did not run.
    rate, product_rate: operations a second of the encoder, and of a matrix product right before and after.
    """

    seconds: float
    outside: float
    rate: float
    product_rate: float


class EncoderClock:
    """Seconds that an encoder ran, and the operations that it did."""

    def __init__(self, transformer: torch.nn.Module) -> None:
        self.transformer = transformer
        self.seconds = 0.0
        self.operations = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        self.seconds, self.operations, started = 0.0, 0, 0.0

        def before(module: Any, args: Any, kwargs: Any) -> None:
            nonlocal started
            started = time.perf_counter()

        def after(module: Any, args: Any, kwargs: Any, output: Any) -> None:
            self.seconds += time.perf_counter() - started
            self.operations += encoder_operations(module.config, *kwargs["input_ids"].shape)

        hooks = [
            self.transformer.register_forward_pre_hook(before, with_kwargs=True),
            self.transformer.register_forward_hook(after, with_kwargs=True),
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def make_aligner(
    path: Path,
    layer: int | None,
    *,
    precision: str = "float32",
    extraction: str = "softmax",
    reuse_trf_data: bool = False,
) -> WordAligner:
    """The component, by the public way."""
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(path), "layer": layer, "precision": precision}
    config = {
        "model": model,
        "extraction": extraction,
        "reuse_trf_data": reuse_trf_data,
    }
    component = cast(WordAligner, spacy.blank("xx").add_pipe("word_aligner", config=config))
    component.aligner  # noqa: B018 - loads the encoder
    return component


def _engines(path: Path, layer: int | None) -> dict[str, tuple[Engine, torch.nn.Module]]:
    """For each name, pairs to Pharaoh lines, and the encoder that it runs."""
    engines: dict[str, tuple[Engine, torch.nn.Module]] = {}
    ours = {precision: make_aligner(path, layer, precision=precision) for precision in PRECISIONS}
    settings = ours["float32"].aligner
    plain = PlainAligner(
        AutoModel.from_pretrained(
            path, num_hidden_layers=settings.encoder.layer, attn_implementation="eager", trust_remote_code=False
        ),
        AutoTokenizer.from_pretrained(path, trust_remote_code=False),
        threshold=settings.extractor.threshold,
        scale=settings.extractor.scale,
        distortion=settings.extractor.distortion,
    )
    engines[PLAIN] = plain.align, plain.transformer
    for method, name in (("argmax", "a"), ("itermax", "i")):
        engine = _simalign(path, settings.encoder.layer, name)
        if engine is not None:
            engines[f"SimAlign {method}"] = engine
    for precision, component in ours.items():
        engines[f"{OURS} {precision}"] = _lines(component), component.aligner.encoder.transformer
    return engines


def _simalign(path: Path, layer: int, method: str) -> tuple[Engine, torch.nn.Module] | None:
    try:
        from simalign import SentenceAligner
    except ImportError:
        return None
    logging.getLogger("simalign").setLevel(logging.WARNING)
    aligner = SentenceAligner(model=str(path), token_type="bpe", matching_methods=method, layer=layer)

    def align(pairs: Sequence[WordPair]) -> list[str]:
        lines = []
        for source, target in pairs:
            (links,) = aligner.get_word_aligns(source, target).values()
            lines.append(" ".join(f"{i}-{j}" for i, j in links))
        return lines

    return align, aligner.embed_loader.emb_model


def _lines(component: WordAligner) -> Engine:
    return lambda pairs: [alignment.to_pharaoh() for alignment in component.align_words(pairs)]


def _compare(
    table: Table,
    encoder: str,
    corpus: str,
    engines: dict[str, tuple[Engine, torch.nn.Module]],
    text: list[WordPair],
    repeats: int,
) -> None:
    for engine, _ in engines.values():
        engine(text[:_WARM_UP])
    lines: dict[str, list[str]] = {}
    rounds: dict[str, list[Round]] = {name: [] for name in engines}
    for _ in range(repeats):
        for name, (engine, transformer) in engines.items():
            one, lines[name] = _measure(engine, EncoderClock(transformer), text, _precision(name))
            rounds[name].append(one)
    seconds = {name: [one.seconds for one in runs] for name, runs in rounds.items()}
    words = sum(len(source) + len(target) for source, target in text)
    for name, runs in rounds.items():
        row = {
            "encoder": encoder,
            "text": corpus,
            "pairs": len(text),
            "engine": name,
            "pairs_per_second": len(text) / statistics.median(seconds[name]),
            "words_per_second": words / statistics.median(seconds[name]),
            "to_loop": speed_ratio(seconds[PLAIN], seconds[name]),
            "outside_encoder_%": 100 * statistics.median(one.outside for one in runs),
            "encoder_GFLOP/s": statistics.median(one.rate for one in runs) / 1e9,
            "of_matmul_%": 100 * statistics.median(one.rate / one.product_rate for one in runs),
        }
        if name.startswith(OURS):
            row["same_links_%"] = 100 * agreement(lines[PLAIN], lines[name])
            if "SimAlign argmax" in seconds:
                row["to_SimAlign"] = speed_ratio(seconds["SimAlign argmax"], seconds[name])
        table.add(**row)


def _precision(name: str) -> str:
    return name.rsplit(maxsplit=1)[-1] if name.startswith(OURS) else "float32"


def _measure(engine: Engine, clock: EncoderClock, text: list[WordPair], precision: str) -> tuple[Round, list[str]]:
    # The machine's own speed swings within minutes, so a share of it needs the product's rate of the same minute.
    before = matmul_rate(precision)
    start = time.perf_counter()
    with clock.running():
        lines = engine(text)
    seconds = time.perf_counter() - start
    product_rate = (before + matmul_rate(precision)) / 2
    return Round(seconds, 1 - clock.seconds / seconds, clock.operations / clock.seconds, product_rate), lines


def _method_speeds(path: Path, layer: int | None, text: list[WordPair], repeats: int) -> dict[str, float]:
    """Each method's speed over softmax's, on one encoder."""
    engines = {method: _lines(make_aligner(path, layer, extraction=method)) for method in METHODS}
    for engine in engines.values():
        engine(text[:_WARM_UP])
    runs = {method: (lambda engine=engine: engine(text)) for method, engine in engines.items()}
    seconds = interleaved(runs, repeats=repeats, warm_up=False)
    return {method: speed_ratio(seconds["softmax"], seconds[method]) for method in METHODS}


def agreement(expected: Sequence[str], got: Sequence[str]) -> float:
    """The share of links that both have, of those that either has."""
    pairs = [(set(a.split()), set(b.split())) for a, b in zip(expected, got, strict=True)]
    return sum(len(a & b) for a, b in pairs) / max(1, sum(len(a | b) for a, b in pairs))
