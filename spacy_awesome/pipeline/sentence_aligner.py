"""The `sentence_aligner` component: which sentence of a document translates which."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model

from spacy_awesome.aligners.sentences import DocumentAligner
from spacy_awesome.encoders.architecture import encoder_shim
from spacy_awesome.evaluation.alignments import score_beads
from spacy_awesome.pipeline.base import NO_SOURCE, Component, ScoreFunction, Scores, predicted_pair
from spacy_awesome.pipeline.settings import SentenceAlignerSettings
from spacy_awesome.tokens.pair import get_parallel, sentences_of
from spacy_awesome.tokens.sentence_alignment import SentenceAlignment


class SentenceAligner(Component[SentenceAlignment | None]):
    """Aligns the sentences of a target Doc with those of its source Doc, by BERT-score (Niu et al. 2022).

    Both Docs need sentence boundaries. The component is not trained in a pipeline: its encoder is.

    Args:
        vocab (Vocab): The shared vocab.
        model (Model): An encoder of the architecture `spacy_awesome.HFEncoder.v1`.
        name (str): Name of the component in its pipeline.
        settings (SentenceAlignerSettings | None): All other options; None is the defaults.
        scorer (Callable[[Iterable[Example]], dict] | None): Computes the scores.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[Any, Any],
        name: str = "sentence_aligner",
        *,
        settings: SentenceAlignerSettings | None = None,
        scorer: ScoreFunction | None = None,
    ) -> None:
        super().__init__(name, scorer=scorer)
        # Fails here if the model is of another architecture; the encoder itself is loaded when first used.
        encoder_shim(model)
        self.vocab = vocab
        self.model = model
        self.settings = settings or SentenceAlignerSettings()
        self._aligner: DocumentAligner | None = None

    @property
    def aligner(self) -> DocumentAligner:
        """The engine, with the encoder as it is now; the first use loads the encoder."""
        shim = encoder_shim(self.model)
        if self._aligner is None or self._aligner.encoder is not shim.encoder:
            self._aligner = DocumentAligner(
                shim.encoder,
                settings=self.settings,
                monotone=self.settings.monotone,
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

    def predict(self, docs: Iterable[Doc]) -> list[SentenceAlignment | None]:
        """One sentence alignment for each target Doc; None for a Doc without a source."""
        return [self._align(doc) for doc in docs]

    def set_annotations(self, docs: Iterable[Doc], predictions: Iterable[SentenceAlignment | None]) -> None:
        """Write each sentence alignment to its Doc's pair."""
        for doc, alignment in zip(docs, predictions, strict=True):
            pair = get_parallel(doc)
            if pair is not None and alignment is not None:
                pair.sentence_alignment = alignment

    def initialize(self, get_examples: Callable[[], Iterable[Example]], **kwargs: Any) -> None:
        """Load the encoder, so that a wrong name, folder or layer is known before training starts."""
        self.model.initialize()

    def _align(self, doc: Doc) -> SentenceAlignment | None:
        pair = get_parallel(doc)
        if pair is None:
            self.warn_once("SA01", f"{self.name}: {NO_SOURCE}")
            return None
        return self.align(pair.source, doc)


def score_sentence_alignments(examples: Iterable[Example], **kwargs: Any) -> Scores:
    """Strict precision, recall and F1 of beads against those that the reference Docs hold, in [0, 1].

    Examples without gold beads do not count; all are None if no example has any.
    Raises ValueError at an example whose reader has lost the source.
    """
    pairs = []
    for example in examples:
        reference, predicted = get_parallel(example.reference), predicted_pair(example)
        gold = None if reference is None else reference.sentence_alignment
        system = None if predicted is None else predicted.sentence_alignment
        if gold is not None and system is not None:
            pairs.append((gold, system))
    scores = score_beads(pairs)
    return {f"beads_{name}": getattr(scores, name) if pairs else None for name in ("f1", "precision", "recall")}


def make_sentence_aligner_scorer() -> ScoreFunction:
    """The scorer registered as `spacy_awesome.sentence_aligner_scorer.v1`."""
    return score_sentence_alignments
