"""Sentences that something is measured on never reach the training text."""

from __future__ import annotations

from pathlib import Path

from spacy_awesome.training.budget import held_out_keys, is_held_out


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
    kept = [("She woke .", "Despertó ."), ("They left .", "Se fueron .")]
    dropped = [
        ("he slept", "Dormía"),
        ("It rained .", "DURMIÓ"),
        ("He came!", "Vino"),
        ("(Applause)", "(Aplausos)"),
        ("It snowed.", "Nevó."),
    ]
    assert all(is_held_out(*pair, held_out) for pair in dropped)
    assert not any(is_held_out(*pair, held_out) for pair in kept)
