"""What is installed: pip and conda get the same set, and the wheel holds every data file."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

import pytest
from support.imports import package_statements
from support.tree import PACKAGES, ROOT, files, pyproject, text

# conda calls these packages by other names.
CONDA_NAME = {"graphviz": "python-graphviz"}
# Imported under a name of its own.
IMPORT_NAME = {"pillow": "PIL"}
# What ipywidgets and JupyterLab are made of comes with them, always.
BROUGHT = {"IPython", "comm", "traitlets"}
# Lives on PyPI alone, or under a name of its own in conda-forge: the pip part has it.
THROUGH_PIP = {"graphviz-pure", "playwright"}


def requirement(line: str) -> tuple[str, str]:
    """`numpy>=2.0; marker` is (numpy, >=2.0)."""
    name, version = re.fullmatch(r"([\w-]+)\s*([^;\s]*)\s*(?:;.*)?", line).groups()
    return name, version


def conda_file() -> tuple[dict[str, str], dict[str, str]]:
    """The conda and the pip requirements of environment.yml; it is read line by line, no more."""
    conda: dict[str, str] = {}
    pip: dict[str, str] = {}
    body = text(Path("environment.yml")).split("dependencies:")[1]
    for line in body.splitlines():
        entry = line.split(" #")[0].rstrip()
        if match := re.fullmatch(r"(\s+)- ([\w-]+[^:]*)", entry):
            indent, said = match.groups()
            if not said.startswith("--"):
                name, version = requirement(said)
                (pip if len(indent) > 2 else conda)[name] = version
    return conda, pip


def wanted() -> dict[str, str]:
    project = pyproject()["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return dict(requirement(line) for line in [*project["dependencies"], *extras])


def test_conda_users_get_the_same_set():
    conda, _ = conda_file()
    expected = {CONDA_NAME.get(n, n): v for n, v in wanted().items() if n not in THROUGH_PIP}
    expected |= {"python": pyproject()["project"]["requires-python"], "pip": ""}
    assert conda == expected


def test_what_conda_lacks_comes_through_pip_in_the_same_version():
    _, pip = conda_file()
    assert pip == {name: version for name, version in wanted().items() if name in THROUGH_PIP}
    assert "- --editable ." in text(Path("environment.yml"))


def test_two_extras_that_share_a_package_ask_for_the_same_version():
    extras = pyproject()["project"]["optional-dependencies"]
    pairs = {requirement(line) for lines in extras.values() for line in lines}
    assert len({name for name, _ in pairs}) == len(pairs)


def test_the_diagram_engine_is_pinned_and_left_out_in_the_browser():
    lines = pyproject()["project"]["dependencies"]
    (line,) = [line for line in lines if line.startswith("graphviz-pure")]
    assert "==" in line
    assert "sys_platform != 'emscripten'" in line


def test_the_packages_name_no_module_that_is_not_declared():
    declared = {IMPORT_NAME.get(name, name.replace("-", "_")) for name in wanted()}
    declared |= {"torch", *BROUGHT, *PACKAGES}
    used = {m.split(".")[0] for package in PACKAGES for _, m, _ in package_statements(package)}
    assert used - declared - set(sys.stdlib_module_names) == set()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    pytest.importorskip("hatchling", reason="builds the wheel with hatchling, of the extra `test`")
    from hatchling.builders.wheel import WheelBuilder

    (made,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")))
    return zipfile.ZipFile(made)


def test_the_wheel_is_pure(wheel):
    assert wheel.filename.endswith("-py3-none-any.whl")


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel):
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert inside == {p.as_posix() for p in files() if p.parts[0] in PACKAGES}


def test_the_wheel_says_that_it_is_typed(wheel):
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(wheel.namelist())


def test_the_wheel_installs_the_command(wheel):
    (entry,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "clownviz = clownviz.__main__:main" in wheel.read(entry).decode()


def test_the_version_is_said_once():
    import clownpiece

    assert clownpiece.__version__ == pyproject()["project"]["version"]
