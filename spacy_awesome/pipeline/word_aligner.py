"""The `word_aligner` component: which target word translates which source word."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer

from spacy_awesome.aligners.long_text import BeadPairs
from spacy_awesome.aligners.words import PairAligner
from spacy_awesome.encoders.architecture import encoder_shim
from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.finetuning import set_dropout
from spacy_awesome.encoders.sentences import encode_sentences
from spacy_awesome.encoders.tokenization import Subwords
from spacy_awesome.evaluation.alignments import score_links
from spacy_awesome.evaluation.retrieval import Retrieval, retrieval_accuracy
from spacy_awesome.extraction import Extraction
from spacy_awesome.extraction.extractor import LinkExtractor
from spacy_awesome.pipeline.base import NO_SOURCE, READER_ADVICE, Component, ScoreFunction, Scores, predicted_pair
from spacy_awesome.pipeline.settings import WordAlignerSettings
from spacy_awesome.pipeline.transformer_data import transformer_subwords
from spacy_awesome.tokens.pair import Parallel, get_parallel, pair_words
from spacy_awesome.tokens.word_alignment import WordAlignment, WordPair
from spacy_awesome.training.batch import TrainingBatch, training_losses
from spacy_awesome.training.objectives import check_trainable, make_objectives

logger = logging.getLogger("spacy_awesome")


class WordAligner(Component[WordAlignment | None], TrainablePipe):
    """Aligns the words of a target Doc with those of its source Doc (Dou & Neubig 2021).

    Args:
        vocab (Vocab): The shared vocab.
        model (Model): An encoder of the architecture `spacy_awesome.HFEncoder.v1`. The objectives masked_lm and
            translation_lm load it at full depth, with a language model's head, and parallel_identification with a head
            of its own; these are saved with the pipeline.
        name (str): Name of the component in its pipeline.
        extraction (Extraction): The way from similarities to links, registered in
            `spacy_awesome.extraction.extractions`. Self-training and consistency train its probabilities, which must
            then be differentiable.
        settings (WordAlignerSettings | None): All other options; None is the defaults.
        scorer (Callable[[Iterable[Example]], dict] | None): Computes the scores.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[Any, Any],
        name: str = "word_aligner",
        *,
        extraction: Extraction,
        settings: WordAlignerSettings | None = None,
        scorer: ScoreFunction | None = None,
    ) -> None:
        super().__init__(name, scorer=scorer)
        self.settings = settings = settings or WordAlignerSettings()
        self.vocab, self.model = vocab, model
        self.cfg: dict[str, Any] = {}
        self.objectives = {"self_training": 1.0} if settings.objectives is None else dict(settings.objectives)
        temperature = settings.contrastive_temperature
        self._objectives = make_objectives(
            self.objectives, **({} if temperature is None else {"temperature": temperature})
        )
        if settings.objectives is not None:
            check_trainable(self._objectives, extraction)
        shim = encoder_shim(model)
        shim.language_model = any(objective.language_model for objective in self._objectives.values())
        shim.parallel_head = any(objective.parallel_head for objective in self._objectives.values())
        self.generator = PicklableGenerator()
        self.generator.manual_seed(settings.seed)
        self.extraction = extraction
        self._options: dict[str, Any] = {
            "threshold": settings.threshold,
            "scale": settings.scale,
            "distortion": settings.distortion,
            "symmetrization": settings.symmetrization,
        }
        # Whether training has met a pair.
        self._paired = False
        self._aligner: PairAligner | None = None

    @property
    def aligner(self) -> PairAligner:
        """The engine, with the encoder as it is now; the first use loads the encoder."""
        shim = encoder_shim(self.model)
        if self._aligner is None or self._aligner.encoder is not shim.encoder:
            extractor = LinkExtractor.for_encoder(shim.encoder.defaults, self.extraction, **self._options)
            self._aligner = PairAligner(shim.encoder, extractor, max_batch_tokens=shim.max_batch_tokens)
        return self._aligner

    def align(self, pairs: Iterable[tuple[Doc, Doc]]) -> list[WordAlignment]:
        """Align (source Doc, target Doc) pairs directly. The Docs are not changed.

        A target Doc whose sentences are aligned with those of this source is aligned bead by bead.
        """
        beads = BeadPairs(pairs)
        side = self._known_or_words() if self.settings.reuse_trf_data else _words
        return list(beads.joined(self.aligner.align((side(source), side(target)) for source, target in beads.spans())))

    def align_words(self, pairs: Iterable[WordPair]) -> Iterator[WordAlignment]:
        """Align (source words, target words) pairs, lazily and in order; however many, memory stays flat."""
        return self.aligner.align(pairs)

    def similarity(self, source: Sequence[str], target: Sequence[str]) -> npt.NDArray[np.float32]:
        """Link probability of every pair of words, (source words, target words)."""
        return self.aligner.similarity(source, target)

    def predict(self, docs: Iterable[Doc]) -> list[WordAlignment | None]:
        """One alignment for each target Doc; None for a Doc without a source."""
        docs = list(docs)
        pairs = [(pair.source, doc) for doc in docs if (pair := get_parallel(doc)) is not None]
        if len(pairs) < len(docs):
            self.warn_once("SA01", f"{self.name}: {NO_SOURCE}")
        alignments = iter(self.align(pairs) if pairs else ())
        return [None if get_parallel(doc) is None else next(alignments) for doc in docs]

    def set_annotations(self, docs: Iterable[Doc], alignments: Iterable[WordAlignment | None]) -> None:
        """Write each alignment to its Doc's pair."""
        for doc, alignment in zip(docs, alignments):
            pair = get_parallel(doc)
            if pair is not None and alignment is not None:
                pair.alignment = alignment

    def initialize(self, get_examples: Callable[[], Iterable[Example]], *, nlp: Language | None = None) -> None:
        """Load the encoder, so that a wrong name, folder or layer is known before training starts."""
        self.generator.manual_seed(self.settings.seed)
        self.load_training_state({})
        self.model.initialize()
        logger.info("%s: encoder ready at layer %d.", self.name, self.aligner.encoder.layer)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """One training step on pairs; links that the reference Docs hold are taken as given.

        Gradients are summed; `finish_update` takes their mean over all pairs since the last step. So a batch counts the
        same in several pieces (spaCy's `accumulate_gradient`) as in one.
        Raises ValueError if the weights are in half precision, or the extraction has no gradient to train by.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        aligner, shim = self.aligner, encoder_shim(self.model)
        if shim.precision not in ("float32", "mixed"):
            raise ValueError(
                f"{self.name}: training needs weights in float32, got {shim.precision}; "
                'set precision = "float32" or "mixed" in [components.word_aligner.model] and lower it for prediction.'
            )
        check_trainable(self._objectives, self.extraction)
        words, gold = _training_pairs(examples)
        self._paired = self._paired or bool(words)
        if not self._paired:
            raise ValueError(
                f"{self.name}: expected examples with a source to learn from, got a batch without any. "
                f"{READER_ADVICE}, "
                f"or name {self.name} in training.frozen_components."
            )
        objectives = list(self._objectives.values())
        if all(objective.needs_gold for objective in objectives) and all(links is None for links in gold):
            message = f"{self.name}: no example of this batch has links to learn from; give the corpus reader `links`."
            self.warn_once("SA04", message)
        encoder = aligner.encoder
        sides = encoder.tokenizer([side for pair in words for side in pair])
        pairs = list(zip(sides[::2], sides[1::2]))
        batch = TrainingBatch(encoder, aligner.extractor, pairs, gold, self.generator, shim.max_batch_tokens)
        set_dropout(encoder, drop)
        encoder.train()
        try:
            for loss in training_losses(batch, objectives):
                if loss.requires_grad:
                    loss.backward()
                losses[self.name] += float(loss.detach())
        finally:
            encoder.eval()
        shim.summed_losses += len(pairs)
        if sgd is not None:
            self.finish_update(sgd)
        return losses

    def _known_or_words(self) -> Callable[[Span], Subwords | list[str]]:
        encoder = self.aligner.encoder

        @lru_cache(maxsize=2)  # of a pair's many beads, each Doc is read once
        def known(doc: Doc) -> Subwords | None:
            return transformer_subwords(doc, layer=encoder.layer, width=encoder.width)

        def side(part: Span) -> Subwords | list[str]:
            subwords = known(part.doc)
            return _words(part) if subwords is None else subwords.of_words(part.start, part.end)

        return side

    def training_state(self) -> dict[str, dict[str, torch.Tensor]]:
        """What each training objective remembers of earlier batches, for a checkpoint."""
        return {name: objective.state() for name, objective in self._objectives.items()}

    def load_training_state(self, state: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        """Take over a saved state; objectives that it does not hold start anew."""
        for name, objective in self._objectives.items():
            objective.load_state(state.get(name, {}))

    def finish_update(self, sgd: Optimizer) -> None:
        """Apply the collected gradients."""
        self.model.finish_update(sgd)

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Scores:
        """The scorer's figures; in contrastive training `retrieval_accuracy` too, among all pairs, in [0, 1].

        It needs no gold links, but two pairs at least: None otherwise.
        """
        examples = list(examples)
        scores = dict(super().score(examples, **kwargs))
        if any(objective.compares_all_pairs for objective in self._objectives.values()):
            words, _ = _training_pairs(examples)
            scores["retrieval_accuracy"] = _retrieval_accuracy(self.aligner.encoder, words)
        return scores


class PicklableGenerator(torch.Generator):
    """A generator whose state a spawned process gets as bytes.

    torch's own is pickled as a tensor that exists only meanwhile. For another process that is shared memory, whose file
    is closed before the process has opened it.
    """

    def __reduce__(self) -> Any:  # type: ignore[override]
        return _generator, (self.get_state().numpy().tobytes(),)


def _generator(state: bytes) -> PicklableGenerator:
    generator = PicklableGenerator()
    generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
    return generator


def score_word_alignments(examples: Iterable[Example], **kwargs: Any) -> Scores:
    """Alignment error rate, precision, recall and F1 against the links that the reference Docs hold, in [0, 1].

    Examples without gold links do not count; all are None if no example has any.
    Raises ValueError at an example whose reader has lost the source.
    """
    pairs = []
    for example in examples:
        system = predicted_pair(example)
        gold = None if system is None else _gold_links(example, system)
        if gold is not None and system is not None and system.alignment is not None:
            pairs.append((gold, system.alignment))
    names = ("aer", "precision", "recall", "f1")
    scores = score_links(pairs)
    return {f"alignment_{name}": getattr(scores, name) if pairs else None for name in names}


def make_word_aligner_scorer() -> ScoreFunction:
    """The scorer registered as `spacy_awesome.word_aligner_scorer.v1`."""
    return score_word_alignments


def _words(part: Span) -> list[str]:
    return [token.text for token in part]


def _training_pairs(examples: Iterable[Example]) -> tuple[list[WordPair], list[WordAlignment | None]]:
    words: list[WordPair] = []
    gold: list[WordAlignment | None] = []
    for example in examples:
        pair = predicted_pair(example)
        if pair is not None:
            words.append(pair_words(example.predicted))
            gold.append(_gold_links(example, pair))
    return words, gold


def _retrieval_accuracy(encoder: SubwordEncoder, pairs: Sequence[WordPair]) -> float | None:
    if len(pairs) < 2:
        return None
    source, target = (encode_sentences(encoder, [pair[side] for pair in pairs]) for side in (0, 1))
    return retrieval_accuracy(Retrieval().scores(source, target, device=str(encoder.device))).accuracy


def _gold_links(example: Example, pair: Parallel) -> WordAlignment | None:
    """The links that the reference Doc holds, which must be over the words of the predicted pair."""
    reference = get_parallel(example.reference)
    gold = None if reference is None else reference.alignment
    lengths = (len(pair.source), len(example.predicted))
    if gold is not None and (gold.source_length, gold.target_length) != lengths:
        raise ValueError(
            f"The reference's links are over {gold.source_length} source and {gold.target_length} target words, but "
            f"the Docs to be aligned have {lengths[0]} and {lengths[1]} tokens. Make both from the same words, or move "
            "the links over with spacy_awesome.attach_alignment()."
        )
    return gold
