"""`spacy_awesome.ParallelCorpus.v1`: pairs on disk as training examples of spaCy."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, repeat
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_awesome.alignment import WordAlignment
from spacy_awesome.formats.docbin import read_paired_docs
from spacy_awesome.formats.parallel_text import read_pairs
from spacy_awesome.formats.pharaoh import read_links
from spacy_awesome.parallel import Parallel, set_parallel


def create_parallel_corpus(
    path: Path | None,
    links: Path | None = None,
    limit: int = 0,
    shuffle: bool = False,
    seed: int = 0,
) -> Callable[[Language], Iterator[Example]]:
    """Read sentence pairs for `spacy train` and `nlp.evaluate`; spaCy's own corpus reader would lose the source.

    path: lines of `source ||| target` or source<TAB>target, words between spaces; or a `.spacy` file of paired Docs,
        which may hold word links.
    links: gold links of a text file, one Pharaoh line for each pair, 0-based.
    limit: read this many pairs at most; 0 is all.
    shuffle, seed: give the pairs in a new order in each epoch, the same orders for the same seed.
    Raises ValueError, with file and line, for what is not such a file.
    """
    if path is None:
        raise ValueError("Expected a file of sentence pairs, got none; set it, for example with --paths.train FILE.")
    return ParallelCorpus(Path(path), None if links is None else Path(links), limit=limit, shuffle=shuffle, seed=seed)


class ParallelCorpus:
    """Callable on a pipeline: yields an Example for each pair; see `create_parallel_corpus`."""

    def __init__(
        self, path: Path, links: Path | None = None, *, limit: int = 0, shuffle: bool = False, seed: int = 0
    ) -> None:
        self.path = path
        self.links = links
        self.limit = limit
        self.shuffle = shuffle
        self._random = random.Random(seed)

    def __call__(self, nlp: Language) -> Iterator[Example]:
        pairs: Iterable[Example] = islice(self._read(nlp.vocab), self.limit or None)
        if self.shuffle:
            pairs = list(pairs)
            self._random.shuffle(pairs)
        yield from pairs

    def _read(self, vocab: Vocab) -> Iterator[Example]:
        if self.path.suffix == ".spacy":
            for doc, pair in read_paired_docs(self.path, vocab):
                yield _example(pair.source, doc, pair.alignment)
            return
        alignments: Iterable[WordAlignment | None] = repeat(None)
        if self.links is not None:
            alignments = read_links(self.links, pairs=read_pairs(self.path), pairs_name=self.path)
        # The links first: their reader is the one that notices if it has more lines than there are pairs.
        for alignment, (source, target) in zip(alignments, read_pairs(self.path)):
            yield _example(Doc(vocab, words=source), Doc(vocab, words=target), alignment)


def _example(source: Doc, reference: Doc, alignment: WordAlignment | None) -> Example:
    predicted = Doc(reference.vocab, words=[t.text for t in reference], spaces=[bool(t.whitespace_) for t in reference])
    set_parallel(predicted, Parallel(source))
    set_parallel(reference, Parallel(source, alignment))
    return Example(predicted, reference)
