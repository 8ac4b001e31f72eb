"""Several recognisers in one pipeline, and the entities that most of them find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from spacy.pipeline import Pipe
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example

Scores = dict[str, Any]


class EntityBallot(Pipe):
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
        self.name = name

    def __call__(self, doc: Doc) -> Doc:
        doc.spans[self.name] = SpanGroup(doc, name=self.name, spans=doc.ents)
        doc.set_ents([], default="missing")
        return doc


class EntityVote(Pipe):
    """Give a Doc the entities that a majority of span groups has, with the same tokens and label.

    A majority vote of recognisers trained apart is better than each (Dietterich 2000, "Ensemble Methods in Machine
    Learning"). Two spans of different majorities have one voter in common, whose spans do not overlap: so neither do
    the Doc's entities.

    ballots: keys of the groups in `doc.spans`; as `entity_ballot` or `span_projector` writes them.
    min_votes: votes that an entity needs, more than half of the groups; by default as few as that allows.
    Raises ValueError if there are no ballots, or one is named twice, or `min_votes` is not more than half or more than
    all of them; and at a Doc that lacks one of the groups, or one of whose groups has spans that overlap.

    >>> import spacy
    >>> doc = Doc(spacy.blank("en").vocab, words=["Obama", "left", "Rome"])
    >>> doc.spans["a"] = [Span(doc, 0, 1, "PER"), Span(doc, 2, 3, "LOC")]
    >>> doc.spans["b"] = [Span(doc, 0, 1, "PER"), Span(doc, 2, 3, "ORG")]
    >>> doc.spans["c"] = [Span(doc, 2, 3, "LOC")]
    >>> [(ent.text, ent.label_) for ent in EntityVote(ballots=["a", "b", "c"])(doc).ents]
    [('Obama', 'PER'), ('Rome', 'LOC')]
    """

    def __init__(
        self,
        name: str = "entity_vote",
        *,
        ballots: Sequence[str],
        min_votes: int | None = None,
        scorer: Callable[..., Scores] | None = None,
    ) -> None:
        if isinstance(ballots, str) or not ballots or len(set(ballots)) < len(ballots):
            raise ValueError(f"Expected ballots as a list of different span groups, got {ballots!r}.")
        majority = len(ballots) // 2 + 1
        if min_votes is not None and not majority <= min_votes <= len(ballots):
            raise ValueError(
                f"Expected min_votes between {majority} and {len(ballots)} for {len(ballots)} ballots, got "
                f"{min_votes}: with half of them or fewer, entities could overlap."
            )
        self.name = name
        self.ballots = tuple(ballots)
        self.min_votes = min_votes or majority
        self.scorer = scorer

    def __call__(self, doc: Doc) -> Doc:
        votes: Counter[tuple[int, int, str]] = Counter()
        spans: dict[tuple[int, int, str], Span] = {}
        for key in self.ballots:
            for span in self._ballot(doc, key):
                vote = (span.start, span.end, span.label_)
                votes[vote] += 1
                spans.setdefault(vote, span)
        doc.set_ents([spans[vote] for vote, count in votes.items() if count >= self.min_votes])
        return doc

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Scores:
        """Score the entities."""
        return {} if self.scorer is None else self.scorer(examples, **kwargs)

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
