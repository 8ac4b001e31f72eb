"""Several recognisers in one pipeline, and the entities that most of them find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from spacy.tokens import Doc, Span, SpanGroup

from spacy_awesome.pipeline.base import Component, ScoreFunction
from spacy_awesome.pipeline.settings import EntityVoteSettings


class EntityBallot(Component[tuple[Span, ...]]):
    """Set a Doc's entities aside, in the span group of the component's name, so that a further recogniser starts anew.

    spaCy's recognisers keep the entities that a Doc has, and add to them. Between two of them, this component lets the
    second one find its own.

    >>> import spacy
    >>> doc = Doc(spacy.blank("en").vocab, words=["Obama", "left"], ents=["B-PER", "O"])
    >>> doc = EntityBallot("first")(doc)
    >>> doc.ents, [(span.text, span.label_) for span in doc.spans["first"]]
    ((), [('Obama', 'PER')])
    """

    def __init__(self, name: str = "entity_ballot") -> None:
        super().__init__(name)

    def predict(self, docs: Iterable[Doc]) -> list[tuple[Span, ...]]:
        """The entities of each Doc."""
        return [tuple(doc.ents) for doc in docs]

    def set_annotations(self, docs: Iterable[Doc], predictions: Iterable[tuple[Span, ...]]) -> None:
        """Move the entities of each Doc to the span group."""
        for doc, entities in zip(docs, predictions, strict=True):
            doc.spans[self.name] = SpanGroup(doc, name=self.name, spans=entities)
            doc.set_ents([], default="missing")


class EntityVote(Component[list[Span]]):
    """Give a Doc the entities that a majority of span groups has, with the same tokens and label.

    A majority vote of recognisers trained apart is better than each (Dietterich 2000, "Ensemble Methods in Machine
    Learning"). Two spans of different majorities have one voter in common, whose spans do not overlap: so neither do
    the Doc's entities.

    Args:
        name (str): Name of the component in its pipeline.
        settings (EntityVoteSettings | None): Which groups vote, and how many votes an entity needs.
        scorer (Callable[[Iterable[Example]], dict] | None): Computes the scores.

    Raises ValueError at a Doc that lacks one of the groups, or one of whose groups has spans that overlap.

    >>> import spacy
    >>> doc = Doc(spacy.blank("en").vocab, words=["Obama", "left", "Rome"])
    >>> doc.spans["a"] = [Span(doc, 0, 1, "PER"), Span(doc, 2, 3, "LOC")]
    >>> doc.spans["b"] = [Span(doc, 0, 1, "PER"), Span(doc, 2, 3, "ORG")]
    >>> doc.spans["c"] = [Span(doc, 2, 3, "LOC")]
    >>> [(ent.text, ent.label_) for ent in EntityVote(settings=EntityVoteSettings(ballots=["a", "b", "c"]))(doc).ents]
    [('Obama', 'PER'), ('Rome', 'LOC')]
    """

    def __init__(
        self,
        name: str = "entity_vote",
        *,
        settings: EntityVoteSettings | None = None,
        scorer: ScoreFunction | None = None,
    ) -> None:
        super().__init__(name, scorer=scorer)
        self.settings = settings or EntityVoteSettings()

    def predict(self, docs: Iterable[Doc]) -> list[list[Span]]:
        """The entities that win in each Doc."""
        return [self._elected(doc) for doc in docs]

    def set_annotations(self, docs: Iterable[Doc], predictions: Iterable[list[Span]]) -> None:
        """Make them the entities of each Doc."""
        for doc, entities in zip(docs, predictions, strict=True):
            doc.set_ents(entities)

    def _elected(self, doc: Doc) -> list[Span]:
        votes: Counter[tuple[int, int, str]] = Counter()
        spans: dict[tuple[int, int, str], Span] = {}
        for key in self.settings.ballots:
            for span in self._ballot(doc, key):
                vote = (span.start, span.end, span.label_)
                votes[vote] += 1
                spans.setdefault(vote, span)
        needed = self.settings.min_votes or self.settings.majority
        return [spans[vote] for vote, count in votes.items() if count >= needed]

    def _ballot(self, doc: Doc, key: str) -> SpanGroup:
        if key not in doc.spans:
            raise ValueError(
                f"{self.name}: a Doc has no span group {key!r}; it has {sorted(doc.spans)}. Each of the ballots is "
                "written by a component before this one: an entity_ballot after each recogniser, or a span_projector."
            )
        group: SpanGroup = doc.spans[key]
        if group.has_overlap:
            raise ValueError(f"{self.name}: spans of the group {key!r} overlap, so they are no entities.")
        return group
