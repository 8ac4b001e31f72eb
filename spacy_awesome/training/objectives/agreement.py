"""Cross-entropy of alignment probabilities towards the links on which two aligners agree."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spacy_awesome.training.batch import SentencePart
from spacy_awesome.training.objectives import LinkObjective
from spacy_awesome.training.objectives.cross_entropy import alignment_cross_entropy


@dataclass(eq=False)
class Agreement(LinkObjective):
    """Cross-entropy towards a pair's sure links, and towards those possible links that the current model finds too.

    For links of another aligner, such as eflomal: sure where both of its directions agree, possible where one has found
    them. The two aligners err in different places, and the model's own opinion costs nothing: it is read off the run
    that is trained, without gradient.
    """

    needs_gold = True

    def pair_losses(self, part: SentencePart) -> Tensor:
        if all(links is None for links in part.gold):
            return torch.zeros(0)
        # Outside of no_grad: they are kept for all objectives, with their gradient.
        vectors, probabilities = part.vectors, part.probabilities
        with torch.no_grad():
            found = part.own_words(*vectors, probabilities)
            links = part.sure_words + part.gold_words * (1 - part.sure_words) * found
        source, target = (side.words.masked_fill(~side.mask, -1) for side in vectors)
        return alignment_cross_entropy(part.subwords.logits, links, source, target)
