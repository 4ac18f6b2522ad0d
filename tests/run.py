"""Run every check of the project, all of them even if one fails, and say how long each took.

`make test` calls this; `make test ONLY="lint types"` or `python tests/run.py lint types` runs
some. The table below is the whole list: what CI checks is what anybody can check.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
PYTEST = [sys.executable, "-m", "pytest", "-q"]
NBVAL = [
    *("-p", "no:nbval", "-p", "nbval.plugin"),
    "--nbval",
    "--nbval-current-env",
    "--nbval-cell-timeout=120",
    "--nbval-sanitize-with=tests/notebooks.cfg",
]

# The longest first, so that the processors are done at about the same time.
CHECKS = {
    "browser": [*PYTEST, "tests/browser"],
    "parity": [*PYTEST, "tests/parity"],
    "toolkit": [*PYTEST, "clownviz", "tests/clownviz", "tests/front"],
    "stack": [*PYTEST, "clownpiece", "tests/clownpiece"],
    "house": [*PYTEST, "tests/house", "tests/support"],
    "notebooks": [*PYTEST, *NBVAL, "notebooks"],
    "types": [str(BIN / "mypy")],
    "floors": [str(BIN / "lint-imports")],
    "lint": [str(BIN / "ruff"), "check", "--quiet", "."],
}
# Two at a time suit the smallest machine this is meant for, and leave it usable meanwhile.
AT_ONCE = 2


class Outcome(NamedTuple):
    """How a check ended, what it printed, and how long it took."""

    name: str
    code: int
    printed: str
    seconds: float


def main(chosen: list[str]) -> int:
    unknown = [name for name in chosen if name not in CHECKS]
    if unknown:
        print(f"there is no check {', '.join(unknown)}; there are {', '.join(CHECKS)}")
        return 2
    names = chosen or list(CHECKS)
    outcomes = []
    print(f"Running {', '.join(names)}; each is told of when it is done.", flush=True)
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for done in as_completed([pool.submit(run, name) for name in names]):
            outcome = done.result()
            outcomes.append(outcome)
            command = " ".join(_short(part) for part in CHECKS[outcome.name])
            print(f"\n── {outcome.name}: {command}\n{outcome.printed}", end="", flush=True)
    finally:
        pool.shutdown(cancel_futures=True)
    print()
    for name, code, _, seconds in sorted(outcomes, key=lambda outcome: names.index(outcome.name)):
        print(f"{'passed' if code == 0 else 'FAILED'}  {name:<10} {seconds:6.1f} s")
    return int(any(outcome.code for outcome in outcomes))


def run(name: str) -> Outcome:
    """Run one check to its end; what it prints is kept together."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    # Some eighty processes import our files: the first compiles them for all.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    done = subprocess.run(
        CHECKS[name], cwd=ROOT, env=environment, text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return Outcome(name, done.returncode, done.stdout, time.perf_counter() - start)


def _short(part: str) -> str:
    return Path(part).name if part.startswith(str(BIN)) else part


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
