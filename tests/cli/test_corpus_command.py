"""`corpus`: a user's own labelled sentences and their translations become training data, with a report."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import spacy
from cli_runner import fail, run
from spacy.tokens import Doc, DocBin, Span

from spacy_awesome import WordAlignment, parallel
from spacy_awesome.formats.docbin import read_docs, read_paired_docs
from spacy_awesome.transfer import FilterSettings
from spacy_awesome.transfer.corpus import running_text, translated_pairs, write_corpus

PAIRS = [
    ("Angela Merkel visited Paris on Monday .", ["PER", "PER", None, "LOC"], "Angela Merkel visitó París el lunes."),
    ("Obama met Merkel in Berlin .", ["PER", None, "PER", None, "LOC"], "Obama se reunió con Merkel en Berlín."),
    ("The government said no .", [], "El Gobierno dijo que no."),
    ("He went to London .", [None, None, None, "LOC"], "Fue a Londres."),
    ("She lives in Madrid .", [None, None, None, "LOC"], "Vive en Madrid."),
    ("Putin is in Moscow .", ["PER", None, None, "LOC"], ""),
]
EVERYTHING = ("--incomplete", "--min-score", "0", "--min-coverage", "0")


def conll(pairs: Sequence[tuple[str, list[str | None], str]]) -> str:
    lines = []
    for words, labels, _ in pairs:
        tags = [f"I-{label}" if label else "O" for label in labels]
        lines += [f"{word} {tag}" for word, tag in zip(words.split(), tags + ["O"] * len(words.split()))]
        lines.append("")
    return "\n".join(lines) + "\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with labelled English and its Spanish text."""
    (tmp_path / "english.conll").write_text(conll(PAIRS), encoding="utf-8")
    (tmp_path / "spanish.txt").write_text("".join(f"{text}\n" for _, _, text in PAIRS), encoding="utf-8")
    return tmp_path


@pytest.fixture
def apertium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called apertium that knows the Spanish of PAIRS, and notes each paragraph that it is asked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    asked = folder / "asked.txt"
    dictionary = {words.replace(" .", "."): text or "?" for words, _, text in PAIRS}
    program = folder / "apertium"
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "if '-l' in sys.argv:\n"
        "    print('eng-spa')\n"
        "    sys.exit()\n"
        "paragraphs = sys.stdin.buffer.read().decode().split('\\n\\n')\n"
        f"with open({str(asked)!r}, 'a') as stream:\n"
        "    stream.writelines(line + '\\n' for line in paragraphs if line)\n"
        f"found = '\\n\\n'.join({dictionary!r}.get(line, line) for line in paragraphs)\n"
        "sys.stdout.buffer.write(found.encode())\n",
        encoding="utf-8",
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return asked


def arguments(files: Path, *more: str) -> list[str | Path]:
    return ["corpus", files / "english.conll", files / "out", "--target", files / "spanish.txt", "--lang", "es", *more]


def entities(path: Path) -> dict[str, list[tuple[str, str]]]:
    return {doc.text: [(ent.text, ent.label_) for ent in doc.ents] for doc in read_docs(path)}


def test_data_for_spacy_train_are_written(files: Path) -> None:
    run(*arguments(files, "--dev-share", "0.5", *EVERYTHING))
    train, dev = entities(files / "out" / "train.spacy"), entities(files / "out" / "dev.spacy")
    assert set(train).isdisjoint(dev)
    assert len(train) + len(dev) == 5
    assert (train | dev)["Obama se reunió con Merkel en Berlín."] == [
        ("Obama", "PER"),
        ("Merkel", "PER"),
        ("Berlín", "LOC"),
    ]


def test_words_outside_entities_count_as_annotated_also_where_a_sentence_has_none(files: Path) -> None:
    run(*arguments(files, "--dev-share", "0", *EVERYTHING))
    [doc] = [doc for doc in read_docs(files / "out" / "train.spacy") if doc.text.startswith("El Gobierno")]
    assert [token.ent_iob_ for token in doc] == ["O"] * 6


def test_docs_are_plain_unless_pairs_are_asked_for(files: Path) -> None:
    run(*arguments(files, "--dev-share", "0"))
    assert all(not doc.user_data for doc in read_docs(files / "out" / "train.spacy"))
    run(*arguments(files, "--dev-share", "0", "--keep-pairs", "--source-lang", "en"))
    doc, pair = next(read_paired_docs(files / "out" / "train.spacy"))
    assert (pair.source.vocab.lang, pair.source[0].text, doc[0].text) == ("en", "Angela", "Angela")
    assert pair.alignment is not None
    assert [projection.reason for projection in pair.projections] == [None, None]


