"""What holds for every test: no state leaks, random numbers repeat, and CI skips nothing.

Each test starts from the same seeds and must leave the thread's switches (grad mode, anomaly
mode, observers) and the default dtype as it found them; a leak fails the test that made it.
"""

from __future__ import annotations

import os

# One BLAS thread: results do not depend on the machine's cores, and two checks do not fight.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

# Timings are nobody's business in a test; in CI the same examples are drawn on every run.
settings.register_profile("house", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if IN_CI else "house")

# A test in one of these folders has the marker without saying so.
MARKER_OF_FOLDER = {"parity": "parity", "browser": "browser", "front": "node"}
# Where CI runs everything these need is installed, so a skip would hide a broken set-up.
NEVER_SKIPPED_IN_CI = {"parity", "browser", "node", "data", "weights"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        marker = _marker_of(item.path)
        if marker:
            item.add_marker(marker)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    report = yield
    unskippable = NEVER_SKIPPED_IN_CI & {marker.name for marker in item.iter_markers()}
    if IN_CI and report.skipped and unskippable and not hasattr(report, "wasxfail"):
        _fail(report, sorted(unskippable))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[Any]:
    report = yield
    marker = _marker_of(getattr(collector, "path", TESTS))
    if IN_CI and report.skipped and marker:
        _fail(report, [marker])
    return report


def _marker_of(path: Path) -> str | None:
    if not path.is_relative_to(TESTS):
        return None
    folders = path.relative_to(TESTS).parts
    return MARKER_OF_FOLDER.get(folders[0]) if folders else None


def _fail(report: Any, markers: list[str]) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"a {' and '.join(markers)} check may not be skipped in CI: {reason}"


@pytest.fixture(autouse=True)
def same_random_numbers() -> None:
    """Every test draws the same numbers, alone or after others."""
    random.seed(0)
    np.random.seed(0)
    if "clownpiece" in sys.modules and hasattr(sys.modules["clownpiece"], "manual_seed"):
        sys.modules["clownpiece"].manual_seed(0)
    if "torch" in sys.modules:
        # `torch.manual_seed` would also note a stack trace for every kind of GPU, at each test.
        sys.modules["torch"].default_generator.manual_seed(0)


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """Fail the test that leaves a global switch or an observer behind; then put it back."""
    before = _global_state()
    yield
    after = _global_state()
    if before and after != before:
        _restore(before)
        changed = [name for name in before if after.get(name) != before[name]]
        told = ", ".join(f"{name}: {before[name]!r} became {after.get(name)!r}" for name in changed)
        pytest.fail(f"the test leaks global state ({told})", pytrace=False)


def _global_state() -> dict[str, Any]:
    """The switches of this thread and the default dtype, as far as they are loaded."""
    state: dict[str, Any] = {}
    if switches := getattr(sys.modules.get("clownpiece.autograd.mode"), "mode", None):
        state |= {name: getattr(switches, name) for name in type(switches).__annotations__}
    if get_default := getattr(sys.modules.get("clownpiece"), "get_default_dtype", None):
        state["default dtype"] = get_default()
    return state


def _restore(state: dict[str, Any]) -> None:
    switches = sys.modules["clownpiece.autograd.mode"].mode
    for name, value in state.items():
        if name == "default dtype":
            sys.modules["clownpiece"].set_default_dtype(value)
        else:
            setattr(switches, name, value)
