"""Word aligners of others, to compare with: their own programs and packages, behind one function."""

from spacy_awesome.baselines.aligners import BASELINES, NotInstalledError, baseline_links

__all__ = ["BASELINES", "NotInstalledError", "baseline_links"]
