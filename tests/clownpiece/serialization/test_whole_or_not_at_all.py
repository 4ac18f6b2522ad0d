"""A write is whole or not at all: whatever happens, the old file or the new one is there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support import killed_writer
from support.files import FORMATS

import clownpiece as cp

resource = pytest.importorskip("resource", reason="limits and signals as POSIX has them")


@pytest.mark.parametrize("format", FORMATS)
def test_a_write_that_fails_leaves_the_old_file_and_no_other(format, tmp_path, monkeypatch):
    path = tmp_path / f"a.{format}"
    cp.save({"x": cp.ones(2)}, path)
    before = path.read_bytes()

    def no_space(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        cp.save({"x": cp.zeros(999)}, path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_write_goes_to_what_a_link_points_to_and_keeps_its_mode(tmp_path):
    target, link = tmp_path / "real.npz", tmp_path / "link.npz"
    cp.save({"x": cp.ones(1)}, target)
    target.chmod(0o640)
    link.symlink_to(target)
    cp.save({"x": cp.zeros(1)}, link)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert cp.load(target)["x"].tolist() == [0.0]


def test_a_missing_folder_or_file_is_pythons_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        cp.save({"x": cp.ones(1)}, tmp_path / "no" / "a.npz")
    with pytest.raises(FileNotFoundError):
        cp.load(tmp_path / "a.npz")


@pytest.fixture
def saved_once(tmp_path):
    path = tmp_path / "a.safetensors"
    cp.save({"x": cp.ones(2)}, path)
    return path


def test_no_space_is_said_of_the_file_that_was_asked_for(saved_once):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match=r"too large: it was not saved; .* unchanged.*a\.safe"):
            cp.save({"x": cp.zeros(99_999)}, saved_once)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert cp.load(saved_once)["x"].tolist() == [1.0, 1.0]
    assert list(saved_once.parent.iterdir()) == [saved_once]


def test_a_folder_that_may_not_be_written_to_keeps_the_errors_class(saved_once, monkeypatch):
    def refused(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("builtins.open", refused)
    with pytest.raises(PermissionError, match=r"denied: it was not saved; .*a\.safe") as error:
        cp.save({"x": cp.zeros(2)}, saved_once)
    assert error.value.filename == str(saved_once)


def test_a_path_that_is_a_folder_is_said_to_be_one(tmp_path):
    folder = tmp_path / "run.npz"
    folder.mkdir()
    with pytest.raises(IsADirectoryError, match=r"It is a folder.*run\.npz"):
        cp.save({"x": cp.ones(1)}, folder)
    assert list(tmp_path.iterdir()) == [folder]


def test_an_object_that_cannot_be_saved_and_an_interrupt_leave_nothing(saved_once, monkeypatch):
    before = saved_once.read_bytes()
    with pytest.raises(TypeError, match="the function at f"):
        cp.save({"x": cp.ones(1), "f": lambda: 0}, saved_once)

    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cp.save({"x": cp.ones(9)}, saved_once)
    assert saved_once.read_bytes() == before
    assert list(saved_once.parent.iterdir()) == [saved_once]


def test_a_device_is_written_to_and_not_replaced():
    cp.save({"x": cp.ones(1)}, os.devnull, format="npz")
    assert not os.path.isfile(os.devnull)


def test_the_longest_name_there_can_be_is_no_hindrance(tmp_path):
    path = tmp_path / ("x" * 243 + ".safetensors")
    cp.save({"x": cp.ones(1)}, path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("format", FORMATS)
def test_a_process_killed_while_saving_leaves_a_whole_file(format, tmp_path):
    path = tmp_path / f"a.{format}"
    command = [sys.executable, killed_writer.__file__, str(path), "25"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("whole after 25 kills"), done.stderr
    assert cp.load(path)["number"] >= 0
