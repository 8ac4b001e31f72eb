"""The reader of sentence pairs for spaCy's training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.util import registry
from thinc.api import Config

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
        corpus = create_parallel_corpus(path, shuffle=True, seed=seed, cache=tmp_path / "cache")
        return [[example.predicted.text for example in corpus(nlp)] for _ in range(2)]

    first, second = epochs(1)
    assert sorted(first) == sorted(second)
    assert first != second
    assert epochs(1) == [first, second]
    assert epochs(2) != [first, second]


def test_no_path_says_what_to_set() -> None:
    with pytest.raises(ValueError, match=r"--paths\.train FILE"):
        create_parallel_corpus(None)


LANGUAGES = {"de": 40, "es": 20, "it": 10}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One TSV file for each pair of languages; the targets say which one, and the links that there are some."""
    folder = tmp_path / "text"
    folder.mkdir()
    for language, count in LANGUAGES.items():
        lines = [f"a s{n}\t{language}{n}\t1-0\n" for n in range(count)]
        (folder / f"en-{language}.tsv").write_text("".join(lines), encoding="utf-8")
    return folder


def languages(examples: Iterable[Example]) -> Counter[str]:
    return Counter(example.predicted.text[:2] for example in examples)


def test_a_folder_and_a_block_of_files_give_every_pair_once_and_mixed(nlp: Language, folder: Path) -> None:
    block = {language: str(folder / f"en-{language}.tsv") for language in LANGUAGES}
    for path in (str(folder), block):
        examples = list(create_parallel_corpus(path, shuffle=True, cache=folder.parent / "cache")(nlp))
        assert len({example.predicted.text for example in examples}) == len(examples) == 70
        assert languages(examples) == LANGUAGES
        assert len(languages(examples[:20])) == 3
        assert all(example.reference._.alignment.to_pharaoh() == "1-0" for example in examples)


def test_without_shuffle_files_come_one_after_the_other_and_nothing_is_cached(nlp: Language, folder: Path) -> None:
    examples = list(create_parallel_corpus(folder, limit=2, cache=folder.parent / "cache")(nlp))
    assert [example.predicted.text for example in examples] == ["de0 ", "de1 ", "es0 ", "es1 ", "it0 ", "it1 "]
    assert not (folder.parent / "cache").exists()


def test_temperature_and_cap_change_what_an_epoch_has(nlp: Language, folder: Path) -> None:
    cache = folder.parent / "cache"
    even = create_parallel_corpus(folder, shuffle=True, temperature=1e9, cache=cache)(nlp)
    assert sorted(languages(even).values()) == [23, 23, 24]
    corpus = create_parallel_corpus(folder, shuffle=True, cap=20, cache=cache)
    epochs = [[example.predicted.text for example in corpus(nlp)] for _ in range(2)]
    assert Counter(text[:2] for text in epochs[0]) == {"de": 20, "es": 20, "it": 10}
    # Two epochs of half of the German text are all of it.
    assert len({text for epoch in epochs for text in epoch if text.startswith("de")}) == 40


def test_an_epoch_can_be_gone_to_directly(nlp: Language, folder: Path) -> None:
    first, later = (create_parallel_corpus(folder, shuffle=True, cap=15, cache=folder.parent / "c") for _ in range(2))
    orders = [[example.predicted.text for example in first(nlp)] for _ in range(3)]
    later.epoch = 2
    assert [example.predicted.text for example in later(nlp)] == orders[2]


def test_paired_docs_can_be_shuffled(nlp: Language, tmp_path: Path) -> None:
    docs = []
    for n in range(9):
        doc = parallel(nlp, Doc(nlp.vocab, words=["a", f"s{n}"]), [f"t{n}", "!\n"])
        doc._.parallel.alignment = WordAlignment.from_pharaoh("1-0", source_length=2, target_length=2)
        docs.append(doc)
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "pairs.spacy")
    examples = list(create_parallel_corpus(tmp_path / "pairs.spacy", shuffle=True, cache=tmp_path / "cache")(nlp))
    assert sorted(words(example) for example in examples) == [(["a", f"s{n}"], [f"t{n}", "!\n"]) for n in range(9)]
    assert {example.reference._.alignment.to_pharaoh() for example in examples} == {"1-0"}


