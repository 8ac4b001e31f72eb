"""How spaCy makes the components. Imported at every `spacy.blank()`, so nothing heavy is imported here."""

from __future__ import annotations

from typing import Any

from spacy.language import Language
from spacy.util import registry
from thinc.api import Model

from spacy_awesome.extraction import Extraction, extractions, find_extraction
from spacy_awesome.pipeline.settings import (
    EntityVoteSettings,
    ProjectionSettings,
    SentenceAlignerSettings,
    WordAlignerSettings,
)
from spacy_awesome.tokens.checks import wrong_setting
from spacy_awesome.tokens.extensions import register_missing_extensions

# What `@extractions` in a configuration looks in.
registry.extractions = extractions  # type: ignore[attr-defined]

_ENCODER = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": "bundled"}

# Settings are annotated as Any: they are checked by the settings dataclass, whose message is one line that names the
# component and the setting, and not by spaCy, whose message prints all arguments.


@Language.factory(
    "word_aligner",
    assigns=["doc._.parallel", "doc._.alignment", "token._.aligned", "span._.aligned"],
    default_config={
        "model": _ENCODER,
        # A name rather than a block: spaCy would merge the default's block with the user's.
        "extraction": "softmax",
        # spaCy merges dictionaries with their defaults: default objectives would be added to those of the user, so
        # that they are None in the settings.
        **WordAlignerSettings.defaults(),
        "scorer": {"@scorers": "spacy_awesome.word_aligner_scorer.v1"},
    },
    # Best is the lowest alignment error rate; spaCy keeps the model of highest score.
    default_score_weights={
        "alignment_aer": -1.0,
        "alignment_precision": 0.0,
        "alignment_recall": 0.0,
        "alignment_f1": None,
        "retrieval_accuracy": None,
    },
)
def make_word_aligner(
    nlp: Language,
    name: str,
    model: Any,
    extraction: Any,
    threshold: Any,
    scale: Any,
    distortion: Any,
    symmetrization: Any,
    reuse_trf_data: Any,
    objectives: Any,
    contrastive_temperature: Any,
    seed: Any,
    scorer: Any,
) -> Any:
    """Make a `spacy_awesome.pipeline.word_aligner.WordAligner`; `WordAlignerSettings` describes the options."""
    settings = WordAlignerSettings.of(
        name,
        threshold=threshold,
        scale=scale,
        distortion=distortion,
        symmetrization=symmetrization,
        reuse_trf_data=reuse_trf_data,
        objectives=objectives,
        contrastive_temperature=contrastive_temperature,
        seed=seed,
    )
    _check_model(name, model)
    if isinstance(extraction, str):
        try:
            extraction = find_extraction(extraction)[1]()
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    if not isinstance(extraction, Extraction):
        expected = 'a registered method such as "softmax" or {"@extractions": "spacy_awesome.softmax.v1"}'
        raise ValueError(f"{name}: {wrong_setting('extraction', expected, extraction)}")
    from spacy_awesome.pipeline.word_aligner import WordAligner

    register_missing_extensions()
    return WordAligner(nlp.vocab, model, name, extraction=extraction, settings=settings, scorer=scorer)


@Language.factory(
    "sentence_aligner",
    assigns=["doc._.parallel", "doc._.sentence_alignment"],
    default_config={
        "model": _ENCODER,
        **SentenceAlignerSettings.defaults(),
        "scorer": {"@scorers": "spacy_awesome.sentence_aligner_scorer.v1"},
    },
    default_score_weights={"beads_f1": 1.0, "beads_precision": None, "beads_recall": None},
)
def make_sentence_aligner(
    nlp: Language,
    name: str,
    model: Any,
    monotone: Any,
    max_sentences: Any,
    alpha: Any,
    min_score: Any,
    gap_cost: Any,
    scorer: Any,
) -> Any:
    """Make a `spacy_awesome.pipeline.sentence_aligner.SentenceAligner`; its settings describe the options."""
    settings = SentenceAlignerSettings.of(
        name,
        monotone=monotone,
        max_sentences=max_sentences,
        alpha=alpha,
        min_score=min_score,
        gap_cost=gap_cost,
    )
    _check_model(name, model)
    from spacy_awesome.pipeline.sentence_aligner import SentenceAligner

    register_missing_extensions()
    return SentenceAligner(nlp.vocab, model, name, settings=settings, scorer=scorer)


@Language.factory(
    "span_projector",
    requires=["doc._.alignment"],
    assigns=[
        "doc.ents",
        "doc.spans",
        "doc._.parallel",
        "doc._.projection_report",
        "span._.projection",
        "span._.source_span",
    ],
    default_config={
        **ProjectionSettings.defaults(),
        "scorer": {"@scorers": "spacy_awesome.span_projector_scorer.v1"},
    },
    default_score_weights={
        "ents_f": 1.0,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
        "projection_projected": None,
        "projection_lost": None,
        "projection_lost_per_reason": None,
    },
)
def make_span_projector(
    nlp: Language,
    name: str,
    source_spans: Any,
    write_to: Any,
    rule: Any,
    max_gap: Any,
    assignment: Any,
    min_score: Any,
    max_span_ratio: Any,
    label_map: Any,
    overwrite: Any,
    allow_overlap: Any,
    scorer: Any,
) -> Any:
    """Make a `spacy_awesome.pipeline.span_projector.SpanProjector`; `ProjectionSettings` describes the options."""
    settings = ProjectionSettings.of(
        name,
        source_spans=source_spans,
        write_to=write_to,
        rule=rule,
        max_gap=max_gap,
        assignment=assignment,
        min_score=min_score,
        max_span_ratio=max_span_ratio,
        label_map=label_map,
        overwrite=overwrite,
        allow_overlap=allow_overlap,
    )
    from spacy_awesome.pipeline.span_projector import SpanProjector

    register_missing_extensions()
    return SpanProjector(nlp.vocab, name, settings=settings, scorer=scorer)


@Language.factory("entity_ballot", requires=["doc.ents"], assigns=["doc.spans"])
def make_entity_ballot(nlp: Language, name: str) -> Any:
    """Make a `spacy_awesome.pipeline.entity_vote.EntityBallot`."""
    from spacy_awesome.pipeline.entity_vote import EntityBallot

    return EntityBallot(name)


@Language.factory(
    "entity_vote",
    requires=["doc.spans"],
    assigns=["doc.ents"],
    default_config={**EntityVoteSettings.defaults(), "scorer": {"@scorers": "spacy.ner_scorer.v1"}},
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_entity_vote(nlp: Language, name: str, ballots: Any, min_votes: Any, scorer: Any) -> Any:
    """Make a `spacy_awesome.pipeline.entity_vote.EntityVote`; `EntityVoteSettings` describes the options."""
    settings = EntityVoteSettings.of(name, ballots=ballots, min_votes=min_votes)
    from spacy_awesome.pipeline.entity_vote import EntityVote

    return EntityVote(name, settings=settings, scorer=scorer)


def _check_model(name: str, model: object) -> None:
    if not isinstance(model, Model):
        expected = 'an encoder such as {"@architectures": "spacy_awesome.HFEncoder.v1", "name": "bundled"}'
        raise ValueError(f"{name}: {wrong_setting('model', expected, model)}")
