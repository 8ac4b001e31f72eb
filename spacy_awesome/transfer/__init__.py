"""Training data for a language without labels, made by projection: which sentences are good enough, and their files."""

from spacy_awesome.transfer.filters import FilterSettings, PairFacts, failed_filters

__all__ = ["FilterSettings", "PairFacts", "failed_filters"]
