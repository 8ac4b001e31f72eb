"""Readers and writers: what they take, what they refuse, and that nothing is lost between them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_awesome import Parallel, WordAlignment
from spacy_awesome.formats.conll import (
    SCHEMES,
    LabelledSentence,
    LabelledSpan,
    read_conll,
    spans_to_tags,
    tags_to_spans,
    write_conll,
)
from spacy_awesome.formats.docbin import labelled_sentence, read_docs, read_paired_docs, write_docs
from spacy_awesome.formats.files import open_binary_output, open_output, read_lines, zip_equal
from spacy_awesome.formats.jsonl import doc_record, read_jsonl, write_record
from spacy_awesome.formats.parallel_text import TAB, read_pairs, write_pair
from spacy_awesome.formats.pharaoh import read_links, write_links, write_scores
from spacy_awesome.formats.sentences import read_labelled_docs, read_sentences, write_labelled_docs
from spacy_awesome.tokens.pair import set_parallel

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write bytes or text to a file, exactly."""

    def write_file(content: str | bytes, name: str = "input.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


# Files


def test_lines_end_at_line_feeds_only(write: Write) -> None:
    assert list(read_lines(write("\ufeffa\u2028b\r\nc\x0cd\n\ne"))) == ["a\u2028b", "c\x0cd", "", "e"]


def test_bytes_that_are_not_utf8_are_named_by_line_and_place(write: Write) -> None:
    path = write(b"good\nM\xfcnchen\n")
    with pytest.raises(ValueError, match=rf"{path}:2: byte 2 of this line \(0xfc\) is not UTF-8"):
        list(read_lines(path))


def test_reading_holds_one_line_at_a_time(write: Write) -> None:
    path = write("eins zwei drei ||| one two three\n" * 30_000)
    tracemalloc.start()
    assert sum(1 for _ in read_pairs(path)) == 30_000
    assert tracemalloc.get_traced_memory()[1] < 300_000
    tracemalloc.stop()


def test_an_interrupted_output_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), open_output(path) as stream:
        stream.write("after")
        raise KeyboardInterrupt
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_output_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    with open_output(path) as stream:
        stream.write("ä\n")
        assert not path.exists()
    assert path.read_bytes() == "ä\n".encode()


def test_a_link_to_a_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("before")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    with open_output(tmp_path / "link.txt") as stream:
        stream.write("after")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "after"


def test_devices_are_written_to_and_not_replaced() -> None:
    with open_output("/dev/null") as stream:
        stream.write("gone")
    assert not Path("/dev/null").is_file()


def test_an_output_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match=r"the folder .*nowhere does not exist"),
        open_output(tmp_path / "nowhere/x"),
    ):
        pass


@pytest.mark.parametrize(("first", "second"), [("ab", "a"), ("a", "ab"), ("", "abc")])
def test_streams_of_unequal_length_are_refused_with_both_counts(first: str, second: str) -> None:
    message = f"x has {len(first)} lines, but y has {len(second)}"
    with pytest.raises(ValueError, match=message):
        list(zip_equal(first, second, names=("x", "y")))


# Links


def test_links_are_read_from_zero_or_one_with_possible_ones(write: Write) -> None:
    path = write("2-1 1p1\n\n")
    assert [a.to_pharaoh() for a in read_links(path, base=1)] == ["0p0 1-0", ""]
    assert [a.to_pharaoh() for a in read_links(path)] == ["1p1 2-1", ""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0-0\n1:1\n", ":2: .*'1:1'"),
        ("0-0\n0-2\n", r":2: Link 0-2 points past the end of the target sentence \(2 tokens\)"),
        ("0-0\n", "has 1 lines, but pairs.txt has 2"),
    ],
)
def test_links_that_do_not_fit_their_sentences_are_refused(write: Write, content: str, message: str) -> None:
    pairs = [(["a"], ["b"]), (["a"], ["b", "c"])]
    with pytest.raises(ValueError, match=message):
        list(read_links(write(content), pairs=pairs, pairs_name="pairs.txt"))


