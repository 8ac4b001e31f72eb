"""Translations of sentences, one line out for each line in: from a file, by Apertium, by a Hugging Face model."""

from spacy_awesome.translation.cached import translate
from spacy_awesome.translation.engines import ENGINES, TranslationEngine, make_engine

__all__ = ["ENGINES", "TranslationEngine", "make_engine", "translate"]
