"""Rooms import only from rooms below them, names are unambiguous, and what is registered is documented."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "spacy_awesome"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Each room with all rooms that it may import from.
BELOW: dict[str, set[str]] = {
    "tokens": set(),
    "encoders": set(),
    "formats": {"tokens"},
    "extraction": {"tokens", "encoders"},
    "similarity": {"encoders"},
    "sentence_alignment": {"tokens", "similarity"},
    "projection": {"tokens"},
    "aligners": {"tokens", "encoders", "extraction", "sentence_alignment"},
    "evaluation": {"tokens", "encoders", "formats", "similarity"},
    "training": {"tokens", "encoders", "formats", "extraction", "similarity"},
    "pipeline": {
        *("tokens", "encoders", "extraction", "sentence_alignment"),
        *("projection", "aligners", "evaluation", "training"),
    },
    "mining": {"tokens", "encoders", "formats", "similarity", "aligners", "evaluation"},
    "translation": {"encoders", "formats"},
    "transfer": {"tokens", "formats", "translation"},
    "visualize": {"tokens", "formats", "evaluation"},
    "cli": {
        *("tokens", "encoders", "formats", "extraction", "sentence_alignment", "aligners", "evaluation"),
        *("training", "pipeline", "mining", "translation", "transfer", "visualize"),
    },
}
# The public API and the factories stand above the data model and the components.
ROOT_MODULES = {"__init__": {"tokens", "pipeline"}, "factories": {"tokens", "extraction", "pipeline"}}

GROUPS = (
    *("spacy_factories", "spacy_architectures", "spacy_misc", "spacy_extractions", "spacy_readers"),
    *("spacy_batchers", "spacy_callbacks", "spacy_scorers", "spacy_cli", "spacy_awesome_objectives"),
)
ENTRIES = [
    point for group in GROUPS for point in entry_points(group=group) if point.value.split(".")[0] == "spacy_awesome"
]


def statements(node: ast.AST, *, types: bool) -> Iterator[ast.AST]:
    """All nodes of a tree; without `types`, not those that only a type checker sees."""
    for child in ast.iter_child_nodes(node):
        if types or not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from statements(child, types=types)


def imported(path: Path, *, types: bool = True) -> Iterator[str]:
    """The names that a file imports from the package, wherever the statement stands in it."""
    for node in statements(ast.parse(path.read_text(encoding="utf-8")), types=types):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "spacy_awesome")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "spacy_awesome":
            # A name may be a module too: `from spacy_awesome.cli import align`.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(name: str) -> str:
    """The module that an imported name is, or is in."""
    path = PACKAGE.joinpath(*name.split(".")[1:])
    return name if path.is_dir() or path.with_suffix(".py").exists() else name.rpartition(".")[0]


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_every_folder_is_a_room_and_the_root_is_empty() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(BELOW)
    assert {path.stem for path in PACKAGE.glob("*.py")} == set(ROOT_MODULES)


def test_rooms_have_an_order() -> None:
    reached: set[str] = set()
    while ready := {room for room, below in BELOW.items() if room not in reached and below <= reached}:
        reached |= ready
    assert reached == set(BELOW)


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_room_imports_only_from_rooms_below_it(path: Path) -> None:
    parts = path.relative_to(PACKAGE).parts
    allowed = ROOT_MODULES[path.stem] if len(parts) == 1 else BELOW[parts[0]] | {parts[0]}
    for name in imported(path):
        assert name.split(".")[1] in allowed, name


def test_no_modules_import_each_other_in_a_circle() -> None:
    # Imports inside functions count: one that is late because of a circle does not take it away.
    waiting = {
        dotted(path): {module_of(name) for name in imported(path, types=False)} - {dotted(path)} for path in MODULES
    }
    # Of the two halves of one thing, pairs register their attributes when they are made, and attributes read pairs.
    waiting["spacy_awesome.tokens.pair"].discard("spacy_awesome.tokens.extensions")
    while ready := [name for name, needed in waiting.items() if not needed & waiting.keys()]:
        for name in ready:
            del waiting[name]
    assert waiting == {}


def test_no_function_hides_a_module() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        modules = {other.stem for other in path.parent.glob("*.py")} | {
            other.parent.name for other in path.parent.glob("*/__init__.py")
        }
        named = {name for name in imported(path) if module_of(name) != name}
        hidden = modules & {name.rpartition(".")[2] for name in named}
        assert not hidden, f"{path}: {hidden}"


def test_no_file_name_is_given_four_times() -> None:
    names = [path.stem for path in MODULES if path.stem != "__init__"]
    assert [name for name in set(names) if names.count(name) > 3] == []


def test_nothing_in_the_package_imports_what_stands_outside_of_it() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {name.split(".")[0] for name in names} & {"recipe", "benchmarks", "scripts", "tests"}, path


def test_every_kind_of_registered_name_is_checked() -> None:
    assert {point.group for point in ENTRIES} == set(GROUPS)


@pytest.mark.parametrize("point", ENTRIES, ids=lambda point: f"{point.group}:{point.name}")
def test_a_registered_name_resolves_and_is_documented(point: EntryPoint) -> None:
    assert callable(point.load())
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert any(f"`{point.name}`" in page.read_text(encoding="utf-8") for page in pages), (
        f"{point.name} stands in no page"
    )
