"""The training objectives: one class, and one file with its equation, for each.

A new objective is one file with a class derived from `Objective`, and one line in the entry points of its distribution;
its name there is the one that `objectives` of the word aligner knows it by:

    [project.entry-points.spacy_awesome_objectives]
    my_objective = "my_package.my_objective:MyObjective"
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import catalogue
import torch
from torch import Tensor

from spacy_awesome.extraction import Extraction, extraction_methods
from spacy_awesome.training.batch import SentencePart, SentenceRun

if TYPE_CHECKING:
    from spacy_awesome.training.batch import Run

objectives = catalogue.create("spacy_awesome", "objectives", entry_points=True)


@dataclass(eq=False)
class Objective(ABC):
    """One training objective: what it needs, and its loss.

    Attributes:
        weight: The factor of its loss, 0 or more.
        run: The kind of run that it is computed from; objectives of one kind share their runs of the encoder.
        language_model: Whether it needs the encoder at full depth with a language model's head.
        parallel_head: Whether it needs the head that tells translations from other pairs.
        needs_links: Whether it needs A, the links of the model or of a pair's gold alignment.
        needs_gold: Whether it learns nothing from pairs without a gold alignment.
        needs_gradient: Whether it trains the probabilities that the extraction method gives.
        compares_all_pairs: Whether it compares all sentences of a batch, whatever the token budget is.
    """

    weight: float = 1.0
    run: ClassVar[type[Run]]
    language_model: ClassVar[bool] = False
    parallel_head: ClassVar[bool] = False
    needs_links: ClassVar[bool] = False
    needs_gold: ClassVar[bool] = False
    needs_gradient: ClassVar[bool] = False
    compares_all_pairs: ClassVar[bool] = False

    @abstractmethod
    def loss(self, run: Any) -> Tensor:
        """The loss of a run, without the weight, summed over its pairs."""

    def state(self) -> dict[str, Tensor]:
        """What it remembers of earlier batches, for a checkpoint."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:  # noqa: B027 - most remember nothing
        """Take over a saved state; an empty one is that of a new objective."""


class LinkObjective(Objective):
    """An objective on the vectors of each pair by itself; all of them share their runs of the encoder."""

    run = SentenceRun

    @abstractmethod
    def pair_losses(self, part: SentencePart) -> Tensor:
        """The loss of each pair, (batch,); (0,) if there is nothing to learn from: the encoder is then not run."""

    def loss(self, run: SentenceRun) -> Tensor:
        return torch.cat([self.pair_losses(part) for part in run.parts]).sum()


def make_objectives(weights: Mapping[str, float], **options: Any) -> dict[str, Objective]:
    """The objectives of a configuration, those of weight 0 left out, by name and in the order of their names.

    Args:
        weights: The weight of each objective, by its registered name.
        options: Settings for those of the objectives that have such a field.

    Raises:
        ValueError: An objective is unknown, a weight is negative, or none is above 0.
    """
    unknown = sorted(name for name in weights if name not in objectives)
    if unknown:
        known = ", ".join(sorted(objectives.get_all()))
        raise ValueError(f"Unknown training objective {unknown[0]!r}; expected some of: {known}.")
    if any(weight < 0 for weight in weights.values()) or not any(weights.values()):
        raise ValueError(f"Expected objectives with weights of 0 or more, one of them above 0; got {dict(weights)}.")
    made = {}
    for name, weight in sorted(weights.items()):
        if weight:
            kind = objectives.get(name)
            settings = {field.name for field in fields(kind)} & options.keys()
            made[name] = kind(weight=weight, **{setting: options[setting] for setting in settings})
    return made


def check_trainable(made: Mapping[str, Objective], extraction: Extraction) -> None:
    """Raise ValueError if an objective trains probabilities that a gradient cannot follow."""
    untrainable = [name for name, objective in made.items() if objective.needs_gradient]
    if untrainable and not extraction.differentiable:
        known = ", ".join(sorted(name for name, method in extraction_methods().items() if method.differentiable))
        raise ValueError(
            f"{' and '.join(untrainable)} would train the probabilities of {extraction!r}, which no gradient can "
            f"follow; expected an extraction that can be trained ({known}), or other objectives."
        )
