"""The floors of the house: no import runs upward, and no two files import each other.

The floors are the layers in pyproject.toml, where import-linter reads them too.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.imports import Imports, package_imports, package_statements
from support.tree import PACKAGES, files, module_name, package_files, pyproject


def floors_of(package: str) -> list[list[str]]:
    """The layers of a package, the lowest first, each a list of module names."""
    contracts = pyproject()["tool"]["importlinter"]["contracts"]
    (layers,) = [
        c["layers"]
        for c in contracts
        if c["type"] == "layers" and package in c["layers"][0].strip("()").split(".")
    ]
    rows = [[name.strip(" ()") for name in layer.split(":")] for layer in layers]
    return rows[::-1]


def floor_of(module: str, floors: list[list[str]]) -> int | None:
    """The floor a module stands on; a package that joins floors stands on its highest one."""
    for name in (module, *(module.rsplit(".", n)[0] for n in range(1, module.count(".") + 1))):
        for number, row in enumerate(floors):
            if name in row:
                return number
    joined = [n for n, row in enumerate(floors) for name in row if name.startswith(module + ".")]
    return max(joined, default=None)


def upward(graph: Imports, package: str, floors: list[list[str]]) -> list[str]:
    told = []
    for module, targets in graph.edges.items():
        if module.split(".")[0] != package or module == package:
            continue
        mine = floor_of(module, floors)
        for target, line in targets.items():
            if target == package:
                told.append(f"{module}:{line} imports the whole of {package}")
            elif target.split(".")[0] == package:
                theirs = floor_of(target, floors)
                if mine is not None and theirs is not None and theirs > mine:
                    told.append(f"{module}:{line} (floor {mine}) imports {target} ({theirs})")
    return told


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_stands_on_a_floor(package):
    floors = floors_of(package)
    modules = {module_name(path) for path in package_files(package)} - {package}
    homeless = sorted(module for module in modules if floor_of(module, floors) is None)
    assert not homeless, "say in pyproject.toml (tool.importlinter) on which floor these stand"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_runs_upward_even_inside_a_function(package):
    assert upward(package_imports(), package, floors_of(package)) == []


def test_no_two_files_import_each_other():
    assert package_imports().cycles() == []


def test_the_stack_never_names_the_toolkit():
    assert [
        f"{place} imports {module}"
        for place, module, _ in package_statements("clownpiece")
        if module.split(".")[0] == "clownviz"
    ] == []


def test_the_toolkit_uses_only_public_names_of_the_stack():
    assert [
        f"{place} imports {module} {names}"
        for place, module, names in package_statements("clownviz")
        if module.split(".")[0] == "clownpiece"
        and any(name.startswith("_") for name in [*module.split("."), *names])
    ] == []


def test_pictures_are_made_from_the_tape_and_know_no_framework():
    pure = tuple(f"clownviz/{f}/" for f in ("look", "analysis", "front", "views", "widgets"))
    assert [
        f"{place} imports {module}"
        for place, module, _ in package_statements("clownviz")
        if place.startswith(pure) and module.split(".")[0] in {"clownpiece", "torch"}
    ] == []


def test_test_folders_are_no_packages():
    # importlib mode: a package `tests/clownpiece` would hide the one that is tested.
    assert [p for p in files("__init__.py") if p.parts[0] == "tests"] == []


class TestTheReader:
    """The reader of imports itself, on a small house."""

    SOURCES = {
        "clownpiece": ("from .nn import Linear", True),
        "clownpiece.dtypes": ("def f():\n    from . import nn", False),
        "clownpiece.nn": ("from .layers import Linear", True),
        "clownpiece.nn.layers": ("from ..dtypes import float32\nimport clownpiece.nn.init", False),
        "clownpiece.nn.init": ("if 0:\n    from .layers import Linear", False),
    }
    FLOORS = [["clownpiece.dtypes"], ["clownpiece.nn"]]

    def test_sees_an_upward_import_inside_a_function(self):
        told = upward(Imports(self.SOURCES), "clownpiece", self.FLOORS)
        assert told == ["clownpiece.dtypes:2 (floor 0) imports clownpiece.nn (1)"]

    def test_sees_files_that_import_each_other(self):
        (cycle,) = Imports(self.SOURCES).cycles()
        assert {"clownpiece.nn.layers", "clownpiece.nn.init"} <= set(cycle)

    def test_a_package_that_joins_floors_stands_on_the_highest(self):
        floors = [["a.low.x"], ["a.mid"], ["a.low.y"]]
        assert floor_of("a.low", floors) == 2
        assert floor_of("a.low.x", floors) == 0
        assert floor_of("a.mid.z", floors) == 1
        assert floor_of("a.new", floors) is None

    def test_paths_become_module_names(self):
        assert module_name(Path("clownpiece/nn/__init__.py")) == "clownpiece.nn"
        assert module_name(Path("clownpiece/nn/init.py")) == "clownpiece.nn.init"
