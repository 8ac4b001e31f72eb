"""`align`: a line out for every line in, whatever the line; and one message for whatever can't be aligned."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
from cli_runner import fail, run
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from spacy_awesome import parallel
from spacy_awesome.formats.docbin import read_paired_docs

PAIRS = [
    ("Obama met Merkel in Berlin .", "Obama traf Merkel in Berlin ."),
    ("", "Berlin ."),
    ("", ""),
    ("The quick brown fox", "El zorro marrón"),
    ("Merkel", ""),
    ("Paris \u3000 !", "\u3000"),
]

MakeAligner = Callable[..., Language]


@pytest.fixture
def pairs_file(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.txt"
    path.write_text("".join(f"{source} ||| {target}\n" for source, target in PAIRS))
    return path


@pytest.fixture
def expected(tiny_bert: Path, make_aligner: MakeAligner) -> list[str]:
    """Links of PAIRS by the component itself."""
    component = make_aligner(tiny_bert, extraction="argmax").get_pipe("word_aligner")
    words = [([w for w in s.split(" ") if w], [w for w in t.split(" ") if w]) for s, t in PAIRS]
    return [alignment.to_pharaoh() for alignment in component.align_words(words)]  # type: ignore[attr-defined]


def test_every_line_gives_a_line_in_order(
    tiny_bert: Path, pairs_file: Path, tmp_path: Path, expected: list[str]
) -> None:
    options = ["--model", tiny_bert, "--extraction", "argmax"]
    run("align", pairs_file, tmp_path / "links.txt", *options)
    lines = (tmp_path / "links.txt").read_text().split("\n")
    assert lines == [*expected, ""]
    assert lines[0]
    assert lines[1] == lines[2] == lines[4] == ""


@pytest.mark.parametrize(
    ("options", "extraction"),
    [
        (["--extraction", "entmax", "--alpha", "3"], {"@extractions": "spacy_awesome.entmax.v1", "alpha": 3.0}),
        (
            ["--extraction", "optimal_transport", "--cost", "euclidean"],
            {"@extractions": "spacy_awesome.optimal_transport.v1", "cost": "euclidean"},
        ),
    ],
)
def test_alpha_and_cost_are_options(
    tiny_bert: Path, pairs_file: Path, options: list[str], extraction: dict[str, str]
) -> None:
    model = {"@architectures": "spacy_awesome.HFEncoder.v1", "name": str(tiny_bert)}
    config = {"model": model, "extraction": extraction, "threshold": 0.2}
    component: Any = spacy.blank("es").add_pipe("word_aligner", config=config)
    words = [([w for w in s.split(" ") if w], [w for w in t.split(" ") if w]) for s, t in PAIRS]
    expected = [alignment.to_pharaoh() for alignment in component.align_words(words)]
    command = ["align", pairs_file, "-", "--quiet", "--model", tiny_bert, "--threshold", "0.2"]
    assert run(*command, *options).stdout.splitlines() == expected
    assert run(*command, *options[:2]).stdout.splitlines() != expected


def test_all_inputs_of_the_same_pairs_give_the_same_links(tiny_bert: Path, tmp_path: Path, expected: list[str]) -> None:
    options = ["--model", tiny_bert, "--extraction", "argmax"]
    (tmp_path / "source.txt").write_text("".join(f"{source}\n" for source, _ in PAIRS))
    (tmp_path / "target.txt").write_text("".join(f"{target}\n" for _, target in PAIRS))
    (tmp_path / "pairs.tsv").write_text("".join(f"{source}\t{target}\r\n" for source, target in PAIRS))
    two_files = run("align", tmp_path / "source.txt", "-", "--target", tmp_path / "target.txt", *options)
    tsv = run("align", tmp_path / "pairs.tsv", "-", *options)
    stdin = run("align", "-", "-", *options, stdin=(tmp_path / "pairs.tsv").read_text())
    assert two_files.stdout == tsv.stdout == stdin.stdout == "".join(f"{line}\n" for line in expected)


def test_scores_stand_beside_the_links(tiny_bert: Path, pairs_file: Path, tmp_path: Path) -> None:
    run("align", pairs_file, tmp_path / "links.txt", "--scores", tmp_path / "scores.txt", "--model", tiny_bert)
    links = [line.split() for line in (tmp_path / "links.txt").read_text().splitlines()]
    scores = [[float(score) for score in line.split()] for line in (tmp_path / "scores.txt").read_text().splitlines()]
    assert [len(line) for line in links] == [len(line) for line in scores]
    assert all(0 <= score <= 1 for line in scores for score in line)


def test_options_reach_the_component(tiny_bert: Path, pairs_file: Path, make_aligner: MakeAligner) -> None:
    nlp = make_aligner(tiny_bert, layer=2, extraction="itermax", symmetrization="union", threshold=0.1, distortion=0.5)
    component = nlp.get_pipe("word_aligner")
    [alignment] = component.align_words([(PAIRS[0][0].split(), PAIRS[0][1].split())])  # type: ignore[attr-defined]
    options = ["--layer", "2", "--extraction", "itermax", "--symmetrization", "union", "--threshold", "0.1"]
    options += ["--distortion", "0.5", "--batch-tokens", "64", "--precision", "float32"]
    result = run("align", pairs_file, "-", "--model", tiny_bert, *options)
    assert result.stdout.splitlines()[0] == alignment.to_pharaoh()


def write_paired_docs(path: Path, *, source: str, target: str) -> None:
    nlp = spacy.blank("es")
    source_doc = Doc(nlp.vocab, words=source.split(), ents=["B-PER"] + ["O"] * (len(source.split()) - 1))
    docs = [parallel(nlp, source_doc, target.split()), parallel(nlp, Doc(nlp.vocab), [])]
    DocBin(docs=docs, store_user_data=True).to_disk(path)


def test_paired_docs_give_links_or_aligned_docs(tiny_bert: Path, tmp_path: Path, expected: list[str]) -> None:
    options = ["--model", tiny_bert, "--extraction", "argmax"]
    write_paired_docs(tmp_path / "pairs.spacy", source=PAIRS[0][0], target=PAIRS[0][1])
    links = run("align", tmp_path / "pairs.spacy", "-", *options)
    assert links.stdout == f"{expected[0]}\n\n"
    run("align", tmp_path / "pairs.spacy", tmp_path / "out.spacy", "--scores", tmp_path / "scores", *options)
    (doc, pair), (empty, _) = read_paired_docs(tmp_path / "out.spacy")
    assert pair.alignment is not None
    assert pair.alignment.to_pharaoh() == expected[0]
    assert (pair.source.ents[0].text, doc[1].text, len(empty)) == ("Obama", "traf", 0)
    assert len((tmp_path / "scores").read_text().splitlines()) == 2


def test_a_pipeline_folder_aligns_as_it_was_configured(
    tiny_bert: Path, pairs_file: Path, tmp_path: Path, make_aligner: MakeAligner
) -> None:
    nlp = make_aligner(tiny_bert, extraction="argmax")
    nlp.to_disk(tmp_path / "pipeline")
    with_pipeline = run("align", pairs_file, "-", "--model", tmp_path / "pipeline")
    with_options = run("align", pairs_file, "-", "--model", tiny_bert, "--extraction", "argmax")
    assert with_pipeline.stdout == with_options.stdout
    message = fail("align", pairs_file, "-", "--model", tmp_path / "pipeline", "--layer", "1")
    assert "Leave out --layer" in message


def test_a_pipeline_without_an_aligner_is_refused(pairs_file: Path, tmp_path: Path) -> None:
    nlp = spacy.blank("es")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "pipeline")
    message = fail("align", pairs_file, "-", "--model", tmp_path / "pipeline")
    assert "without a word_aligner; it has sentencizer" in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a b ||| c\nno separator\n", "bad.txt:2: expected one ` ||| ` between source and target, found 0"),
        (b"a\tb\na\tb\t0-0\n", "bad.txt:2: expected 2 tab-separated columns (source and target), found 3"),
        (b"a ||| b\nM\xfcnchen ||| c\n", "bad.txt:2: byte 2 of this line (0xfc) is not UTF-8"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(
    tiny_bert: Path, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "bad.txt").write_bytes(content)
    (tmp_path / "links.txt").write_text("before")
    options = ["--scores", tmp_path / "scores.txt", "--model", tiny_bert]
    assert message in fail("align", tmp_path / "bad.txt", tmp_path / "links.txt", *options)
    assert (tmp_path / "links.txt").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.txt", "links.txt"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--layer", "9"], "has 4 layers"),
        (["--extraction", "magic"], "Unknown extraction 'magic'; expected one of: argmax, "),
        (["--alpha", "2"], "softmax has no --alpha; it is an option of --extraction entmax."),
        (["--extraction", "entmax", "--cost", "dot"], "option of --extraction optimal_transport."),
        (["--extraction", "entmax", "--alpha", "0.5"], "Expected alpha to be a finite number of 1"),
        (["--symmetrization", "magic"], "Expected symmetrization to be one of: intersection, "),
        (["--precision", "int1"], "'int1'"),
        (["--batch-tokens", "0"], "--batch-tokens"),
        (["--target", "missing.txt"], "missing.txt: No such file or directory"),
    ],
)
def test_bad_options_are_named(
    tiny_bert: Path, pairs_file: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    assert message in fail("align", pairs_file, tmp_path / "links.txt", "--model", tiny_bert, *options)
    assert not (tmp_path / "links.txt").exists()


def test_unequal_files_are_refused_with_both_counts(tiny_bert: Path, tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("a\nb\nc\n")
    (tmp_path / "a.es").write_text("a\n")
    message = fail("align", tmp_path / "a.en", tmp_path / "out", "--target", tmp_path / "a.es", "--model", tiny_bert)
    assert f"{tmp_path / 'a.en'} has 3 lines, but {tmp_path / 'a.es'} has 1" in message
    assert not (tmp_path / "out").exists()


def test_a_missing_file_and_an_unknown_model_are_named(pairs_file: Path, tmp_path: Path) -> None:
    assert "nothing.txt: No such file" in fail("align", tmp_path / "nothing.txt", "-")
    message = fail("align", pairs_file, "-", "--model", tmp_path / "no-model")
    assert f"'{tmp_path / 'no-model'}'" in message
    assert message.count("\n") == 1


def test_text_cannot_become_paired_docs(pairs_file: Path, tmp_path: Path) -> None:
    assert "only the Docs of a .spacy INPUT" in fail("align", pairs_file, tmp_path / "out.spacy")


def test_the_commands_are_there_under_spacy() -> None:
    command = [sys.executable, "-m", "spacy", "awesome", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    for name in ("align", "project", "evaluate", "mine", "score", "convert", "render", "export"):
        assert f"\n  {name} " in result.stdout


@pytest.mark.parametrize(
    "command",
    "align, project, mine, score, convert, render, export, evaluate links, evaluate spans, evaluate mining".split(", "),
)
def test_every_help_text_has_examples(command: str) -> None:
    help_text = run(*command.split(), "--help").stdout
    assert f"python -m spacy awesome {command} " in help_text
