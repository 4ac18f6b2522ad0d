"""What a gradient may be written with, read from its source.

A VJP runs on arrays in an ordinary backward and on Tensors under `create_graph`. A method would
mean two things there (`ndarray.repeat`, `.std`, `.transpose`, `.view`), NumPy's functions only
one. So only ops and operators may stand in it; a fused op with a `composed` form is exempt,
because under `create_graph` that form is differentiated instead.
"""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import clownpiece
from clownpiece import ops

FAMILIES = sorted(Path(ops.__file__).parent.glob("*.py"))
METHODS = {
    name
    for kind in (np.ndarray, clownpiece.Tensor)
    for name in dir(kind)
    if not name.startswith("__") and callable(getattr(kind, name, None))
}


def registrations(tree: ast.Module):
    """The calls of `op`, `elementwise` and `composition` in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"op", "elementwise"}:
            yield node


def vjps(tree: ast.Module):
    """The functions that are gradients, and the functions of the same file that they call."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    waiting: list[ast.AST] = []
    for call in registrations(tree):
        keywords = {each.arg: each.value for each in call.keywords}
        if "grad" in keywords and "composed" not in keywords:
            waiting.append(keywords["grad"])
    seen: set[str] = set()
    while waiting:
        tree_of_one = waiting.pop()
        yield tree_of_one
        for node in ast.walk(tree_of_one):
            if isinstance(node, ast.Name) and node.id in functions and node.id not in seen:
                seen.add(node.id)
                waiting.append(functions[node.id])


def faults(tree: ast.Module):
    for function in vjps(tree):
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id == "np":
                yield node.lineno, "uses np"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id in {"math", "np"}:
                    continue
                if node.func.attr in METHODS:
                    yield node.lineno, f"calls the method {node.func.attr}"


@pytest.mark.parametrize("path", FAMILIES, ids=lambda path: path.stem)
def test_gradients_are_written_with_ops_and_operators(path: Path):
    assert not sorted(set(faults(ast.parse(path.read_text(encoding="utf-8")))))


def test_the_reader_finds_a_method_and_a_numpy_call():
    source = """
def slope(g, x):
    return helper(g) * x.sum()

def helper(g):
    return np.exp(g)

f = op("f", forward, grad={"x": slope, "y": lambda g: g.transpose()})
"""
    assert [fault for _, fault in sorted(faults(ast.parse(source)))] == [
        "calls the method sum",
        "uses np",
        "calls the method transpose",
    ]
