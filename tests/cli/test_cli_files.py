"""What commands read and write: pipes, changing inputs, outputs that are inputs, folders that are in use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from cli_runner import fail, run

from spacy_awesome.formats import bucc
from spacy_awesome.formats.atomic import lock
from spacy_awesome.formats.files import Unchanged
from spacy_awesome.mining import resumable as work_folder_module
from spacy_awesome.mining.resumable import MARKER, ResumableArray, save_array, work_folder
from spacy_awesome.training.budget import PairSampler

PAIRS = "a red house\tuna casa roja\nI eat cheese\tcomo queso\n"
CONLL = "Ann B-PER\nsleeps O\n\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with an input of each kind."""
    monkeypatch.chdir(tmp_path)
    contents = {
        "pairs.tsv": PAIRS,
        "a.en": "a red house\nI eat cheese\n",
        "a.es": "una casa roja\ncomo queso\n",
        "in.conll": CONLL,
        "target.txt": "Ana duerme\n",
        "x.links": "0-0 1-1\n",
        "gold.tsv": "1\t1\n",
        "mined.tsv": "0.5\t1\t1\ta\tb\n",
        "one.txt": "uno\n",
    }
    for name, content in contents.items():
        Path(name).write_text(content, encoding="utf-8")
    return tmp_path


@pytest.fixture
def fifo(files: Path) -> Iterator[Callable[[str, str], str]]:
    """Makes named pipes that some text is written into."""
    threads = []

    def make(name: str, text: str) -> str:
        os.mkfifo(name)
        threads.append(threading.Thread(target=lambda: Path(name).write_text(text, encoding="utf-8")))
        threads[-1].daemon = True
        threads[-1].start()
        return name

    yield make


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "arguments",
    [
        ["mine", "pipe", "a.es", "out"],
        ["mine", "a.en", "pipe", "out"],
        ["mine", "a.en", "a.es", "out", "--calibrate", "pipe", "a.es", "gold.tsv"],
        ["mine", "a.en", "/dev/stdin", "out"],
        ["sample", "pipe", "--output", "out"],
    ],
)
def test_what_is_read_twice_must_be_a_file(files: Path, arguments: list[str]) -> None:
    os.mkfifo("pipe")
    before = sorted(files.iterdir())
    read, write = os.pipe()
    code = "from spacy_awesome.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], stdin=read, capture_output=True, text=True, timeout=60, check=False
    )
    os.close(read)
    os.close(write)
    assert result.returncode == 1
    assert "can be read only once; give the name of a file" in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(files.iterdir()) == before


def test_pairs_from_a_pipe_score_as_those_of_a_file(
    files: Path, fifo: Callable[[str, str], str], tiny_bert: Path
) -> None:
    options = ["--model", tiny_bert, "-q"]
    run("score", "pairs.tsv", "expected", *options)
    run("score", fifo("pipe", PAIRS), "found", *options)
    assert Path("found").read_bytes() == Path("expected").read_bytes()
    run("score", "a.en", "found2", "--target", fifo("pipe2", Path("a.es").read_text()), *options)
    assert Path("found2").read_bytes() == Path("expected").read_bytes()


def test_the_text_of_links_can_come_from_a_pipe(files: Path, fifo: Callable[[str, str], str]) -> None:
    text = fifo("pipe", "a b ||| c d\n")
    result = run("evaluate", "links", "x.links", "x.links", "--source-target", text, "--json")
    assert json.loads(result.stdout)["f1"] == 100.0


