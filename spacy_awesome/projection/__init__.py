"""Carrying spans along word links: candidates, assignment, filters. Nothing here knows spaCy."""

from spacy_awesome.projection.project import Outcome, project_spans
from spacy_awesome.projection.record import Projection
from spacy_awesome.projection.tokenisation import retokenize_alignment, word_offsets

__all__ = ["Outcome", "Projection", "project_spans", "retokenize_alignment", "word_offsets"]
