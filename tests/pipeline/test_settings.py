"""Wrong settings of every component end in one line that names component and setting."""

from __future__ import annotations

from typing import Any

import pytest
import spacy

from spacy_awesome.pipeline.settings import (
    EntityVoteSettings,
    ProjectionSettings,
    SentenceAlignerSettings,
    WordAlignerSettings,
)
from spacy_awesome.tokens.checks import Settings

HUGE = 10**9
NAN, INFINITE = float("nan"), float("inf")

# Component, setting, wrong value, part of what the message says is expected.
WRONG: list[tuple[str, str, Any, str]] = [
    ("word_aligner", "threshold", "1", "a number from 0 to 1"),
    ("word_aligner", "threshold", True, "a number from 0 to 1"),
    ("word_aligner", "threshold", HUGE, "a number from 0 to 1"),
    ("word_aligner", "threshold", [0.1], "a number from 0 to 1"),
    ("word_aligner", "scale", "big", "a finite number above 0"),
    ("word_aligner", "scale", 0, "a finite number above 0"),
    ("word_aligner", "distortion", -1.0, "a finite number of 0 (off) or more"),
    ("word_aligner", "distortion", {"a": 1}, "a finite number of 0 (off) or more"),
    ("word_aligner", "symmetrization", "both", "one of: intersection, union"),
    ("word_aligner", "symmetrization", 3, "one of: intersection, union"),
    ("word_aligner", "reuse_trf_data", 1, "true or false"),
    ("word_aligner", "reuse_trf_data", "yes", "true or false"),
    ("word_aligner", "objectives", ["self_training"], "a block of training objectives"),
    ("word_aligner", "objectives", {"self_training": "1"}, "a block of training objectives"),
    ("word_aligner", "objectives", {"self_training": -1.0}, "weights of 0 or more"),
    ("word_aligner", "contrastive_temperature", 0.0, "a finite number above 0"),
    ("word_aligner", "seed", 1.5, "a whole number from 0"),
    ("word_aligner", "seed", True, "a whole number from 0"),
    ("word_aligner", "seed", -1, "a whole number from 0"),
    ("word_aligner", "seed", 2**63, "a whole number from 0"),
    ("word_aligner", "model", 3, "an encoder such as"),
    ("word_aligner", "extraction", 3, "a registered method such as"),
    ("word_aligner", "scorer", 2, "a scorer such as"),
    ("sentence_aligner", "monotone", 0, "true or false"),
    ("sentence_aligner", "max_sentences", 0, "a whole number of sentences from 1 to 9"),
    ("sentence_aligner", "max_sentences", HUGE, "a whole number of sentences from 1 to 9"),
    ("sentence_aligner", "max_sentences", True, "a whole number of sentences from 1 to 9"),
    ("sentence_aligner", "max_sentences", 2.0, "a whole number of sentences from 1 to 9"),
    ("sentence_aligner", "alpha", "0.75", "a finite number"),
    ("sentence_aligner", "min_score", None, "a finite number"),
    ("sentence_aligner", "gap_cost", -1.0, "a finite number of 0 or more"),
    ("sentence_aligner", "model", "bundled?", "an encoder such as"),
    ("sentence_aligner", "scorer", 1, "a scorer such as"),
    ("span_projector", "source_spans", 3, '"ents" or the key of a span group'),
    ("span_projector", "source_spans", "", '"ents" or the key of a span group'),
    ("span_projector", "write_to", "ents", 'a list like ["ents"]'),
    ("span_projector", "write_to", [], 'a list like ["ents"]'),
    ("span_projector", "write_to", ["ents", 2], 'a list like ["ents"]'),
    ("span_projector", "rule", "best", "one of: link_f1, min_max, gap"),
    ("span_projector", "rule", None, "one of: link_f1, min_max, gap"),
    ("span_projector", "max_gap", True, "a whole number of tokens, 0 or more"),
    ("span_projector", "max_gap", "1", "a whole number of tokens, 0 or more"),
    ("span_projector", "max_gap", -1, "a whole number of tokens, 0 or more"),
    ("span_projector", "assignment", "best", "one of: greedy, exact"),
    ("span_projector", "min_score", "1", "a number from 0 to 1"),
    ("span_projector", "min_score", 1.5, "a number from 0 to 1"),
    ("span_projector", "max_span_ratio", 0.0, "a finite number above 0"),
    ("span_projector", "label_map", ["PER"], "a block of new labels"),
    ("span_projector", "label_map", {"PER": 3}, "a block of new labels"),
    ("span_projector", "overwrite", "false", "true or false"),
    ("span_projector", "allow_overlap", 1, "true, false or none"),
    ("span_projector", "scorer", [1, 2], "a scorer such as"),
    ("entity_vote", "ballots", "entity_ballot", "a list of different span groups"),
    ("entity_vote", "ballots", [], "a list of different span groups"),
    ("entity_vote", "ballots", ["a", "a"], "a list of different span groups"),
    ("entity_vote", "ballots", [1, 2], "a list of different span groups"),
    ("entity_vote", "min_votes", "1", "a whole number of votes"),
    ("entity_vote", "min_votes", True, "a whole number of votes"),
    ("entity_vote", "min_votes", HUGE, "between 1 and 1 for 1 ballots"),
    ("entity_vote", "scorer", "ner", "a scorer such as"),
]


