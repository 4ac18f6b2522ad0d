"""Measure everything and write docs/performance.md: `make bench`, or this file with part of a
family's name to print only that.
"""

from __future__ import annotations

import os

# Before NumPy is loaded: figures that do not depend on how many cores a machine has.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import stack
import structure
import toolkit
from measure import Result, measure, seconds

PAGE = Path(__file__).parent.parent.parent / "docs" / "performance.md"
INTRODUCTION = """# What it costs

Written by `make bench`. A ratio of 1.5 means half as long again as the reference. Times are the
best of seven rounds on one thread, of fewer where one takes seconds; they are of one machine, the
ratios travel better. A captured training is told by the medians of sixty steps that are looked at
and sixty that are skipped (`every=2`), in turns; writing the sixty down in the end is part of their
time.
"""


def main(chosen: list[str]) -> None:
    families = stack.FAMILIES | toolkit.FAMILIES | structure.FAMILIES
    told = [INTRODUCTION, f"Measured with {machine()}.\n"]
    if absent := structure.missing():
        print(f"not installed, so not measured beside: {', '.join(absent)}")
        told.append(f"Not installed, so not measured beside: {', '.join(absent)}.\n")
    for title, cases in families.items():
        if chosen and not any(word.lower() in title.lower() for word in chosen):
            continue
        results = [_told(measure(case)) for case in cases()]
        if results:
            told.append(table(title, results))
    if not chosen:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text("\n".join(told), encoding="utf-8")
        print(f"\nwritten to {PAGE.relative_to(PAGE.parent.parent)}")


def _told(result: Result) -> Result:
    case = result.case
    print(f"{case.what:<42} {seconds(result.ours):>9}   {result.ratio:6.2f} × {case.against}")
    return result


def table(title: str, results: list[Result]) -> str:
    """One family as a table of Markdown."""
    rows = [f"## {title}\n", "| what | time | against | its time | ratio |"]
    rows.append("|---|--:|---|--:|--:|")
    rows += [
        f"| {r.case.what} | {seconds(r.ours)} | {r.case.against} "
        f"| {seconds(r.reference)} | {r.ratio:.2f} |"
        for r in results
    ]
    return "\n".join([*rows, ""])


def machine() -> str:
    """What the figures depend on."""
    parts = [f"Python {platform.python_version()}", f"NumPy {version('numpy')}"]
    for name, package in (("PyTorch", "torch"), *((tool, tool) for tool in structure.TOOLS)):
        if _has(package):
            parts.append(f"{name} {version(package).split('+')[0]}")
    return ", ".join([*parts, f"{platform.system()} on {platform.machine()}"])


def _has(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
