"""Run every check of the project, all of them even if one fails, and say how long each took.

`make test` calls this; `make test ONLY="lint types"` or `python tests/run.py lint types` runs
some. The table below is the whole list: what CI checks is what anybody can check.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
PYTEST = [sys.executable, "-m", "pytest", "-q"]
# Two processes suit the smallest machine this is meant for, and leave it usable meanwhile.
PARALLEL = ["-n", "2", "--dist", "worksteal"]
NBVAL = [
    "--nbval",
    "--nbval-current-env",
    "--nbval-cell-timeout=120",
    "--nbval-sanitize-with=tests/notebooks.cfg",
]

CHECKS = {
    "lint": [str(BIN / "ruff"), "check", "--quiet", "."],
    "types": [str(BIN / "mypy")],
    "floors": [str(BIN / "lint-imports")],
    "tests": [*PYTEST, *PARALLEL, "--ignore=tests/browser"],
    "browser": [*PYTEST, "tests/browser"],
    "notebooks": [*PYTEST, *NBVAL, "notebooks"],
}


def main(chosen: list[str]) -> int:
    unknown = [name for name in chosen if name not in CHECKS]
    if unknown:
        print(f"there is no check {', '.join(unknown)}; there are {', '.join(CHECKS)}")
        return 2
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    results = []
    for name in chosen or CHECKS:
        print(f"\n── {name}: {' '.join(_short(part) for part in CHECKS[name])}", flush=True)
        start = time.perf_counter()
        code = subprocess.run(CHECKS[name], cwd=ROOT, env=environment).returncode
        results.append((name, code, time.perf_counter() - start))
    print()
    for name, code, seconds in results:
        print(f"{'passed' if code == 0 else 'FAILED'}  {name:<10} {seconds:6.1f} s")
    return int(any(code for _, code, _ in results))


def _short(part: str) -> str:
    return Path(part).name if part.startswith(str(BIN)) else part


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
