"""Graphviz in a subprocess: which one, what counts as a drawing, deadlines, and none at all."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from clownviz.views import render
from clownviz.views.render import LayoutError, LayoutTimeout, programs, run_layout

SOURCE = "digraph { a -> b }"


def program(path: Path, script: str) -> str:
    """An executable that behaves as the script says."""
    path.write_text(f"#!{sys.executable}\nimport sys\nsource = sys.stdin.read()\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def only(monkeypatch):
    """Make these programs the only ones there are."""

    def choose(*paths):
        monkeypatch.setattr(render, "programs", lambda: iter(paths))

    return choose


def test_the_environment_is_asked_first(monkeypatch, tmp_path):
    mine = program(tmp_path / "mine", "print('<svg></svg>')")
    monkeypatch.setenv("CLOWNVIZ_DOT", mine)
    assert next(programs()) == mine
    assert run_layout(SOURCE) == b"<svg></svg>\n"


def test_the_systems_dot_comes_before_the_one_from_pip(monkeypatch, tmp_path):
    dot = program(tmp_path / "dot", "print('<svg></svg>')")
    monkeypatch.delenv("CLOWNVIZ_DOT", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert next(programs()) == dot


def test_a_program_that_is_not_there_is_passed_over(monkeypatch):
    monkeypatch.setenv("CLOWNVIZ_DOT", "/no/such/dot")
    assert "/no/such/dot" not in list(programs())


def test_a_whole_svg_counts_though_the_exit_code_is_one(only, tmp_path):
    only(program(tmp_path / "dot", "print('<svg>warned</svg>'); sys.exit(1)"))
    assert b"warned" in run_layout(SOURCE)


def test_half_an_svg_is_none_and_the_next_program_is_asked(only, tmp_path):
    broken = program(tmp_path / "broken", "print('<svg><g>'); sys.exit(1)")
    whole = program(tmp_path / "whole", "print('<svg/></svg>')")
    only(broken, whole)
    assert run_layout(SOURCE) == b"<svg/></svg>\n"
    only(broken)
    with pytest.raises(LayoutError, match="no program could draw the graph as svg"):
        run_layout(SOURCE)


def test_a_layout_that_takes_too_long_is_ended(only, tmp_path):
    only(program(tmp_path / "slow", "import time; time.sleep(60)"))
    with pytest.raises(LayoutTimeout, match=r"longer than 0\.2 s"):
        run_layout(SOURCE, deadline=0.2)


def test_without_any_program_the_error_says_what_to_install(only):
    only()
    with pytest.raises(LayoutError, match="pip install graphviz-pure"):
        run_layout(SOURCE)


def test_a_format_that_is_not_known_is_said(only):
    pure = shutil.which("graphviz-pure", path=str(Path(sys.executable).parent))
    if pure is None:
        pytest.skip("graphviz-pure is not installed")
    only(pure)
    with pytest.raises(LayoutError, match="as pdf"):
        run_layout(SOURCE, "pdf")
