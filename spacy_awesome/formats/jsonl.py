"""Sentences as JSON lines: `{"tokens": [...], "spans": [{"start": 0, "end": 2, "label": "PER"}]}`, in tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from spacy.tokens import Doc

from spacy_awesome.formats.conll import LabelledSentence, LabelledSpan, check_span
from spacy_awesome.formats.files import display_name, read_lines
from spacy_awesome.tokens.extensions import get_projection
from spacy_awesome.tokens.pair import checked_alignment, checked_projections, get_parallel
from spacy_awesome.tokens.projection import Projection


def read_jsonl(path: str | Path) -> Iterator[LabelledSentence]:
    """The sentences of a file; empty lines are skipped, and keys other than `tokens` and `spans` are left alone.

    Raises ValueError, with file and line, at what is no JSON object of this form and at spans outside the sentence.
    """
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip():
            try:
                yield _parse(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                what = f"the key {error} is missing" if isinstance(error, KeyError) else str(error)
                form = '{"tokens": [...], "spans": [{"start", "end", "label"}]}'
                raise ValueError(f"{display_name(path)}:{number}: expected {form}: {what}") from error


def write_record(stream: IO[str], record: dict[str, Any]) -> None:
    """Write one JSON object as a line."""
    stream.write(json.dumps(record, ensure_ascii=False) + "\n")


def doc_record(doc: Doc) -> dict[str, Any]:
    """What a Doc's line says; of a pair also the source, the links, and the source spans that were lost.

    A projected span has its score and source tokens, a lost one its reason, and the score of its best candidate.
    """
    record: dict[str, Any] = {"tokens": [token.text for token in doc], "spans": _spans(doc)}
    pair = get_parallel(doc)
    if pair is not None:
        record["source"] = {"tokens": [token.text for token in pair.source], "spans": _spans(pair.source)}
        alignment = checked_alignment(doc, pair)
        if alignment is not None:
            record["links"] = alignment.to_pharaoh()
        record["lost"] = [_lost(p, pair.source) for p in checked_projections(doc, pair) if not p.projected]
    return record


def _spans(doc: Doc) -> list[dict[str, Any]]:
    spans = []
    for span in doc.ents:
        spans.append({"start": span.start, "end": span.end, "label": span.label_, "text": span.text})
        projection = get_projection(span)
        if projection is not None:
            spans[-1] |= _origin(projection)
    return spans


def _lost(projection: Projection, source: Doc) -> dict[str, Any]:
    text = source[projection.source_start : projection.source_end].text
    return {"label": projection.label, "text": text, "reason": projection.reason} | _origin(projection)


def _origin(projection: Projection) -> dict[str, Any]:
    return {
        "source_start": projection.source_start,
        "source_end": projection.source_end,
        "score": round(projection.score, 4),
    }


def _parse(record: dict[str, Any]) -> LabelledSentence:
    words = record["tokens"]
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise TypeError("tokens must be a list of words that are not empty.")
    spans = [LabelledSpan(span["start"], span["end"], span["label"]) for span in record.get("spans", [])]
    for span in spans:
        if not (isinstance(span.start, int) and isinstance(span.end, int) and isinstance(span.label, str)):
            raise TypeError(f"start and end must be whole numbers and label a text, got {tuple(span)}.")
        check_span(span, len(words))
    return LabelledSentence(tuple(words), tuple(spans))
