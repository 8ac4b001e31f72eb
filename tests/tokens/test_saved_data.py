"""`.spacy` files and saved pairs that are damaged, or made to do damage, end in one ValueError."""

from __future__ import annotations

import copy
import io
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import srsly
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from spacy_awesome import Parallel, WordAlignment
from spacy_awesome.formats.docbin import read_docs, write_docs
from spacy_awesome.tokens.pair import get_parallel
from spacy_awesome.tokens.projection import Projection
from spacy_awesome.tokens.sentence_alignment import SentenceAlignment


def paired_doc() -> Doc:
    source = Doc(Vocab(), words=["Ann", "sleeps", "."], sent_starts=[True, False, False])
    source.ents = [Span(source, 0, 1, label="PER")]
    doc = Doc(Vocab(), words=["Ana", "duerme", "."], sent_starts=[True, False, False], pos=["PROPN", "VERB", "PUNCT"])
    doc.ents = [Span(doc, 0, 1, label="PER")]
    doc.spans["found"] = [Span(doc, 1, 3, label="X")]
    pair = Parallel(
        source,
        WordAlignment([(0, 0), (1, 1)], [0.5, 1.0], source_length=3, target_length=3),
        [Projection("projector", "ents", 0, 1, "PER", "link_f1", 0, 1, 0.9)],
        SentenceAlignment([(0, 1, 0, 1)], [0.5], source_length=1, target_length=1),
    )
    doc._.parallel = pair
    return doc


def packed(docs: int = 2) -> bytes:
    stream = io.BytesIO()
    write_docs(stream, [paired_doc() for _ in range(docs)])
    return stream.getvalue()


PACKED = packed()
UNPACKED = zlib.decompress(PACKED)
SAVED = paired_doc()._.parallel.to_dict()


def read_all(path: Path) -> None:
    """Read a file, and use all that was read, as commands do."""
    from spacy_awesome.formats.docbin import labelled_sentence
    from spacy_awesome.formats.jsonl import doc_record
    from spacy_awesome.visualize import render

    docs = list(read_docs(path))
    for doc in docs:
        labelled_sentence(doc)
    paired = [doc for doc in docs if get_parallel(doc) is not None]
    for doc in paired:
        pair = doc._.parallel
        fits = pair.alignment is None or (pair.alignment.source_length, pair.alignment.target_length) == (
            len(pair.source),
            len(doc),
        )
        if fits:
            doc_record(doc)
            render([doc])


def check(path: Path, content: bytes) -> None:
    """Reading gives Docs, or one error that names the file."""
    path.write_bytes(content)
    try:
        read_all(path)
    except ValueError as error:
        assert str(error).startswith(str(path)), error


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.spacy"
    path.write_bytes(PACKED)
    read_all(path)
    assert len(list(read_docs(path))) == 2


mutations = st.lists(
    st.tuples(st.sampled_from(["set", "cut", "insert", "flip"]), st.floats(0, 1), st.integers(0, 255)),
    min_size=1,
    max_size=6,
)


def mutate(data: bytes, changes: list[tuple[str, float, int]]) -> bytes:
    changed = bytearray(data)
    for kind, where, value in changes:
        place = int(where * max(len(changed) - 1, 0))
        if kind == "set" and changed:
            changed[place] = value
        elif kind == "flip" and changed:
            changed[place] ^= 1 << value % 8
        elif kind == "cut":
            del changed[place : place + value % 9]
        elif kind == "insert":
            changed[place:place] = bytes([value])
    return bytes(changed)


fuzzed = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@fuzzed
@given(changes=mutations)
def test_changed_bytes_of_the_file(tmp_path: Path, changes: list[tuple[str, float, int]]) -> None:
    check(tmp_path / "a.spacy", mutate(PACKED, changes))


@fuzzed
@given(changes=mutations)
def test_changed_bytes_inside(tmp_path: Path, changes: list[tuple[str, float, int]]) -> None:
    check(tmp_path / "a.spacy", zlib.compress(mutate(UNPACKED, changes)))


