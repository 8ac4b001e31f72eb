"""A target Doc with its source Doc: building pairs, reading them through `doc._`, and keeping them when saved."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, Self
from weakref import WeakKeyDictionary, ref

import numpy as np
import srsly
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.tokens._dict_proxies import SpanGroups
from spacy.util import get_lang_class
from spacy.vocab import Vocab, create_vocab

from spacy_awesome.tokens.checks import WarnOnce, check_doc, error_name, saved_fields, saved_value
from spacy_awesome.tokens.projection import Projection
from spacy_awesome.tokens.sentence_alignment import SentenceAlignment
from spacy_awesome.tokens.word_alignment import WordAlignment, WordPair

# Fixed, so that saved Docs can be read whatever names the reader's extensions have.
_USER_DATA_KEY = "spacy_awesome.parallel"
_CODEC_KEY = "__spacy_awesome_parallel__"
_LANGUAGE = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,31})?")

# User data nested deeper than this is not saved.
_MAX_DEPTH: Final = 32

_warn_once = WarnOnce()
# Of source Docs, the target Doc that each was paired with last: a source Doc does not hold its targets.
_targets: WeakKeyDictionary[Doc, ref[Doc]] = WeakKeyDictionary()


class Parallel:
    """A source Doc, and how its words and spans stand to those of the target Doc that holds this object.

    A class of its own rather than a Doc in `doc._`, because a bare Doc
    1. cannot be written by msgpack: `to_bytes`, `DocBin`, `n_process=2` and `spacy apply` would all fail;
    2. would be copied, vocab and all, by each `Doc.copy()`; here copies of the target share the source.

    source: the source Doc. Read from bytes only when asked for; it then has the blank vocab of its language.
    alignment: links between source and target words, or None before a word aligner has run.
    projections: what became of each source span, in the order in which it was projected.
    sentence_alignment: beads of source and target sentences, or None before a sentence aligner has run.
    """

    __slots__ = ("_packed_source", "_projections", "_source", "alignment", "projected_tokens", "sentence_alignment")

    def __init__(
        self,
        source: Doc,
        alignment: WordAlignment | None = None,
        projections: Sequence[Projection] = (),
        sentence_alignment: SentenceAlignment | None = None,
    ) -> None:
        _register_extensions()
        self._source: Doc | None = source
        self._packed_source: tuple[str, bytes] | None = None
        self.alignment = alignment
        self.projections = tuple(projections)
        self.sentence_alignment = sentence_alignment

    @property
    def projections(self) -> tuple[Projection, ...]:
        """What became of each source span. `checked_projections` makes sure that they are about the Docs' tokens."""
        return self._projections

    @projections.setter
    def projections(self, projections: Sequence[Projection]) -> None:
        self._projections = tuple(projections)
        # Fingerprints of the source's and the target's tokens that they count; `set_projections` notes them.
        self.projected_tokens: tuple[str, str] | None = None

    @property
    def source(self) -> Doc:
        packed = self._packed_source
        if packed is not None:
            lang, data = packed
            try:
                self._source = Doc(_blank_vocab(lang)).from_bytes(data)
                check_doc(self._source)
            except Exception as error:
                self._source = None
                raise ValueError(f"The source Doc saved with this pair is damaged: {error_name(error)}.") from error
            self._packed_source = None
        assert self._source is not None
        return self._source

    @property
    def source_is_loaded(self) -> bool:
        """Whether the source is a Doc already, and not yet the bytes that it was saved as."""
        return self._packed_source is None

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, arrays and bytes."""
        lang, data = self._packed_source or (self.source.vocab.lang, _source_bytes(self.source))
        return {
            "lang": lang,
            "source": data,
            "alignment": None if self.alignment is None else self.alignment.to_dict(),
            "projections": [projection._asdict() for projection in self.projections],
            "projected_tokens": None if self.projected_tokens is None else list(self.projected_tokens),
            "sentence_alignment": None if self.sentence_alignment is None else self.sentence_alignment.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """The inverse of `to_dict`, for data from anywhere: a file that somebody else may have written.

        Raises ValueError, saying what is wrong, at anything that `to_dict` does not write. Whether it fits the two Docs
        is seen by `check_saved`, when both are there.
        """
        what = "A saved pair"
        required = ("lang", "source", "alignment", "projections")
        # The optional ones are absent from what was saved by older versions.
        fields = saved_fields(data, required, optional=("sentence_alignment", "projected_tokens"), what=what)
        lang = saved_value(fields["lang"], str, what=f"{what}: lang")
        if not _LANGUAGE.fullmatch(lang):
            raise ValueError(f"{what}: lang: expected the code of a language, got {lang[:40]!r}.")
        source = saved_value(fields["source"], bytes, what=f"{what}: source")
        projections = saved_value(fields["projections"], (list, tuple), what=f"{what}: projections")
        # Each token takes several bytes.
        longest = len(source)
        alignment, beads = fields["alignment"], fields.get("sentence_alignment")
        _register_extensions()
        parallel = cls.__new__(cls)
        parallel._source = None
        parallel._packed_source = (lang, source)
        parallel.alignment = None if alignment is None else WordAlignment.from_dict(alignment, longest_source=longest)
        parallel.projections = tuple(Projection.from_dict(each, longest_source=longest) for each in projections)
        # After the projections, whose setter forgets it.
        parallel.projected_tokens = _saved_tokens(fields.get("projected_tokens"), what=f"{what}: projected_tokens")
        parallel.sentence_alignment = (
            None if beads is None else SentenceAlignment.from_dict(beads, longest_source=longest)
        )
        return parallel

    def __deepcopy__(self, memo: dict[int, Any]) -> Parallel:
        # Doc.copy() deep-copies its user data: the source is shared, what components write is not.
        twin = type(self).__new__(type(self))
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin

    def __reduce__(self) -> tuple[Callable[..., Parallel], tuple[dict[str, Any]]]:
        return Parallel.from_dict, (self.to_dict(),)

    def __repr__(self) -> str:
        return f"Parallel({self.source!r}, {self.alignment!r}, {len(self.projections)} projections)"


def parallel(nlp: Language, source: Doc, target: str | Sequence[str] | Doc) -> Doc:
    """Pair a source Doc with its translation: the Doc that the target pipeline `nlp` takes.

    nlp: the target-language pipeline; it tokenises a `target` given as text.
    source: the source Doc, as its own pipeline left it.
    target: text, a list of words, or a Doc made by `nlp`.
    Returns the target Doc, unprocessed; `doc._.source` is the source Doc.
    Raises TypeError if source is not a Doc, ValueError if a target Doc comes from another pipeline.

    >>> import spacy
    >>> nlp = spacy.blank("es")
    >>> doc = parallel(nlp, spacy.blank("en")("A red house"), "Una casa roja")
    >>> doc._.source
    A red house
    """
    if not isinstance(source, Doc):
        raise TypeError(
            f"Expected the source as a Doc, got {type(source).__name__}. "
            "Run the source pipeline first: parallel(nlp, nlp_source(text), target)."
        )
    if isinstance(target, Doc):
        if target.vocab is not nlp.vocab:
            raise ValueError(
                "The target Doc was made with another vocab than this pipeline's. "
                "Make it with the same nlp, or pass its text or words."
            )
        doc = target
    else:
        doc = nlp.make_doc(target) if isinstance(target, str) else Doc(nlp.vocab, words=list(target))
    if doc is source:
        raise ValueError("Expected two Docs, got the same one as source and as target.")
    set_parallel(doc, Parallel(source))
    return doc


def parallel_stream(nlp: Language, pairs: Iterable[tuple[Doc, str | Sequence[str] | Doc]]) -> Iterator[Doc]:
    """Pair a stream of (source Doc, target) for `nlp.pipe`, one at a time as they are asked for.

    >>> import spacy
    >>> nlp, nlp_en = spacy.blank("es"), spacy.blank("en")
    >>> [doc.text for doc in nlp.pipe(parallel_stream(nlp, zip(nlp_en.pipe(["One", "Two"]), ["Uno", "Dos"])))]
    ['Uno', 'Dos']
    """
    for source, target in pairs:
        yield parallel(nlp, source, target)


def get_parallel(doc: Doc) -> Parallel | None:
    """The pair that a target Doc holds, or None. Raises ValueError if something else stands in its place."""
    pair: Any = doc.user_data.get(_USER_DATA_KEY)
    if pair is not None and not isinstance(pair, Parallel):
        raise ValueError(f"Expected a pair in the Doc's user data under {_USER_DATA_KEY!r}, got {type(pair).__name__}.")
    return pair


def check_saved(doc: Doc) -> None:
    """Raise ValueError if the pair that a Doc was saved with, if any, can't be about this Doc and its source.

    Their tokens may have been merged or split since, but no text has more tokens than characters.
    """
    pair = get_parallel(doc)
    if pair is None:
        return
    for side, length in (("source", len(pair.source.text)), ("target", len(doc.text))):
        counts = [
            getattr(each, f"{side}_length") for each in (pair.alignment, pair.sentence_alignment) if each is not None
        ]
        ends = [getattr(projection, f"{side}_end") for projection in pair.projections]
        if (largest := max((count for count in (*counts, *ends) if count is not None), default=0)) > length:
            raise ValueError(
                f"its pair is about {largest} {side} tokens or sentences; the text has {length} characters"
            )


def checked_alignment(doc: Doc, pair: Parallel) -> WordAlignment | None:
    """The links of a pair. Raises ValueError if the target Doc was retokenised after it was aligned."""
    if pair.alignment is not None and pair.alignment.target_length != len(doc):
        raise ValueError(
            f"The word alignment of this Doc is over {pair.alignment.target_length} target tokens, but the Doc now has "
            f"{len(doc)}. Merge or split tokens before the word aligner runs, or run it again."
        )
    # A source that is still packed is as it was when it was saved.
    if pair.alignment is not None and pair.source_is_loaded and pair.alignment.source_length != len(pair.source):
        raise ValueError(
            f"The word alignment of this Doc is over {pair.alignment.source_length} source tokens, but the source Doc "
            f"now has {len(pair.source)}. Merge or split its tokens before the word aligner runs, or run it again; "
            "links over other words can be brought in with spacy_awesome.attach_alignment()."
        )
    return pair.alignment


def token_fingerprint(doc: Doc) -> str:
    """A short text that differs between Docs with different token boundaries, 16 hexadecimal digits.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> token_fingerprint(nlp("New York")) == token_fingerprint(Doc(nlp.vocab, words=["New York"]))
    False
    """
    boundaries = doc.to_array(["LENGTH", "SPACY"]).astype("<u8")
    return hashlib.blake2b(boundaries.tobytes(), digest_size=8).hexdigest()


def set_projections(doc: Doc, pair: Parallel, projections: Sequence[Projection]) -> None:
    """Write what became of each source span, with a note of the tokens that the records count."""
    pair.projections = tuple(projections)
    pair.projected_tokens = (token_fingerprint(pair.source), token_fingerprint(doc))


def checked_projections(doc: Doc, pair: Parallel) -> tuple[Projection, ...]:
    """What became of each source span. Raises ValueError if either Doc was retokenised after the projection."""
    side = _retokenized_side(doc, pair)
    if side is not None:
        raise ValueError(
            f"The tokens of this pair's {side} Doc are not those that its spans were projected with: "
            f"{(doc if side == 'target' else pair.source).text.strip()[:60]!r}. Merge or split tokens before the word "
            "aligner and the span projector run, or run both again."
        )
    return pair.projections


def current_projections(doc: Doc, pair: Parallel) -> tuple[Projection, ...]:
    """What became of each source span; nothing if either Doc was retokenised after the projection."""
    return () if _retokenized_side(doc, pair) else pair.projections


def _retokenized_side(doc: Doc, pair: Parallel) -> str | None:
    """Which Doc has other tokens than those that the projections count: "source", "target" or None."""
    if not pair.projections:
        return None
    if pair.projected_tokens is not None:
        expected: tuple[object, object] = pair.projected_tokens
        found: tuple[object, object] = (token_fingerprint(pair.source), token_fingerprint(doc))
    elif pair.alignment is not None:
        # Records of an older version, or written by hand.
        expected = (pair.alignment.source_length, pair.alignment.target_length)
        found = (len(pair.source), len(doc))
    else:
        return None
    return next((side for side, a, b in zip(("source", "target"), expected, found) if a != b), None)


def checked_sentence_alignment(doc: Doc, pair: Parallel) -> SentenceAlignment | None:
    """The beads of a pair. Raises ValueError if either Doc has other sentences than when they were aligned."""
    beads = pair.sentence_alignment
    # A source that is still packed is as it was when it was saved.
    sides = [("target", doc, beads.target_length)] if beads is not None else []
    if beads is not None and pair.source_is_loaded:
        sides.append(("source", pair.source, beads.source_length))
    for name, side, length in sides:
        count = len(sentences_of(side, name))
        if count != length:
            raise ValueError(
                f"The sentence alignment of this Doc is over {length} {name} sentences, but the {name} Doc now has "
                f"{count}. Set sentence boundaries before the sentence aligner runs, or run it again."
            )
    return beads


def sentences_of(doc: Doc, side: str) -> list[Span]:
    """The sentences of a Doc; an empty Doc has none. Raises ValueError if it has no sentence boundaries.

    side: "source" or "target", for the message.
    """
    if len(doc) and not doc.has_annotation("SENT_START"):
        raise ValueError(
            f"Expected a {side} Doc with sentence boundaries, got one without: {doc.text.strip()[:60]!r}. "
            'Add a component that sets them to its pipeline, for example nlp.add_pipe("sentencizer"), before this one.'
        )
    return list(doc.sents) if len(doc) else []


def set_parallel(doc: Doc, pair: Parallel) -> None:
    """Make `doc` the target of a pair."""
    if not isinstance(pair, Parallel):
        raise TypeError(f"Expected a Parallel, got {type(pair).__name__}; build pairs with spacy_awesome.parallel().")
    doc.user_data[_USER_DATA_KEY] = pair
    if pair.projections and pair.projected_tokens is None and _retokenized_side(doc, pair) is None:
        set_projections(doc, pair, pair.projections)
    if pair.source_is_loaded:
        remember_target(pair.source, doc)


def remember_target(source: Doc, target: Doc) -> None:
    """Let a source Doc's tokens find the target; of several targets the last one counts."""
    _targets[source] = ref(target)


