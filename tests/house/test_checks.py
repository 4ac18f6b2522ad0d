"""`make test` runs every test, example and notebook in one check, and a failure fails the run."""

from __future__ import annotations

from pathlib import Path

import pytest
import run
from support.tree import files, text


def checks_of(path: Path) -> list[str]:
    """The checks by pytest that name the file or a folder that holds it."""
    holders = {str(path), *map(str, path.parents)}
    return [
        name
        for name, command in run.CHECKS.items()
        if "pytest" in command and holders & set(command)
    ]


def has_tests(path: Path) -> bool:
    return path.suffix == ".ipynb" or path.name.startswith("test_") or "    >>> " in text(path)


def test_every_test_example_and_notebook_is_run_by_one_check():
    found = {path: checks_of(path) for path in files(".py", ".ipynb") if has_tests(path)}
    assert {path: names for path, names in found.items() if len(names) != 1} == {}


@pytest.mark.parametrize("broken", [False, True])
def test_a_check_that_fails_fails_the_run_and_the_others_still_run(monkeypatch, capsys, broken):
    python = run.PYTEST[0]
    commands = {
        name: [python, "-c", f"print('{name} says so'); raise SystemExit({code})"]
        for name, code in {"first": int(broken), "second": 0, "third": 0}.items()
    }
    monkeypatch.setattr(run, "CHECKS", commands)
    assert run.main([]) == int(broken)
    told = capsys.readouterr().out
    assert all(f"\n{name} says so\n" in told for name in commands)
    assert [line.split()[:2] for line in told.splitlines()[-3:]] == [
        ["FAILED" if broken else "passed", "first"], ["passed", "second"], ["passed", "third"]
    ]  # fmt: skip


def test_an_unknown_check_is_told(capsys):
    assert run.main(["lint", "speling"]) == 2
    assert "there is no check speling; there are browser, " in capsys.readouterr().out
