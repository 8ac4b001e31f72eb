"""The settings of each component, with their defaults. Light, because factories read them at every `spacy.blank()`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from spacy_awesome.projection.assignment import ASSIGNMENTS
from spacy_awesome.projection.candidates import RULES
from spacy_awesome.sentence_alignment import BeadSettings
from spacy_awesome.tokens.checks import NonNegative, Positive, Settings, Share, Text, wrong_setting
from spacy_awesome.tokens.symmetrization import SYMMETRIZATIONS


def _one_of(names: Sequence[str]) -> Any:
    return Field(pattern=f"^({'|'.join(names)})$", description=f"one of: {', '.join(names)}")


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _different(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("a name stands twice")
    return names


def _once_each(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True, kw_only=True)
class WordAlignerSettings(Settings):
    """How a word aligner links words, and how it is trained.

    Attributes:
        threshold, scale, distortion (float | None): Of the extraction; None takes the default of the encoder or the
            method. Links are kept where probabilities are above the threshold, similarities are multiplied by the
            scale β, and the distortion λ is subtracted for words at other relative positions.
        symmetrization (str): How both directions' links are joined, one of
            `spacy_awesome.tokens.symmetrization.SYMMETRIZATIONS`.
        reuse_trf_data (bool): Do not encode Docs that a `transformer` of spacy-transformers has seen, but take their
            vectors, at the encoder's layer, from `doc._.trf_data`. Training encodes all.
        objectives (dict[str, float] | None): Weight of each training objective; 0 or absent is off. None is
            self-training alone.
        contrastive_temperature (float | None): τ of the contrastive objectives; None is the paper's. Their scores are
            in units of the encoder's scale β, so vectors shorter than those of XLM-R ask for a lower one.
        seed (int): Of what training draws: masks, and pairs that are no translations.

    Raises ValueError at anything else.
    """

    threshold: Annotated[Share | None, Field(description="a number from 0 to 1, or none for the encoder's own")] = None
    scale: Annotated[
        Positive | None, Field(description="a finite number above 0, or none for the encoder's own (BERT takes 1)")
    ] = None
    distortion: Annotated[
        NonNegative | None, Field(description="a finite number of 0 (off) or more, or none for the encoder's own")
    ] = None
    symmetrization: Annotated[str, _one_of(SYMMETRIZATIONS)] = "intersection"
    reuse_trf_data: Annotated[bool, Field(description="true or false")] = False
    objectives: Annotated[
        dict[str, NonNegative] | None,
        Field(description="a block of training objectives with weights of 0 or more, or none for self-training alone"),
    ] = None
    contrastive_temperature: Annotated[
        Positive | None, Field(description="a finite number above 0, or none for the paper's")
    ] = None
    seed: Annotated[int, Field(ge=0, lt=2**63, description="a whole number from 0 to below 2**63")] = 0


@dataclass(frozen=True, kw_only=True)
class SentenceAlignerSettings(BeadSettings):
    """How a sentence aligner pairs sentences: what `BeadSettings` says, and in which order they are searched.

    Attributes:
        monotone (bool): Whether both texts have the same order.

    Raises ValueError at anything else.
    """

    monotone: Annotated[bool, Field(description="true or false")] = True


@dataclass(frozen=True, kw_only=True)
class ProjectionSettings(Settings):
    """What a span projector projects, how, and where to.

    Attributes:
        source_spans (str): "ents", or the key of a group in the source Doc's `spans`.
        write_to (tuple[str, ...]): Any of "ents" and keys of groups in the target Doc's `spans`.
        rule (str): "link_f1" (best score), "min_max" (first to last linked token) or "gap" (longest run of linked
            tokens).
        max_gap (int): Only for "gap", the maximum number of tokens between two linked ones.
        assignment (str): "greedy" (best score first) or "exact" (highest total score; needs scipy).
        min_score (float): Candidates that score less, in [0, 1], are not projected.
        max_span_ratio (float | None): Candidates with more than this many target tokens for each source token are not
            projected; None is no limit.
        label_map (dict[str, str | None]): New label for a source label, or None to drop it; labels that are not in it
            are kept.
        overwrite (bool): Existing target spans make way (entities that overlap a projected one; a whole span group).
            By default they stay, and source spans that could only be projected onto an existing entity are not.
        allow_overlap (bool | None): Whether projected spans may overlap one another; None is "unless they are written
            to ents".

    Raises ValueError at anything else.
    """

    source_spans: Annotated[Text, Field(description='"ents" or the key of a span group')] = "ents"
    write_to: Annotated[
        tuple[Text, ...],
        BeforeValidator(_as_tuple),
        AfterValidator(_once_each),
        Field(min_length=1, description='a list like ["ents"] or ["ents", "sc"]'),
    ] = ("ents",)
    rule: Annotated[str, _one_of(RULES)] = "link_f1"
    max_gap: Annotated[int, Field(ge=0, description="a whole number of tokens, 0 or more")] = 1
    assignment: Annotated[str, _one_of(ASSIGNMENTS)] = "greedy"
    min_score: Annotated[Share, Field(description="a number from 0 to 1")] = 0.0
    max_span_ratio: Annotated[Positive | None, Field(description="a finite number above 0, or none for no limit")] = (
        None
    )
    label_map: Annotated[
        dict[str, Text | None], Field(description="a block of new labels for source labels (none drops a label)")
    ] = field(default_factory=dict)
    overwrite: Annotated[bool, Field(description="true or false")] = False
    allow_overlap: Annotated[bool | None, Field(description="true, false or none")] = None

    def check_together(self) -> None:
        if self.allow_overlap and "ents" in self.write_to:
            raise ValueError("Entities cannot overlap: with allow_overlap, write to a span group instead of ents.")

    @property
    def overlaps(self) -> bool:
        """Whether projected spans may overlap."""
        return "ents" not in self.write_to if self.allow_overlap is None else self.allow_overlap


@dataclass(frozen=True, kw_only=True)
class EntityVoteSettings(Settings):
    """Which span groups vote, and how many votes an entity needs.

    Attributes:
        ballots (tuple[str, ...]): Keys of the groups in `doc.spans`; as `entity_ballot` or `span_projector` writes
            them.
        min_votes (int | None): Votes that an entity needs, more than half of the groups; None is as few as that allows.

    Raises ValueError at anything else.
    """

    ballots: Annotated[
        tuple[Text, ...],
        BeforeValidator(_as_tuple),
        AfterValidator(_different),
        Field(min_length=1, description="a list of different span groups"),
    ] = ("entity_ballot",)
    min_votes: Annotated[int | None, Field(description="a whole number of votes, or none for a majority")] = None

    def check_together(self) -> None:
        if self.min_votes is not None and not self.majority <= self.min_votes <= len(self.ballots):
            expected = (
                f"between {self.majority} and {len(self.ballots)} for {len(self.ballots)} ballots (with half of "
                "them or fewer, entities could overlap)"
            )
            raise ValueError(wrong_setting("min_votes", expected, self.min_votes))

    @property
    def majority(self) -> int:
        """The smallest number of votes that is more than half."""
        return len(self.ballots) // 2 + 1
