"""None"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from spacy_awesome.formats.files import open_binary_output, open_output
from spacy_awesome.tokens.pair import checked_alignment, checked_projections, parallel_stream, require_parallel
from spacy_awesome.transfer.corpus_report import CorpusReport, DroppedSentence
from spacy_awesome.transfer.filters import FilterSettings, PairFacts, failed_filters
from spacy_awesome.translation import TranslationEngine, translate

# The Penn Treebank's ways of writing brackets and quotation marks.
_TREEBANK: Final = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
_TREEBANK_QUOTES: Final = {"``": "open", "''": "close"}

_CLOSING: Final = frozenset(".,;:!?%)]}»”…") | {"...", "°", "º", "ª"}
_OPENING: Final = frozenset("([{«“¿¡$£#")
# English words that tokenisers cut off from the one before.
_CLITIC: Final = re.compile(r"(?:n['’]t|['’](?:s|re|ve|ll|d|m))$", re.IGNORECASE)


def detokenize(words: Sequence[str]) -> str:
    """The text of a sentence whose words were split by a tokeniser for English or a language with like punctuation.

    >>> detokenize('" I do n\\'t know ( yet ) , " he said .'.split())
    '"I don\\'t know (yet)," he said.'
    >>> detokenize("Germany 's farmers ' union -LRB- EU -RRB-".split())
    "Germany's farmers' union (EU)"
    """
    text = ""
    join_next = True
    quote_is_open = False
    for word in words:
        word = _TREEBANK.get(word, word)
        join, join_following = _joins(word, text)
        kind = _TREEBANK_QUOTES.get(word) or ("close" if quote_is_open else "open") if _is_quote(word) else None
        if kind is not None:
            quote_is_open = kind == "open"
            join, join_following, word = kind == "close", kind == "open", '"'
        text += word if join or join_next else f" {word}"
        join_next = join_following
    return text


def _is_quote(word: str) -> bool:
    return word == '"' or word in _TREEBANK_QUOTES


def _joins(word: str, before: str) -> tuple[bool, bool]:
    """Whether no space stands before the word, and none behind it."""
    possessive = word in ("'", "’") and before[-1:].lower() == "s"
    return word in _CLOSING or possessive or _CLITIC.match(word) is not None, word in _OPENING


# What `write_corpus` writes into its folder.
CORPUS_FILES = ("train.spacy", "dev.spacy", "report.json", "report.md")
# Not lost on the way, but not wanted: the label map of the projector drops its label.
_NOT_WANTED = "label_dropped"


def write_corpus(
    docs: Iterable[Doc],
    folder: str | Path,
    *,
    settings: FilterSettings | None = None,
    dev_share: float = 0.1,
    seed: int = 0,
    drop_lowercase: bool = False,
    keep_pairs: bool = False,
) -> CorpusReport:
    """Write train.spacy, dev.spacy, report.json and report.md into a folder, all of them at the end or none.

    docs: target Docs of pairs, as a span projector left them; taken one at a time.
    settings: which of them are good enough.
    dev_share: share of the source sentences that go to dev.spacy, from 0 (no dev.spacy) to below 1. Where a sentence
        goes depends on its source text and the seed alone: equal sentences stay together, and a sentence stays where it
        was when filters change or sentences are added.
    drop_lowercase: take the label from entities whose words have small letters but no capital: for a language that
        writes as common words what the source writes as names (English "Spanish", Spanish "español").
    keep_pairs: keep source, links and projection report in the Docs' user data; spaCy's training does without.
    Returns what was counted. Raises ValueError at a Doc without a pair or links, and if nothing is left to train or to
        develop on; then nothing is written.
    """
    if not 0.0 <= dev_share < 1.0:
        raise ValueError(f"Expected dev_share from 0 to below 1, got {dev_share}.")
    report = CorpusReport(settings or FilterSettings())
    train, dev = DocBin(store_user_data=keep_pairs), DocBin(store_user_data=keep_pairs)
    for doc in docs:
        source = require_parallel(doc).source
        if _accept(doc, report):
            if drop_lowercase:
                _drop_lowercase(doc, report)
            is_dev = _place(source.text, seed) < dev_share
            (dev if is_dev else train).add(doc)
            report.dev += is_dev
            report.train += not is_dev
    _check_left(report, dev_share)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        # The files take their places when the block ends, last one first: the report when it is about what is there.
        stack.enter_context(open_output(folder / "report.md")).write(report.to_markdown())
        json_stream = stack.enter_context(open_output(folder / "report.json"))
        json_stream.write(json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n")
        if dev_share:
            stack.enter_context(open_binary_output(folder / "dev.spacy")).write(dev.to_bytes())
        else:
            (folder / "dev.spacy").unlink(missing_ok=True)  # an earlier run's
        stack.enter_context(open_binary_output(folder / "train.spacy")).write(train.to_bytes())
    return report


def translated_pairs(
    nlp: Language, sources: Iterable[Doc], engine: TranslationEngine, *, cache: str | Path | None = None
) -> Iterator[Doc]:
    """Pair a stream of source Docs with their machine translations, for a word aligner.

    nlp: the target pipeline, whose tokeniser splits the translations.
    engine, cache: of `spacy_awesome.translation.cached`, whose errors are raised here as well.
    """
    sources, texts = itertools.tee(sources)
    translations = translate((running_text(doc) for doc in texts), engine, cache=cache)
    # The translations come first, so that their end is reached and the cache closed.
    return parallel_stream(nlp, ((source, text) for text, source in zip(translations, sources, strict=True)))


def pair_facts(doc: Doc) -> PairFacts:
    """What the filters need to know of a projected pair.

    Raises ValueError at a Doc without a pair or links, and at one that was retokenised after its projection.
    """
    pair = require_parallel(doc)
    alignment = checked_alignment(doc, pair)
    if alignment is None:
        raise ValueError(f"Expected a Doc with links, got one without: {doc.text.strip()[:60]!r}. Align it first.")
    sources, targets = alignment.pairs[:, 0], alignment.pairs[:, 1]
    projections = [projection for projection in checked_projections(doc, pair) if projection.reason != _NOT_WANTED]
    return PairFacts(
        source_length=alignment.source_length,
        target_length=alignment.target_length,
        source_aligned=len(set(sources.tolist())),
        target_aligned=len(set(targets.tolist())),
        scores=tuple(projection.score for projection in projections if projection.projected),
        lost=sum(not projection.projected for projection in projections),
    )


def running_text(doc: Doc) -> str:
    """The text of a Doc as a translator expects it.

    That is its own, if some of its tokens stand without a space between them; else it was made from words, and these
    are joined by the rules of `detokenize`.
    """
    if all(token.whitespace_ for token in doc[:-1]):
        return detokenize([token.text for token in doc])
    return doc.text


def _accept(doc: Doc, report: CorpusReport) -> bool:
    """Whether a sentence is good enough; counts what became of it and of its spans."""
    pair = require_parallel(doc)
    facts = pair_facts(doc)
    report.sentences += 1
    projections = checked_projections(doc, pair)
    report.source_spans.update(projection.label for projection in projections)
    report.lost_spans.update(projection.reason for projection in projections if projection.reason is not None)
    failed = failed_filters(facts, report.settings)
    if failed:
        report.drop(DroppedSentence(pair.source.text, doc.text, tuple(failed)))
        return False
    report.kept_spans.update(ent.label_ for ent in doc.ents)
    return True


def _drop_lowercase(doc: Doc, report: CorpusReport) -> None:
    """Take the label from entities without a capital letter, in scripts that have such."""
    dropped = [ent for ent in doc.ents if ent.text == ent.text.lower() != ent.text.upper()]
    if dropped:
        counts = Counter(ent.label_ for ent in dropped)
        report.unlabelled_spans.update(counts)
        report.kept_spans.subtract(counts)
        doc.ents = [ent for ent in doc.ents if ent not in dropped]


def _place(text: str, seed: int) -> float:
    """A number in [0, 1) that is the same wherever and whenever it is drawn."""
    digest = hashlib.blake2b(f"{seed} {text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") / 2**64


def _check_left(report: CorpusReport, dev_share: float) -> None:
    if report.train and (report.dev or not dev_share):
        return
    outcome = f"Of {report.sentences} sentences {report.kept} were kept (dropped: {report.reasons})"
    if not report.kept:
        raise ValueError(f"{outcome}: nothing is left to train on. Loosen the filters, or check the translations.")
    missing = "train" if not report.train else "develop"
    raise ValueError(f"{outcome}, and none of them fell to those to {missing} on. Change the share or the seed.")
