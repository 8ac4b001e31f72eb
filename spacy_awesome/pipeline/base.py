"""The shape that all components share: `predict` is pure, `set_annotations` writes, errors lose one Doc and no more."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from spacy import util
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.training import Example

from spacy_awesome.tokens.checks import WarnOnce, wrong_setting
from spacy_awesome.tokens.pair import Parallel, get_parallel

logger = logging.getLogger("spacy_awesome")

Scores = dict[str, Any]
ScoreFunction = Callable[..., Scores]
Prediction = TypeVar("Prediction")

NO_SOURCE = "a Doc without a source passes unaligned; make pairs with spacy_awesome.parallel()."
READER_ADVICE = (
    'Read pairs with @readers = "spacy_awesome.ParallelCorpus.v1" in [corpora.train] and [corpora.dev] '
    "(spaCy's own reader loses the source), or make them with spacy_awesome.parallel()"
)


class Component(Pipe, Generic[Prediction]):
    """Base of the components. A subclass says what it predicts for Docs, and how that is written to them.

    Errors are those of spaCy: the error handler gets the component's name, the component, the Docs and the error, and
    Docs that it takes without raising are dropped from the stream. A batch whose prediction fails is predicted again
    Doc by Doc, and each Doc is written by itself, so that only those are lost that fail themselves.

    A component with a model saves it, and nothing else: settings are in the pipeline's configuration.

    Args:
        name (str): Name of the component in its pipeline.
        scorer (Callable[..., dict[str, Any]] | None): Computes the scores of examples; None scores nothing.

    Raises ValueError if the scorer is something else.
    """

    def __init__(self, name: str, *, scorer: ScoreFunction | None = None) -> None:
        if scorer is not None and not callable(scorer):
            expected = 'a scorer such as {"@scorers": "spacy.ner_scorer.v1"}, or none'
            raise ValueError(f"{name}: {wrong_setting('scorer', expected, scorer)}")
        self.name = name
        self.scorer = scorer
        self.warn_once = WarnOnce()

    @abstractmethod
    def predict(self, docs: Iterable[Doc]) -> Sequence[Prediction]:
        """What is to be written to each Doc. Changes none of them."""

    @abstractmethod
    def set_annotations(self, docs: Iterable[Doc], predictions: Iterable[Prediction]) -> None:
        """Write what was predicted. Nothing else writes to a Doc."""

    # spaCy's stub leaves out that a Doc may be dropped.
    def __call__(self, doc: Doc) -> Doc | None:  # type: ignore[override]
        """Process one Doc. Returns None if an error handler took it without raising."""
        try:
            self.set_annotations([doc], self.predict([doc]))
        except Exception as error:
            self.get_error_handler()(self.name, self, [doc], error)
            return None
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Process a stream of Docs. Of a batch with a bad Doc, all others come through."""
        for docs in util.minibatch(stream, size=batch_size):
            docs = list(docs)
            try:
                predictions = self.predict(docs)
            except Exception:
                logger.debug("%s: a batch of %d failed; its Docs go one by one.", self.name, len(docs), exc_info=True)
                yield from (doc for doc in map(self, docs) if doc is not None)
                continue
            for doc, prediction in zip(docs, predictions, strict=True):
                try:
                    self.set_annotations([doc], [prediction])
                except Exception as error:
                    self.get_error_handler()(self.name, self, [doc], error)
                else:
                    yield doc

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Scores:
        """The scorer's figures; none without a scorer."""
        return {} if self.scorer is None else self.scorer(examples, **kwargs)

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The model, if there is one; `exclude` takes its name, "model"."""
        model = getattr(self, "model", None)
        data: bytes = util.to_bytes({} if model is None else {"model": model.to_bytes}, exclude)
        return data

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> Self:
        model = getattr(self, "model", None)
        util.from_bytes(bytes_data, {} if model is None else {"model": model.from_bytes}, exclude)
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the model into a folder; without a model there is none."""
        model = getattr(self, "model", None)
        if model is not None:
            util.to_disk(path, {"model": model.to_disk}, exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> Self:
        model = getattr(self, "model", None)
        if model is not None:
            util.from_disk(path, {"model": model.from_disk}, exclude)
        return self


def predicted_pair(example: Example) -> Parallel | None:
    """The pair that the predicted Doc of an example holds; None if neither of its Docs has one.

    Raises ValueError if the reference has a pair and the predicted Doc has not: such examples come from a reader that
    loses it, and would be scored as if nothing had been found.
    """
    pair = get_parallel(example.predicted)
    if pair is None and get_parallel(example.reference) is not None:
        raise ValueError(
            "Expected the predicted Doc of an example with its source, got it without, though the reference has one: "
            f"{example.reference.text.strip()[:60]!r}. {READER_ADVICE}."
        )
    return pair