def test_scores_are_written_in_the_order_of_the_links(tmp_path: Path) -> None:
    alignment = WordAlignment([(1, 0), (0, 1)], [0.25, 0.98768], source_length=2, target_length=2, sure=[True, False])
    with open_output(tmp_path / "links") as links, open_output(tmp_path / "scores") as scores:
        write_links(links, alignment, base=1)
        write_scores(scores, alignment)
    assert (tmp_path / "links").read_text() == "1p2 2-1\n"
    assert (tmp_path / "scores").read_text() == "0.9877 0.2500\n"


# Parallel text


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ("a b ||| c", (["a", "b"], ["c"])),
        ("a  b   |||  c  ", (["a", "b"], ["c"])),
        ("a ||| ", (["a"], [])),
        ("||| c", ([], ["c"])),
        ("|||", ([], [])),
        ("", ([], [])),
        ("a \u3000 b ||| c\u00a0d", (["a", "\u3000", "b"], ["c\u00a0d"])),
        ("a |||| b ||| c", (["a", "||||", "b"], ["c"])),
        ("a b\tc", (["a", "b"], ["c"])),
        ("\tc", ([], ["c"])),
    ],
)
def test_pairs_are_split_at_the_separator_and_at_ascii_spaces(
    write: Write, line: str, pair: tuple[list[str], list[str]]
) -> None:
    assert list(read_pairs(write(line + "\n"))) == [pair]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a ||| b\na b\n", ":2: expected one ` \\|\\|\\| ` between source and target, found 0"),
        ("a ||| b ||| c\n", ":1: .*found 2"),
        ("a\tb\na\tb\tc\n", ":2: expected 2 tab-separated columns .*, found 3. .*cut -f1,2"),
        ("\na b\n", ":2: .*found neither"),
    ],
)
def test_lines_without_exactly_one_separator_are_refused(write: Write, content: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(read_pairs(write(content)))


def test_two_files_are_read_side_by_side(write: Write) -> None:
    source, target = write("a b\n\n", "x.en"), write("c\nd\n", "x.es")
    assert list(read_pairs(source, target=target)) == [(["a", "b"], ["c"]), ([], ["d"])]


@pytest.mark.parametrize("word", ["two words", "", "tab\t", "line\n", "|||"])
def test_a_word_that_would_be_read_back_differently_is_not_written(tmp_path: Path, word: str) -> None:
    with pytest.raises(ValueError, match="can't be written"), open_output(tmp_path / "out.txt") as stream:
        write_pair(stream, ["a", word], ["b"])
    assert not (tmp_path / "out.txt").exists()


def test_tab_separated_pairs_are_read_back(tmp_path: Path) -> None:
    with open_output(tmp_path / "out.tsv") as stream:
        write_pair(stream, ["a", "|||"], [], separator=TAB)
    assert list(read_pairs(tmp_path / "out.tsv", separator=TAB)) == [(["a", "|||"], [])]


# Tags and CoNLL

SPANS = [LabelledSpan(0, 1, "PER"), LabelledSpan(1, 3, "PER"), LabelledSpan(4, 7, "LOC"), LabelledSpan(7, 8, "ORG")]


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("IOB2", "B-PER B-PER I-PER O B-LOC I-LOC I-LOC B-ORG"),
        ("IOB1", "I-PER B-PER I-PER O I-LOC I-LOC I-LOC I-ORG"),
        ("BILUO", "U-PER B-PER L-PER O B-LOC I-LOC L-LOC U-ORG"),
        ("BIOES", "S-PER B-PER E-PER O B-LOC I-LOC E-LOC S-ORG"),
    ],
)
def test_every_scheme_is_written_and_read(scheme: str, tags: str) -> None:
    assert spans_to_tags(SPANS, 8, scheme=scheme) == tags.split()
    assert tags_to_spans(tags.split()) == SPANS


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.sampled_from(["PER", "B-PER", "O"])), max_size=6),
    st.sampled_from(SCHEMES),
)
def test_spans_survive_every_scheme(gaps: list[tuple[int, int, str]], scheme: str) -> None:
    spans, end = [], 0
    for gap, length, label in gaps:
        spans.append(LabelledSpan(end + gap, end + gap + length, label))
        end += gap + length
    assert tags_to_spans(spans_to_tags(spans, end + 1, scheme=scheme)) == spans


