"""`evaluate retrieval` and what it is made of: figures, files, and the languages in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from cli_runner import fail, run

from spacy_awesome.evaluation.retrieval import (
    TATOEBA_36,
    Retrieval,
    RetrievalScores,
    averages,
    find_translations,
    read_translations,
    retrieval_accuracy,
)

ENGLISH = ["The house is big .", "Yesterday it rained .", "My brother eats bread .", "The train is late ."]
SPANISH = ["La casa es grande .", "Ayer llovió .", "Mi hermano come pan .", "El tren llega tarde ."]
GERMAN = ["Das Haus ist groß .", "Gestern regnete es .", "Mein Bruder isst Brot .", "Der Zug ist spät ."]


def write(folder: Path, name: str, lines: list[str]) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def tatoeba(tmp_path: Path) -> Path:
    for code, lines in (("spa", SPANISH), ("deu", GERMAN)):
        write(tmp_path, f"tatoeba.{code}-eng.{code}", lines)
        write(tmp_path, f"tatoeba.{code}-eng.eng", ENGLISH)
    write(tmp_path, "README.md", ["Test sentences"])
    return tmp_path


def test_accuracy_counts_the_best_of_rows_and_of_columns() -> None:
    scores = torch.tensor([[0.9, 0.8, 0.0], [0.1, 0.7, 0.0], [0.2, 0.9, 0.5]])
    found = retrieval_accuracy(scores)
    assert found == (pytest.approx(2 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3), 3)
    # Rows: only the first is right; columns: the first and the third are.
    found = retrieval_accuracy(torch.tensor([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.6, 0.3, 0.5]]))
    assert found.source_to_target == pytest.approx(1 / 3)
    assert found.target_to_source == pytest.approx(2 / 3)
    assert found.accuracy == pytest.approx(1 / 2)


def test_two_files_are_compared(tmp_path: Path) -> None:
    source, target = write(tmp_path, "es.txt", SPANISH), write(tmp_path, "en.txt", ENGLISH)
    result = run("evaluate", "retrieval", "--source", source, "--target", target, "--json")
    assert json.loads(result.stdout) == {
        "source_to_target": 100.0,
        "target_to_source": 100.0,
        "accuracy": 100.0,
        "sentences": 4,
    }
    rows = [
        line.split() for line in run("evaluate", "retrieval", "--source", source, "--target", target).stdout.split("\n")
    ]
    assert ["Both", "100.00"] in rows
    assert ["Sentences", "4"] in rows


def test_lines_that_are_no_translations_are_not_found(tmp_path: Path) -> None:
    source, target = write(tmp_path, "es.txt", SPANISH), write(tmp_path, "en.txt", ENGLISH[1:] + ENGLISH[:1])
    result = run("evaluate", "retrieval", "--source", source, "--target", target, "--json")
    assert json.loads(result.stdout)["accuracy"] == 0.0


@pytest.mark.parametrize("normalization", ["none", "in_batch", "ratio"])
@pytest.mark.parametrize("scoring", ["bert_score", "pooling"])
def test_each_language_of_a_folder_and_their_mean(tatoeba: Path, scoring: str, normalization: str) -> None:
    options = ["--scoring", scoring, "--normalization", normalization, "--max-length", "50"]
    result = run("evaluate", "retrieval", "--folder", tatoeba, *options, "--json")
    figures = json.loads(result.stdout)
    assert list(figures["languages"]) == ["deu", "spa"]
    mean = sum(language["accuracy"] for language in figures["languages"].values()) / 2
    assert figures["average"]["accuracy"] == pytest.approx(mean, abs=0.01)
    assert figures["average"]["accuracy"] >= 75
    assert figures["average"]["sentences"] == 8
    assert "tatoeba36" not in figures


def test_a_table_for_a_folder_names_languages_and_mean(tatoeba: Path) -> None:
    result = run("evaluate", "retrieval", "--folder", tatoeba, "--languages", "spa", "--quiet")
    assert [line.split()[0] for line in result.stdout.splitlines() if line][2:] == ["spa", "all"]


def test_the_mean_of_tatoeba_36_stands_beside_that_of_all_languages() -> None:
    scores = {name: RetrievalScores(0.5, 1.0, 0.75, 1000) for name in TATOEBA_36}
    scores["ces"] = RetrievalScores(0.0, 0.0, 0.0, 1000)
    means = dict(averages(scores))
    assert len(TATOEBA_36) == 36
    assert means["tatoeba36"] == (0.5, 1.0, 0.75, 36_000)
    assert means["average"].accuracy == pytest.approx(0.75 * 36 / 37)


def test_flores_and_ntrex_have_a_file_for_each_language(tmp_path: Path) -> None:
    flores, ntrex = tmp_path / "flores", tmp_path / "ntrex"
    for code in ("eng_Latn", "spa_Latn", "zho_Hans", "zho_Hant"):
        write(flores, f"{code}.devtest", ENGLISH)
    found = find_translations(flores)
    assert list(found) == ["spa_Latn", "zho_Hans", "zho_Hant"]
    assert found["spa_Latn"] == (flores / "spa_Latn.devtest", flores / "eng_Latn.devtest")
    for name in ("src.eng", "ref.eng-GB", "ref.deu", "ref.spa-MX"):
        write(ntrex, f"newstest2019-{name}.txt", ENGLISH)
    found = find_translations(ntrex)
    assert list(found) == ["deu", "spa-MX"]
    assert found["deu"] == (ntrex / "newstest2019-ref.deu.txt", ntrex / "newstest2019-src.eng.txt")
    assert list(find_translations(flores, pivot="spa")) == ["eng_Latn", "zho_Hans", "zho_Hant"]


def test_new_tatoeba_has_a_folder_for_each_pair(tmp_path: Path) -> None:
    write(tmp_path, "deu-spa/test.src", GERMAN)
    write(tmp_path, "deu-spa/test.trg", SPANISH)
    write(tmp_path, "eng-spa/test.src", ENGLISH)
    assert find_translations(tmp_path) == {"deu-spa": (tmp_path / "deu-spa/test.src", tmp_path / "deu-spa/test.trg")}


def test_pairs_of_files_are_called_after_the_language_that_is_not_the_pivot(tmp_path: Path) -> None:
    for name in ("eng-spa.eng", "eng-spa.spa", "deu-spa.deu", "deu-spa.spa"):
        write(tmp_path, name, ENGLISH)
    assert find_translations(tmp_path) == {
        "spa": (tmp_path / "eng-spa.spa", tmp_path / "eng-spa.eng"),
        "deu-spa": (tmp_path / "deu-spa.deu", tmp_path / "deu-spa.spa"),
    }


def test_a_sample_is_the_same_lines_of_both_sides_every_time(tmp_path: Path) -> None:
    lines = [str(number) for number in range(100)]
    source, target = write(tmp_path, "a", lines), write(tmp_path, "b", [f"{line}!" for line in lines])
    first = read_translations(source, target, sample=10)
    assert len(set(first[0])) == 10
    assert [f"{line}!" for line in first[0]] == first[1]
    assert read_translations(source, target, sample=10) == first
    assert read_translations(source, target, sample=200)[0] == lines


def test_mistakes_are_named(tatoeba: Path, tmp_path: Path) -> None:
    two = ["--source", write(tmp_path, "a", ENGLISH), "--target", write(tmp_path, "b", SPANISH[:3])]
    assert "has 4 lines, but" in fail("evaluate", "retrieval", *two)
    assert "Expected --source FILE and --target FILE, or --folder" in fail("evaluate", "retrieval")
    assert "but not both" in fail("evaluate", "retrieval", *two, "--folder", tatoeba)
    assert "has no files of 'fra'; it has deu, spa" in fail(
        "evaluate", "retrieval", "--folder", tatoeba, "--languages", "spa,fra"
    )
    assert "Unknown normalisation 'alpha'" in fail("evaluate", "retrieval", *two, "--normalization", "alpha")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "found no pairs of files" in fail("evaluate", "retrieval", "--folder", empty)
    with pytest.raises(ValueError, match="Unknown scoring 'words'"):
        Retrieval("words")
    with pytest.raises(ValueError, match="square matrix"):
        retrieval_accuracy(torch.zeros(2, 3))


def test_one_sentence_cannot_be_normalised(tmp_path: Path) -> None:
    one = ["--source", write(tmp_path, "a", ENGLISH[:1]), "--target", write(tmp_path, "b", SPANISH[:1])]
    assert "at least 2 source with at least 2 target sentences" in fail("evaluate", "retrieval", *one)
    result = run("evaluate", "retrieval", *one, "--normalization", "none", "--json")
    assert json.loads(result.stdout)["accuracy"] == 100.0
