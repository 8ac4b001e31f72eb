"""`encoder links`, `lexical`, `pairs`, training and `card` on a toy corpus, and the parts they are made of."""

from __future__ import annotations

import gzip
import json
import random
import sys
from pathlib import Path

import pytest
import torch
from cli_runner import fail, run
from safetensors.torch import load_file
from spacy.cli.train import train
from transformers import AutoModel, AutoTokenizer

from spacy_awesome import WordAlignment
from spacy_awesome.encoders.card import write_card
from spacy_awesome.training.augmentation import collect_names, copy_words, invent_number
from spacy_awesome.training.encoder_options import PairOptions
from spacy_awesome.training.encoder_pairs import draw_pairs
from spacy_awesome.training.sentence_pairs import SentencePair, count_words, read_pairs, sample_pairs, write_pairs
from spacy_awesome.training.statistical_links import add_statistical_links
from spacy_awesome.training.text_collections import clean_pairs, corpus_weight, read_collection, read_folder, tokenise

NOUNS = {"dog": "perro", "cat": "gato", "house": "casa", "tree": "árbol", "book": "libro", "city": "ciudad"}
ADJECTIVES = {"white": "blanco", "big": "grande", "old": "viejo", "new": "nuevo"}
CONFIG = Path(__file__).parent.parent / "configs" / "encoder.cfg"
STEPS = {"training.max_steps": 8, "training.eval_frequency": 4, "training.batcher.size": 200}
SMALL = ["--languages", "es", "--vocab-size", "420", "--dimensions", "32", "--heads", "2", "--intermediate", "16"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`en-es.tsv`: "the white dog sees Paris" and its translation, in which noun and adjective swap, with links."""
    folder = tmp_path_factory.mktemp("text")
    lines = [
        f"the {adjective} {noun} sees Paris\tel {NOUNS[noun]} {ADJECTIVES[adjective]} ve París\t0-0 1-2 2-1 3-3 4-4\n"
        for noun in NOUNS
        for adjective in ADJECTIVES
    ]
    (folder / "en-es.tsv").write_text("".join(lines), encoding="utf-8")
    return folder


def make_encoder(corpus: Path, work: Path) -> Path:
    run("encoder", "links", "--input", corpus, "--work", work, "--languages", "es", "--workers", "1")
    run("encoder", "lexical", "--work", work, *SMALL)
    run("encoder", "pairs", "--work", work, "--languages", "es", "--pairs", "600")
    paths = {"encoder": work / "lexical", "train": work / "pairs" / "train", "dev": work / "pairs" / "dev.tsv.gz"}
    options = {f"paths.{name}": str(path) for name, path in paths.items()} | STEPS
    train(CONFIG, work / "training", overrides=options | {"paths.checkpoints": str(work / "checkpoint")})
    run("export", work / "training" / "model-last", work / "trained", "--half")
    return work / "trained"


@pytest.fixture(scope="module")
def encoder(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(corpus, tmp_path_factory.mktemp("work"))


def pair(source: str, target: str, links: str, origin: str = "toy") -> SentencePair:
    words = tuple(source.split(" ")), tuple(target.split(" "))
    alignment = WordAlignment.from_pharaoh(links, source_length=len(words[0]), target_length=len(words[1]))
    return SentencePair(*words, origin, alignment)


def test_the_steps_make_an_encoder_that_loads(encoder: Path) -> None:
    model, tokenizer = AutoModel.from_pretrained(encoder), AutoTokenizer.from_pretrained(encoder)
    assert model.config.spacy_awesome["layer"] == model.config.num_hidden_layers == 2
    inputs = tokenizer(["white", "dog"], is_split_into_words=True, return_tensors="pt")
    assert model(**inputs).last_hidden_state.shape == (1, 4, 32)


def test_training_changes_the_layers_that_started_as_the_identity(encoder: Path) -> None:
    before = load_file(encoder.parent / "lexical" / "model.safetensors")
    after = load_file(encoder / "model.safetensors")
    name = "encoder.layer.0.output.dense.weight"
    assert before[name].eq(0).all()
    assert after[name].ne(0).any()


def test_it_is_trained_further_to_find_translations_and_averaged(corpus: Path, encoder: Path, tmp_path: Path) -> None:
    options = ["--work", encoder.parent, "--languages", "es", "--pairs", "600", "--seed", "1"]
    run("encoder", "pairs", *options, "--output", tmp_path / "pairs")
    first, second = (folder / "pairs" / "train" / "en-es.tsv.gz" for folder in (encoder.parent, tmp_path))
    assert gzip.decompress(first.read_bytes()) != gzip.decompress(second.read_bytes())
    paths = {"encoder": encoder, "train": tmp_path / "pairs" / "train", "dev": tmp_path / "pairs" / "dev.tsv.gz"}
    overrides = {f"paths.{name}": str(path) for name, path in paths.items()} | {"paths.checkpoints": None} | STEPS
    overrides["components.word_aligner.objectives.contrastive"] = 0.2
    train(CONFIG, tmp_path / "training", overrides=overrides)
    run("export", tmp_path / "training" / "model-last", tmp_path / "further", "--half")
    run("encoder", "average", encoder, tmp_path / "further", tmp_path / "mean", "--half")
    name = "encoder.layer.0.output.dense.weight"
    before, further, mean = (
        load_file(folder / "model.safetensors")[name].float()
        for folder in (encoder, tmp_path / "further", tmp_path / "mean")
    )
    assert not torch.equal(before, further)
    torch.testing.assert_close(mean, (before + further) / 2, atol=1e-3, rtol=0)


def test_the_same_seed_gives_the_same_encoder(corpus: Path, encoder: Path, tmp_path: Path) -> None:
    weights = load_file(encoder / "model.safetensors")
    again = load_file(make_encoder(corpus, tmp_path) / "model.safetensors")
    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_finished_steps_are_skipped_unless_forced(encoder: Path) -> None:
    work, file = encoder.parent, encoder.parent / "lexical" / "model.safetensors"
    before = file.stat().st_mtime_ns
    assert "--force" in run("encoder", "lexical", "--work", work, *SMALL).output
    assert file.stat().st_mtime_ns == before
    run("encoder", "lexical", "--work", work, *SMALL, "--force")
    assert file.stat().st_mtime_ns != before


def test_a_step_without_links_says_what_to_run(tmp_path: Path) -> None:
    message = fail("encoder", "lexical", "--work", tmp_path, "--languages", "es")
    assert "en-es.tsv.gz does not exist; run the `links` step for 'es' first" in message


@pytest.mark.parametrize("step", ["links", "lexical"])
def test_no_language_is_refused(tmp_path: Path, step: str) -> None:
    assert "Expected languages such as es,de" in fail("encoder", step, "--work", tmp_path, "--languages", " , ")


def test_a_language_that_spacy_does_not_know_is_named(tmp_path: Path) -> None:
    (tmp_path / "en-qq.tsv").write_text("a\tb\n", encoding="utf-8")
    message = fail("encoder", "links", "--input", tmp_path, "--work", tmp_path, "--languages", "qq")
    assert "can't tokenise the language 'qq'" in message


def test_without_text_the_message_says_where_to_put_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACY_AWESOME_DATA", raising=False)
    assert "--input" in fail("encoder", "links", "--work", tmp_path)


def test_without_eflomal_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "eflomal", None)
    with pytest.raises(ValueError, match=r"pip install 'spacy-awesome\[encoder\]'"):
        add_statistical_links([SentencePair(("a",), ("b",), "toy")])


def test_the_card_shows_the_figures_and_the_defaults(encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "figures.json").write_text(json.dumps({"XL-WA es": 83.25}))
    run("encoder", "card", encoder, "--figures", tmp_path / "figures.json")
    card = (encoder / "README.md").read_text(encoding="utf-8")
    assert "| XL-WA es | 83.2 |" in card
    assert "2 layers of 32 dimensions" in card
    with pytest.raises(ValueError, match=r"config\.json does not exist"):
        write_card(tmp_path, figures={})


@pytest.mark.parametrize("content", ["[1]", '{"XL-WA": "good"}', "{"])
def test_figures_that_are_no_figures_are_refused(encoder: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "figures.json").write_text(content)
    assert "figures.json" in fail("encoder", "card", encoder, "--figures", tmp_path / "figures.json")


def test_eflomal_links_the_words_of_raw_text(tmp_path: Path) -> None:
    pytest.importorskip("eflomal")
    lines = [f"the {noun}, the {other}.\t{NOUNS[noun]}, {NOUNS[other]}.\n" for noun in NOUNS for other in NOUNS]
    (tmp_path / "en-es.tsv").write_text("".join(lines), encoding="utf-8")
    run("encoder", "links", "--input", tmp_path, "--work", tmp_path, "--languages", "es", "--workers", "1")
    linked = list(read_pairs(tmp_path / "links" / "en-es.tsv.gz"))
    assert linked[1].source == ("the", "dog", ",", "the", "cat", ".")
    found = sum((1, 0) in (item.links or ()) and (4, 2) in (item.links or ()) for item in linked)
    assert found > len(linked) // 2


def test_pairs_survive_a_file(tmp_path: Path) -> None:
    pairs = [pair("a b", "x y", "0-1 1-0"), pair("c", "z", "")]
    assert write_pairs(tmp_path / "pairs.tsv.gz", pairs) == 2
    assert list(read_pairs(tmp_path / "pairs.tsv.gz")) == pairs


def test_words_around_a_no_break_space_stay_one_word_for_eflomal() -> None:
    pytest.importorskip("eflomal")
    raw = [SentencePair(("10\xa0000", "\u3000", noun), ("10\xa0000", "\u3000", NOUNS[noun]), "toy") for noun in NOUNS]
    for linked in add_statistical_links(raw * 20):
        assert linked.links is not None
        assert (linked.links.source_length, linked.links.target_length) == (3, 3)


def test_files_of_equal_pairs_are_equal(tmp_path: Path) -> None:
    for name in ("first.tsv.gz", "second.tsv.gz"):
        write_pairs(tmp_path / name, [pair("a b", "x y", "0-1 1-0")])
    assert (tmp_path / "first.tsv.gz").read_bytes() == (tmp_path / "second.tsv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "first.tsv.gz").read_bytes()) == b"toy\ta b\tx y\t0-1 1-0\n"


def test_a_packed_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs.tsv.gz", [pair("a b", "x y", "0-1 1-0")])
    (tmp_path / "pairs.tsv.gz").write_bytes((tmp_path / "pairs.tsv.gz").read_bytes()[:-6])
    with pytest.raises(ValueError, match=r"pairs\.tsv\.gz is not a whole gzip file"):
        list(read_pairs(tmp_path / "pairs.tsv.gz"))


def test_a_line_with_too_few_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "en-es.tsv").write_text("one\tuno\nno translation\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"en-es\.tsv:2: expected 2 or 3 tab-separated columns, got 1"):
        list(read_folder(tmp_path, "es"))


@pytest.mark.parametrize(
    ("links", "message"),
    [("0:0", r"Expected links like 0-0 .* got '0:0'"), ("0-0 0-2", "Link 0-2 points past the end of the target")],
)
def test_a_bad_link_is_named_with_its_line(tmp_path: Path, links: str, message: str) -> None:
    (tmp_path / "en-es.tsv").write_text(f"one\tuno\t0-0\none\tuno más\t{links}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"en-es\.tsv:2: {message}"):
        list(read_folder(tmp_path, "es"))


def test_a_bad_link_of_a_collection_is_named_with_its_line(tmp_path: Path) -> None:
    silver = tmp_path / "alignment" / "xl-wa" / "es" / "train.tsv"
    silver.parent.mkdir(parents=True)
    silver.write_text("one\tuno\t0-0\none\tuno\t0-1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"train\.tsv:2: Link 0-1 points past the end"):
        list(read_collection(tmp_path, "es"))


def test_only_training_parts_of_the_data_folder_are_read(tmp_path: Path) -> None:
    files = {
        "parallel/links/en-es.tsv.gz": "DeepL\ttrain\ta\tuno\t0-0\nDeepL\tdev\tb\tdos\t0-0\n",
        "parallel/merged/en-es.tsv.gz": "europarl-cs124\tc d .\ttres .\nnewstest\te.\tcuatro.\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(tmp_path / name, "wt", encoding="utf-8") as stream:
            stream.write(content)
    silver = tmp_path / "alignment" / "xl-wa" / "es"
    silver.mkdir(parents=True)
    for part in ("train", "dev", "test"):
        (silver / f"{part}.tsv").write_text(f"{part}\t{part}\t0-0\n", encoding="utf-8")
    read = list(read_collection(tmp_path, "es"))
    assert [item.source for item in read] == [("a",), ("train",), ("c", "d", "."), ("e.",)]
    assert [item.tokenised for item in read] == [True, True, True, False]
    assert [item.links and item.links.to_pharaoh() for item in read] == ["0-0", "0-0", None, None]


def test_raw_pairs_are_tokenised_and_linked_ones_left_alone() -> None:
    raw = SentencePair(("It's", "here."), ("Está", "aquí."), "toy", tokenised=False)
    given = pair("It's here.", "Está aquí.", "0-0 1-1")
    first, second = tokenise([raw, given], "es")
    assert (first.source, first.target) == (("It", "'s", "here", "."), ("Está", "aquí", "."))
    assert second == given


def test_cleaning_drops_empty_repeated_and_unequal_pairs() -> None:
    good, empty = pair("a b c", "x y z", "0-0"), SentencePair((), ("x",), "toy")
    assert list(clean_pairs([good, empty, good, pair("a", " ".join("x" * 20), "")])) == [good]


def test_every_language_weighs_the_same_in_the_vocabulary(tmp_path: Path) -> None:
    write_pairs(tmp_path / "es.tsv.gz", [pair("dog", "perro", "0-0")] * 9)
    write_pairs(tmp_path / "de.tsv.gz", [pair("dog", "Hund", "0-0")])
    words, linked = count_words([tmp_path / "es.tsv.gz", tmp_path / "de.tsv.gz"])
    assert words["perro"] == words["Hund"] == words["dog"] == 1_000_000
    assert linked == {("dog", "perro"): 9, ("dog", "Hund"): 1}


def test_pairs_are_drawn_by_the_weight_of_their_corpus(tmp_path: Path) -> None:
    write_pairs(tmp_path / "es.tsv.gz", [pair("a", "b", "0-0", "xl-wa"), pair("c", "d", "0-0", "tatoeba-mirror")])
    drawn = sample_pairs(tmp_path / "es.tsv.gz", 1000, weight=corpus_weight, rng=random.Random(0))
    assert 960 <= sum(item.origin == "xl-wa" for item in drawn) < 1000


def test_names_and_numbers_are_replaced_by_the_same_string_on_both_sides() -> None:
    original = pair("In 1996 Merkel visited Munich .", "En 1996 Merkel visitó Múnich .", "0-0 1-1 2-2 3-3 4-4 5-5")
    copied = copy_words(original, ["Angela", "Obama"], random.Random(1))
    assert copied.links == original.links
    for name in (1, 2, 4):
        assert copied.source[name] == copied.target[name] != original.source[name]
    assert (copied.source[0], copied.source[3], copied.source[5]) == ("In", "visited", ".")
    assert (copied.target[0], copied.target[3], copied.target[5]) == ("En", "visitó", ".")


def test_names_of_several_linked_words_stay() -> None:
    original = pair("the Netherlands", "los Países Bajos", "0-0 1-1 1-2")
    assert copy_words(original, [], random.Random(1)) == original


def test_invented_numbers_keep_their_punctuation() -> None:
    number = invent_number("1,250.5", random.Random(0))
    assert number[1] == ","
    assert number[5] == "."
    assert len(number) == 7


def test_names_are_capitalised_words_linked_to_themselves() -> None:
    pairs = [pair("the Merkel visits Munich", "die Merkel besucht München", "0-0 1-1 2-2 3-3")]
    assert collect_names(pairs) == ["Merkel"]


def test_held_out_pairs_are_not_trained_on(tmp_path: Path) -> None:
    write_pairs(tmp_path / "es.tsv.gz", [pair(f"a{n} b", "x y", "0-0 1-1") for n in range(100)])
    options = PairOptions(pairs=400, held_out=3, copies=0.0)
    train, held_out = draw_pairs({"es": tmp_path / "es.tsv.gz"}, options)
    apart = {item.source for item in held_out}
    assert len(apart) == len(held_out) == 3
    assert apart.isdisjoint(item.source for item in train["es"])
    assert 300 < len(train["es"]) < 400
