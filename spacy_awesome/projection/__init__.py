"""Spans projected along word links: candidates, assignment, filters. Nothing here knows spaCy."""

from spacy_awesome.projection.spans import Outcome, project_spans

__all__ = ["Outcome", "project_spans"]