@pytest.mark.parametrize(
    "arguments",
    [
        ["sentences", "pipe", "pipe", "out"],
        ["score", "pipe", "out", "--target", "pipe"],
        ["evaluate", "spans", "pipe", "pipe"],
        ["align", "pipe", "out", "--target", "link"],
        ["project", "-", "-", "out"],
    ],
)
def test_one_stream_cannot_be_two_inputs(files: Path, arguments: list[str]) -> None:
    os.mkfifo("pipe")
    Path("link").symlink_to("pipe")
    assert "can be read only once" in fail(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["align", "pairs.tsv", "X:pairs.tsv"],
        ["align", "pairs.tsv", "out", "--scores", "X:pairs.tsv"],
        ["align", "a.en", "X:a.es", "--target", "a.es"],
        ["project", "in.conll", "target.txt", "X:in.conll"],
        ["project", "in.conll", "target.txt", "X:target.txt"],
        ["project", "in.conll", "target.txt", "X:x.links", "--links", "x.links"],
        ["sentences", "a.en", "a.es", "X:a.es"],
        ["mine", "a.en", "a.es", "X:a.en"],
        ["mine", "a.en", "a.es", "X:gold.tsv", "--calibrate", "a.en", "a.es", "gold.tsv"],
        ["score", "pairs.tsv", "X:pairs.tsv"],
        ["convert", "in.conll", "X:in.conll"],
        ["convert", "a.en", "X:a.es", "--target", "a.es", "--to", "tsv"],
        ["convert", "pairs.tsv", "out", "--output-target", "X:pairs.tsv"],
        ["render", "pairs.tsv", "X:pairs.tsv"],
        ["render", "pairs.tsv", "X:x.links", "--links", "x.links"],
        ["translate", "one.txt", "X:one.txt", "--engine", "file", "--translations", "a.es"],
        ["translate", "one.txt", "X:a.es", "--engine", "file", "--translations", "a.es"],
        ["translate", "one.txt", "out", "--engine", "apertium", "--cache", "X:one.txt"],
        ["sample", "pairs.tsv", "--output", "X:pairs.tsv"],
        ["sample", "pairs.tsv", "--output", "X:one.txt", "--held-out", "one.txt"],
        ["evaluate", "mining", "gold.tsv", "mined.tsv", "--figure", "X:mined.tsv"],
    ],
)
@pytest.mark.parametrize("how", ["same", "symlink", "hard link", "other spelling"])
def test_an_output_that_is_an_input_is_refused(files: Path, arguments: list[str], how: str) -> None:
    [place] = [number for number, word in enumerate(arguments) if word.startswith("X:")]
    name = arguments[place].removeprefix("X:")
    alias = {"same": name, "other spelling": f"{files}/./../{files.name}/{name}"}.get(how, f"alias{Path(name).suffix}")
    if how == "symlink":
        Path(alias).symlink_to(name)
    elif how == "hard link":
        os.link(name, alias)
    before = content(files)
    message = fail(*arguments[:place], alias, *arguments[place + 1 :])
    assert "also read by this command" in message
    assert content(files) == before


@pytest.mark.parametrize("name", ["train.spacy", "dev.spacy", "report.json", "report.md", "translations.cache"])
def test_a_file_of_a_corpus_cannot_be_its_source(files: Path, name: str) -> None:
    Path("corpus").mkdir()
    Path("in.conll").rename(f"corpus/{name}")
    message = fail("corpus", f"corpus/{name}", "corpus", "--target", "target.txt")
    assert "also read by this command" in message
    assert Path(f"corpus/{name}").read_text() == CONLL


def test_standard_output_that_is_the_input_is_refused(files: Path) -> None:
    before = Path("pairs.tsv").read_bytes()
    with Path("pairs.tsv").open("ab") as stream:
        code = "from spacy_awesome.cli import main; main()"
        command = [sys.executable, "-c", code, "convert", "pairs.tsv", "-", "--to", "pipes"]
        result = subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, check=False)
    assert result.returncode == 1
    assert b"Standard output is also read by this command" in result.stderr
    assert Path("pairs.tsv").read_bytes() == before


def test_the_null_device_is_read_and_written_at_once(files: Path, tiny_bert: Path) -> None:
    run("align", os.devnull, os.devnull, "--model", tiny_bert)
    assert Path(os.devnull).is_char_device()


def test_an_encoder_cannot_replace_the_pipeline_that_it_is_from(files: Path) -> None:
    Path("model").mkdir()
    Path("alias").symlink_to("model")
    assert "also read by this command" in fail("export", "model", "alias", "--force")


