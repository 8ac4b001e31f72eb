"""Word links from elsewhere, put on a pair of Docs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from spacy.tokens import Doc

from spacy_awesome.alignment import WordAlignment
from spacy_awesome.parallel import require_parallel
from spacy_awesome.projection import retokenize_alignment, word_offsets


def attach_alignment(
    doc: Doc,
    alignment: WordAlignment,
    *,
    source_words: Sequence[str] | None = None,
    target_words: Sequence[str] | None = None,
    alignment_mode: str = "expand",
) -> None:
    """Give a pair the links of another aligner, whatever tokens that one worked on.

    doc: the target Doc of a pair, as `parallel()` makes it.
    alignment: links between source_words and target_words.
    source_words, target_words: the words that were aligned; the Doc's own tokens by default. They must be the Doc's
        text but for white space. Links go over to the Doc's tokens by the characters that words and tokens share.
    alignment_mode: which tokens stand for a word, as in `Doc.char_span`: "expand", "contract" or "strict".
    Raises ValueError if doc is not the target of a pair, if the words are not its text, or if there are more or fewer
    of them than the alignment has.

    >>> import spacy
    >>> from spacy_awesome import attach_alignment, parallel
    >>> nlp = spacy.blank("es")
    >>> doc = parallel(nlp, Doc(nlp.vocab, words=["do", "n't"], spaces=[False, False]), "no")
    >>> attach_alignment(doc, WordAlignment.from_pharaoh("0-0"), source_words=["don't"])
    >>> doc._.alignment.to_pharaoh()
    '0-0 1-0'
    """
    pair = require_parallel(doc)
    source_offsets, target_offsets = _token_offsets(pair.source), _token_offsets(doc)
    pair.alignment = retokenize_alignment(
        alignment,
        source_offsets=source_offsets if source_words is None else word_offsets(source_words, pair.source.text),
        new_source_offsets=source_offsets,
        target_offsets=target_offsets if target_words is None else word_offsets(target_words, doc.text),
        new_target_offsets=target_offsets,
        alignment_mode=alignment_mode,
    )


def _token_offsets(doc: Doc) -> npt.NDArray[np.int64]:
    return np.array([(token.idx, token.idx + len(token)) for token in doc], dtype=np.int64).reshape(-1, 2)
