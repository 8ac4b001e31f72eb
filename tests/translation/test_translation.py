"""Translating sentences: a line out for each line in, whatever the engine, the lines and what happens between."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from cli_runner import fail, run
from hypothesis import given
from hypothesis import strategies as st

from spacy_awesome.translation import TranslationEngine, make_engine, translate

SPANISH = ["La casa es roja .", "", "Angela Merkel visitó París .", "   ", "La casa es roja .", "-", "Buenos días"]


class Recorder:
    """Translates by spelling backwards, two lines at a time, and notes what it was asked for."""

    name = "recorder"
    block_size = 2
    cacheable = True

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.asked: list[str] = []
        self._fails_at = fails_at

    def translate(self, lines: Sequence[str]) -> list[str]:
        if self._fails_at is not None and len(self.asked) >= self._fails_at:
            raise KeyboardInterrupt
        self.asked += lines
        return [line[::-1] for line in lines]


class Careless(Recorder):
    """Loses the second line of each block."""

    def translate(self, lines: Sequence[str]) -> list[str]:
        return list(lines[:1])


@given(lines=st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]))))
def test_each_line_gives_one_line_in_its_place(lines: list[str]) -> None:
    found = list(translate(lines, Recorder()))
    assert len(found) == len(lines)
    assert all(len(line.splitlines()) <= 1 for line in found)


def test_it_reads_no_further_than_a_block_ahead() -> None:
    lines = iter(["a", "b", "c", "d"])
    assert next(translate(lines, Recorder())) == "a"
    assert list(lines) == ["c", "d"]


def test_an_engine_that_loses_a_line_is_found_out() -> None:
    with pytest.raises(ValueError, match="gave 1 translations for 2 lines"):
        list(translate(["a", "b"], Careless()))


# The cache


def test_a_line_is_translated_once(tmp_path: Path) -> None:
    engine = Recorder()
    assert list(translate(["ab", "ab", "cd", "ab"], engine, cache=tmp_path / "cache")) == ["ba", "ba", "dc", "ba"]
    assert engine.asked == ["ab", "cd"]


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    lines, cache = ["ab", "cd", "ef", "gh", "ij"], tmp_path / "cache"
    with pytest.raises(KeyboardInterrupt):
        list(translate(lines, Recorder(fails_at=4), cache=cache))
    second = Recorder()
    assert list(translate(lines, second, cache=cache)) == ["ba", "dc", "fe", "hg", "ji"]
    assert second.asked == ["ij"]


@given(cut=st.integers(min_value=0, max_value=200))
def test_a_cache_that_was_cut_anywhere_is_taken_up_again(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    cache, lines = tmp_path_factory.mktemp("cut") / "cache", ["ab", "cd", "é☃", "gh"]
    list(translate(lines, Recorder(), cache=cache))
    cache.write_bytes(cache.read_bytes()[:cut])
    engine = Recorder()
    assert list(translate(lines, engine, cache=cache)) == ["ba", "dc", "☃é", "hg"]
    # Whole lines were used, and now the file is as if nothing had happened.
    assert [json.loads(line)[1] for line in cache.read_text().splitlines()] == lines
    assert len(engine.asked) <= 4


def test_a_killed_process_leaves_translations_that_the_next_one_uses(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    program = (
        f"import os, sys\nsys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}\n"
        "from test_translation import Recorder\n"
        "from spacy_awesome.translation import translate\n"
        f"for count, line in enumerate(translate(['ab', 'cd', 'ef', 'gh'], Recorder(), cache={str(cache)!r})):\n"
        "    if count == 2: os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program], check=False)
    assert killed.returncode == -9
    engine = Recorder()
    assert list(translate(["ef", "xy"], engine, cache=cache)) == ["fe", "yx"]
    assert engine.asked == ["xy"]


def test_engines_do_not_use_each_others_translations(tmp_path: Path) -> None:
    cache, other = tmp_path / "cache", Recorder()
    other.name = "another"
    list(translate(["ab"], Recorder(), cache=cache))
    assert list(translate(["ab"], other, cache=cache)) == ["ba"]
    assert other.asked == ["ab"]


@pytest.mark.parametrize("content", ["a text\nof somebody's", "a text", '["engine", "line"]\n', "[1, 2, 3]\n", "{}\n"])
def test_a_file_that_is_no_cache_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"mine\.txt:1: expected \[engine, line, translation\]"):
        list(translate(["ab"], Recorder(), cache=path))
    assert path.read_text() == content


# A file of translations


def write(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_a_file_gives_its_lines_in_order(tmp_path: Path) -> None:
    english = ["The house is red .", "", "Angela Merkel visited Paris .", "", "The house 's red .", "-", "Good morning"]
    engine = make_engine("file", translations=write(tmp_path / "english.txt", english))
    # Equal sentences may be translated differently, so no cache is kept.
    assert list(translate(SPANISH, engine, cache=tmp_path / "cache")) == english
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("lines", [6, 8])
def test_a_file_of_another_length_is_refused(tmp_path: Path, lines: int) -> None:
    engine = make_engine("file", translations=write(tmp_path / "english.txt", ["x"] * lines))
    with pytest.raises(ValueError, match=rf"english\.txt has {lines} lines"):
        list(translate(SPANISH, engine))


# Apertium


def apertium() -> TranslationEngine:
    if shutil.which("apertium") is None:
        pytest.skip("apertium is not installed")
    return make_engine("apertium", direction="spa-eng")


def test_apertium_translates() -> None:
    assert list(translate(["La casa es roja ."], apertium())) == ["The house is red ."]


def test_apertium_does_not_mark_words_that_it_does_not_know() -> None:
    assert list(translate(["xyzzyx es roja ."], apertium())) == ["xyzzyx Is red ."]


ODD = [
    "[", "]", ".[]", "[]", "^a<n>$", "{x}", "*", "#", "@", "~", "/", "\\", "a\\", "\\n", "[[t:b:x]]hola", "&amp;", "¿",
    "<b>hola</b>", "[<STREAMCMD:FLUSH>]", ".", "...", ". .", "\u00a0", "\u3000", "\u200b", "\ufeff", "a\rb", "a\x0bb",
    "a\u2028b", "a\x85b", "a\x00b", "La casa", "roja de mi", "padre", "Sr.", "", " ", "\t", "😀", "«»", "q]x",
    "foo[bar",
]  # fmt: skip


def test_apertium_gives_a_line_for_each_of_the_oddest_lines() -> None:
    engine = apertium()
    lines = ODD + random.Random(0).choices(ODD, k=300)
    found = list(translate(lines, engine))
    assert len(found) == len(lines)
    # No line moves into another's place: what has no word in it stays itself.
    unchanged = {"[", "]", "{x}", "*", "#", "@", "/", "\\", ".", "...", "😀", ".[]"}
    assert [line for line in found if line in unchanged] == [line for line in lines if line in unchanged]
    assert all(not translation for line, translation in zip(lines, found) if not line.strip())


def test_apertium_does_not_move_words_from_line_to_line() -> None:
    assert list(translate(["La casa", "roja de mi", "padre"], apertium())) == ["The house", "Red of my", "Father"]


def test_a_program_that_loses_paragraphs_gives_a_line_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Stands for Apertium: joins everything after a line `join` to it.
    script = tmp_path / "apertium"
    script.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "if '-l' in sys.argv: print('spa-eng'); sys.exit()\n"
        "text = sys.stdin.read()\n"
        "print(text.upper().replace('JOIN\\n\\n', 'JOIN ') if text.count('\\n\\n') > 1 else text.upper(), end='')\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    lines = ["a", "join", "b", "c"]
    assert list(translate(lines, make_engine("apertium"))) == ["A", "JOIN", "B", "C"]


@pytest.mark.parametrize(("missing", "message"), [("program", "apt-get install apertium"), ("pair", "'spa-xyz'")])
def test_what_is_missing_of_apertium_is_said(missing: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing == "program":
        monkeypatch.setenv("PATH", "")
    elif shutil.which("apertium") is None:
        pytest.skip("apertium is not installed")
    with pytest.raises(ValueError, match=message):
        make_engine("apertium", direction="spa-xyz")


# Hugging Face models


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Marian model of one layer with random weights."""
    sentencepiece = pytest.importorskip("sentencepiece")
    import torch
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    folder = tmp_path_factory.mktemp("marian")
    prefix = folder / "pieces"
    text = [*SPANISH, "The house is red .", "Angela Merkel visited Paris ."]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(line for line in text if line.strip()),
        model_prefix=str(prefix),
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    pieces = [line.split("\t")[0] for line in Path(f"{prefix}.vocab").read_text(encoding="utf-8").splitlines()]
    vocabulary = {piece: number for number, piece in enumerate(["</s>", "<unk>", *pieces[3:], "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    spm = f"{prefix}.model"
    MarianTokenizer(spm, spm, str(folder / "vocab.json"), model_max_length=64).save_pretrained(folder)
    padding = vocabulary["<pad>"]
    torch.manual_seed(0)
    config = MarianConfig(
        vocab_size=len(vocabulary), d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=128,
        pad_token_id=padding, eos_token_id=0, forced_eos_token_id=0, decoder_start_token_id=padding, init_std=0.5,
    )  # fmt: skip
    MarianMTModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_model_translates_what_it_would_translate_alone(marian: Path, batch_size: int) -> None:
    from transformers import MarianMTModel, MarianTokenizer

    model, tokenizer = MarianMTModel.from_pretrained(marian), MarianTokenizer.from_pretrained(marian)
    expected = []
    for line in SPANISH:
        inputs = tokenizer(line, return_tensors="pt")
        limit = 2 * inputs["input_ids"].shape[1] + 16
        output = model.generate(**inputs, num_beams=1, max_length=None, max_new_tokens=limit) if line.strip() else []
        expected.append(" ".join(tokenizer.decode(output[0], skip_special_tokens=True).split()) if line.strip() else "")
    engine = make_engine("seq2seq", model=str(marian), batch_size=batch_size, beams=1)
    found = list(translate(SPANISH, engine))
    assert any(expected)
    # A random model need not end its sentences, and longer batch-mates let it go on for longer.
    assert all(line.startswith(alone) for line, alone in zip(found, expected, strict=True))
    assert [bool(line) for line in found] == [bool(line) for line in expected]


def test_a_line_that_is_too_long_for_the_model_is_cut_and_counted(
    marian: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine("seq2seq", model=str(marian), beams=1)
    assert len(list(translate(["La casa " * 100, "La casa"], engine))) == 2
    assert "1 of 2 lines" in caplog.text


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="Could not load the translation model '/no/such/model'"):
        make_engine("seq2seq", model="/no/such/model")


# Choosing an engine, and the command


@pytest.mark.parametrize(
    ("name", "message"),
    [("deepl", "expected one of: file, apertium, seq2seq"), ("file", "'translations'"), ("seq2seq", "'model'")],
)
def test_what_an_engine_needs_is_said(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_engine(name)


def test_the_command_writes_a_line_for_each_sentence(tmp_path: Path) -> None:
    write(tmp_path / "english.txt", ["The house", "", "red"])
    write(tmp_path / "spanish.txt", ["La casa", "", "roja"])
    output = tmp_path / "out.txt"
    run("translate", tmp_path / "spanish.txt", output, "--engine", "file", "--translations", tmp_path / "english.txt")
    assert output.read_text(encoding="utf-8") == "The house\n\nred\n"


def test_the_command_reads_labelled_sentences(tmp_path: Path) -> None:
    write(tmp_path / "esp.testb", ["La O", "Coruña B-LOC", "", "Sí O"])
    english = write(tmp_path / "english.txt", ["Corunna", "Yes"])
    options = ("--engine", "file", "--translations", english, "--from", "conll")
    assert run("translate", tmp_path / "esp.testb", "-", *options).stdout == "Corunna\nYes\n"


def test_the_command_keeps_a_cache_beside_its_output(tmp_path: Path, marian: Path) -> None:
    text = write(tmp_path / "spanish.txt", SPANISH)
    run("translate", text, tmp_path / "out.txt", "--engine", "seq2seq", "--model", marian, "--beams", "1")
    assert len((tmp_path / "out.txt.cache").read_text().splitlines()) == len({line.strip() for line in SPANISH})


def test_the_command_writes_nothing_if_the_files_differ_in_length(tmp_path: Path) -> None:
    text = write(tmp_path / "spanish.txt", SPANISH)
    english = write(tmp_path / "english.txt", ["x"])
    message = fail("translate", text, tmp_path / "out.txt", "--engine", "file", "--translations", english)
    assert "english.txt has 1 lines" in message
    assert not (tmp_path / "out.txt").exists()