@pytest.mark.parametrize("change", [["a", "b", "c"], ["a"], ["a", "x"], []])
def test_what_changes_between_two_readings_is_an_error(change: list[str]) -> None:
    readings = iter([["a", "b"], ["a", "b"], change])
    unchanged = Unchanged(lambda: next(readings), "a.txt")
    assert [list(unchanged()) for _ in range(2)] == [["a", "b"]] * 2
    with pytest.raises(ValueError, match=r"a\.txt has changed"):
        list(unchanged())


@pytest.mark.parametrize("reading", [1, 2])
@pytest.mark.parametrize("later", ["", "other\n", PAIRS + "more\n"])
def test_a_text_that_changes_is_an_error_and_no_cache_is_kept(
    files: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, reading: int, later: str
) -> None:
    options = ["--model", tiny_bert, "--work", "work"]
    run("mine", "a.en", "a.es", "expected", "--model", tiny_bert)
    true, count = Path("a.en").read_text(), 0

    def read_lines(path: str) -> Iterator[str]:
        nonlocal count
        if path == "a.en":
            count += 1
            Path("a.en").write_text(later if count > reading else true)
        yield from Path(path).read_text().splitlines()

    with monkeypatch.context() as patch:
        patch.setattr(bucc, "read_lines", read_lines)
        assert "a.en has changed" in fail("mine", "a.en", "a.es", "out", *options)
    assert not Path("out").exists()
    Path("a.en").write_text(true)
    run("mine", "a.en", "a.es", "out", *options)
    assert Path("out").read_bytes() == Path("expected").read_bytes()


def test_a_sampled_file_that_grows_is_an_error(files: Path) -> None:
    sampler = PairSampler(lambda lines: [6] * len(lines))
    assert len(list(sampler.draw(Path("pairs.tsv"), 2, 2))) == 2
    with pytest.raises(ValueError, match="had 1 lines and now has 2"):
        list(sampler.draw(Path("pairs.tsv"), 1, 1))


def test_a_folder_that_mining_did_not_make_is_refused_and_stays(files: Path, tiny_bert: Path) -> None:
    for name in ("sentences-of-mine", "candidates-2", "sentences-0123456789abcdef"):
        (files / "out.work" / name).mkdir(parents=True)
        (files / "out.work" / name / "text").write_text("mine")
    before = content(files)
    assert "out.work exists, and is no work folder" in fail("mine", "a.en", "a.es", "out", "--model", tiny_bert)
    assert content(files) == before


def test_a_named_work_folder_is_never_removed(files: Path, tiny_bert: Path) -> None:
    Path("out.work").mkdir()
    Path("out.work/note").write_text("mine")
    run("mine", "a.en", "a.es", "out", "--model", tiny_bert, "--work", "out.work")
    assert "no work folder" in fail("mine", "a.en", "a.es", "out", "--model", tiny_bert)
    assert Path("out.work/note").read_text() == "mine"


def test_an_own_work_folder_goes_but_for_what_others_put_there(tmp_path: Path) -> None:
    folder = tmp_path / "out.work"
    with pytest.raises(KeyError), work_folder(folder, temporary=True):
        (folder / "sentences-0123456789abcdef").mkdir()
        (folder / "note").write_text("mine")
        (folder / "candidates-0123456789abcdef").symlink_to(tmp_path)
        raise KeyError
    assert (folder / "sentences-0123456789abcdef").is_dir()
    with work_folder(folder, temporary=True):
        pass
    assert sorted(path.name for path in folder.iterdir()) == ["candidates-0123456789abcdef", "note"]
    (folder / "note").unlink()
    (folder / "candidates-0123456789abcdef").unlink()
    folder.rmdir()
    with work_folder(folder, temporary=True):
        pass
    assert not folder.exists()


