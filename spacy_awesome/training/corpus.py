"""`spacy_awesome.ParallelCorpus.v1`: pairs on disk as training examples of spaCy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_awesome.formats.docbin import read_paired_docs
from spacy_awesome.formats.sentences import PairFiles, read_linked_pairs
from spacy_awesome.tokens.pair import Parallel, set_parallel
from spacy_awesome.tokens.word_alignment import WordAlignment
from spacy_awesome.training.batching import epoch_rows, epoch_sizes

if TYPE_CHECKING:
    from spacy_awesome.training.pair_table import PairTable

# A pipeline's vocabulary never forgets a word: half a million of them are 200 MB.
_PAIRS_PER_VOCAB = 10_000

# Source, target, and the links between them if they are given.
PairedDocs = tuple[Doc, Doc, WordAlignment | None]


def create_parallel_corpus(
    path: str | Path | dict[str, Any] | None,
    target: Path | None = None,
    links: Path | None = None,
    columns: list[int] | None = None,
    limit: int = 0,
    max_length: int = 0,
    shuffle: bool = False,
    seed: int = 0,
    temperature: float = 1.0,
    cap: int = 0,
    cache: Path | None = None,
    leave_out: str | None = None,
) -> Callable[[Language], Iterator[Example]]:
    """Read sentence pairs for `spacy train` and `nlp.evaluate`; spaCy's own corpus reader would lose the source.

    path: a file as in `formats.linked_pairs.PairFiles`; or a folder of such files, one for each pair of languages; or a
        block of the configuration with a name for each pair, and for it a file or a block of path, target, links and
        columns:

            [corpora.train.path]
            es = "en-es.tsv.gz"

            [corpora.train.path.de]
            path = "train.en"
            target = "train.de"

    target, links, columns: as in `PairFiles`; target and links are of one file, columns may be those of all.
    limit: read only so many pairs of each file, from its beginning; 0 is all.
    max_length: leave out pairs with more words on either side; 0 leaves none out.
    shuffle: give the pairs of all languages mixed, in a new order in each epoch. The text is then read through a copy
        that finds any pair at once, so that memory stays flat; see `ParallelCorpus`.
    seed: same seed, same orders.
    temperature, cap: how much of each file an epoch has, as in `sampling.epoch_sizes`. They need shuffle.
    cache: the folder of those copies, as in `pair_table.PairTable`.
    leave_out: the name of a file in the folder, or of one in the block, that is not read: for zero-shot training.
    Raises ValueError at options that contradict each other, and, when it is read, with file and line, at malformed
        text. spaCy keeps all examples in memory, and reads no second epoch, unless `training.max_epochs` is -1.
    """
    if path is None:
        raise ValueError("Expected a file of sentence pairs, got none; set it, for example with --paths.train FILE.")
    files = _pair_files(path, target=target, links=links, columns=columns, leave_out=leave_out)
    return ParallelCorpus(
        files,
        limit=limit,
        max_length=max_length,
        shuffle=shuffle,
        seed=seed,
        temperature=temperature,
        cap=cap,
        cache=None if cache is None else Path(cache),
    )


class ParallelCorpus:
    """Callable on a pipeline: yields an Example for each pair; the options are described in `create_parallel_corpus`.

    Each call is an epoch. What an epoch gives, and in which order, depends on the files, the options, `seed` and
    `epoch` alone: to go on with a training that was interrupted, set `epoch` or call the corpus as often as before.

    Without shuffle, the files are read through from their beginning. With it, they are converted, once, into
    memory-mapped Arrow files (`pair_table.PairTable`), an epoch is an array of row numbers (`sampling.epoch_rows`), and
    every 10,000 pairs have a vocabulary of their own, with the pipeline's vectors and lexical attributes.

    epoch: number of the epoch that the next call gives, from 0.
    """

    def __init__(
        self,
        files: Sequence[PairFiles],
        *,
        limit: int = 0,
        max_length: int = 0,
        shuffle: bool = False,
        seed: int = 0,
        temperature: float = 1.0,
        cap: int = 0,
        cache: Path | None = None,
    ) -> None:
        epoch_sizes([], temperature=temperature, cap=cap)
        if not shuffle and (temperature != 1.0 or cap):
            raise ValueError("temperature and cap draw pairs at random: they need shuffle = true.")
        self.files = files
        self.limit = limit
        self.max_length = max_length
        self.shuffle = shuffle
        self.seed = seed
        self.temperature = temperature
        self.cap = cap
        self.cache = cache
        self.epoch = 0
        self._table: PairTable | None = None

    def __call__(self, nlp: Language) -> Iterator[Example]:
        epoch = self.epoch
        self.epoch += 1
        return self._examples(self._shuffled(nlp.vocab, epoch) if self.shuffle else self._in_order(nlp.vocab))

    def _in_order(self, vocab: Vocab) -> Iterator[PairedDocs]:
        for files in self.files:
            yield from islice(_read_docs(files, vocab), self.limit or None)

    def _shuffled(self, vocab: Vocab, epoch: int) -> Iterator[PairedDocs]:
        # Imported here because it imports datasets, which takes seconds.
        from spacy_awesome.training.pair_table import PairTable

        if self._table is None:
            self._table = PairTable(self.files, cache=self.cache, limit=self.limit)
        sizes = self._table.sizes
        taken = epoch_sizes(sizes, temperature=self.temperature, cap=self.cap)
        rows = epoch_rows(sizes, taken, seed=self.seed, epoch=epoch)
        for start in range(0, len(rows), _PAIRS_PER_VOCAB):
            yield from self._table.docs(rows[start : start + _PAIRS_PER_VOCAB], _empty_vocab(vocab))

    def _examples(self, pairs: Iterable[PairedDocs]) -> Iterator[Example]:
        found = False
        for source, target, links in pairs:
            if not self.max_length or max(len(source), len(target)) <= self.max_length:
                found = True
                yield _example(source, target, links)
        if not found:
            # spaCy would ask for one epoch after the other, for ever.
            limit = f" of at most {self.max_length} words" if self.max_length else ""
            raise ValueError(f"{', '.join(str(files.path) for files in self.files)}: found no sentence pair{limit}.")


def _pair_files(
    path: str | Path | Mapping[str, Any],
    *,
    target: Path | None,
    links: Path | None,
    columns: Sequence[int] | None,
    leave_out: str | None,
) -> list[PairFiles]:
    if isinstance(path, Mapping):
        parts = {name: {"path": part} if isinstance(part, str | Path) else part for name, part in path.items()}
    elif Path(path).is_dir():
        files = sorted(file for file in Path(path).iterdir() if file.is_file() and not file.name.startswith("."))
        parts = {file.name: {"path": file} for file in files}
    elif leave_out is None:
        return [_settled({"path": path, "target": target, "links": links, "columns": columns})]
    else:
        parts = {}
    if leave_out is not None and parts.pop(leave_out, None) is None:
        raise ValueError(f"Expected to leave out one of several files: {', '.join(parts)}; got {leave_out!r}.")
    if target is not None or links is not None:
        raise ValueError(
            "target and links are of one file, but there are several; give each its own in a block of path, "
            "or keep the links in a third column of TSV files."
        )
    if not parts:
        raise ValueError(f"{path} holds no file of sentence pairs; put one there for each pair of languages.")
    for name, part in parts.items():
        known = [field.name for field in fields(PairFiles)]
        if "path" not in part or not set(part) <= set(known):
            raise ValueError(f"path.{name}: expected a file, or a block of {', '.join(known)}; got {part}.")
    return [_settled({"columns": columns, **part}) for part in parts.values()]


def _settled(options: Mapping[str, Any]) -> PairFiles:
    columns = options.get("columns")
    paths = {name: Path(value) for name, value in options.items() if name != "columns" and value is not None}
    return PairFiles(columns=None if columns is None else tuple(columns), **paths)


def _read_docs(files: PairFiles, vocab: Vocab) -> Iterator[PairedDocs]:
    if files.is_spacy:
        for doc, pair in read_paired_docs(files.path, vocab):
            yield pair.source, doc, pair.alignment
        return
    for source, target, links in read_linked_pairs(files):
        yield Doc(vocab, words=list(source)), Doc(vocab, words=list(target)), links


def _empty_vocab(vocab: Vocab) -> Vocab:
    """A vocabulary of the same language, for Docs that are soon forgotten and their words with them."""
    # spaCy's type stubs leave out lex_attr_getters.
    getters = vocab.lex_attr_getters  # type: ignore[attr-defined]
    empty = Vocab(lex_attr_getters=getters, lookups=vocab.lookups, writing_system=vocab.writing_system)
    empty.vectors = vocab.vectors
    return empty


def _example(source: Doc, reference: Doc, alignment: WordAlignment | None) -> Example:
    predicted = Doc(reference.vocab, words=[t.text for t in reference], spaces=[bool(t.whitespace_) for t in reference])
    set_parallel(predicted, Parallel(source))
    set_parallel(reference, Parallel(source, alignment))
    return Example(predicted, reference)