def test_the_report_says_what_was_dropped_and_why(files: Path) -> None:
    labels = conll(PAIRS).replace("She O\nlives O\nin O\n", "She I-LOC\nlives I-LOC\nin I-LOC\n")  # She: no link
    (files / "english.conll").write_text(labels, encoding="utf-8")
    output = run(*arguments(files, "--dev-share", "0", "--min-score", "0.99")).stdout
    report = json.loads((files / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["sentences"] == {"read": 6, "train": 4, "dev": 0}
    assert report["dropped"] == {"empty": 1, "low_score": 1}
    assert report["failed"]["incomplete"] == 1
    assert report["spans"]["source"] == {"LOC": 5, "PER": 4}
    assert report["examples"]["low_score"][0]["target"] == "Vive en Madrid."
    assert "2 dropped (1 empty, 1 low score)" in output
    page = (files / "out" / "report.md").read_text(encoding="utf-8")
    assert "4 of 6 sentences were kept" in page
    assert "Vive en Madrid." in page


def test_spans_without_a_capital_letter_lose_their_label_if_asked(files: Path) -> None:
    (files / "english.conll").write_text("Spanish I-MISC\nwine O\nof O\nIBM I-ORG\n", encoding="utf-8")
    (files / "spanish.txt").write_text("vino español de IBM\n", encoding="utf-8")
    run(*arguments(files, "--dev-share", "0"))
    assert list(entities(files / "out" / "train.spacy").values()) == [[("español", "MISC"), ("IBM", "ORG")]]
    run(*arguments(files, "--dev-share", "0", "--drop-lowercase"))
    assert list(entities(files / "out" / "train.spacy").values()) == [[("IBM", "ORG")]]
    report = json.loads((files / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["spans"]["unlabelled"] == {"MISC": 1}
    assert report["spans"]["kept"] == {"MISC": 0, "ORG": 1}


def test_equal_sentences_stay_on_one_side_and_others_where_they_were(files: Path) -> None:
    run(*arguments(files, "--dev-share", "0.5", *EVERYTHING))
    before = entities(files / "out" / "dev.spacy")
    (files / "english.conll").write_text(conll(PAIRS + PAIRS), encoding="utf-8")
    (files / "spanish.txt").write_text("".join(f"{text}\n" for _, _, text in PAIRS + PAIRS), encoding="utf-8")
    run(*arguments(files, "--dev-share", "0.5", *EVERYTHING))
    assert entities(files / "out" / "dev.spacy") == before
    assert len(list(read_docs(files / "out" / "dev.spacy"))) == 2 * len(before)


def test_another_seed_is_another_split(files: Path) -> None:
    dev = set()
    for seed in range(4):
        run(*arguments(files, "--dev-share", "0.5", "--seed", str(seed), *EVERYTHING))
        dev.add(frozenset(entities(files / "out" / "dev.spacy")))
    assert len(dev) > 1


def test_limit_takes_sentences_from_the_start(files: Path) -> None:
    run(*arguments(files, "--dev-share", "0", "--limit", "2"))
    assert list(entities(files / "out" / "train.spacy")) == [PAIRS[0][2], PAIRS[1][2]]


def test_without_lang_words_stand_between_spaces(files: Path) -> None:
    (files / "spanish.txt").write_text("Angela Merkel visitó D.C.París\n", encoding="utf-8")
    command = ("corpus", files / "english.conll", files / "out", "--target", files / "spanish.txt")
    run(*command, "--limit", "1", "--dev-share", "0", *EVERYTHING)
    [doc] = read_docs(files / "out" / "train.spacy")
    assert [token.text for token in doc] == ["Angela", "Merkel", "visitó", "D.C.París"]


def test_a_translator_gets_running_text_and_each_sentence_once(files: Path, apertium: Path) -> None:
    engine = ("--engine", "apertium", "--direction", "eng-spa", "--lang", "es")
    command = ("corpus", files / "english.conll", files / "out", *engine, "--dev-share", "0", *EVERYTHING)
    run(*command)
    assert apertium.read_text().splitlines() == [words.replace(" .", ".") for words, _, _ in PAIRS]
    assert entities(files / "out" / "train.spacy")["Vive en Madrid."] == [("Madrid", "LOC")]
    run(*command, "--min-coverage", "0.1")
    assert len(apertium.read_text().splitlines()) == len(PAIRS)


def test_an_interrupted_translation_goes_on_where_it_was(files: Path) -> None:
    class Engine:
        name, block_size, cacheable = "test", 1, True

        def __init__(self, fails_at: int | None) -> None:
            self.asked: list[str] = []
            self.fails_at = fails_at

        def translate(self, lines: Sequence[str]) -> list[str]:
            if len(self.asked) == self.fails_at:
                raise KeyboardInterrupt
            self.asked += lines
            return list(lines)

    nlp, english = spacy.blank("es"), spacy.blank("en")
    sources = [english(f"Sentence {number}") for number in range(5)]
    first, second = Engine(3), Engine(None)
    with pytest.raises(KeyboardInterrupt):
        list(translated_pairs(nlp, sources, first, cache=files / "cache"))
    docs = list(translated_pairs(nlp, sources, second, cache=files / "cache"))
    assert [doc._.source.text for doc in docs] == [doc.text for doc in docs] == [doc.text for doc in sources]
    assert (len(first.asked), second.asked) == (3, ["Sentence 3", "Sentence 4"])


def test_a_failed_run_leaves_the_old_files_as_they_were(files: Path) -> None:
    run(*arguments(files, "--dev-share", "0.5", *EVERYTHING))
    before = {path.name: path.read_bytes() for path in (files / "out").iterdir()}
    with (files / "spanish.txt").open("a", encoding="utf-8") as stream:
        stream.write("Una línea de más.\n")
    message = fail(*arguments(files, "--dev-share", "0.5", *EVERYTHING))
    assert "has 6 sentences" in message and "has 7" in message
    assert {path.name: path.read_bytes() for path in (files / "out").iterdir()} == before


def test_dev_data_of_an_earlier_run_do_not_stay(files: Path) -> None:
    run(*arguments(files, "--dev-share", "0.5", *EVERYTHING))
    run(*arguments(files, "--dev-share", "0"))
    assert not (files / "out" / "dev.spacy").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--engine", "apertium"], "one of the two"),
        (["--rule", "magic"], "one of: link_f1, min_max, gap, got 'magic'"),
        (["--lang", "zz"], "No tokeniser for the language 'zz'"),
        (["--limit", "1", "--dev-share", "0.01"], "Change the share or the seed"),
    ],
)
def test_wrong_options_are_one_clear_error(files: Path, more: list[str], message: str) -> None:
    assert message in fail(*arguments(files, *more))
    assert not (files / "out" / "train.spacy").exists()


def test_if_nothing_is_left_it_says_why(files: Path) -> None:
    (files / "spanish.txt").write_text("\n" * len(PAIRS), encoding="utf-8")
    message = fail(*arguments(files))
    assert "Of 6 sentences 0 were kept (dropped: 6 empty): nothing is left to train on." in message


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "one of the two"),
        (["--engine", "apertium", "--lang", "es"], "needs --direction"),
        (["--engine", "file", "--lang", "es"], "as --target"),
        (["--engine", "apertium", "--direction", "eng-spa"], "name its language with --lang"),
        (["--engine", "babelfish", "--lang", "es"], "Unknown translation engine 'babelfish'"),
        (["--target", "/no/such/file"], "/no/such/file"),
    ],
)
def test_without_translations_it_says_how_to_get_them(files: Path, more: list[str], message: str) -> None:
    assert message in fail("corpus", files / "english.conll", files / "out", *more)


