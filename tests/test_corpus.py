"""The reader of sentence pairs for spaCy's training."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from spacy_awesome import WordAlignment, parallel
from spacy_awesome.training.corpus import create_parallel_corpus

PAIRS = "a b ||| x y\nc ||| z\nd e ||| w\n"
LINKS = "0-0 1-1\n0-0\n1-0\n"


@pytest.fixture
def nlp() -> Language:
    return spacy.blank("xx")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    (tmp_path / "pairs.txt").write_text(PAIRS, encoding="utf-8")
    (tmp_path / "links.txt").write_text(LINKS, encoding="utf-8")
    return tmp_path / "pairs.txt"


def words(example: Example) -> tuple[list[str], list[str]]:
    return [t.text for t in example.predicted._.source], [t.text for t in example.predicted]


def test_pairs_without_links(nlp: Language, pairs: Path) -> None:
    examples = list(create_parallel_corpus(pairs)(nlp))
    assert [words(example) for example in examples] == [(["a", "b"], ["x", "y"]), (["c"], ["z"]), (["d", "e"], ["w"])]
    assert all(example.reference._.alignment is None for example in examples)


def test_links_stand_on_the_reference_alone(nlp: Language, pairs: Path) -> None:
    examples = list(create_parallel_corpus(pairs, links=pairs.with_name("links.txt"))(nlp))
    assert [example.reference._.alignment.to_pharaoh() for example in examples] == ["0-0 1-1", "0-0", "1-0"]
    assert all(example.predicted._.alignment is None for example in examples)


def test_paired_docs_bring_their_links(nlp: Language, tmp_path: Path) -> None:
    doc = parallel(nlp, Doc(nlp.vocab, words=["a"]), ["x"])
    doc._.parallel.alignment = WordAlignment.from_pharaoh("0-0")
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "pairs.spacy")
    [example] = create_parallel_corpus(tmp_path / "pairs.spacy")(nlp)
    assert words(example) == (["a"], ["x"])
    assert example.reference._.alignment.to_pharaoh() == "0-0"
    assert example.predicted._.alignment is None


@pytest.mark.parametrize("lines", ["0-0\n", LINKS + "0-0\n0-0\n"])
def test_missing_and_surplus_link_lines_are_errors(nlp: Language, pairs: Path, lines: str) -> None:
    links = pairs.with_name("links.txt")
    links.write_text(lines, encoding="utf-8")
    with pytest.raises(ValueError, match=r"links\.txt has \d lines, but .*pairs\.txt has 3"):
        list(create_parallel_corpus(pairs, links=links)(nlp))


def test_a_link_outside_its_pair_names_file_and_line(nlp: Language, pairs: Path) -> None:
    links = pairs.with_name("links.txt")
    links.write_text("0-0\n0-5\n0-0\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"links\.txt:2: Link 0-5 points past the end of the target"):
        list(create_parallel_corpus(pairs, links=links)(nlp))


def test_limit_and_shuffle(nlp: Language, tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("".join(f"s{n} ||| t{n}\n" for n in range(50)), encoding="utf-8")
    assert len(list(create_parallel_corpus(path, limit=7)(nlp))) == 7

    def epochs(seed: int) -> list[list[str]]:
        corpus = create_parallel_corpus(path, shuffle=True, seed=seed)
        return [[example.predicted.text for example in corpus(nlp)] for _ in range(2)]

    first, second = epochs(1)
    assert sorted(first) == sorted(second)
    assert first != second
    assert epochs(1) == [first, second]
    assert epochs(2) != [first, second]


def test_no_path_says_what_to_set() -> None:
    with pytest.raises(ValueError, match=r"--paths\.train FILE"):
        create_parallel_corpus(None)
