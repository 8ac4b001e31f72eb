"""`project`: labels over links, into each format, with a summary of what became of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runner import fail, run

from spacy_awesome.formats.docbin import read_paired_docs

SOURCE = """-DOCSTART- -X- O O

Obama NNP I-NP I-PER
met VBD I-VP O
Angela NNP I-NP I-PER
Merkel NNP I-NP I-PER
. . O O

Paris NNP I-NP I-LOC
Rome NNP I-NP B-LOC
"""
TARGET = "Angela Merkel traf Obama .\nParis Rom\n"
LINKS = "0-3 1-2 2-0 3-1 4-4\n0-0\n"
PROJECTED = "Angela\tB-PER\nMerkel\tI-PER\ntraf\tO\nObama\tB-PER\n.\tO\n\nParis\tB-LOC\nRom\tO\n\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a labelled source, its translation, and links."""
    for name, content in (("source.conll", SOURCE), ("target.txt", TARGET), ("links.txt", LINKS)):
        (tmp_path / name).write_text(content)
    return tmp_path


def arguments(files: Path, output: str) -> list[str | Path]:
    return ["project", files / "source.conll", files / "target.txt", files / output, "--links", files / "links.txt"]


@pytest.mark.parametrize("output", ["out.conll", "out.txt", "out"])
def test_entities_that_swap_order_are_written_as_conll(files: Path, output: str) -> None:
    run(*arguments(files, output))
    assert (files / output).read_text() == PROJECTED


def test_the_summary_counts_what_was_lost_and_why(files: Path) -> None:
    rows = [line.split() for line in run(*arguments(files, "out.conll")).stdout.splitlines()]
    assert ["Label", "Spans", "Projected", "Lost:", "unaligned"] in rows
    assert ["LOC", "2", "1", "1"] in rows
    assert ["PER", "2", "2", "0"] in rows
    assert ["all", "4", "3", "1"] in rows


def test_quiet_prints_nothing(files: Path) -> None:
    assert run(*arguments(files, "out.conll"), "--quiet").output == ""


def test_the_summary_stays_out_of_standard_output_if_the_labels_go_there(files: Path) -> None:
    result = run("project", files / "source.conll", files / "target.txt", "-", "--links", files / "links.txt")
    assert result.stdout == PROJECTED
    assert "Projected" in result.stderr


def test_json_lines_have_score_and_reason(files: Path) -> None:
    run(*arguments(files, "out.jsonl"))
    first, second = [json.loads(line) for line in (files / "out.jsonl").read_text().splitlines()]
    assert [(span["text"], span["label"], span["score"]) for span in first["spans"]] == [
        ("Angela Merkel", "PER", 1.0),
        ("Obama", "PER", 1.0),
    ]
    [lost] = second["lost"]
    assert (lost["text"], lost["reason"], lost["source_start"], lost["source_end"]) == ("Rome", "unaligned", 1, 2)


def test_paired_docs_keep_source_links_and_report(files: Path) -> None:
    run(*arguments(files, "out.spacy"), "--source-lang", "en")
    (first, pair), (_, second_pair) = read_paired_docs(files / "out.spacy")
    assert [(ent.text, ent.label_) for ent in first.ents] == [("Angela Merkel", "PER"), ("Obama", "PER")]
    assert pair.source.vocab.lang == "en"
    assert [projection.reason for projection in second_pair.projections] == [None, "unaligned"]


def test_options_reach_the_projector(files: Path) -> None:
    (files / "links.txt").write_text("0-3 2-0\n0-0 1-1\n")
    run(*arguments(files, "gap.jsonl"), "--rule", "gap", "--assignment", "exact", "--min-score", "0.9")
    first = json.loads((files / "gap.jsonl").read_text().splitlines()[0])
    assert [span["text"] for span in first["spans"]] == ["Obama"]
    assert [lost["reason"] for lost in first["lost"]] == ["low_score"]
    message = fail(*arguments(files, "out.conll"), "--rule", "magic")
    assert "Expected rule to be one of: link_f1, min_max, gap, got 'magic'" in message


def test_raw_text_is_split_by_the_rules_of_its_language(files: Path) -> None:
    (files / "target.txt").write_text("Angela Merkel traf Obama.\nParis, Rom\n")
    run(*arguments(files, "out.conll"), "--lang", "de")
    assert (files / "out.conll").read_text() == PROJECTED.replace("Paris\tB-LOC\n", "Paris\tB-LOC\n,\tO\n")


@pytest.mark.parametrize("name", ["source.spacy", "source.jsonl", "source.biluo"])
def test_labels_come_from_every_format(files: Path, name: str) -> None:
    run("convert", files / "source.conll", files / name, *(["--to", "biluo"] if name == "source.biluo" else []))
    run("project", files / name, files / "target.txt", files / "out.conll", "--links", files / "links.txt")
    assert (files / "out.conll").read_text() == PROJECTED


def test_words_of_a_labelled_target_are_used_without_its_labels(files: Path) -> None:
    (files / "target.conll").write_text(
        "".join(f"{word} B-X\n" for word in ["Angela", "Merkel", "traf", "Obama", "."]) + "\nA O\nB O\n"
    )
    run("project", files / "source.conll", files / "target.conll", files / "out.conll", "--links", files / "links.txt")
    assert (files / "out.conll").read_text() == PROJECTED.replace("Paris", "A").replace("Rom", "B")


def test_without_links_the_words_are_aligned_first(tiny_bert: Path, files: Path) -> None:
    run("project", files / "source.conll", files / "target.txt", files / "out.spacy", "--model", tiny_bert)
    for doc, pair in read_paired_docs(files / "out.spacy"):
        assert pair.alignment is not None
        assert len(pair.alignment) > 0
        assert len(pair.projections) == len(pair.source.ents)
        assert len(doc.ents) == sum(projection.projected for projection in pair.projections)


def test_an_unknown_language_is_named(files: Path) -> None:
    assert "No tokeniser for the language 'zz'" in fail(*arguments(files, "out.conll"), "--lang", "zz")


def test_given_links_leave_nothing_to_align(files: Path) -> None:
    assert "With --links nothing is aligned: leave out --layer" in fail(*arguments(files, "out.conll"), "--layer", "2")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("target.txt", "Angela Merkel traf Obama .\n", "source.conll has 2 sentences, but {}/target.txt has 1"),
        ("links.txt", "0-0\n", "links.txt has 1 lines, but {}/source.conll with {}/target.txt has 2"),
        ("links.txt", "0-0\n0-0\n0-0\n", "links.txt has 3 lines, but {}/source.conll with {}/target.txt has 2"),
        ("links.txt", "0-0\n0-2\n", "links.txt:2: Link 0-2 points past the end of the target sentence (2 tokens)"),
        ("links.txt", "0-0\n0:1\n", "links.txt:2: Expected links like 0-0"),
        ("source.conll", "Obama PER\n", "source.conll:1: expected O or a tag like B-PER"),
        ("source.conll", "Obama\n", "source.conll:1: expected 2 to 4 columns"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(files: Path, name: str, content: str, message: str) -> None:
    (files / name).write_text(content)
    assert message.replace("{}", str(files)) in fail(*arguments(files, "out.conll"))
    assert sorted(path.name for path in files.iterdir()) == ["links.txt", "source.conll", "target.txt"]
