"""Outputs appear complete or not at all, whatever stands beside them, and litter of killed processes goes."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spacy_awesome.formats.atomic import atomic_file, atomic_folder, scratch_folder
from spacy_awesome.formats.files import open_output


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def writing(path: Path, *, kind: str = "file") -> subprocess.Popen[bytes]:
    """A process that is in the middle of writing an output."""
    opened = {
        "file": f"open_output({str(path)!r}) as s: s.write('half')",
        "folder": f"atomic_folder({str(path)!r}) as f: (f / 'half').write_text('half')",
    }[kind]
    code = (
        "from spacy_awesome.formats.atomic import *\nfrom spacy_awesome.formats.files import *\nimport time\n"
        f"with {opened}; print('ready', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize("name", ["out.txt", "out.txt.gz", "ä" * 120, "out [*?]"])
def test_litter_of_a_killed_process_goes_and_the_name_is_free(tmp_path: Path, name: str) -> None:
    process = writing(tmp_path / name)
    assert len(names(tmp_path)) == 1
    process.kill()
    process.wait()
    with open_output(tmp_path / name) as stream:
        stream.write("all")
    assert names(tmp_path) == [name]


def test_a_folder_of_a_killed_process_goes(tmp_path: Path) -> None:
    process = writing(tmp_path / "out", kind="folder")
    process.kill()
    process.wait()
    with atomic_folder(tmp_path / "out") as folder:
        (folder / "a").touch()
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["a"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_second_process_is_told_who_writes(tmp_path: Path, kind: str) -> None:
    process = writing(tmp_path / "out", kind=kind)
    try:
        opened = open_output if kind == "file" else atomic_folder
        message = rf"out is already being written by (process {process.pid}|another process)"
        with pytest.raises(ValueError, match=message), opened(tmp_path / "out"):  # type: ignore[operator]
            pass
        assert process.poll() is None
        assert len(names(tmp_path)) == 1
    finally:
        process.kill()
        process.wait()


def test_what_may_be_shared_is_written_by_both(tmp_path: Path) -> None:
    process = writing(tmp_path / "out")
    try:
        with atomic_file(tmp_path / "out", shared=True) as stream:
            stream.write(b"all")
        assert (tmp_path / "out").read_bytes() == b"all"
    finally:
        process.kill()
        process.wait()


def test_other_files_that_look_alike_are_left_alone(tmp_path: Path) -> None:
    for name in (".out.txt.1.tmp", ".out.txt-notes.tmp", ".out.tmp", "out.txt.tmp"):
        (tmp_path / name).write_text("mine")
    before = names(tmp_path)
    with open_output(tmp_path / "out.txt") as stream:
        stream.write("all")
    assert names(tmp_path) == sorted([*before, "out.txt"])


def test_links_under_a_temporary_name_are_not_written_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_output(tmp_path / "out.txt") as stream:
        [temporary] = tmp_path.iterdir()
        stream.write("x")
    planted = iter([temporary.name.split("-")[-1].removesuffix(".tmp"), "0123456789abcdef"])
    monkeypatch.setattr("secrets.token_hex", lambda size: next(planted))
    temporary.symlink_to(tmp_path / "elsewhere")
    with open_output(tmp_path / "out.txt") as stream:
        stream.write("y")
    assert (tmp_path / "out.txt").read_text() == "y"
    assert not (tmp_path / "elsewhere").exists()
    assert temporary.is_symlink()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
@pytest.mark.parametrize("linked", [False, True])
def test_permissions_are_kept_while_writing_and_after(tmp_path: Path, mode: int, linked: bool) -> None:
    file = tmp_path / "real.txt"
    file.write_text("old")
    file.chmod(mode)
    output = tmp_path / "link.txt" if linked else file
    if linked:
        output.symlink_to(file)
    with open_output(output) as stream:
        stream.write("new")
        [temporary] = [path for path in tmp_path.iterdir() if path.suffix == ".tmp"]
        assert stat.S_IMODE(temporary.stat().st_mode) == mode
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert file.read_text() == "new"
    assert output.is_symlink() == linked


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path, mask: int) -> None:
    old = os.umask(mask)
    try:
        with open_output(tmp_path / "out.txt") as stream:
            stream.write("new")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "out.txt").stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("opened", [open_output, atomic_folder])
def test_links_that_lead_in_a_circle_are_named(tmp_path: Path, opened: Callable[..., Iterator[object]]) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OSError, match="circle") as caught, opened(tmp_path / "a"):  # type: ignore[attr-defined]
        pass
    assert caught.value.filename == str(tmp_path / "a")
    assert names(tmp_path) == ["a", "b"]


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file can become larger than this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("name", ["out.txt", "out.txt.gz"])
@pytest.mark.parametrize("size", [10, 100_000, 1_000_000])
def test_a_full_disk_is_reported_with_the_name_and_leaves_nothing(tmp_path: Path, name: str, size: int) -> None:
    (tmp_path / name).write_text("old")
    noise = os.urandom(size).hex()
    with full_disk(4), pytest.raises(OSError) as caught, open_output(tmp_path / name) as stream:
        stream.write(noise)
    assert caught.value.filename == str(tmp_path / name)
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "old"


def test_a_device_that_is_full_is_named() -> None:
    with pytest.raises(OSError, match="No space left") as caught, open_output("/dev/full") as stream:
        stream.write("x")
    assert caught.value.filename == "/dev/full"


@pytest.mark.parametrize("name", ["out.txt", "out.txt.gz"])
def test_an_error_of_the_block_is_not_hidden_by_a_full_disk(tmp_path: Path, name: str) -> None:
    with full_disk(4), pytest.raises(KeyError), open_output(tmp_path / name) as stream:
        stream.write("x" * 100)
        raise KeyError("own")
    assert names(tmp_path) == []


def test_a_folder_keeps_what_is_not_written_and_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.mkdir(mode=0o700)
    (path / "a").write_text("a")
    with atomic_folder(path, keep=True) as folder:
        (folder / "b").write_text("b")
        assert names(path) == ["a"]
    assert names(path) == ["a", "b"]
    with atomic_folder(path) as folder:
        (folder / "c").write_text("c")
    assert names(path) == ["c"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    with pytest.raises(KeyError), atomic_folder(path) as folder:
        raise KeyError
    assert names(path) == ["c"]
    assert names(tmp_path) == ["out"]


def test_the_old_folder_comes_back_if_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "encoder"
    path.mkdir()
    (path / "config.json").write_text("old")
    rename = Path.rename

    def rename_all_but_the_new(source: Path, target: Path) -> Path:
        if source.name == "new":
            raise OSError("no space left")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", rename_all_but_the_new)
    with pytest.raises(OSError, match="no space left"), atomic_folder(path, keep=True) as folder:
        (folder / "config.json").write_text("new")
    assert (path / "config.json").read_text() == "old"


@pytest.mark.parametrize("has_new", [True, False])
def test_a_folder_whose_exchange_was_cut_is_put_back(tmp_path: Path, has_new: bool) -> None:
    path = tmp_path / "out"
    with atomic_folder(path) as folder:
        temporary = folder.parent
    path.rename(tmp_path / "aside")
    for name in ("new", "old")[not has_new :]:
        (temporary / name).mkdir(parents=True)
        (temporary / name / name).touch()
    with atomic_folder(path, keep=True) as folder:
        (folder / "more").touch()
    assert names(path) == ["more", "new" if has_new else "old"]


def test_scratch_folders_of_killed_processes_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "from spacy_awesome.formats.atomic import *\nimport time\n"
        "with scratch_folder('test') as f: (f / 'half').touch(); print('ready', flush=True); time.sleep(60)\n"
    )
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    processes = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        processes[0].kill()
        processes[0].wait()
        with scratch_folder("test") as folder:
            assert names(folder) == []
            assert len(names(tmp_path)) == 2
        assert len(names(tmp_path)) == 1
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_litter(tmp_path: Path, kind: signal.Signals) -> None:
    process = writing(tmp_path / "out")
    time.sleep(0.05)
    process.send_signal(kind)
    process.wait()
    if kind == signal.SIGINT:
        assert names(tmp_path) == []
    with open_output(tmp_path / "out") as stream:
        stream.write("x")
    assert names(tmp_path) == ["out"]
