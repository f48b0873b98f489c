"""Faults while a file is written: a full disk, a kill, a signal, odd targets and planted links."""

import errno
import fcntl
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from fastxai.cli.messages import CliError
from fastxai.cli.report.output import _write
from fastxai.explainer import Explanation
from fastxai.perturbation.archive import write_archive
from fastxai.perturbation.image_result import ImageResult
from fastxai.perturbation.run_state import RunState
from fastxai.system import atomic_file
from fastxai.system.atomic_file import replacing
from tests.field import _writer

BEFORE = b"what was there"


def plain(path):
    """Bytes, in several writes."""
    with replacing(path) as file:
        for part in (b"some ", b"bytes " * 5000, b"more"):
            file.write(part)


def archive(path):
    """Arrays and facts."""
    write_archive(path, "kind 1", {"a": 1}, {"x": np.arange(3000.0), "y": np.ones((2, 3))})


def explanation(path):
    """An `Explanation`."""
    maps = np.random.default_rng(0).random((1, 2, 40, 30), np.float32)
    some = np.ones((1, 2), np.int64)
    Explanation("RISE", maps, some, some[0, :1], "mindspore", "float32", 1.0, seed=3).save(path)


def state(path):
    """A state file."""
    run = RunState("RISE", None)
    run._found = [ImageResult(np.random.default_rng(0).random((2, 40, 30)), 5)]
    run._write(path)


WRITERS = {"bytes": plain, "archive": archive, "explanation": explanation, "state": state}


@pytest.fixture(params=WRITERS.values(), ids=WRITERS)
def write(request):
    """One kind of output."""
    return request.param


@pytest.fixture
def path(tmp_path):
    """A file that is there."""
    found = tmp_path / "file.npz"
    found.write_bytes(BEFORE)
    return found


def written(write, folder):
    """What a writer writes where nothing goes wrong."""
    write(folder / "whole")
    content = (folder / "whole").read_bytes()
    (folder / "whole").unlink()
    return content


def names(folder):
    """What is in a folder, hidden files too."""
    return sorted(os.listdir(folder))


