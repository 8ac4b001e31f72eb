"""Annotations across languages inside spaCy: align words, project spans."""

from spacy_awesome.alignment import WordAlignment, symmetrize
from spacy_awesome.attach_alignment import attach_alignment
from spacy_awesome.errors import SpacyAwesomeWarning
from spacy_awesome.extensions import register_extensions
from spacy_awesome.parallel import Parallel, parallel, parallel_stream
from spacy_awesome.sentence_alignment import SentenceAlignment

__version__ = "0.1.0"
__all__ = [
    "Parallel",
    "SentenceAlignment",
    "SpacyAwesomeWarning",
    "WordAlignment",
    "attach_alignment",
    "parallel",
    "parallel_stream",
    "register_extensions",
    "symmetrize",
]
