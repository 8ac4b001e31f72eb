"""`spacy_awesome.batch_by_pair_length.v1`: batches of training pairs that waste little on padding."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from spacy.training import Example

from spacy_awesome.encoders.batching import batches_by_length
from spacy_awesome.parallel import require_parallel

logger = logging.getLogger("spacy_awesome")


def create_pair_batcher(
    size: int, buffer: int = 1024, discard_oversize: bool = False, seed: int = 0
) -> Callable[[Iterable[Example]], Iterator[list[Example]]]:
    """Batch pairs of like length, as many as fit into a budget of words.

    size: words of a batch, all its sentences of both sides padded to the longest of them.
    buffer: so many pairs are gathered, sorted into batches by length, and these given in random order.
    discard_oversize: leave out pairs that exceed the budget alone; otherwise each is a batch of its own.
    seed: of the order of batches. Each call starts from it anew: the same pairs always come in the same batches.
    Raises ValueError at a size or buffer below 1, and at an Example without a source.
    """
    if size < 1 or buffer < 1:
        raise ValueError(f"Expected a size and a buffer of at least 1, got size={size} and buffer={buffer}.")

    def batches(examples: Iterable[Example]) -> Iterator[list[Example]]:
        rng, stream, discarded = random.Random(seed), iter(examples), 0
        while pairs := list(islice(stream, buffer)):
            found = [
                [pairs[row] for row in rows]
                for rows in batches_by_length(
                    [_longest_side(pair) for pair in pairs], lambda rows, width: 2 * rows * width <= size
                )
            ]
            if discard_oversize:
                kept = [batch for batch in found if 2 * _longest_side(batch[0]) <= size]
                discarded += len(found) - len(kept)
                found = kept
            rng.shuffle(found)
            yield from found
        if discarded:
            logger.warning("Left out %d pairs that are longer than a batch of %d words.", discarded, size)

    return batches


def _longest_side(pair: Example) -> int:
    # A pair of empty sentences is a pair too.
    return max(len(pair.reference), len(require_parallel(pair.reference).source), 1)