def target_of(source: Doc) -> Doc | None:
    """The target that a source Doc was paired with, or asked for from, last; None if there is none any more."""
    target = _targets.get(source)
    return None if target is None else target()


def require_parallel(doc: Doc) -> Parallel:
    """The pair that a target Doc holds. Raises ValueError at a Doc without one."""
    pair = get_parallel(doc)
    if pair is None:
        raise ValueError(
            f"Expected a Doc with its source, got one without: {doc.text.strip()[:60]!r}. "
            "Make pairs with spacy_awesome.parallel(nlp, source_doc, target_text), and write .spacy files with "
            "DocBin(store_user_data=True)."
        )
    return pair


def pair_words(doc: Doc) -> WordPair:
    """The words of the source and of the target Doc. Raises ValueError at a Doc without a source.

    >>> import spacy
    >>> nlp = spacy.blank("es")
    >>> pair_words(parallel(nlp, spacy.blank("en")("A house"), "Una casa"))
    (['A', 'house'], ['Una', 'casa'])
    """
    return [token.text for token in require_parallel(doc).source], [token.text for token in doc]


@srsly.msgpack_encoders("spacy_awesome.parallel")
def _encode(obj: Any, chain: Callable[[Any], Any] | None = None) -> Any:
    if isinstance(obj, Parallel):
        return {_CODEC_KEY: obj.to_dict()}
    return obj if chain is None else chain(obj)