@contextmanager
def room_for(number):
    """In here no file can become longer than so many bytes: the kernel refuses more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# ---- a disk that is full --------------------------------------------------------------------


def test_a_disk_that_is_full_at_any_byte_leaves_the_old_file_alone(write, path):
    length = len(written(write, path.parent))
    slack = 400  # a state says how long the run took, in more letters or fewer
    for number in (0, 1, 60, length // 3, length // 2, length - slack):
        with room_for(number), pytest.raises(OSError, match="File too large") as caught:
            write(path)
        assert caught.value.filename == str(path)
        assert path.read_bytes() == BEFORE
        assert names(path.parent) == ["file.npz"]
    with room_for(length + slack):
        write(path)
    assert path.read_bytes() != BEFORE


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_fault_of_a_call_leaves_the_old_file_alone(write, path, monkeypatch, call, number):
    def fail(*arguments):
        raise OSError(number, os.strerror(number), *arguments[:1])

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match=r"\[Errno") as caught:
        write(path)
    assert caught.value.errno == number
    assert ".tmp" not in str(caught.value)
    monkeypatch.undo()
    assert path.read_bytes() == BEFORE
    assert names(path.parent) == ["file.npz"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_small_file_system_that_is_really_full(tmp_path):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        path = tmp_path / "file"
        path.write_bytes(BEFORE)
        with pytest.raises(OSError, match="No space left on device"), replacing(path) as file:
            file.write(bytes(100_000))
        assert path.read_bytes() == BEFORE
        assert names(tmp_path) == ["file"]
        plain(path)
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_an_interrupt_is_not_lost_in_the_fault_of_a_full_disk(path):
    with room_for(10), pytest.raises(KeyboardInterrupt), replacing(path) as file:  # noqa: PT012
        file.write(b"buffered, and too much for the disk")
        raise KeyboardInterrupt
    assert (path.read_bytes(), names(path.parent)) == (BEFORE, ["file.npz"])


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_outputs_of_the_command_line_are_all_whole(tmp_path, monkeypatch, call, number):
    """A picture, a map and a report, with a fault at a call that brings them to the disk."""
    outputs = [(f"--{name}", str(tmp_path / name), name.encode() * 999) for name in ("o", "n", "j")]
    for _, path, _ in outputs:
        Path(path).write_bytes(BEFORE)
    real, calls = getattr(os, call), []

    def fail(*arguments):
        calls.append(arguments)
        if len(calls) == number + 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)

    monkeypatch.setattr(os, call, fail)
    failed = False
    try:
        _write(outputs)
    except CliError as error:
        failed = True
        assert "No space left on device" in str(error)  # noqa: PT017
    assert failed == (len(calls) > number)
    contents = [Path(path).read_bytes() for _, path, _ in outputs]
    assert all(c in (BEFORE, o[2]) for c, o in zip(contents, outputs, strict=True))
    if call == "fsync" and number < 3:  # before anything is renamed
        assert contents == [BEFORE] * 3
    assert names(tmp_path) == ["j", "n", "o"]


# ---- a process that ends while it writes ----------------------------------------------------


def hit(fault, number, path):
    """Return code of a process that sends itself a signal while it writes."""
    command = [sys.executable, _writer.__file__, fault, number.name, str(path)]
    return subprocess.run(command, capture_output=True).returncode


@pytest.mark.parametrize(
    ("fault", "number"),
    [
        ("write", signal.SIGKILL),
        ("fsync", signal.SIGTERM),
        ("replace", signal.SIGKILL),
        ("replaced", signal.SIGKILL),
        ("write", signal.SIGINT),
    ],
)
def test_a_process_that_ends_leaves_a_whole_file_and_the_next_clears_up(path, fault, number):
    other = path.parent / ".file.npz.0123456789abcdef.tmp.bak"
    other.write_bytes(b"of somebody else")
    assert hit(fault, number, path) != 0
    assert path.read_bytes() == (b"after" * 2000 if fault == "replaced" else BEFORE)
    left = len(names(path.parent)) - 2
    assert left == (fault != "replaced" and number != signal.SIGINT)
    plain(path)
    assert names(path.parent) == [other.name, "file.npz"]


def test_drafts_of_those_who_still_write_and_of_other_files_stay(tmp_path):
    path, other = tmp_path / "file", tmp_path / "file.b"
    with replacing(path) as first, replacing(other) as second:
        first.write(b"1")
        second.write(b"2")
        drafts = names(tmp_path)
        assert len(drafts) == 2
        assert hit("none", signal.SIGKILL, path) == 0
        plain(path)
        assert names(tmp_path) == sorted([*drafts, "file"])
    assert path.read_bytes() == b"1"  # who ends last has the last word
    assert other.read_bytes() == b"2"
    assert names(tmp_path) == ["file", "file.b"]


def test_threads_that_write_one_file_leave_one_of_theirs_whole(tmp_path):
    path = tmp_path / "file"
    faults = []

    def write(number):
        try:
            for _ in range(20):
                with replacing(path) as file:
                    file.write(bytes([number]) * 3000)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert path.read_bytes() in {bytes([number]) * 3000 for number in range(4)}
    assert names(tmp_path) == ["file"]


def test_a_draft_that_is_taken_for_a_leftover_is_made_again(path, monkeypatch):
    real, taken = os.open, []

    def take(name, *arguments):
        number = real(name, *arguments)
        if name.endswith(".tmp") and len(taken) < 2:
            taken.append(name)
            if len(taken) == 2:
                os.unlink(name)  # between the making of it and the lock
            else:
                held = real(name, os.O_RDWR)
                fcntl.flock(held, fcntl.LOCK_EX)
                os.unlink(name)
        return number

    monkeypatch.setattr(atomic_file.os, "open", take)
    plain(path)
    assert len(taken) == 2
    assert path.read_bytes().startswith(b"some bytes")
    assert names(path.parent) == ["file.npz"]


def test_a_file_system_without_locks_and_without_syncs_of_folders_is_enough(path, monkeypatch):
    def flock(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    real = os.fsync

    def fsync(number):
        if stat.S_ISDIR(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(number)

    monkeypatch.setattr(atomic_file.fcntl, "flock", flock)
    monkeypatch.setattr(os, "fsync", fsync)
    plain(path)
    assert path.read_bytes().startswith(b"some bytes")


def test_the_folder_is_synced_after_the_rename(path, monkeypatch):
    calls = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(number):
        calls.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file")
        real_fsync(number)

    def replace(*arguments):
        calls.append("rename")
        real_replace(*arguments)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    plain(path)
    assert calls == ["file", "rename", "folder"]


# ---- targets --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640, 0o666, 0o755])
def test_a_file_keeps_its_permissions_and_its_draft_never_has_more(path, mode):
    path.chmod(mode)
    before = os.umask(0o022)
    try:
        with replacing(path) as file:
            assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == mode
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        plain(tmp_path / "file")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_keeps_its_owner(path):
    os.chown(path, 1234, 567)
    plain(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 567)


@pytest.mark.parametrize("length", [100, 101, 233, 255])
@pytest.mark.parametrize("letter", ["a", "\u00e9"])
def test_long_names(tmp_path, length, letter):
    name = letter * (length // len(letter.encode()))
    with replacing(tmp_path / name) as file:
        file.write(b"1")
        draft = next(each for each in names(tmp_path) if each.endswith(".tmp"))
    assert names(tmp_path) == [name]
    leftover = tmp_path / draft
    leftover.write_bytes(b"of a process that is gone")
    plain(tmp_path / name)
    assert names(tmp_path) == [name]


def test_a_bare_name_and_a_folder_that_changes_meanwhile(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    with replacing("file") as file:
        os.chdir("other")
        file.write(b"1")
    assert names(tmp_path) == ["file", "other"]
    assert names(tmp_path / "other") == []


def test_links_stay_links_also_where_they_lead_nowhere_yet(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there/file")
    plain(tmp_path / "link")
    plain(os.fsencode(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "there") == ["file"]


def test_no_draft_goes_through_a_link_or_over_a_file(path, monkeypatch):
    victim = path.parent / "victim"
    victim.write_bytes(b"precious")
    guesses = iter(["0" * 16, "1" * 16, "2" * 16])
    monkeypatch.setattr(atomic_file.secrets, "token_hex", lambda number: next(guesses))
    planted = path.parent / f".file.npz.{'0' * 16}.tmp"
    planted.symlink_to(victim)
    pipe = path.parent / f".file.npz.{'1' * 16}.tmp"
    os.mkfifo(pipe)
    plain(path)
    assert path.read_bytes().startswith(b"some bytes")
    assert victim.read_bytes() == b"precious"
    assert planted.is_symlink()
    assert pipe.is_fifo()


def device(folder, name, minor):
    """A memory device. Root, who could replace the one in /dev, gets another node of it."""
    if os.geteuid() != 0:
        return f"/dev/{name}"
    path = folder / name
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        os.close(os.open(path, os.O_WRONLY))
    except OSError as error:  # a container without the right, a file system without devices
        pytest.skip(f"no device node can be made here: {error}")
    return path


def test_devices_and_pipes_are_written_to_as_they_are(tmp_path, tmp_path_factory):
    nodes = tmp_path_factory.mktemp("nodes")
    null = device(nodes, "null", 3)
    plain(null)
    assert stat.S_ISCHR(os.stat(null).st_mode)
    with pytest.raises(OSError, match="No space left on device"):
        plain(device(nodes, "full", 7))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    plain(pipe)
    reader.join()
    assert read[0].startswith(b"some bytes")
    assert names(tmp_path) == ["pipe"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("folder", IsADirectoryError),
        ("folder/", IsADirectoryError),
        ("new/", IsADirectoryError),
        ("nowhere/file", FileNotFoundError),
        ("file/file", NotADirectoryError),
        ("", FileNotFoundError),
        ("f" * 256, OSError),
    ],
)
def test_targets_that_are_none_are_errors_at_once_that_name_them(tmp_path, monkeypatch, name, kind):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(BEFORE)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind) as caught, replacing(name):
        pytest.fail("it was written")
    assert caught.value.filename == name
    assert names(tmp_path) == ["file", "folder"]


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
@pytest.mark.parametrize(("of_folder", "of_file"), [(0o777, 0o444), (0o555, 0o666), (0o555, None)])
def test_what_is_write_protected_is_refused(of_folder, of_file):
    folder = Path(tempfile.mkdtemp())  # pytest's own are for root alone
    path = folder / "file"
    if of_file is not None:
        path.write_bytes(BEFORE)
        path.chmod(of_file)
    folder.chmod(of_folder)
    os.setresuid(65534, 65534, 0)
    try:
        with pytest.raises(PermissionError) as caught, replacing(path):
            pytest.fail("it was written")
    finally:
        os.setresuid(0, 0, 0)
    assert caught.value.filename == str(path)
    assert names(folder) == ([] if of_file is None else ["file"])
    shutil.rmtree(folder)
