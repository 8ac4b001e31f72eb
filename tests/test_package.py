"""What is registered can be resolved, and nothing heavy is imported before it is needed."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
import spacy
from spacy.util import registry

import spacy_awesome
import spacy_awesome.factories
from spacy_awesome.training.objectives import Objective, objectives

GROUPS = {
    "spacy_factories": "factories",
    "spacy_architectures": "architectures",
    "spacy_misc": "misc",
    "spacy_extractions": "extractions",
    "spacy_readers": "readers",
    "spacy_batchers": "batchers",
    "spacy_callbacks": "callbacks",
    "spacy_scorers": "scorers",
    "spacy_cli": "cli",
    "spacy_awesome_objectives": "objectives",
}
OURS = [
    (group, point.name)
    for group in GROUPS
    for point in entry_points(group=group)
    if point.value.startswith("spacy_awesome")
]


def test_every_kind_of_entry_point_is_used() -> None:
    assert {group for group, _ in OURS} == set(GROUPS)


@pytest.mark.parametrize(("group", "name"), OURS)
def test_registered_name_resolves(group: str, name: str) -> None:
    if group == "spacy_factories":
        assert spacy.blank("en").create_pipe(name) is not None
    elif group == "spacy_cli":
        assert callable(registry.cli.get_all()[name])
    elif group == "spacy_awesome_objectives":
        assert issubclass(objectives.get(name), Objective)
    else:
        assert callable(registry.get(GROUPS[group], name))


def test_version_is_that_of_the_distribution() -> None:
    assert spacy_awesome.__version__ == version("spacy-awesome")


def test_blank_pipeline_imports_nothing_heavy() -> None:
    # spacy-transformers' own entry point imports transformers at every spacy.blank(); a stub in its place shows that
    # nothing of ours does.
    script = """
import sys, types
for name in ("spacy_transformers", "spacy_transformers.pipeline_component"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["spacy_transformers.pipeline_component"].make_transformer = None
import spacy
nlp = spacy.blank("en")
nlp.add_pipe("span_projector")
import spacy_awesome
heavy = {"transformers", "datasets", "entmax", "ot", "tokenizers", "scipy"}
ours = ("spacy_awesome.encoders", "spacy_awesome.training", "spacy_awesome.aligners")
print([m for m in sys.modules if m.split(".")[0] in heavy or m.startswith(ours)])
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_package_is_typed() -> None:
    assert (Path(spacy_awesome.__file__).parent / "py.typed").exists()