@pytest.mark.parametrize(("factory", "setting", "value", "expected"), WRONG)
def test_a_wrong_setting_is_named_in_one_line(factory: str, setting: str, value: Any, expected: str) -> None:
    with pytest.raises(ValueError) as caught:
        spacy.blank("en").add_pipe(factory, name="mine", config={setting: value})
    message = str(caught.value)
    assert message.startswith(f"mine: Expected {setting} to be ")
    assert expected in message
    assert "\n" not in message
    assert "got " in message


def test_an_unknown_extraction_is_named_with_its_component_and_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"^mine: Unknown extraction 'best'; expected one of: argmax, .*, softmax\.$"):
        spacy.blank("en").add_pipe("word_aligner", name="mine", config={"extraction": "best"})


WRONG_OPTIONS = [
    ("entmax", "alpha", 0.5, "a finite number of 1"),
    ("entmax", "alpha", INFINITE, "a finite number of 1"),
    ("optimal_transport", "regularization", 0.0, "a finite number above 0"),
    ("optimal_transport", "iterations", 0, "a whole number from 1 to 10000"),
    ("optimal_transport", "iterations", HUGE, "a whole number from 1 to 10000"),
    ("itermax", "iterations", 0, "a whole number from 1 to 1000"),
    ("itermax", "iterations", HUGE, "a whole number from 1 to 1000"),
    ("itermax", "discount", -1.0, "a number from 0 to 1"),
    ("itermax", "discount", NAN, "a number from 0 to 1"),
]


@pytest.mark.parametrize(("method", "option", "value", "expected"), WRONG_OPTIONS)
def test_a_wrong_option_of_an_extraction_is_named(method: str, option: str, value: float, expected: str) -> None:
    make = spacy.registry.misc.get(f"spacy_awesome.{method}.v1")
    with pytest.raises(ValueError, match=f"{method}: Expected {option} to be {expected}"):
        make(**{option: value})


# What spaCy does not take in a configuration, but Python code can pass.
NOT_FINITE = [
    (WordAlignerSettings, "threshold"),
    (WordAlignerSettings, "scale"),
    (WordAlignerSettings, "distortion"),
    (WordAlignerSettings, "contrastive_temperature"),
    (SentenceAlignerSettings, "alpha"),
    (SentenceAlignerSettings, "min_score"),
    (SentenceAlignerSettings, "gap_cost"),
    (ProjectionSettings, "min_score"),
    (ProjectionSettings, "max_span_ratio"),
]


@pytest.mark.parametrize("value", [NAN, INFINITE, -INFINITE])
@pytest.mark.parametrize(("settings", "name"), NOT_FINITE)
def test_numbers_are_finite(settings: type[Settings], name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^Expected {name} to be a .*number.*, got -?(nan|inf)\.$"):
        settings(**{name: value})
    with pytest.raises(ValueError, match=f"^mine: Expected {name}"):
        settings.of("mine", **{name: value})


def test_a_long_wrong_value_is_cut() -> None:
    with pytest.raises(ValueError) as caught:
        ProjectionSettings(rule="x" * 10_000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("factory", "settings"),
    [
        ("word_aligner", WordAlignerSettings),
        ("sentence_aligner", SentenceAlignerSettings),
        ("span_projector", ProjectionSettings),
        ("entity_vote", EntityVoteSettings),
    ],
)
def test_the_default_config_is_that_of_the_settings(factory: str, settings: type[Settings]) -> None:
    nlp = spacy.blank("en")
    component = nlp.add_pipe(factory)
    assert component.settings == settings()  # type: ignore[attr-defined]
    config = nlp.get_pipe_config(factory)
    assert {name: config[name] for name in settings.defaults()} == settings.defaults()


def test_settings_that_do_not_go_together_are_named_with_their_component() -> None:
    with pytest.raises(ValueError, match="^span_projector: Entities cannot overlap"):
        spacy.blank("en").add_pipe("span_projector", config={"allow_overlap": True})
    with pytest.raises(ValueError, match="^entity_vote: Expected min_votes to be between 2 and 3 for 3 ballots"):
        spacy.blank("en").add_pipe("entity_vote", config={"ballots": ["a", "b", "c"], "min_votes": 1})