def test_overlapping_spans_cannot_become_tags() -> None:
    with pytest.raises(ValueError, match=r"\(0, 2, 'A'\) and \(1, 3, 'B'\) overlap"):
        spans_to_tags([LabelledSpan(1, 3, "B"), LabelledSpan(0, 2, "A")], 3)


@pytest.mark.parametrize(
    "content",
    [
        "EU NNP I-NP I-ORG\nrejects VBZ I-VP O\n\nBonn X I-LOC\n",
        "EU\tB-ORG\nrejects\tO\n\nBonn\tB-LOC\n\n",
        "EU NNP U-ORG\r\nrejects VBZ O\r\n\r\nBonn NNP U-LOC\r\n\r\n\r\n",
        "\ufeff-DOCSTART- -X- -X- O\n\nEU S-ORG\nrejects O \n-DOCSTART-\nBonn S-LOC",
        "-DOCSTART-\tO\n\n\n\nEU  B-ORG\nrejects  O\n  \n-DOCSTART- -X- O O\n\nBonn  B-LOC\n",
    ],
)
def test_the_dialects_of_conll_read_the_same(write: Write, content: str) -> None:
    assert list(read_conll(write(content))) == [
        (("EU", "rejects"), ((0, 1, "ORG"),)),
        (("Bonn",), ((0, 1, "LOC"),)),
    ]


@pytest.mark.parametrize("separator", [" ", "\t"])
def test_unusual_white_space_is_part_of_a_word(write: Write, separator: str) -> None:
    words = ("\u3000", "10\u00a0000", "a\u2028b")
    content = "".join(f"{word}{separator}O\n" for word in words)
    assert list(read_conll(write(content))) == [(words, ())]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Bonn", "expected 2 to 4 columns .*, got 1"),
        ("Bonn a b c O", "expected 2 to 4 columns .*, got 5"),
        ("Bonn PER", "got 'PER'"),
        ("Bonn B-", "got 'B-'"),
        ("Bonn X-PER", "got 'X-PER'"),
        ("Bonn o", "got 'o'"),
        ("\tO", "expected a word"),
    ],
)
def test_malformed_lines_are_named(write: Write, line: str, message: str) -> None:
    path = write(f"EU B-ORG\n\n{line}\n")
    with pytest.raises(ValueError, match=f"{path}:3: .*{message}"):
        list(read_conll(path))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_written_conll_is_read_back(tmp_path: Path, scheme: str) -> None:
    sentences = [
        LabelledSentence(("New York", "\u3000", "Rome"), (LabelledSpan(0, 1, "LOC"), LabelledSpan(1, 3, "LOC"))),
        LabelledSentence(("no",)),
    ]
    with open_output(tmp_path / "out.conll") as stream:
        for sentence in sentences:
            write_conll(stream, sentence, scheme=scheme)
    assert list(read_conll(tmp_path / "out.conll")) == sentences


# Docs


def paired_doc(vocab: Vocab) -> Doc:
    source = Doc(vocab, words=["Obama", "met", "Merkel"], ents=["B-PER", "O", "B-PER"])
    doc = Doc(vocab, words=["Merkel", "traf", "Obama"], ents=["B-PER", "O", "O"])
    set_parallel(doc, Parallel(source, WordAlignment.from_pharaoh("0-2 1-1 2-0")))
    return doc


def test_pairs_survive_a_spacy_file(tmp_path: Path) -> None:
    with open_binary_output(tmp_path / "pairs.spacy") as stream:
        write_docs(stream, [paired_doc(Vocab())])
    [(doc, pair)] = read_paired_docs(tmp_path / "pairs.spacy")
    assert [token.text for token in doc] == ["Merkel", "traf", "Obama"]
    assert labelled_sentence(pair.source).spans == ((0, 1, "PER"), (2, 3, "PER"))
    assert pair.alignment is not None
    assert pair.alignment.to_pharaoh() == "0-2 1-1 2-0"


