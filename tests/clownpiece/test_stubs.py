"""The stub files say what the records make, and are what the generator writes today."""

from __future__ import annotations

import ast

import pytest

import clownpiece
from clownpiece.stubs import main, stubs
from clownpiece.tensor import TensorMethods


@pytest.fixture(scope="module")
def written():
    return {path.name: text for path, text in stubs().items()}


def test_the_stubs_are_up_to_date(capsys):
    assert main(["--check"]) == 0, capsys.readouterr().err + "run python -m clownpiece.stubs"


def test_every_method_that_a_record_made_stands_in_the_stub(written):
    classes = [each for each in ast.parse(written["tensor.pyi"]).body if hasattr(each, "bases")]
    methods = next(each for each in classes if each.name == "TensorMethods")
    declared = {each.name for each in methods.body if isinstance(each, ast.FunctionDef)}
    bound = {name for name, value in vars(TensorMethods).items() if callable(value)}
    assert bound - {"__weakref__"} <= declared


def test_every_function_that_a_record_made_stands_in_the_stub(written):
    tree = ast.parse(written["__init__.pyi"])
    declared = {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
    everything = vars(clownpiece).items()
    made = {name for name, value in everything if isinstance(value, clownpiece.ops.Op)}
    assert made - {name for name in made if name.startswith("_")} == declared


def test_a_stub_carries_docstrings_defaults_and_observed_results(written):
    tree = ast.parse(written["__init__.pyi"])
    functions = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    assert ast.get_docstring(functions["exp"]) == "e to the power of `x`."
    assert ast.unparse(functions["gather"].args).startswith("x: Any, dim: _int, index: Any")
    assert ast.unparse(functions["chunk"].returns) == "tuple[Tensor, ...]"
    assert ast.unparse(functions["allclose"].returns) == "_bool"
    assert "keepdim: _bool=..." in ast.unparse(functions["sum"].args)
