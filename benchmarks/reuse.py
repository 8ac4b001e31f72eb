"""Pairs a second of `word_aligner` behind a `transformer`: its vectors reused, or the Docs encoded again."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from benchmarks.bert_base import encoder_path
from benchmarks.data import CORPORA, load_pairs
from benchmarks.inference import agreement, make_aligner
from benchmarks.report import Table, publish
from benchmarks.timing import interleaved, speed_ratio
from spacy_awesome.pipeline.word_aligner import WordAligner


def run(*, pairs: int, repeats: int, encoders: Sequence[str], document: bool) -> None:
    table = Table(
        "`word_aligner` on Docs with vectors of a `transformer` with its model; ratio of speed to encoding them again",
        ("encoder", "text", "pairs", "pairs_per_second", "to_encoding", "same_links_%"),
    )
    with tempfile.TemporaryDirectory() as folder:
        for encoder in encoders:
            path, layer = encoder_path(encoder, Path(folder))
            nlp = _transformer(path)
            again, reused = (make_aligner(path, layer, reuse_trf_data=reuse) for reuse in (False, True))
            for corpus in CORPORA:
                text = load_pairs(corpus, pairs if encoder == "BERT-base" else 4 * pairs)
                if text is None:
                    table.add(encoder=encoder, text=corpus)
                    continue
                sides = nlp.pipe(Doc(nlp.vocab, words=list(words)) for pair in text for words in pair)
                docs = list(zip(sides, sides, strict=True))
                table.add(encoder=encoder, text=corpus, **_compare(again, reused, docs, repeats))
    publish("reuse", [table], document=document)


def _compare(again: WordAligner, reused: WordAligner, docs: list[tuple[Doc, Doc]], repeats: int) -> dict[str, float]:
    # These runs are the warm-up too.
    expected, found = ([links.to_pharaoh() for links in aligner.align(docs)] for aligner in (again, reused))
    seconds = interleaved(
        {"again": lambda: again.align(docs), "reused": lambda: reused.align(docs)}, repeats=repeats, warm_up=False
    )
    return {
        "pairs": len(docs),
        "pairs_per_second": len(docs) / statistics.median(seconds["reused"]),
        "to_encoding": speed_ratio(seconds["again"], seconds["reused"]),
        "same_links_%": 100 * agreement(expected, found),
    }


def _transformer(path: Path) -> Language:
    nlp = spacy.blank("xx")
    model = {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": str(path),
        # Pairs of sentences: each a whole, as the aligner sees it.
        "get_spans": {"@span_getters": "spacy-transformers.doc_spans.v1"},
        "tokenizer_config": {"use_fast": True},
        "transformer_config": {"output_hidden_states": True},
    }
    nlp.add_pipe("transformer", config={"model": model})
    nlp.initialize()
    return nlp
