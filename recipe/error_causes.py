"""Why a projected entity is not the gold one: the recogniser, the translation, the links, or the projection rule.

Every error is a gold entity of the target sentence that was not projected with its words and label, or a projected
entity that overlaps no gold one. Its cause is decided from what can be seen: the words of both sides, the source
entities, the links, and what the rule made of them. There are no gold links, so a cause is the first step at which the
chain left what the target's gold entities say. With gold source entities, `recogniser` means that the annotators
of both sides disagree, or that the translation did not keep an entity.

Of a missed gold entity:

1. No word of it has a link. `alignment` if the sentence shows a counterpart that should have been linked: one of its
   words of three or more letters stands in the source as well, but for case, or a source entity of its label has no
   link either. Else `translation`.
2. Its words are linked, but only to source words outside of all source entities. `alignment` if a source entity of its
   label holds one of its words (as above), else `recogniser`: what is linked to it was not tagged.
3. They are linked to source entities, none of which has its label: `recogniser`.
4. They are linked to a source entity of its label (the one with most links to it):
   - `rule` if the links of that entity, but for punctuation, reach from its first to its last word and no further: the
     links were right, and the rule made another span of them, or gave its words to another entity;
   - `recogniser` if one of its words is linked outside of that entity only, or one word of that entity is linked
     outside of the gold entity only: the tagged entity begins or ends elsewhere;
   - else `alignment`: some of its words lack links, or one word is linked both inside and outside.

Of a projected entity that overlaps no gold one: `alignment` if a missed gold entity of its label shares a word with its
source entity (as above), else `recogniser`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from spacy_awesome.formats.conll import LabelledSentence, LabelledSpan
from spacy_awesome.tokens.word_alignment import WordAlignment

Cause = Literal["recogniser", "translation", "alignment", "rule"]

CAUSES: Final[tuple[Cause, ...]] = ("recogniser", "translation", "alignment", "rule")
# Shorter words, such as "de" and "la", stand in both languages for other reasons.
_TELLING = 3


@dataclass(frozen=True, slots=True)
class SpanError:
    """One error: the gold entity that was missed, or the projected one that should not be, and its cause."""

    cause: Cause
    gold: LabelledSpan | None = None
    projected: LabelledSpan | None = None


@dataclass(frozen=True, slots=True)
class ProjectedPair:
    """What the causes are decided from.

    source: the source words with their entities; target: the target words with the gold entities.
    links: between both; projected: target entity and the source entity that it comes from.
    """

    source: LabelledSentence
    target: LabelledSentence
    links: WordAlignment
    projected: Sequence[tuple[LabelledSpan, LabelledSpan]]


def find_errors(pair: ProjectedPair) -> list[SpanError]:
    """The errors of a sentence in the order of the target's words; empty if all gold entities were projected alone.

    >>> words = ("Ana", "vive")
    >>> source = LabelledSentence(("Ana", "lives"), ())
    >>> links = WordAlignment([(0, 0), (1, 1)], source_length=2, target_length=2)
    >>> pair = ProjectedPair(source, LabelledSentence(words, (LabelledSpan(0, 1, "PER"),)), links, [])
    >>> find_errors(pair)
    [SpanError(cause='recogniser', gold=LabelledSpan(start=0, end=1, label='PER'), projected=None)]
    """
    found = {span for span, _ in pair.projected}
    missed = [span for span in pair.target.spans if span not in found]
    errors = [SpanError(_cause_of_missed(span, pair), gold=span) for span in missed]
    for span, source in pair.projected:
        if not any(_overlap(span, gold) for gold in pair.target.spans):
            confused = any(gold.label == span.label and _share_words(source, gold, pair) for gold in missed)
            errors.append(SpanError("alignment" if confused else "recogniser", projected=span))
    return sorted(errors, key=lambda error: error.gold or error.projected or ())


def _cause_of_missed(gold: LabelledSpan, pair: ProjectedPair) -> Cause:
    entities = pair.source.spans
    alike = [entity for entity in entities if entity.label == gold.label]
    linked = _sources(range(gold.start, gold.end), pair.links)
    if not linked:
        shown = bool(_telling_words(gold, pair.target) & _telling_words(None, pair.source))
        unlinked = any(not _targets(range(entity.start, entity.end), pair.links) for entity in alike)
        return "alignment" if shown or unlinked else "translation"
    touched = [entity for entity in entities if linked & set(range(entity.start, entity.end))]
    if not touched:
        return "alignment" if any(_share_words(entity, gold, pair) for entity in alike) else "recogniser"
    same = [entity for entity in touched if entity.label == gold.label]
    if not same:
        return "recogniser"
    return _cause_with_entity(gold, max(same, key=lambda entity: _link_count(entity, gold, pair.links)), pair)


def _cause_with_entity(gold: LabelledSpan, entity: LabelledSpan, pair: ProjectedPair) -> Cause:
    inside_source, inside_target = set(range(entity.start, entity.end)), set(range(gold.start, gold.end))
    reached = {word for word in _targets(inside_source, pair.links) if _is_word(pair.target.words[word])}
    if reached and (min(reached), max(reached) + 1) == (gold.start, gold.end):
        return "rule"
    tagged_short = any(
        sources and not sources & inside_source for sources in (_sources([word], pair.links) for word in inside_target)
    )
    tagged_long = any(
        targets and not targets & inside_target for targets in (_targets([word], pair.links) for word in inside_source)
    )
    return "recogniser" if tagged_short or tagged_long else "alignment"


def _sources(targets: Iterable[int], links: WordAlignment) -> set[int]:
    return {int(i) for j in targets for i in links.sources_of(j)}


def _targets(sources: Iterable[int], links: WordAlignment) -> set[int]:
    return {int(j) for i in sources for j in links.targets_of(i)}


def _link_count(entity: LabelledSpan, gold: LabelledSpan, links: WordAlignment) -> int:
    return len(_targets(range(entity.start, entity.end), links) & set(range(gold.start, gold.end)))


def _share_words(entity: LabelledSpan, gold: LabelledSpan, pair: ProjectedPair) -> bool:
    return bool(_telling_words(entity, pair.source) & _telling_words(gold, pair.target))


def _telling_words(span: LabelledSpan | None, sentence: LabelledSentence) -> set[str]:
    words = sentence.words if span is None else sentence.words[span.start : span.end]
    return {word.casefold() for word in words if sum(map(str.isalpha, word)) >= _TELLING}


def _is_word(word: str) -> bool:
    return any(map(str.isalnum, word))


def _overlap(one: LabelledSpan, other: LabelledSpan) -> bool:
    return one.start < other.end and other.start < one.end