def test_a_work_folder_in_use_is_refused_with_its_user(files: Path, tiny_bert: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom spacy_awesome.mining.resumable import work_folder\n"
        "with work_folder(Path('work'), temporary=False): print('ready', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        message = fail("mine", "a.en", "a.es", "out", "--model", tiny_bert, "--work", "work")
        assert f"work is in use by process {process.pid}" in message or "work is in use by another" in message
    finally:
        process.kill()
        process.wait()
    run("mine", "a.en", "a.es", "out", "--model", tiny_bert, "--work", "work")


def test_a_work_folder_that_goes_while_it_is_being_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "work"
    removals = iter([True])

    def lock_late(descriptor: int, shown: Path) -> None:
        if next(removals, False):
            (folder / MARKER).unlink()
            folder.rmdir()
        lock(descriptor, shown)

    monkeypatch.setattr(work_folder_module, "lock", lock_late)
    with work_folder(folder, temporary=True):
        assert (folder / MARKER).exists()


def test_translations_in_use_are_refused(files: Path) -> None:
    from spacy_awesome.translation.cached import TranslationCache

    first = TranslationCache("x.cache", "file")
    first.add([("a", "b")])
    with pytest.raises(ValueError, match=r"x\.cache is in use by this command"):
        TranslationCache("x.cache", "file")
    first.close()
    assert TranslationCache("x.cache", "file")["a"] == "b"


FULL_DISK = """
import resource, signal, sys
from spacy_awesome.cli import main
import spacy_awesome.aligners.words, transformers
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
main()
"""


@pytest.mark.parametrize("size", [0, 100, 600])
@pytest.mark.parametrize("command", [["mine", "a.en", "a.es", "out"], ["score", "pairs.tsv", "out"]])
def test_a_full_disk_ends_with_the_name_of_a_file(files: Path, tiny_bert: Path, command: list[str], size: int) -> None:
    arguments = [sys.executable, "-c", FULL_DISK, str(size), *command, "--model", str(tiny_bert)]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert "File too large" in result.stderr
    assert any(name in result.stderr for name in ("out", "out.work", "spacy-awesome-score"))
    assert not Path("out").exists()


def test_a_real_full_disk_ends_with_a_message_and_not_with_a_signal(tmp_path: Path) -> None:
    code = (
        "import numpy as np, os\nfrom pathlib import Path\n"
        "from spacy_awesome.mining.resumable import ResumableArray\n"
        "try: ResumableArray(Path('disk/a.npy'), (1 << 20, 8), np.float32)\n"
        "except OSError as error: print(error.filename, error.strerror, os.listdir('disk'))\n"
        # Made sparse, as an earlier version did, so that the disk is full in the middle.
        "np.lib.format.open_memmap('disk/b.npy', mode='w+', dtype=np.float32, shape=(1 << 20, 8))\n"
        "try: ResumableArray(Path('disk/b.npy'), (1 << 20, 8), np.float32).append(np.ones((1 << 19, 8)))\n"
        "except OSError as error: print(error.filename, error.strerror)\n"
    )
    (tmp_path / "disk").mkdir()
    script = f'mount -t tmpfs -o size=1m none disk && exec {sys.executable} -c "$CODE"'
    result = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"CODE": code},
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in result.stderr or "mount" in result.stderr:
        pytest.skip("a small disk can't be mounted here")
    expected = "disk/a.npy No space left on device []\ndisk/b.npy No space left on device\n"
    assert result.stdout == expected, result.stderr


@pytest.mark.parametrize("shape", [(0, 3), (5, 3), (5,), (0,)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32])
def test_arrays_are_read_back_as_they_were_written(tmp_path: Path, shape: tuple[int, ...], dtype: type) -> None:
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    save_array(tmp_path / "a.npy", values)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), values)
    for _ in range(2):
        array = ResumableArray(tmp_path / "b.npy", shape, dtype)
        for start in range(array.done, len(values), 2):
            array.append(values[start : start + 2].astype(np.float64))
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), values)
    assert np.load(tmp_path / "b.npy").dtype == dtype


@pytest.mark.parametrize("content", ["", "x", "7", "-1", "٣"])
def test_a_damaged_count_of_rows_is_named(tmp_path: Path, content: str) -> None:
    ResumableArray(tmp_path / "b.npy", (5, 3), np.float32).append(np.ones((2, 3)))
    (tmp_path / "b.done").write_text(content)
    with pytest.raises(ValueError, match=r"b\.done: expected a number of rows up to 5"):
        ResumableArray(tmp_path / "b.npy", (5, 3), np.float32)
