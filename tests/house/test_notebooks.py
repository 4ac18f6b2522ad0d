"""Notebooks are committed as a reader should find them, and nbval notices a changed text."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from run import NBVAL
from support.tree import ROOT, files

NOTEBOOKS = files(".ipynb")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=str)
def test_a_notebook_is_executed_from_top_to_bottom(path):
    cells = nbformat.read(ROOT / path, as_version=4).cells
    counts = [c.execution_count for c in cells if c.cell_type == "code" and c.source.strip()]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=str)
def test_a_notebook_keeps_no_widget_state_and_no_error(path):
    notebook = nbformat.read(ROOT / path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    assert [
        output.ename
        for cell in notebook.cells
        if cell.cell_type == "code"
        and "raises-exception" not in cell.metadata.get("tags", [])
        for output in cell.outputs
        if output.output_type == "error"
    ] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=str)
def test_a_notebook_stays_under_two_megabytes(path):
    assert (ROOT / path).stat().st_size < 2_000_000


STILL = '{{"image/png": "{}", "text/html": "<img src=\'data:image/svg+xml;base64,{}\'>"}}'
SHOW = f"from IPython.display import display\ndisplay({STILL.format('AAAA', 'PHN2Zz4=')}, raw=True)"


@pytest.fixture
def check(tmp_path):
    """Save a notebook of one cell with the given output, and check it as `make test` does."""
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "notebooks.cfg", tmp_path / "tests")

    def run(source: str, *outputs: nbformat.NotebookNode) -> int:
        cell = nbformat.v4.new_code_cell(source, execution_count=1, outputs=list(outputs))
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "small.ipynb")
        command = [sys.executable, "-m", "pytest", "-q", *NBVAL, "small.ipynb"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120).returncode

    return run


def result(text: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_output("execute_result", {"text/plain": text}, execution_count=1)


def test_an_unchanged_text_passes(check):
    assert check("6 * 7", result("42")) == 0


def test_a_changed_text_fails(check):
    assert check("6 * 7", result("43")) == 1


def test_a_missing_output_fails(check):
    assert check("6 * 7") == 1


def test_the_bytes_of_a_still_picture_may_differ(check):
    data = {"image/png": "BBBB", "text/html": "<img src='data:image/svg+xml;base64,QUJD'>"}
    assert check(SHOW, nbformat.v4.new_output("display_data", data)) == 0


def test_a_time_in_a_text_may_differ(check):
    assert check("print('took 1.25 s')", nbformat.v4.new_output("stream", text="took 9 ms\n")) == 0


def test_this_folder_is_where_the_command_says():
    assert (ROOT / "tests" / "notebooks.cfg").exists()
    assert f"--nbval-sanitize-with={Path('tests') / 'notebooks.cfg'}" in NBVAL