@srsly.msgpack_decoders("spacy_awesome.parallel")
def _decode(obj: Any, chain: Callable[[Any], Any] | None = None) -> Any:
    if _CODEC_KEY in obj:
        return Parallel.from_dict(obj[_CODEC_KEY])
    return obj if chain is None else chain(obj)


def _register_extensions() -> None:
    # Not imported above, because it reads pairs.
    from spacy_awesome.tokens.extensions import register_missing_extensions

    register_missing_extensions()


def _saved_tokens(saved: Any, *, what: str) -> tuple[str, str] | None:
    """The fingerprints of both Docs' tokens, or None where the projections have none."""
    if saved is None:
        return None
    sides = saved_value(saved, (list, tuple), what=what)
    if len(sides) != 2:
        raise ValueError(f"{what}: expected the fingerprints of two Docs, got {len(sides)}.")
    source, target = (saved_value(side, str, what=what) for side in sides)
    return source, target


def _source_bytes(source: Doc) -> bytes:
    """A source Doc as `Doc.from_bytes` reads it, without tensors and without user data that is not plain.

    Text, numbers, bytes, and lists and dictionaries of them are saved. Anything else is left out, with one warning for
    each attribute: the vectors of a transformer are many times as large as the pair, and objects of other packages may
    not be writable at all.
    """
    data: dict[str, Any] = source.to_dict(exclude=["tensor", "user_data", "user_hooks", "spans", "cats"])
    data["spans"] = _plain_groups(source).to_bytes()
    data["cats"] = {label: float(score) for label, score in source.cats.items()}
    kept = {}
    for key, value in source.user_data.items():
        if _is_plain(key) and _is_plain(value):
            kept[key] = value
        else:
            _warn_left_out(source, f"Doc._.{key[1]}" if _is_extension(key) else f"Doc.user_data[{key!r}]")
    if kept:
        data["user_data_keys"] = srsly.msgpack_dumps(tuple(kept))
        data["user_data_values"] = srsly.msgpack_dumps(tuple(kept.values()))
    packed: bytes = srsly.msgpack_dumps(data)
    return packed


