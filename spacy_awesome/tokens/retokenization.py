"""Links over other tokens than the Docs': by characters, onto the Docs' tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from spacy.tokens import Doc

from spacy_awesome.tokens.pair import require_parallel
from spacy_awesome.tokens.word_alignment import WordAlignment

ALIGNMENT_MODES: Final = ("expand", "contract", "strict")


def word_offsets(words: Sequence[str], text: str) -> npt.NDArray[np.int64]:
    """Character offsets (n, 2) of words in the text that they were split from.

    Only white space may stand in the text between two words. A word may itself be white space.
    Raises ValueError where text and words differ, as after lower-casing or Unicode normalisation of one of them.

    >>> word_offsets(["It", "'s", "here"], "It's  here").tolist()
    [[0, 2], [2, 4], [6, 10]]
    """
    offsets = np.empty((len(words), 2), dtype=np.int64)
    position = 0
    for index, word in enumerate(words):
        start = position
        while not text.startswith(word, start) and start < len(text) and text[start].isspace():
            start += 1
        if not word or not text.startswith(word, start):
            raise ValueError(
                f"Word {index} is {word!r}, but the text goes on with {text[start : start + len(word) + 10]!r} at "
                f"character {start}. Words and text must be the same but for white space: align the text as it "
                "stands, neither lower-cased nor normalised."
            )
        position = start + len(word)
        offsets[index] = start, position
    if text[position:].strip():
        raise ValueError(
            f"The {len(words)} words end at character {position}, but the text goes on with "
            f"{text[position : position + 20]!r}."
        )
    return offsets


def retokenize_alignment(
    alignment: WordAlignment,
    *,
    source_offsets: npt.ArrayLike,
    new_source_offsets: npt.ArrayLike,
    target_offsets: npt.ArrayLike,
    new_target_offsets: npt.ArrayLike,
    alignment_mode: str = "expand",
) -> WordAlignment:
    """The same links over another tokenisation of both texts.

    source_offsets, target_offsets: (n, 2) first and end character of the words that `alignment` links.
    new_source_offsets, new_target_offsets: (m, 2) those of the tokens that it should link. Ascending, without overlaps.
    alignment_mode: which tokens stand for a word, as in spaCy's `Doc.char_span`: "expand" all that share a character
        with it, "contract" those that lie inside it, "strict" those inside it if they begin and end where it does.
    A link of two words becomes links of all their tokens, with its score; of doubled ones the best score is kept.
    Raises ValueError if the offsets do not fit the alignment, or at an unknown mode.

    >>> links = WordAlignment([(0, 0)], source_length=1, target_length=1)
    >>> retokenize_alignment(links, source_offsets=[(0, 5)], new_source_offsets=[(0, 2), (2, 5)],
    ...                      target_offsets=[(0, 2)], new_target_offsets=[(0, 2)]).to_pharaoh()
    '0-0 1-0'
    """
    sources = _token_ranges(source_offsets, new_source_offsets, alignment.source_length, "source", alignment_mode)
    targets = _token_ranges(target_offsets, new_target_offsets, alignment.target_length, "target", alignment_mode)
    first_source, last_source = sources[alignment.pairs[:, 0]].T
    first_target, last_target = targets[alignment.pairs[:, 1]].T
    heights, widths = last_source - first_source, last_target - first_target
    # Every link becomes a block of heights x widths links; `cell` counts through each block row by row.
    sizes = heights * widths
    link = np.repeat(np.arange(len(alignment)), sizes)
    cell = np.arange(sizes.sum()) - np.repeat(sizes.cumsum() - sizes, sizes)
    row, column = np.divmod(cell, widths[link])
    return WordAlignment(
        np.stack((first_source[link] + row, first_target[link] + column), axis=1),
        alignment.scores[link],
        source_length=len(np.asarray(new_source_offsets)),
        target_length=len(np.asarray(new_target_offsets)),
        sure=alignment.sure[link],
    )


def _token_ranges(
    words: npt.ArrayLike, tokens: npt.ArrayLike, length: int, side: str, mode: str
) -> npt.NDArray[np.int64]:
    """For each word, the tokens (start, end) that stand for it; start = end where there is none."""
    if mode not in ALIGNMENT_MODES:
        raise ValueError(f"Unknown alignment mode {mode!r}; expected one of: {', '.join(ALIGNMENT_MODES)}.")
    word_starts, word_ends = np.asarray(words, dtype=np.int64).reshape(-1, 2).T
    token_starts, token_ends = np.asarray(tokens, dtype=np.int64).reshape(-1, 2).T
    if len(word_starts) != length:
        raise ValueError(
            f"Expected offsets of {length} {side} words, as many as the alignment has, got {len(word_starts)}."
        )
    if mode == "expand":
        start = np.searchsorted(token_ends, word_starts, side="right")
        end = np.searchsorted(token_starts, word_ends, side="left")
    else:
        start = np.searchsorted(token_starts, word_starts, side="left")
        end = np.searchsorted(token_ends, word_ends, side="right")
    end = np.maximum(start, end)
    if mode == "strict":
        bounded = np.isin(word_starts, token_starts) & np.isin(word_ends, token_ends)
        end = np.where(bounded, end, start)
    return np.stack((start, end), axis=1)


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
