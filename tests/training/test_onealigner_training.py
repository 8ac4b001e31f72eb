"""What sentence retrieval is trained with: sampled pairs, and the configurations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import spacy
from cli_runner import fail, run
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config
from torch import Tensor

from spacy_awesome.training.budget import PairSampler, share_budget

CONFIGS = Path(__file__).parents[2] / "configs"
PAIRS = [
    ("Angela Merkel visited Paris on Monday", "Angela Merkel visitó París el lunes"),
    ("Obama met Merkel in Berlin", "Merkel traf Obama in Berlin"),
    ("The quick brown fox jumps over", "El zorro marrón salta sobre"),
    ("the German government said so", "según el Gobierno alemán"),
]


def write(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def count_words(lines: Sequence[str]) -> list[int]:
    return [len(line.split()) for line in lines]


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(0, 50), min_size=1), st.integers(1, 200))
def test_a_budget_is_used_up_and_shared_as_evenly_as_sizes_allow(sizes: dict[str, int], budget: int) -> None:
    shares = share_budget(sizes, budget)
    assert list(shares) == list(sizes)
    assert all(0 <= shares[name] <= sizes[name] for name in sizes)
    # What can't be shared evenly, less than one pair of each, is left over.
    assert min(budget, sum(sizes.values())) - len(sizes) < sum(shares.values()) <= budget
    cut = [shares[name] for name in sizes if shares[name] < sizes[name]]
    assert max(cut, default=0) - min(cut, default=0) <= 1
    assert all(shares[name] >= max(cut, default=0) - 1 for name in sizes if sizes[name] >= max(cut, default=0))


def test_pairs_are_dropped_for_their_length_and_for_being_tested_on(tmp_path: Path) -> None:
    lines = [
        "one two three four five\tuno dos tres cuatro cinco",
        "one two three four\tuno dos tres cuatro cinco",
        "one two three four five\tuno dos tres cuatro",
        "one two three four five six seven\tuno dos tres cuatro cinco",
        "The cat, it is tested on!\tel gato dos tres cuatro",
        "one two three four six\tEL PERRO es cosa probada",
    ]
    path = write(tmp_path / "en-es.tsv", lines)
    sampler = PairSampler(count_words, 5, 6, {"thecatitistestedon", "elperroescosaprobada"})
    assert list(sampler.draw(path, 6, 6)) == [("one two three four five", "uno dos tres cuatro cinco")]
    assert sampler.dropped == {"too short": 2, "too long": 1, "held out": 2}


def test_what_is_drawn_depends_on_the_seed_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "en-es.tsv", [f"x\tsource {number}\ttarget {number}" for number in range(3000)])

    def draw(seed: int) -> list[tuple[str, str]]:
        return list(PairSampler(count_words, 1, seed=seed).draw(path, 3000, 1500, columns=(1, 2)))

    drawn = draw(0)
    assert len(set(drawn)) == 1500
    assert all(source.removeprefix("source") == target.removeprefix("target") for source, target in drawn)
    assert draw(0) == drawn != draw(1)


def test_sample_writes_one_file_under_a_budget_from_the_largest_files(tmp_path: Path) -> None:
    for code, size in (("de", 30), ("es", 40), ("ga", 5)):
        words = "alpha beta gamma delta epsilon"
        write(tmp_path / f"en-{code}.tsv", [f"corpus\t{words} {number}\t{words} {code}" for number in range(size)])
    test = write(tmp_path / "test.txt", ["Alpha, beta, gamma, delta, epsilon: 3."])
    files = [tmp_path / f"en-{code}.tsv" for code in ("de", "es", "ga")]
    output = tmp_path / "train.tsv"
    options = ["--budget", "60", "--top", "2", "--columns", "1,2", "--held-out", test, "--output", output]
    result = run("sample", *files, *options)
    pairs = [line.split("\t") for line in output.read_text(encoding="utf-8").splitlines()]
    languages = [target.split()[-1] for _, target in pairs]
    assert (languages.count("de"), languages.count("ga")) == (29, 0)
    assert 29 <= languages.count("es") <= 30
    assert languages != sorted(languages)
    assert not any(source.endswith(" 3") for source, _ in pairs)
    assert f"Wrote {len(pairs)} pairs; dropped 0 too short, 0 too long, {60 - len(pairs)} held out." in result.stderr


def test_sample_says_what_is_wrong(tmp_path: Path) -> None:
    path = write(tmp_path / "en-es.tsv", ["a\tb", "only one column"])
    output = tmp_path / "train.tsv"
    assert "en-es.tsv:2: expected at least 2 tab-separated columns, found 1" in fail("sample", path, "--output", output)
    assert "Expected two columns" in fail("sample", path, "--output", output, "--columns", "1")
    assert "nothing.tsv" in fail("sample", tmp_path / "nothing.tsv", "--output", output)
    assert not output.exists()


def weights(nlp: Language) -> dict[str, Tensor]:
    pipe: Any = nlp.get_pipe("word_aligner")
    return dict(pipe.aligner.encoder.transformer.named_parameters())


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("onealigner_*.cfg")))
def test_each_configuration_trains_an_encoder(name: str, tiny_bert: Path, tmp_path: Path) -> None:
    pairs = write(tmp_path / "pairs.tsv", ["\t".join(pair) for pair in PAIRS])
    links = write(tmp_path / "pairs.links", ["0-0 1-1 3-3"] * len(PAIRS))
    paths: dict[str, Any] = {"train": str(pairs), "dev": str(pairs), "encoder": str(tiny_bert)}
    if "joint" in name:
        paths |= {"train_links": str(links), "dev_links": str(links)}
    overrides = {f"paths.{key}": value for key, value in paths.items()}
    short = {
        "training.max_steps": 2,
        "training.eval_frequency": 1,
        "training.logger.@loggers": "spacy.ConsoleLogger.v1",
    }
    nlp = init_nlp(load_config(CONFIGS / name, overrides=overrides | short, interpolate=False))
    before = {key: value.detach().clone() for key, value in weights(nlp).items()}
    (tmp_path / "out").mkdir()
    train(nlp, tmp_path / "out")
    best = spacy.load(tmp_path / "out" / "model-best")
    assert 0 <= best.meta["performance"]["retrieval_accuracy"] <= 1
    after = weights(spacy.load(tmp_path / "out" / "model-last"))
    assert any(not before[key].equal(after[key]) for key in before)
