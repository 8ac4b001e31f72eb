"""`convert`: every format into every other of its family, and back."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from cli_runner import fail, run

PAIRS = "a b ||| c\n ||| d\n\u3000 e ||| \n"


def test_pairs_go_through_every_format_and_back(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text(PAIRS)
    run("convert", tmp_path / "pairs.txt", tmp_path / "pairs.tsv", "--from", "pipes")
    assert (tmp_path / "pairs.tsv").read_text() == "a b\tc\n\td\n\u3000 e\t\n"
    run("convert", tmp_path / "pairs.tsv", tmp_path / "x.en", "--output-target", tmp_path / "x.es")
    assert (tmp_path / "x.en").read_text() == "a b\n\n\u3000 e\n"
    assert (tmp_path / "x.es").read_text() == "c\nd\n\n"
    run("convert", tmp_path / "x.en", tmp_path / "back.txt", "--target", tmp_path / "x.es", "--to", "pipes")
    assert (tmp_path / "back.txt").read_text() == PAIRS


@pytest.mark.parametrize(
    ("options", "links"),
    [
        (["--from", "pharaoh1", "--to", "pharaoh"], "0-1 1p0\n\n"),
        (["--from", "pharaoh", "--to", "pharaoh1"], "2-3 3p2\n\n"),
        (["--from", "pharaoh1", "--to", "pharaoh", "--possible", "drop"], "0-1\n\n"),
        (["--from", "pharaoh1", "--to", "pharaoh", "--possible", "sure"], "0-1 1-0\n\n"),
    ],
)
def test_links_change_base_and_possible_ones(options: list[str], links: str) -> None:
    assert run("convert", "-", "-", *options, stdin="2p1 1-2\n\n").stdout == links


def test_labelled_sentences_go_through_every_format_and_back(tmp_path: Path) -> None:
    content = "New\tB-LOC\nYork\tI-LOC\n\u3000\tO\nAda\tB-PER\n\nno\tO\n\n"
    (tmp_path / "0.conll").write_text(content)
    names = ["0.conll", "1.spacy", "2.jsonl", "3.iob1", "4.bioes", "5.biluo", "6.conll"]
    for old, new in pairwise(names):
        formats = [Path(old).suffix[1:], Path(new).suffix[1:]]
        run("convert", tmp_path / old, tmp_path / new, "--from", formats[0], "--to", formats[1])
    assert (tmp_path / "5.biluo").read_text() == content.replace("I-LOC", "L-LOC").replace("B-PER", "U-PER")
    assert (tmp_path / "6.conll").read_text() == content
    assert run("convert", tmp_path / "0.conll", "-", "--to", "text").stdout == "New York \u3000 Ada\nno\n"


def test_paired_docs_give_up_words_links_and_labels(tmp_path: Path) -> None:
    (tmp_path / "source.conll").write_text("Ada B-PER\nslept O\n")
    (tmp_path / "target.txt").write_text("Ada durmió\n")
    (tmp_path / "links.txt").write_text("0-0 1-1\n")
    pairs = tmp_path / "pairs.spacy"
    run("project", tmp_path / "source.conll", tmp_path / "target.txt", pairs, "--links", tmp_path / "links.txt")
    assert run("convert", pairs, "-", "--to", "pipes").stdout == "Ada slept ||| Ada durmió\n"
    assert run("convert", pairs, "-", "--to", "pharaoh1").stdout == "1-1 2-2\n"
    assert run("convert", pairs, "-", "--to", "conll").stdout == "Ada\tB-PER\ndurmió\tO\n\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.conll", "x.pharaoh"], "Can't convert conll to pharaoh"),
        (["x.conll", "x.unknown"], "x.unknown: its ending does not tell the format; name it with --to"),
        (["x.unknown", "x.conll"], "x.unknown: its ending does not tell the format; name it with --from"),
        (["x.conll", "x.spacy", "--from", "magic"], "Can't convert magic to spacy"),
        (["x.tsv", "x.en", "--to", "files"], "give it with --output-target"),
        (["x.en", "x.tsv", "--from", "pipes", "--target", "x.es"], "not 'pipes': leave out --from"),
        (["x.conll", "x.jsonl", "--possible", "drop"], "leave out --possible"),
        (["x.links", "y.links", "--possible", "magic"], "expected one of: keep, sure, drop"),
        (["missing.conll", "x.spacy"], "missing.conll: No such file or directory"),
    ],
)
def test_what_cannot_be_converted_is_named(arguments: list[str], message: str) -> None:
    assert message in fail("convert", *arguments)


def test_a_bad_line_leaves_no_output(tmp_path: Path) -> None:
    (tmp_path / "bad.conll").write_text("good O\nbad\n")
    message = fail("convert", tmp_path / "bad.conll", tmp_path / "out.jsonl")
    assert "bad.conll:2: expected 2 to 4 columns" in message
    assert [path.name for path in tmp_path.iterdir()] == ["bad.conll"]
