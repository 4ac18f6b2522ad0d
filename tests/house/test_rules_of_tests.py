"""The rules in tests/conftest.py, tried on a small suite of their own, at home and in CI."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest
from support.tree import ROOT

SKIPPING = "import pytest\ndef test_it():\n    pytest.skip('nothing to run it with')\n"
SWITCH = "from clownpiece.autograd.mode import mode\n"
SUITE = {
    "parity/test_skips.py": SKIPPING,
    "browser/test_skips.py": SKIPPING,
    "front/test_skips.py": SKIPPING,
    "clownpiece/test_data.py": SKIPPING.replace("def test", "@pytest.mark.data\ndef test"),
    "clownpiece/test_skips.py": SKIPPING,
    "parity/test_missing.py": "import pytest\npytest.importorskip('no_such_module')\n",
    "test_switch.py": SWITCH
    + "def test_leaks():\n    mode.grad = False\ndef test_is_clean():\n    assert mode.grad\n",
    "test_observer.py": SWITCH + "def test_leaks():\n    mode.observer = print\n",
    "test_warning.py": "import warnings\ndef test_it():\n    warnings.warn('old', UserWarning)\n",
}


class Outcome:
    """What pytest said of the suite."""

    def __init__(self, told: str) -> None:
        self.told = told

    def of(self, file: str, test: str = "") -> str:
        """The last word on a file or test, such as `FAILED`, and its reason."""
        lines = re.findall(rf"^([A-Z]+ .*tests/{file}.*{test}.*)$", self.told, flags=re.M)
        return lines[-1] if lines else self.told


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the suite; called with CI="true" as CI runs it."""
    folder = tmp_path_factory.mktemp("suite")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, source in SUITE.items():
        path = folder / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "tests")

    def started(**environment: str) -> Outcome:
        command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "tests"]
        clean = {k: v for k, v in os.environ.items() if k != "CI"}
        clean |= {"PYTHONPATH": str(ROOT), "COLUMNS": "400", **environment}
        done = subprocess.run(
            command, cwd=folder, env=clean, capture_output=True, text=True, timeout=120
        )
        return Outcome(done.stdout)

    return started


@pytest.fixture(scope="module")
def at_home(run):
    return run()


@pytest.fixture(scope="module")
def in_ci(run):
    # A file that cannot be collected stops a run, unless it is told to go on.
    return run(CI="true", PYTEST_ADDOPTS="--continue-on-collection-errors")


@pytest.mark.parametrize("file", [name for name, source in SUITE.items() if source is SKIPPING])
def test_a_skip_is_told_with_its_reason_at_home(at_home, file):
    assert re.match(r"SKIPPED .*nothing to run it with", at_home.of(file))


@pytest.mark.parametrize("folder", ["parity", "browser", "front"])
def test_a_skip_of_a_parity_browser_or_node_check_is_a_failure_in_ci(in_ci, folder):
    assert in_ci.of(f"{folder}/test_skips").startswith("FAILED")
    marker = "node" if folder == "front" else folder
    assert f"a {marker} check may not be skipped in CI: Skipped: nothing to run" in in_ci.told


def test_a_whole_file_that_is_skipped_is_a_failure_in_ci(at_home, in_ci):
    assert at_home.of("parity/test_missing").startswith("SKIPPED")
    assert in_ci.of("parity/test_missing").startswith("ERROR")
    assert "a parity check may not be skipped in CI: Skipped: could not import" in in_ci.told


def test_a_mark_counts_like_a_folder(in_ci):
    assert in_ci.of("clownpiece/test_data").startswith("FAILED")


def test_other_skips_stay_skips_in_ci(in_ci):
    assert in_ci.of("clownpiece/test_skips").startswith("SKIPPED")


def test_a_test_that_leaves_a_switch_fails_and_the_next_one_does_not(at_home):
    assert at_home.of("test_switch", "test_leaks").startswith("ERROR")
    assert "leaks global state (grad: True became False)" in at_home.told
    assert at_home.of("test_switch", "test_is_clean").startswith("PASSED")


def test_a_test_that_leaves_an_observer_fails(at_home):
    assert "leaks global state (observer: None became" in at_home.of("test_observer")


def test_a_warning_is_a_failure(at_home):
    assert at_home.of("test_warning").startswith("FAILED")
