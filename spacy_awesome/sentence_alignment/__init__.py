"""Which sentences of two texts translate each other: scores, gains and the best path. Arrays only, no spaCy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from spacy_awesome.tokens.checks import NonNegative, Number, Settings

# Sentences of the shortest text of background.json: no longer bead could be compared with it.
_BACKGROUND_SENTENCES = 9


@dataclass(frozen=True)
class BeadSettings(Settings):
    """What beads are worth: min(|I|, r·|J|) · (S − min_score), for a normalised BERT-score S of |I| and |J| subwords.

    The length of the shorter side, and not of both, or a bead would win by taking in what has no translation. r is the
    ratio of both texts' lengths: one language may need more subwords than the other to say the same. The
    defaults were fitted with the bundled encoder (docs/documents.md).

    Attributes:
        max_sentences (int): Maximum number of sentences of a bead on each side.
        alpha (float): α of the normalisation.
        min_score (float): Score at which a bead is worth as much as leaving its sentences without a translation.
        gap_cost (float): What each sentence without a translation costs, in subwords of a perfect bead.

    Raises ValueError at anything else.
    """

    max_sentences: Annotated[
        int,
        Field(
            ge=1,
            le=_BACKGROUND_SENTENCES,
            description=f"a whole number of sentences from 1 to {_BACKGROUND_SENTENCES} (3 is usual)",
        ),
    ] = 3
    alpha: Annotated[Number, Field(description="a finite number (0.75 is usual, 0 is no normalization)")] = 0.75
    min_score: Annotated[Number, Field(description="a finite number, in units of the normalized score")] = 0.05
    gap_cost: Annotated[NonNegative, Field(description="a finite number of 0 or more")] = 0.0