@fuzzed
@given(changes=mutations)
def test_changed_bytes_of_the_pair(tmp_path: Path, changes: list[tuple[str, float, int]]) -> None:
    message = srsly.msgpack_loads(UNPACKED)
    message["user_data"][0] = mutate(message["user_data"][0], changes)
    check(tmp_path / "a.spacy", zlib.compress(srsly.msgpack_dumps(message)))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=9)
    | st.sampled_from([2**31 - 1, 2**31, 10**8, -1, b"", "en", "../x"]).map(copy.copy)
    | st.sampled_from(
        [
            np.zeros((2, 2), np.int32),
            np.full((2, 2), 2**31 - 1, np.int64),
            np.full((1, 4), -1, np.int32),
            np.zeros((0, 2)),
            np.array([np.nan, 1.0]),
            np.array([1e300, 1.0]),
            np.zeros((2, 2), "c16"),
            np.array(["a", "b"]),
            np.zeros(2, bool),
            np.int64(3),
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


def paths(data: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [here, *(path for key, value in items for path in paths(value, (*here, key)))]


@fuzzed
@given(place=st.sampled_from(paths(SAVED)), value=values, drop=st.booleans())
def test_other_values_in_a_pair(tmp_path: Path, place: tuple[Any, ...], value: Any, drop: bool) -> None:
    data: Any = copy.deepcopy(SAVED)
    holder = data
    for key in place[:-1]:
        holder = holder[key]
    if not place:
        data = value
    elif drop:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    try:
        Parallel.from_dict(data)
    except ValueError as error:
        assert "expected" in str(error).lower() or "outside" in str(error) or "sentence" in str(error)
    user_data = srsly.msgpack_dumps({"spacy_awesome.parallel": {"__spacy_awesome_parallel__": data}})
    message = srsly.msgpack_loads(UNPACKED)
    message["user_data"][0] = user_data
    check(tmp_path / "a.spacy", zlib.compress(srsly.msgpack_dumps(message)))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("lang",), 5, "lang: expected str, got int"),
        (("lang",), "os.path", "lang: expected the code of a language"),
        (("source",), "text", "source: expected bytes, got str"),
        (("projections",), 3, "projections: expected list or tuple, got int"),
        (("projections", 0), [], "expected a mapping of fields, got list"),
        (("projections", 0, "source_end"), 10**9, "expected source tokens from 0 to"),
        (("projections", 0, "source_end"), True, "source_end: expected int, got bool"),
        (("projections", 0, "target_end"), None, "expected both target_start and target_end"),
        (("projections", 0, "score"), float("nan"), "score: expected a finite number"),
        (("projections", 0, "label"), b"PER", "label: expected str, got bytes"),
        (("projections", 0, "more"), 1, "'more' is unknown"),
        (("alignment",), [], "expected a mapping of fields"),
        (("alignment", "source_length"), 10**8, "source_length: expected a number from 0 to"),
        (("alignment", "target_length"), -1, "target_length: expected a number from 0 to"),
        (("alignment", "pairs"), [[0, 0]], "pairs: expected an array, got list"),
        (("alignment", "pairs"), np.zeros((2, 3), np.int32), "pairs: expected an array of n × 2 numbers"),
        (("alignment", "pairs"), np.full((2, 2), 2**40), "pairs: expected word numbers up to"),
        (("alignment", "pairs"), np.full((2, 2), 7, np.int32), "points outside the sentences"),
        (("alignment", "scores"), np.zeros(5, np.float32), "scores: expected an array of 2 numbers"),
        (("alignment", "scores"), np.array([np.inf, 1]), "scores: expected finite numbers"),
        (("alignment", "sure"), np.zeros(2), "sure: expected an array of 2 numbers"),
        (("sentence_alignment", "source_length"), 10**9, "source_length: expected a number from 0 to"),
        (("sentence_alignment", "beads"), np.array([[0, 2**40, 0, 1]]), "beads: expected sentence numbers from 0"),
        (("sentence_alignment", "beads"), np.zeros((1, 4), np.int32), "Each sentence must be in one"),
    ],
)
def test_what_is_wrong_in_a_pair_is_named(place: tuple[Any, ...], value: Any, message: str) -> None:
    data: Any = copy.deepcopy(SAVED)
    holder = data
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    with pytest.raises(ValueError, match=message):
        Parallel.from_dict(data)


@pytest.mark.parametrize("name", ["lang", "source", "alignment", "projections"])
def test_a_field_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is missing"):
        Parallel.from_dict({key: value for key, value in SAVED.items() if key != name})


def test_a_pair_from_before_sentence_alignments_is_read() -> None:
    data = {key: value for key, value in SAVED.items() if key != "sentence_alignment"}
    del data["alignment"]["sure"]
    assert Parallel.from_dict(data).sentence_alignment is None


def test_a_damaged_source_is_one_error_whenever_it_is_read() -> None:
    pair = Parallel.from_dict(SAVED | {"source": SAVED["source"][:-9]})
    for _ in range(2):
        with pytest.raises(ValueError, match="The source Doc saved with this pair is damaged"):
            pair.source  # noqa: B018


def test_something_else_in_the_place_of_a_pair_is_an_error() -> None:
    doc = spacy.blank("es")("Hola")
    doc.user_data["spacy_awesome.parallel"] = {"source": 1}
    with pytest.raises(ValueError, match="Expected a pair in the Doc's user data"):
        doc._.alignment  # noqa: B018