def test_a_doc_without_links_is_refused(tmp_path: Path) -> None:
    nlp = spacy.blank("es")
    with pytest.raises(ValueError, match="Align it first"):
        write_corpus([parallel(nlp, spacy.blank("en")("A house"), "Una casa")], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_spans_that_the_label_map_drops_do_not_make_a_sentence_incomplete(tmp_path: Path) -> None:
    nlp = spacy.blank("es")
    nlp.add_pipe("span_projector", config={"label_map": {"DATE": None}})
    source = Doc(nlp.vocab, words=["Obama", "today"], ents=["B-PER", "B-DATE"])
    doc = parallel(nlp, source, ["Obama", "hoy"])
    doc._.parallel.alignment = WordAlignment([(0, 0), (1, 1)], source_length=2, target_length=2)
    report = write_corpus([nlp(doc)], tmp_path, settings=FilterSettings(), dev_share=0)
    assert (report.train, dict(report.kept_spans), dict(report.lost_spans)) == (1, {"PER": 1}, {"label_dropped": 1})


@pytest.mark.parametrize(
    ("doc", "text"),
    [
        (Doc(spacy.vocab.Vocab(), words=["He", "did", "n't", "."]), "He didn't."),
        (Doc(spacy.vocab.Vocab(), words=["a", "b", "."], spaces=[True, False, False]), "a b."),
        (Doc(spacy.vocab.Vocab()), ""),
    ],
)
def test_text_for_the_translator_is_the_docs_own_unless_it_was_made_from_words(doc: Doc, text: str) -> None:
    assert running_text(doc) == text


def test_source_docs_of_a_spacy_file_are_read(files: Path) -> None:
    english = spacy.blank("en")
    packed = DocBin()
    doc = english("Angela Merkel visited Paris on Monday.")
    doc.ents = [Span(doc, 0, 2, label="PER")]
    packed.add(doc)
    packed.to_disk(files / "english.spacy")
    (files / "spanish.txt").write_text(PAIRS[0][2] + "\n", encoding="utf-8")
    command = ("corpus", files / "english.spacy", files / "out", "--target", files / "spanish.txt", "--lang", "es")
    run(*command, "--dev-share", "0")
    assert entities(files / "out" / "train.spacy") == {PAIRS[0][2]: [("Angela Merkel", "PER")]}
