"""Sentences that something is measured on never reach the training text."""

from __future__ import annotations

from pathlib import Path

from spacy_awesome.training.decontamination import decontaminated, held_out_keys
from spacy_awesome.training.sentence_pairs import SentencePair


def pair(source: str, target: str) -> SentencePair:
    return SentencePair(tuple(source.split()), tuple(target.split()), "corpus")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_pairs_that_share_a_side_with_a_held_out_sentence_are_dropped(tmp_path: Path) -> None:
    write(tmp_path / "alignment/xl-wa/es/test.tsv", "He slept .\tDurmió .\t0-0\n")
    write(tmp_path / "alignment/xl-wa/es/train.tsv", "She woke .\tDespertó .\t1-0\n")
    write(tmp_path / "alignment/standard/deen.src-tgt", "Er kam . ||| He came .\n")
    write(tmp_path / "ner/europarl/en-europarl.test.conll02", "Applause\tO\n\n")
    write(tmp_path / "retrieval/tatoeba-v1/v1/tatoeba.spa-eng.eng", "It snowed .\n")
    held_out = held_out_keys(tmp_path)
    kept = [pair("She woke .", "Despertó ."), pair("They left .", "Se fueron .")]
    dropped = [
        pair("he slept", "Dormía"),
        pair("It rained .", "DURMIÓ"),
        pair("He came!", "Vino"),
        pair("(Applause)", "(Aplausos)"),
        pair("It snowed.", "Nevó."),
    ]
    assert list(decontaminated([*dropped, *kept], held_out)) == kept


def test_without_held_out_data_everything_stays(tmp_path: Path) -> None:
    pairs = [pair("a", "b")]
    assert list(decontaminated(pairs, held_out_keys(tmp_path))) == pairs