def test_max_length_leaves_out_long_pairs_and_says_if_none_remains(nlp: Language, pairs: Path) -> None:
    assert [words(e) for e in create_parallel_corpus(pairs, max_length=1)(nlp)] == [(["c"], ["z"])]
    pairs.write_text("a b ||| x\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"pairs\.txt: found no sentence pair of at most 1 words"):
        list(create_parallel_corpus(pairs, max_length=1)(nlp))


def test_changed_text_is_converted_again(nlp: Language, pairs: Path) -> None:
    def read() -> set[str]:
        corpus = create_parallel_corpus(pairs, shuffle=True, cache=pairs.parent / "cache")
        return {example.predicted.text for example in corpus(nlp)}

    assert read() == {"x y ", "z ", "w "}
    [converted] = (pairs.parent / "cache").iterdir()
    before = converted.stat().st_mtime_ns
    assert read() == {"x y ", "z ", "w "}
    assert converted.stat().st_mtime_ns == before
    pairs.write_text("a ||| other\n", encoding="utf-8")
    assert read() == {"other "}


def test_text_that_fails_to_convert_leaves_nothing_behind(nlp: Language, pairs: Path) -> None:
    pairs.write_text(PAIRS + "no target\n", encoding="utf-8")
    corpus = create_parallel_corpus(pairs, shuffle=True, cache=pairs.parent / "cache")
    with pytest.raises(ValueError, match=r"pairs\.txt:4: expected one"):
        next(corpus(nlp))
    assert list((pairs.parent / "cache").iterdir()) == []


def test_memory_does_not_grow_with_the_text(nlp: Language, tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    line = f"{'a' * 3000} ||| {'b' * 3000}\n"
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(line for _ in range(20_000))
    # What converting the text took is not to hide what reading it takes.
    next(create_parallel_corpus(path, shuffle=True, cache=tmp_path / "cache")(nlp))
    start = highest = _resident_memory()
    for n, _ in enumerate(create_parallel_corpus(path, shuffle=True, cache=tmp_path / "cache")(nlp)):
        if n % 31 == 0:
            own, mapped = _resident_memory()
            highest = (max(highest[0], own), max(highest[1], mapped))
    assert path.stat().st_size > 110 * 2**20
    grown = [(most - before) // 2**20 for most, before in zip(highest, start)]
    assert max(grown) < 70, f"MiB of its own and mapped: {grown}"


def test_the_words_of_shuffled_text_do_not_stay_in_the_pipeline(nlp: Language, folder: Path) -> None:
    before = len(nlp.vocab.strings)
    [*examples] = create_parallel_corpus(folder, shuffle=True, cache=folder.parent / "cache")(nlp)
    assert len(nlp.vocab.strings) == before
    assert {example.predicted[0].shape_ for example in examples} == {"xxd", "xxdd"}
    assert examples[0].predicted.lang_ == "xx"


def _resident_memory() -> tuple[int, int]:
    """Bytes of its own memory and of mapped files; giving back the one could hide that the other grows."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("needs Linux's /proc")
    lines = [line.split() for line in status.read_text(encoding="utf-8").splitlines()]
    own, mapped = (int(line[1]) * 1024 for line in lines if line[0] in ("RssAnon:", "RssFile:"))
    return own, mapped


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "a.tsv", "cap": 5}, "need shuffle = true"),
        ({"path": "a.tsv", "shuffle": True, "temperature": 2.0, "cap": 5}, "not both"),
        ({"path": {"es": "a.tsv"}, "links": "a.links"}, "give each its own in a block"),
        ({"path": {"es": {"file": "a.tsv"}}}, r"path\.es: expected a file, or a block of path, target"),
        ({"path": {}}, "holds no file"),
    ],
)
def test_options_that_do_not_go_together_are_errors(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create_parallel_corpus(**options)


def test_configuration_with_a_block_of_files_resolves(nlp: Language, folder: Path) -> None:
    config = Config().from_str(
        f"""
        [paths]
        train = {{"es": "{folder}/en-es.tsv"}}

        [train]
        @readers = "spacy_awesome.ParallelCorpus.v1"
        path = ${{paths.train}}
        columns = [0, 1]
        shuffle = true
        cache = "{folder}/cache"

        [batcher]
        @batchers = "spacy_awesome.batch_by_pair_length.v1"
        size = 64
        """.replace("        ", "")
    )
    resolved = registry.resolve(config)
    examples = [example for batch in resolved["batcher"](resolved["train"](nlp)) for example in batch]
    assert {words(example)[1][0] for example in examples} == {f"es{n}" for n in range(20)}
    assert all(example.reference._.alignment is None for example in examples)