def rewritten(change: Callable[[dict[str, Any]], None]) -> bytes:
    message = srsly.msgpack_loads(UNPACKED)
    change(message)
    return zlib.compress(srsly.msgpack_dumps(message))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        PACKED[:-20],
        zlib.compress(b""),
        zlib.compress(b"\xc1"),
        zlib.compress(srsly.msgpack_dumps([])),
        zlib.compress(b"\x91" * 100_000),
        rewritten(lambda m: m.update(lengths=np.array([10**9, 1], np.int32).tobytes())),
        rewritten(lambda m: m.update(lengths=np.array([-1, 7], np.int32).tobytes())),
        rewritten(lambda m: m.update(lengths=np.zeros(10**6, np.int32).tobytes())),
        rewritten(lambda m: m.update(strings=[])),
        rewritten(lambda m: m.update(strings=5)),
        rewritten(lambda m: m.update(attrs=[])),
        rewritten(lambda m: m.update(attrs=[10**6] * len(m["attrs"]))),
        rewritten(lambda m: m.update(tokens=b"\xff" * len(m["tokens"]))),
        rewritten(lambda m: m.update(spaces=b"")),
        rewritten(lambda m: m.update(flags=[])),
        rewritten(lambda m: m.update(flags=[3, 3])),
        rewritten(lambda m: m.update(cats=[])),
        rewritten(lambda m: m.update(span_groups=[b"\xc1", b""])),
        rewritten(lambda m: m.update(user_data=[])),
        rewritten(lambda m: m.update(user_data=[b"\x91" * 5000, b""])),
        rewritten(lambda m: m.update(user_data=[b"\xdd\xff\xff\xff\xff", b""])),
    ],
)
def test_damage_is_one_error_that_names_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.spacy"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^[^\n]*a\.spacy[^\n]*damaged: [^\n]+$"):
        list(read_docs(path))


def bomb(size: int) -> bytes:
    pack = zlib.compressobj(9)
    block = b"\x00" * (1 << 20)
    header = b"\x81\xa6tokens\xc6" + struct.pack(">I", size)
    return b"".join([pack.compress(header), *(pack.compress(block) for _ in range(size >> 20)), pack.flush()])


def test_a_small_file_that_unpacks_to_gigabytes_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.spacy"
    path.write_bytes(bomb(1 << 30))
    code = (
        "import resource, sys\nfrom spacy_awesome.formats.docbin import read_docs\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: list(read_docs(sys.argv[1]))\n"
        "except ValueError as error: print(error)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)\n"
    )
    output = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
    message, grown = output.splitlines()
    assert "unpacks to more than" in message
    assert int(grown) < 100


@pytest.mark.parametrize("name", ["alignment", "sentence_alignment", "projections"])
def test_few_bytes_that_claim_a_huge_target_are_refused(tmp_path: Path, name: str) -> None:
    size = 10**9
    data = copy.deepcopy(SAVED)
    if name == "projections":
        data["projections"][0]["target_end"] = size
    else:
        data[name]["target_length"] = size
    if name == "sentence_alignment":
        data[name]["beads"] = np.array([[0, 1, 0, size]], np.int32)
    doc = paired_doc()
    doc._.parallel = Parallel.from_dict(data)
    path = tmp_path / "a.spacy"
    path.write_bytes(DocBin(store_user_data=True, docs=[doc]).to_bytes())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"a\.spacy: Doc 1 is damaged: .* is about 1000000000 target"):
        list(read_docs(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_doc_that_was_retokenized_after_it_was_aligned_is_still_read(tmp_path: Path) -> None:
    doc = paired_doc()
    del doc.spans["found"]
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
    path = tmp_path / "a.spacy"
    path.write_bytes(DocBin(store_user_data=True, docs=[doc]).to_bytes())
    [again] = read_docs(path)
    assert [token.text for token in again] == ["Ana duerme", "."]


@pytest.mark.parametrize("side", ["target", "source"])
def test_a_string_that_was_not_saved_is_an_error_at_once(tmp_path: Path, side: str) -> None:
    doc = paired_doc()
    if side == "target":
        content = rewritten(lambda m: m.update(strings=[string for string in m["strings"] if string != "PER"]))
    else:
        state = srsly.msgpack_loads(SAVED["source"])
        state["strings"] = [string for string in state["strings"] if string != "PER"]
        doc._.parallel = Parallel.from_dict(SAVED | {"source": srsly.msgpack_dumps(state), "lang": "xx"})
        content = DocBin(store_user_data=True, docs=[doc]).to_bytes()
    (tmp_path / "a.spacy").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.spacy: Doc 1 is damaged"):
        list(read_docs(tmp_path / "a.spacy"))


@pytest.mark.parametrize("name", ["alignment", "sentence_alignment"])
def test_an_alignment_without_links_can_claim_no_huge_target_either(tmp_path: Path, name: str) -> None:
    doc, huge = paired_doc(), 10**9
    pair = doc._.parallel
    if name == "alignment":
        pair.alignment = WordAlignment([], source_length=3, target_length=huge)
    else:
        pair.sentence_alignment = SentenceAlignment([(0, 1, 0, huge)], source_length=1, target_length=huge)
    (tmp_path / "a.spacy").write_bytes(DocBin(store_user_data=True, docs=[doc]).to_bytes())
    with pytest.raises(ValueError, match="is about 1000000000 target tokens"):
        list(read_docs(tmp_path / "a.spacy"))
