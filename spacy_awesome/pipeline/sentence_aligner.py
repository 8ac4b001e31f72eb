"""The `sentence_aligner` component: which sentence of a document translates which."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from spacy import util
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model

from spacy_awesome.document_aligner import DocumentAligner
from spacy_awesome.encoders.architecture import encoder_shim
from spacy_awesome.evaluation.beads import score_beads
from spacy_awesome.parallel import get_parallel, sentences_of
from spacy_awesome.retrieval.bead_gains import BeadSettings
from spacy_awesome.sentence_alignment import SentenceAlignment

logger = logging.getLogger("spacy_awesome")


class SentenceAligner(Pipe):
    """Aligns the sentences of a target Doc with those of its source Doc, by BERT-score (Niu et al. 2022).

    Both Docs need sentence boundaries. The component is not trained in a pipeline: its encoder is.

    vocab: the shared vocab.
    model: an encoder of the architecture `spacy_awesome.HFEncoder.v1`.
    settings: how beads are valued.
    monotone: whether both texts have the same order.
    scorer: from examples to scores.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[Any, Any],
        name: str = "sentence_aligner",
        *,
        settings: BeadSettings,
        monotone: bool = True,
        scorer: Callable[..., dict[str, Any]] | None = None,
    ) -> None:
        # Fails here if the model is of another architecture; the encoder itself is loaded when first used.
        encoder_shim(model)
        self.vocab = vocab
        self.model = model
        self.name = name
        self.settings = settings
        self.monotone = monotone
        self.scorer = scorer
        self._aligner: DocumentAligner | None = None
        self._warned = False

    @property
    def aligner(self) -> DocumentAligner:
        """The engine, with the encoder as it is now; the first use loads the encoder."""
        shim = encoder_shim(self.model)
        if self._aligner is None or self._aligner.encoder is not shim.encoder:
            self._aligner = DocumentAligner(
                shim.encoder,
                settings=self.settings,
                monotone=self.monotone,
                max_batch_tokens=shim.max_batch_tokens,
            )
        return self._aligner

    def align(self, source: Doc, target: Doc) -> SentenceAlignment:
        """Align two Docs directly; they are not changed. Raises ValueError if one has no sentence boundaries."""
        left, right = (
            [[token.text for token in sentence] for sentence in sentences_of(doc, side)]
            for doc, side in ((source, "source"), (target, "target"))
        )
        return self.aligner.align(left, right, source_language=source.lang_, target_language=target.lang_)

    def __call__(self, doc: Doc) -> Doc:
        """Align one target Doc with its source. A Doc without a source passes unchanged."""
        try:
            pair = get_parallel(doc)
            if pair is not None:
                pair.sentence_alignment = self.align(pair.source, doc)
            elif not self._warned:
                self._warned = True
                logger.warning(
                    "%s: a Doc without a source passes unaligned; make pairs with spacy_awesome.parallel(). "
                    "(This is said once.)",
                    self.name,
                )
        except Exception as error:
            self.get_error_handler()(self.name, self, [doc], error)
        return doc

    def initialize(self, get_examples: Callable[[], Iterable[Example]], **kwargs: Any) -> None:
        """Load the encoder, so that a wrong name, folder or layer is known before training starts."""
        self.model.initialize()

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        data: bytes = util.to_bytes({"model": self.model.to_bytes}, exclude)
        return data

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> SentenceAligner:
        util.from_bytes(bytes_data, {"model": self.model.from_bytes}, exclude)
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        util.to_disk(path, {"model": self.model.to_disk}, exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> SentenceAligner:
        def load_model(file: Path) -> None:
            self.model.from_disk(file)

        util.from_disk(path, {"model": load_model}, exclude)
        return self


def score_sentence_alignments(examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
    """Strict precision, recall and F1 of beads against those that the reference Docs hold, in [0, 1].

    Examples without gold beads do not count; all are None if no example has any.
    """
    pairs = []
    for example in examples:
        reference, predicted = get_parallel(example.reference), get_parallel(example.predicted)
        gold = None if reference is None else reference.sentence_alignment
        system = None if predicted is None else predicted.sentence_alignment
        if gold is not None and system is not None:
            pairs.append((gold, system))
    scores = score_beads(pairs)
    return {f"beads_{name}": getattr(scores, name) if pairs else None for name in ("f1", "precision", "recall")}


def make_sentence_aligner_scorer() -> Callable[..., dict[str, Any]]:
    """The scorer registered as `spacy_awesome.sentence_aligner_scorer.v1`."""
    return score_sentence_alignments
