"""Word aligners of others, to compare with: their own programs and packages, behind one function."""

from recipe.baselines.aligners import BASELINES, baseline_links
from recipe.baselines.errors import NotInstalledError

__all__ = ["BASELINES", "NotInstalledError", "baseline_links"]