def _plain_groups(source: Doc) -> SpanGroups:
    """The span groups of a Doc, those with attributes that are not plain without attributes."""
    groups = source.spans
    foreign = [key for key, group in groups.items() if not _is_plain(group.attrs)]
    if foreign:
        groups = groups.copy()
        for key in foreign:
            _warn_left_out(source, f"Doc.spans[{key!r}].attrs")
            groups[key] = SpanGroup(source, name=groups[key].name, spans=list(groups[key]))
    return groups


def _warn_left_out(source: Doc, attribute: str) -> None:
    _warn_once(
        "SA06",
        f"{attribute} of the source Doc {source.text.strip()[:60]!r} is not saved with its target, because it is not "
        "plain data (text, numbers, bytes, or lists and dictionaries of them).",
        about=attribute,
    )


def _is_extension(key: object) -> bool:
    return isinstance(key, tuple) and len(key) == 4 and key[0] == "._."


def _is_plain(value: object, depth: int = 0) -> bool:
    """Whether msgpack can write a value, and any machine read it. A pair is: it has a codec of its own."""
    if isinstance(value, list | tuple | dict):
        parts = (part for item in value.items() for part in item) if isinstance(value, dict) else value
        return depth < _MAX_DEPTH and all(_is_plain(part, depth + 1) for part in parts)
    if isinstance(value, int):
        return -(2**63) <= value < 2**64
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
    return value is None or isinstance(value, float | bytes | np.number | np.bool_ | Parallel)


@lru_cache(maxsize=64)
def _blank_vocab(lang: str) -> Vocab:
    try:
        return create_vocab(lang, get_lang_class(lang).Defaults) if lang else Vocab()
    except ImportError:
        # A language of the user's own, or one whose tokenizer is not installed: reading its tokens needs neither.
        return create_vocab(lang, Language.Defaults)
