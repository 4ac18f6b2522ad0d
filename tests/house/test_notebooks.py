"""Notebooks are committed as a reader should find them, and nbval notices a changed text."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

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


def result(text: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_output("execute_result", {"text/plain": text}, execution_count=1)


def picture(png: str, svg: str) -> dict[str, str]:
    return {"image/png": png, "text/html": f"<img src='data:image/svg+xml;base64,{svg}'>"}


# The cells of a small notebook, and what was committed as their outputs.
SMALL = {
    "same": ("6 * 7", [result("42")]),
    "picture": (
        "from IPython.display import display\n"
        f"display({picture('AAAA', 'PHN2Zz4=')}, raw=True)",
        [nbformat.v4.new_output("display_data", picture("BBBB", "QUJD"))],
    ),
    "time": ("print('took 1.25 s')", [nbformat.v4.new_output("stream", text="took 9 ms\n")]),
    "other": ("6 * 7", [result("43")]),
    "missing": ("6 * 7", []),
}


@pytest.fixture(scope="module")
def failed(tmp_path_factory) -> set[str]:
    """Check the small notebook as `make test` does; answers which of its cells failed."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "notebooks.cfg", folder / "tests")
    cells = [
        nbformat.v4.new_code_cell(source, execution_count=count, outputs=outputs)
        for count, (source, outputs) in enumerate(SMALL.values(), 1)
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "small.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", *NBVAL, "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200)
    assert done.returncode == 1, done.stdout + done.stderr
    found = re.findall(r"^FAILED small\.ipynb::Cell (\d+)", done.stdout, flags=re.M)
    return {list(SMALL)[int(number)] for number in found}


def test_a_changed_text_fails_and_an_unchanged_one_passes(failed):
    assert "other" in failed
    assert "same" not in failed


def test_a_missing_output_fails(failed):
    assert "missing" in failed


def test_the_bytes_of_a_still_picture_may_differ(failed):
    assert "picture" not in failed


def test_a_time_in_a_text_may_differ(failed):
    assert "time" not in failed
