"""Precision, recall and F1 of labelled spans, overall and by label, as spaCy's own scorer counts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_awesome.formats.conll import LabelledSentence
from spacy_awesome.formats.docbin import spans_of

_GROUP = "scored"


@dataclass(frozen=True, slots=True)
class PRF:
    """Precision, recall and F1, as fractions."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class SpanScores:
    """Scores over all spans (micro-averaged) and those of each label, in alphabetical order."""

    overall: PRF
    per_label: dict[str, PRF] = field(default_factory=dict)


def score_spans(pairs: Iterable[tuple[LabelledSentence, LabelledSentence]]) -> SpanScores:
    """Score a corpus of (gold, system) sentences; a span is right if its words and its label are.

    Both sides may be split into words differently, as long as the text without spaces is the same.
    Raises ValueError where it is not.

    >>> from spacy_awesome.formats.conll import LabelledSpan
    >>> gold = LabelledSentence(("Ada", "Lovelace", "slept"), (LabelledSpan(0, 2, "PER"),))
    >>> score_spans([(gold, gold)]).overall
    PRF(precision=1.0, recall=1.0, f1=1.0)
    """
    vocab = Vocab()
    scores = Scorer.score_spans(
        _examples(pairs, vocab), _GROUP, getter=lambda doc, group: doc.spans[group], allow_overlap=True
    )
    per_label = scores[f"{_GROUP}_per_type"] or {}
    return SpanScores(
        _prf(scores, f"{_GROUP}_"),
        {label: _prf(per_label[label]) for label in sorted(per_label)},
    )


def _examples(pairs: Iterable[tuple[LabelledSentence, LabelledSentence]], vocab: Vocab) -> Iterator[Example]:
    for number, (gold, system) in enumerate(pairs, start=1):
        if "".join(gold.words) != "".join(system.words):
            raise ValueError(
                f"Sentence {number} differs: gold {_beginning(gold)}, system {_beginning(system)}. "
                "Both files must hold the same text."
            )
        if gold.words:
            yield Example(_doc(system, vocab), _doc(gold, vocab))


def _doc(sentence: LabelledSentence, vocab: Vocab) -> Doc:
    doc = Doc(vocab, words=list(sentence.words))
    doc.spans[_GROUP] = spans_of(doc, sentence.spans)
    return doc


def _prf(scores: dict[str, Any], prefix: str = "") -> PRF:
    # spaCy gives None where nothing was there to be found and nothing was.
    return PRF(*(scores[f"{prefix}{figure}"] or 0.0 for figure in "prf"))


def _beginning(sentence: LabelledSentence) -> str:
    text = " ".join(sentence.words)
    return repr(text if len(text) <= 60 else text[:59] + "…")
