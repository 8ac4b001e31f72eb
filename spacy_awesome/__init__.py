"""Annotations across languages inside spaCy: align words, project spans."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spacy_awesome.tokens.checks import SpacyAwesomeWarning
from spacy_awesome.tokens.extensions import register_extensions
from spacy_awesome.tokens.pair import Parallel, parallel, parallel_stream
from spacy_awesome.tokens.projection import Projection
from spacy_awesome.tokens.retokenization import attach_alignment
from spacy_awesome.tokens.sentence_alignment import SentenceAlignment
from spacy_awesome.tokens.symmetrization import symmetrize
from spacy_awesome.tokens.word_alignment import WordAlignment

if TYPE_CHECKING:
    from spacy_awesome.pipeline.entity_vote import EntityBallot, EntityVote
    from spacy_awesome.pipeline.sentence_aligner import SentenceAligner
    from spacy_awesome.pipeline.span_projector import SpanProjector
    from spacy_awesome.pipeline.word_aligner import WordAligner

__version__ = "0.2.0"
__all__ = [
    "EntityBallot",
    "EntityVote",
    "Parallel",
    "Projection",
    "SentenceAligner",
    "SentenceAlignment",
    "SpacyAwesomeWarning",
    "SpanProjector",
    "WordAligner",
    "WordAlignment",
    "attach_alignment",
    "parallel",
    "parallel_stream",
    "register_extensions",
    "symmetrize",
]

# Imported when they are first asked for: they load transformers, which takes seconds.
_COMPONENTS = {
    "EntityBallot": "entity_vote",
    "EntityVote": "entity_vote",
    "SentenceAligner": "sentence_aligner",
    "SpanProjector": "span_projector",
    "WordAligner": "word_aligner",
}


def __getattr__(name: str) -> Any:
    if name in _COMPONENTS:
        return getattr(import_module(f"spacy_awesome.pipeline.{_COMPONENTS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_COMPONENTS})
