"""The ES modules' own tests and types, where Node is there: `node --test` and `tsc --noEmit`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.tree import ROOT

OLDEST_NODE = (20, 10)


@pytest.fixture(scope="module")
def node() -> str:
    """The command `node`, new enough; skips with a reason without it."""
    found = shutil.which("node")
    if not found:
        pytest.skip("there is no Node on this machine; only these checks need it")
    said = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
    version = tuple(int(part) for part in re.findall(r"\d+", said)[:2])
    if version < OLDEST_NODE:
        pytest.skip(f"Node is {said.strip()}; these checks need {OLDEST_NODE[0]} or newer")
    return found


def find_tsc() -> str:
    """TypeScript: $TSC, what `npm ci` put into node_modules, or a `tsc` on the path."""
    local = ROOT / "node_modules" / ".bin" / "tsc"
    found = os.environ.get("TSC") or (str(local) if local.exists() else shutil.which("tsc"))
    if not found:
        pytest.skip("TypeScript is not installed (npm ci puts it into node_modules)")
    return found


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_modules_pass_their_own_tests(node):
    files = sorted(str(path) for path in Path(ROOT, "tests", "front").glob("*.test.js"))
    assert files
    run(node, "--test", *files)


def test_the_modules_are_well_typed(node):
    run(find_tsc(), "--noEmit", "--project", str(ROOT / "tsconfig.json"))
