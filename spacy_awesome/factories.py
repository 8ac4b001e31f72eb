"""How spaCy makes the components. Imported at every `spacy.blank()`, so nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spacy.language import Language
from spacy.util import registry
from thinc.api import Model

from spacy_awesome.extraction import extractions, find_extraction
from spacy_awesome.extraction.method import Extraction

# What `@extractions` in a configuration looks in.
registry.extractions = extractions  # type: ignore[attr-defined]


@Language.factory(
    "word_aligner",
    assigns=["doc._.parallel", "doc._.alignment", "token._.aligned", "span._.aligned"],
    default_config={
        "model": {"@architectures": "spacy_awesome.HFEncoder.v1", "name": "bundled"},
        # A name rather than a block: spaCy would merge the default's block with the user's.
        "extraction": "softmax",
        "threshold": None,
        "scale": None,
        "distortion": None,
        "symmetrization": "intersection",
        "reuse_trf_data": False,
        # spaCy merges dictionaries with their defaults: a default weight here would be added to those of the user.
        "objectives": None,
        "contrastive_temperature": None,
        "seed": 0,
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
    model: Model[Any, Any],
    extraction: Extraction | str,
    threshold: float | None,
    scale: float | None,
    distortion: float | None,
    symmetrization: str,
    reuse_trf_data: bool,
    objectives: dict[str, float] | None,
    contrastive_temperature: float | None,
    seed: int,
    scorer: Callable[..., dict[str, Any]] | None,
) -> Any:
    """Make a `spacy_awesome.pipeline.word_aligner.WordAligner`; the options are described there."""
    from spacy_awesome.pipeline.word_aligner import WordAligner

    if isinstance(extraction, str):
        extraction = find_extraction(extraction)[1]()
    return WordAligner(
        nlp.vocab,
        model,
        name,
        extraction=extraction,
        threshold=threshold,
        scale=scale,
        distortion=distortion,
        symmetrization=symmetrization,
        reuse_trf_data=reuse_trf_data,
        objectives=objectives,
        contrastive_temperature=contrastive_temperature,
        seed=seed,
        scorer=scorer,
    )


@Language.factory(
    "sentence_aligner",
    assigns=["doc._.parallel", "doc._.sentence_alignment"],
    default_config={
        "model": {"@architectures": "spacy_awesome.HFEncoder.v1", "name": "bundled"},
        "monotone": True,
        "max_sentences": 3,
        "alpha": 0.75,
        "min_score": 0.05,
        "gap_cost": 0.0,
        "scorer": {"@scorers": "spacy_awesome.sentence_aligner_scorer.v1"},
    },
    default_score_weights={"beads_f1": 1.0, "beads_precision": None, "beads_recall": None},
)
def make_sentence_aligner(
    nlp: Language,
    name: str,
    model: Model[Any, Any],
    monotone: bool,
    max_sentences: int,
    alpha: float,
    min_score: float,
    gap_cost: float,
    scorer: Callable[..., dict[str, Any]] | None,
) -> Any:
    """Make a `spacy_awesome.pipeline.sentence_aligner.SentenceAligner`; `BeadSettings` describes the options."""
    from spacy_awesome.pipeline.sentence_aligner import SentenceAligner
    from spacy_awesome.retrieval.bead_gains import BeadSettings

    settings = BeadSettings(max_sentences=max_sentences, alpha=alpha, min_score=min_score, gap_cost=gap_cost)
    return SentenceAligner(nlp.vocab, model, name, settings=settings, monotone=monotone, scorer=scorer)


@Language.factory(
    "span_projector",
    assigns=["doc.ents", "doc.spans", "doc._.parallel", "doc._.projection_report", "span._.projection"],
    default_config={
        "source_spans": "ents",
        "write_to": ["ents"],
        "rule": "link_f1",
        "max_gap": 1,
        "assignment": "greedy",
        "min_score": 0.0,
        "max_span_ratio": None,
        "label_map": {},
        "overwrite": False,
        "allow_overlap": None,
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
    source_spans: str,
    write_to: list[str],
    rule: str,
    max_gap: int,
    assignment: str,
    min_score: float,
    max_span_ratio: float | None,
    label_map: dict[str, str | None],
    overwrite: bool,
    allow_overlap: bool | None,
    scorer: Callable[..., dict[str, Any]] | None,
) -> Any:
    """Make a `spacy_awesome.pipeline.span_projector.SpanProjector`; `ProjectionSettings` describes the options."""
    from spacy_awesome.pipeline.span_projector import ProjectionSettings, SpanProjector

    settings = ProjectionSettings(
        source_spans=source_spans,
        write_to=tuple(write_to),
        rule=rule,
        max_gap=max_gap,
        assignment=assignment,
        min_score=min_score,
        max_span_ratio=max_span_ratio,
        label_map=label_map,
        overwrite=overwrite,
        allow_overlap=allow_overlap,
    )
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
    default_config={"ballots": ["entity_ballot"], "min_votes": None, "scorer": {"@scorers": "spacy.ner_scorer.v1"}},
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_entity_vote(
    nlp: Language, name: str, ballots: list[str], min_votes: int | None, scorer: Callable[..., dict[str, Any]] | None
) -> Any:
    """Make a `spacy_awesome.pipeline.entity_vote.EntityVote`; the options are described there."""
    from spacy_awesome.pipeline.entity_vote import EntityVote

    return EntityVote(name, ballots=ballots, min_votes=min_votes, scorer=scorer)
