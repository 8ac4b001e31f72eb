"""What spaCy's training loop was told by the pipeline, to tell it again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.training import Example


class LoopRecord:
    """Stands between spaCy's training loop and a pipeline: keeps losses and scores, or gives those of an earlier run.

    While it replays, nothing is computed and no model is written. The loop has no other way of knowing where it stands
    than these answers, so that its epochs, schedules and patience come out as they were.

    step: where the loop is; to be set before each step.
    replaying: whether the loop gets recorded answers instead of the pipeline's.
    output: the folder that the loop saves models in; None until it has done so.
    """

    def __init__(self) -> None:
        self.step = 0
        self.replaying = False
        self.output: Path | None = None
        # Both as they stood after an evaluation's step, when the loop shows them.
        self._scores: dict[int, dict[str, Any]] = {}
        self._shown_losses: dict[int, dict[str, float]] = {}
        # The loop's own dictionary, which it sums losses up in until it shows them.
        self._losses: dict[str, float] = {}

    def attach(self, nlp: Language) -> None:
        """Stand before `update`, `evaluate` and `to_disk` of a pipeline."""
        update, evaluate, to_disk = nlp.update, nlp.evaluate, nlp.to_disk

        def recorded_update(
            examples: Iterable[Example], *, losses: dict[str, float] | None = None, **options: Any
        ) -> dict[str, float]:
            losses = {} if losses is None else losses
            if self.replaying:
                losses.update(self._shown_losses.get(self.step, self._losses))
                return losses
            self._losses = losses
            update(examples, losses=losses, **options)
            return losses

        def recorded_evaluate(examples: Iterable[Example], **options: Any) -> dict[str, Any]:
            if not self.replaying:
                self._scores[self.step] = evaluate(examples, **options)
                self._shown_losses[self.step] = dict(self._losses)
            return self._scores[self.step]

        def recorded_to_disk(path: str | Path, **options: Any) -> None:
            self.output = Path(path).parent
            if self.replaying:
                # The loop goes on to copy this folder.
                Path(path).mkdir(exist_ok=True)
            else:
                to_disk(path, **options)

        # Attributes of the object stand before the methods of its class.
        vars(nlp).update(update=recorded_update, evaluate=recorded_evaluate, to_disk=recorded_to_disk)

    def to_json(self) -> dict[str, Any]:
        """All answers so far, as what JSON can hold."""
        return {
            "evaluations": [[step, scores, self._shown_losses[step]] for step, scores in self._scores.items()],
            "losses": self._losses,
        }

    def from_json(self, record: dict[str, Any]) -> None:
        """Take over the answers of an earlier run."""
        self._scores = {step: scores for step, scores, _ in record["evaluations"]}
        self._shown_losses = {step: losses for step, _, losses in record["evaluations"]}
        self._losses = record["losses"]
