"""Sentence pairs and their links from every text format."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from spacy_awesome.formats.sentences import PairFiles, read_linked_pairs

SURPLUS = "\tnews"
PAIRS = [(["a", "b"], ["x"]), (["c"], ["y", "z"])]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def read(files: PairFiles) -> list[tuple[list[str], list[str], str | None]]:
    return [
        (list(source), list(target), None if links is None else links.to_pharaoh())
        for source, target, links in read_linked_pairs(files)
    ]


@pytest.mark.parametrize(("name", "text"), [("pairs.txt", "a b ||| x\nc ||| y z\n"), ("pairs.txt", "a b\tx\nc\ty z\n")])
def test_lines_of_pairs(tmp_path: Path, name: str, text: str) -> None:
    assert read(PairFiles(write(tmp_path / name, text))) == [(*pair, None) for pair in PAIRS]


def test_third_column_of_a_tsv_file_holds_links_where_it_is_filled(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.tsv", "a b\tx\t0-0 1p0\nc\ty z\nd\tw\t\n")
    assert [links for *_, links in read(PairFiles(path))] == ["0-0 1p0", None, None]


def test_columns_choose_among_many_in_a_packed_file(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv.gz"
    path.write_bytes(gzip.compress(b"corpus\ta b\tx\ttrain\t1-0\n"))
    assert read(PairFiles(path, columns=(1, 2))) == [(["a", "b"], ["x"], None)]
    assert read(PairFiles(path, columns=(1, 2, 4))) == [(["a", "b"], ["x"], "1-0")]


def test_two_files_side_by_side(tmp_path: Path) -> None:
    source, target = write(tmp_path / "t.en", "a b\nc\n"), write(tmp_path / "t.es", "x\ny z\n")
    assert read(PairFiles(source, target=target)) == [(*pair, None) for pair in PAIRS]


def test_two_conll_files_side_by_side(tmp_path: Path) -> None:
    source = write(tmp_path / "en.conll", "a O\nb B-PER\n\nc O\n")
    target = write(tmp_path / "es.conll02", "x\tO\n\ny\tO\nz\tO\n")
    assert read(PairFiles(source, target=target)) == [(*pair, None) for pair in PAIRS]


def test_a_links_file_goes_with_any_of_them_and_before_a_third_column(tmp_path: Path) -> None:
    links = write(tmp_path / "pairs.links", "1-0\n\n")
    path = write(tmp_path / "pairs.tsv", "a b\tx\t0-0\nc\ty z\t0-0\n")
    assert [links for *_, links in read(PairFiles(path, links=links))] == ["1-0", ""]


def test_a_line_without_text_is_a_pair_of_empty_sentences(tmp_path: Path) -> None:
    assert read(PairFiles(write(tmp_path / "pairs.tsv", "a\tx\n\nb\ty\n")))[1] == ([], [], None)


@pytest.mark.parametrize(
    ("line", "columns", "message"),
    [
        ("a\tx\t0-1", None, r"pairs\.tsv:2: Link 0-1 points past the end of the target"),
        ("a\tx\t0=1", None, r"pairs\.tsv:2: Expected links like 0-0"),
        ("a", None, r"pairs\.tsv:2: expected 2 or 3 tab-separated columns"),
        ("a\tx\t0-0\tnews", None, r"pairs\.tsv:2: .*found 4\. Say with columns"),
        ("a\tx", (0, 3), r"pairs\.tsv:2: expected at least 4 tab-separated columns, found 2"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, columns: tuple[int, ...] | None, message: str) -> None:
    path = write(tmp_path / "pairs.tsv", f"a\tx\t0-0{SURPLUS if columns else ''}\n{line}\n")
    with pytest.raises(ValueError, match=message):
        read(PairFiles(path, columns=columns))


def test_files_of_different_length_are_named(tmp_path: Path) -> None:
    source, target = write(tmp_path / "t.en", "a\nb\n"), write(tmp_path / "t.es", "x\n")
    with pytest.raises(ValueError, match=r"t\.en has 2 sentences, but .*t\.es has 1"):
        read(PairFiles(source, target=target))


@pytest.mark.parametrize(
    "options",
    [
        {"path": Path("a.tsv"), "columns": (0,)},
        {"path": Path("a.tsv"), "columns": (0, -1)},
        {"path": Path("a.en"), "target": Path("a.es"), "columns": (0, 1)},
        {"path": Path("a.spacy"), "links": Path("a.links")},
    ],
)
def test_contradicting_options_are_errors(options: dict) -> None:
    with pytest.raises(ValueError, match=r"^a\.\w+: "):
        PairFiles(**options)
