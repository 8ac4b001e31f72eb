"""Custom attributes: registered when they are needed, never over somebody else's, and read from either side."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest
from projection_helpers import make_pair, make_source, nlp
from spacy.tokens import Doc, Token

from spacy_awesome import Parallel, WordAlignment, parallel
from spacy_awesome.tokens.pair import set_parallel

# spacy-transformers has an entry point of its own, which says this and that; a stub in its place shows what is ours.
START = """
import sys, types
for name in ("spacy_transformers", "spacy_transformers.pipeline_component"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["spacy_transformers.pipeline_component"].make_transformer = None
import spacy
from spacy.tokens import Doc, DocBin, Span, Token
from spacy.tokens.underscore import Underscore as U
def names():
    return sorted({*U.doc_extensions, *U.span_extensions, *U.token_extensions})
def forget():
    for table in (U.doc_extensions, U.span_extensions, U.token_extensions):
        table.clear()
nlp = spacy.blank("en")
"""


def run(script: str) -> tuple[str, str]:
    """Standard output and standard error of a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", START + script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.strip()


def test_a_blank_pipeline_registers_and_prints_nothing() -> None:
    script = 'Doc.set_extension("source", default="theirs")\nprint(names(), nlp("x")._.source)'
    assert run(script) == ("['source'] theirs", "")
    assert run("import spacy_awesome\nprint(names())") == ("[]", "")


def test_many_threads_may_be_the_first() -> None:
    script = """
import threading
import spacy_awesome
source, failed, barrier = nlp("a"), [], threading.Barrier(16)
def use():
    barrier.wait()
    try:
        spacy_awesome.parallel(nlp, source, "b")._.source
    except Exception as error:
        failed.append(error)
for _ in range(50):
    forget()
    threads = [threading.Thread(target=use) for _ in range(16)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print(failed)
"""
    assert run(script) == ("[]", "")


NAMES = "['aligned', 'alignment', 'parallel', 'projection', 'projection_report', 'sentence_alignment', 'source', "
NAMES += "'source_span']"


def test_using_the_package_registers_all_of_them() -> None:
    script = """
import spacy_awesome
for use in (
    lambda: nlp.add_pipe("span_projector"),
    lambda: nlp.add_pipe("word_aligner"),
    lambda: nlp.add_pipe("sentence_aligner"),
    lambda: spacy_awesome.parallel(nlp, nlp.make_doc("a"), "b"),
    lambda: spacy_awesome.Parallel(nlp.make_doc("a")),
    lambda: spacy_awesome.register_extensions(),
):
    use()
    print(names())
    forget()
"""
    out, _ = run(script)
    assert out.splitlines() == [NAMES] * 6


def test_reading_a_saved_pair_registers_them(tmp_path: Path) -> None:
    doc = make_pair(make_source("Rome"), "Roma", "0-0")
    (tmp_path / "doc").write_bytes(doc.to_bytes())
    script = f"doc = Doc(nlp.vocab).from_bytes(open({str(tmp_path / 'doc')!r}, 'rb').read())\nprint(doc._.source)"
    assert run(script) == ("Rome", "")


CLASH = """
Doc.set_extension("source", default="theirs")
import spacy_awesome
"""


def test_a_name_of_somebody_else_stays_theirs_with_one_warning() -> None:
    script = CLASH + 'nlp.add_pipe("span_projector"); doc = spacy_awesome.parallel(nlp, nlp.make_doc("a"), "b")\n'
    out, errors = run(script + "print(doc._.source, doc._.parallel.source)")
    assert out == "theirs a"
    assert errors.count("SpacyAwesomeWarning") == 1
    assert "[SA05] Doc._.source belongs to somebody else" in errors
    assert "spacy_awesome.register_extensions(source='another_name')" in errors


def test_a_name_that_was_chosen_before_is_enough() -> None:
    script = CLASH + 'spacy_awesome.register_extensions(source="translated_from"); nlp.add_pipe("span_projector")\n'
    script += 'doc = spacy_awesome.parallel(nlp, nlp.make_doc("a"), "b")\nprint(doc._.source, doc._.translated_from)'
    assert run(script) == ("theirs a", "")


def make_swapped() -> Doc:
    return make_pair(make_source("the red house"), "la casa roja", "0-0 1-2 2-1")


def texts(tokens: list[Token]) -> list[str]:
    return [token.text for token in tokens]


def test_source_tokens_know_their_links_too() -> None:
    doc = make_swapped()
    source = doc._.source
    assert [texts(token._.aligned) for token in source] == [["la"], ["roja"], ["casa"]]
    assert texts(source[1:3]._.aligned) == ["casa", "roja"]
    assert all(token.doc is doc for token in source[1:3]._.aligned)
    assert texts(doc[1]._.aligned[0]._.aligned) == ["casa"]


def test_of_several_targets_the_last_one_asked_counts() -> None:
    first = make_swapped()
    source = first._.source
    second = parallel(nlp, source, ["das", "rote", "Haus"])
    second._.parallel.alignment = WordAlignment.from_pharaoh("0-0 1-1 2-2")
    assert texts(source[1]._.aligned) == ["rote"]
    assert texts(first._.source[1]._.aligned) == ["roja"]
    assert texts(second._.source[1]._.aligned) == ["rote"]


def test_a_target_that_is_gone_or_has_another_source_is_not_found() -> None:
    doc = make_swapped()
    source = doc._.source
    set_parallel(doc, Parallel(make_source("a")))
    assert source[0]._.aligned == []
    del doc
    gc.collect()
    assert source[0]._.aligned == []


def test_a_doc_that_is_source_and_target_shows_its_own_source() -> None:
    middle = make_swapped()
    last = make_pair(middle, "x y z", "0-2 1-1 2-0")
    assert texts(middle[0]._.aligned) == ["the"]
    assert texts(last[0]._.aligned) == ["roja"]


def test_source_tokens_of_a_loaded_pair_know_their_links() -> None:
    doc = make_swapped()
    loaded = Doc(doc.vocab).from_bytes(doc.to_bytes())
    assert texts(loaded._.source[2]._.aligned) == ["casa"]


def test_links_over_other_tokens_are_an_error_on_the_source_side_too() -> None:
    doc = make_swapped()
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
    with pytest.raises(ValueError, match="over 3 target tokens, but the Doc now has 2"):
        _ = doc._.source[0]._.aligned
