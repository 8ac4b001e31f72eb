"""Word aligners of others, to compare with: their own programs and packages, behind one function."""

from spacy_awesome.baselines.aligners import BASELINES, baseline_links
from spacy_awesome.baselines.errors import NotInstalledError

__all__ = ["BASELINES", "NotInstalledError", "baseline_links"]
