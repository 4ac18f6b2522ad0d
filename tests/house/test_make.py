"""The Makefile as a newcomer meets it; no network: what would install is only printed."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from support.tree import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="there is no make here")


@pytest.fixture
def folder(tmp_path):
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder, *arguments, **environment):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder, env=inherited | environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_make_alone_says_what_there_is(folder):
    said = make(folder).stdout
    assert [line.split()[1] for line in said.splitlines()] == ["demo", "lab", "test", "bench"]


@pytest.mark.parametrize("target", ["demo", "lab", "test", "bench"])
def test_every_target_makes_its_environment_first(folder, target):
    said = make(folder, "-n", target).stdout
    assert "-m venv .venv" in said
    assert said.index("-m venv .venv") < said.index("-m pip install") < said.rindex(".venv/bin/")


@pytest.mark.parametrize("target", ["demo", "lab", "test", "bench"])
def test_a_second_call_installs_nothing(folder, target):
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").touch()
    for extra in ("core", "lab", "test"):
        (folder / ".venv" / f".has-{extra}").touch()
    said = make(folder, "-n", target).stdout
    assert "venv .venv" not in said
    assert "pip install" not in said


def test_a_change_of_the_requirements_installs_again(folder):
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").touch()
    (folder / ".venv" / ".has-test").touch()
    os.utime(folder / ".venv" / ".has-test", (0, 0))
    assert "pip install" in make(folder, "-n", "test").stdout


def test_an_old_python_is_told_in_a_sentence(folder):
    # A folder with every tool the Makefile needs, where each Python is 3.9.
    tools = folder / "tools"
    tools.mkdir()
    for name in ("bash", "sed", "rm", "tail", "touch"):
        (tools / name).symlink_to(shutil.which(name))
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (tools / name).write_text(
            f"#!{shutil.which('bash')}\n"
            '[ "$1" != --version ] || { echo Python 3.9.2; exit 0; }\nexit 1\n'
        )
        (tools / name).chmod(0o755)
    done = subprocess.run(
        [shutil.which("make"), "demo"], cwd=folder, env={"PATH": str(tools)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert "clownpiece needs Python 3.11 or newer, and there is Python 3.9.2" in done.stderr
    assert "make demo PYTHON=" in done.stderr
    assert not (folder / ".venv").exists()
