"""Every notebook, run from top to bottom in JupyterLab as a reader does, its outputs pictured."""

from __future__ import annotations

import pytest
from support.tree import ROOT, files

NOTEBOOKS = files(".ipynb")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_runs_in_jupyterlab_without_an_error(lab_page, path):
    lab_page.lab.copy(ROOT / "notebooks")
    lab_page.open(str(path.relative_to("notebooks")))
    lab_page.run_all(timeout=180)
    assert lab_page.errors() == []
    lab_page.pictures_of_outputs(path.stem)