def test_a_doc_without_a_source_is_no_pair(tmp_path: Path) -> None:
    with open_binary_output(tmp_path / "docs.spacy") as stream:
        write_docs(stream, [paired_doc(Vocab()), Doc(Vocab(), words=["a"])])
    with pytest.raises(ValueError, match=r"docs\.spacy: Doc 2: Expected a Doc with its source, got one without: 'a'"):
        list(read_paired_docs(tmp_path / "docs.spacy"))


def test_a_file_that_spacy_did_not_write_is_refused(write: Write) -> None:
    with pytest.raises(ValueError, match=r"is not a \.spacy file"):
        list(read_docs(write("Bonn B-LOC\n", "x.spacy")))


def test_white_space_tokens_are_left_out_of_words_and_spans() -> None:
    doc = Doc(Vocab(), words=["\n", "New", "  ", "York", "\u3000"], ents=["O", "B-LOC", "I-LOC", "I-LOC", "O"])
    assert labelled_sentence(doc) == (("New", "York", "\u3000"), ((0, 2, "LOC"),))


def test_a_paired_doc_tells_its_source_and_links_in_json(tmp_path: Path) -> None:
    record = doc_record(paired_doc(Vocab()))
    assert record["tokens"] == ["Merkel", "traf", "Obama"]
    assert record["spans"] == [{"start": 0, "end": 1, "label": "PER", "text": "Merkel"}]
    assert record["source"]["tokens"] == ["Obama", "met", "Merkel"]
    assert (record["links"], record["lost"]) == ("0-2 1-1 2-0", [])
    with open_output(tmp_path / "out.jsonl") as stream:
        write_record(stream, record)
    assert list(read_jsonl(tmp_path / "out.jsonl")) == [(("Merkel", "traf", "Obama"), ((0, 1, "PER"),))]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", ":1: "),
        ("[]", ":1: "),
        ('{"spans": []}', ":1: .*the key 'tokens' is missing"),
        ('{"tokens": "ab"}', ":1: .*tokens must be a list of words"),
        ('{"tokens": ["a"], "spans": [{"start": 0, "end": 2, "label": "X"}]}', ":1: .*lies outside the sentence"),
        ('{"tokens": ["a"], "spans": [{"start": "0", "end": 1, "label": "X"}]}', ":1: .*whole numbers"),
    ],
)
def test_malformed_json_lines_are_named(write: Write, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(read_jsonl(write(line)))


def test_spans_that_overlap_cannot_be_entities(write: Write) -> None:
    spans = [{"start": start, "end": 2, "label": "X"} for start in (0, 1)]
    path = write(str({"tokens": ["a", "b"], "spans": spans}).replace("'", '"'), "x.jsonl")
    assert list(read_sentences(path)) == [(("a", "b"), ((0, 2, "X"), (1, 2, "X")))]
    with pytest.raises(ValueError, match=r"sentence 1 has spans that overlap: \(0, 2, 'X'\), \(1, 2, 'X'\)"):
        list(read_labelled_docs(path, Vocab()))


def test_every_ending_is_read_as_its_format(write: Write, tmp_path: Path) -> None:
    conll = write("Bonn\tB-LOC\n", "x.conll02")
    with open_output(tmp_path / "x.jsonl") as stream:
        write_record(stream, {"tokens": ["Bonn"], "spans": [{"start": 0, "end": 1, "label": "LOC"}]})
    with open_binary_output(tmp_path / "x.spacy") as binary:
        write_docs(binary, read_labelled_docs(conll, Vocab()))
    read = [list(read_sentences(tmp_path / name)) for name in ("x.conll02", "x.jsonl", "x.spacy")]
    assert all(first == second for first, second in pairwise(read))
    assert list(read_sentences(write("in Bonn \n\n", "x.txt"))) == [(("in", "Bonn"), ()), ((), ())]


def test_an_unknown_format_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Unknown format 'magic'; expected one of: conll, iob2, iob1"):
        write_labelled_docs(tmp_path / "x", [], file_format="magic")
    assert list(tmp_path.iterdir()) == []


def test_two_outputs_cannot_have_the_same_name(tmp_path: Path) -> None:
    with open_output(tmp_path / "out.txt") as first:
        first.write("first")
        second = open_output(tmp_path / "." / "out.txt")
        with pytest.raises(ValueError, match="already being written by this command"):
            second.__enter__()
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "first"
