"""The rules in tests/conftest.py, tried on small suites of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from support.tree import ROOT

SKIPPING = "import pytest\ndef test_it():\n    pytest.skip('no browser here')\n"
MISSING = "import pytest\npytest.importorskip('no_such_module')\n"


@pytest.fixture
def run(tmp_path):
    """Run test files, given as folder/name=source, under our conftest; answers (code, text)."""

    def started(files: dict[str, str], **environment: str) -> tuple[int, str]:
        (tmp_path / "tests").mkdir(exist_ok=True)
        shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
        shutil.copy(ROOT / "pyproject.toml", tmp_path)
        for name, source in files.items():
            path = tmp_path / "tests" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
        clean = {k: v for k, v in os.environ.items() if k != "CI"}
        clean |= {"PYTHONPATH": str(ROOT), **environment}
        done = subprocess.run(
            command, cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=120
        )
        return done.returncode, done.stdout

    return started


@pytest.mark.parametrize("folder", ["parity", "browser", "front"])
def test_a_skip_is_fine_at_home_and_a_failure_in_ci(run, folder):
    files = {f"{folder}/test_it.py": SKIPPING}
    code, told = run(files)
    assert code == 0, told
    code, told = run(files, CI="true")
    assert code == 1
    assert "may not be skipped in CI" in told
    assert "no browser here" in told


def test_a_whole_file_that_is_skipped_is_a_failure_in_ci(run):
    files = {"parity/test_it.py": MISSING}
    assert run(files)[0] in (0, 5)
    code, told = run(files, CI="true")
    assert code != 0
    assert "parity check may not be skipped in CI" in told


def test_a_mark_counts_like_a_folder(run):
    marked = SKIPPING.replace("def test", "@pytest.mark.data\ndef test")
    assert run({"clownpiece/test_it.py": marked}, CI="true")[0] == 1


def test_other_skips_stay_skips_in_ci(run):
    code, told = run({"clownpiece/test_it.py": SKIPPING}, CI="true")
    assert code == 0, told


def test_a_test_that_leaves_a_switch_fails_and_the_next_one_does_not(run):
    leaking = (
        "from clownpiece.autograd.mode import mode\n"
        "def test_leaks():\n    mode.grad = False\n"
        "def test_is_clean():\n    assert mode.grad\n"
    )
    code, told = run({"clownpiece/test_it.py": leaking})
    assert code == 1
    assert "leaks global state (grad: True became False)" in told
    assert "2 passed, 1 error" in told


def test_a_test_that_leaves_an_observer_fails(run):
    leaking = (
        "from clownpiece.autograd.mode import mode\n"
        "def test_leaks():\n    mode.observer = print\n"
    )
    assert "leaks global state (observer: None became" in run({"test_it.py": leaking})[1]


def test_a_warning_is_a_failure(run):
    warning = "import warnings\ndef test_it():\n    warnings.warn('old', DeprecationWarning)\n"
    assert run({"test_it.py": warning})[0] == 1
