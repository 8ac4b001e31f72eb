"""Documents as sentences of words to sentence alignments: the engine behind the `sentence_aligner` component."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import torch

from spacy_awesome.encoders.encoder import SubwordEncoder
from spacy_awesome.encoders.sentences import encode_sentences, split_lines
from spacy_awesome.sentence_alignment import BeadSettings
from spacy_awesome.sentence_alignment.gains import BeadScorer, align_in_order, align_reordered, frozen_bead_biases
from spacy_awesome.sentence_alignment.scores import DocumentPair, TextVectors, pair_documents, unit_vectors
from spacy_awesome.tokens.sentence_alignment import SentenceAlignment

Sentences = Sequence[Sequence[str]]


class DocumentAligner:
    """Aligns the sentences of documents with those of their translations.

    encoder: words to subword vectors.
    settings: how beads are valued.
    monotone: whether both texts have the same order; if not, it takes time in proportion to the product of the lengths.
    max_batch_tokens: padded subwords that the encoder sees at once.
    """

    def __init__(
        self,
        encoder: SubwordEncoder,
        *,
        settings: BeadSettings,
        monotone: bool = True,
        max_batch_tokens: int = 4096,
    ) -> None:
        self.encoder = encoder
        self.settings = settings
        self.monotone = monotone
        self.max_batch_tokens = max_batch_tokens
        self._backgrounds: dict[str, list[TextVectors]] = {}

    def align(
        self, source: Sentences, target: Sentences, *, source_language: str = "", target_language: str = ""
    ) -> SentenceAlignment:
        """The beads of a document and its translation.

        source, target: sentences of words; an empty sentence is in a bead without a translation.
        source_language, target_language: codes like "en", for the choice of text that is surely no translation; a
            document of a few sentences needs it more than a long one.
        """
        # Together, because sentences of like length share a run of the encoder.
        both = self._vectors([*source, *target])
        left, right = both[: len(source)], both[len(source) :]
        # Text in the language of one side is what the other side would find its translation in.
        biases = frozen_bead_biases(
            left,
            right,
            source_background=self._background(source_language, other=target_language),
            target_background=self._background(target_language, other=source_language),
            max_sentences=self.settings.max_sentences,
        )
        scorer = BeadScorer(left, right, biases, self.settings)
        found = align_in_order(scorer) if self.monotone else align_reordered(scorer)
        return SentenceAlignment(
            [bead for bead, _ in found],
            [score for _, score in found],
            source_length=len(left),
            target_length=len(right),
        )

    def pair(self, source: Sequence[Sentences], target: Sequence[Sentences]) -> list[DocumentPair]:
        """Which documents of two collections translate each other, to be aligned then. Reads all of both."""
        return pair_documents(*([self._vectors(document) for document in side] for side in (source, target)))

    def _vectors(self, sentences: Sentences) -> TextVectors:
        found = encode_sentences(self.encoder, sentences, max_tokens=self.max_batch_tokens, dtype=torch.float32)
        return TextVectors(unit_vectors(found.values.numpy()), found.lengths.numpy())

    def _background(self, language: str, *, other: str) -> list[TextVectors]:
        """Unrelated text in a language, or in all that there is but the other side's if that one is not there."""
        texts = _background_texts()
        chosen = [language] if language in texts else [name for name in texts if name != other]
        return [part for name in chosen for part in self._background_parts(name)]

    def _background_parts(self, language: str) -> list[TextVectors]:
        if language not in self._backgrounds:
            text = self._vectors(split_lines(_background_texts()[language]))
            size = self.settings.max_sentences
            self._backgrounds[language] = [text[start : start + size] for start in range(0, len(text), size)]
        return self._backgrounds[language]


@cache
def _background_texts() -> dict[str, list[str]]:
    """Sentences about nothing in particular, none the translation's neighbour of another, for each language."""
    text = files("spacy_awesome.aligners").joinpath("background.json").read_text(encoding="utf-8")
    texts: dict[str, list[str]] = json.loads(text)
    return texts
