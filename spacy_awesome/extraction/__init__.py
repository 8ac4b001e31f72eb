"""From subword vectors to links: similarity, the extraction methods, and subwords to words. Tensors only, no spaCy.

A new method is one file with a class derived from `Extraction`, and one line in the entry points of its distribution:

    [project.entry-points.spacy_extractions]
    "my_package.my_method.v1" = "my_package.my_method:MyMethod"
"""

from __future__ import annotations

import catalogue

from spacy_awesome.extraction.method import Extraction

# spaCy's own namespace, so that its configurations reach it as `@extractions`.
extractions = catalogue.create("spacy", "extractions", entry_points=True)

_PREFIX, _SUFFIX = "spacy_awesome.", ".v1"


def find_extraction(name: str) -> tuple[str, type[Extraction]]:
    """The registered name and the class of an extraction method.

    Args:
        name: A registered name, or what stands between "spacy_awesome." and ".v1" in one, such as "entmax".

    Raises:
        ValueError: There is no such method; the message names all.
    """
    for registered in (name, f"{_PREFIX}{name}{_SUFFIX}"):
        if registered in extractions:
            return registered, extractions.get(registered)
    raise ValueError(f"Unknown extraction {name!r}; expected one of: {', '.join(sorted(extraction_methods()))}.")


def extraction_methods() -> dict[str, type[Extraction]]:
    """All registered methods, by the shortest names that `find_extraction` knows them by."""
    return {
        name.removeprefix(_PREFIX).removesuffix(_SUFFIX) if name.startswith(_PREFIX) else name: method
        for name, method in extractions.get_all().items()
    }
