"""Every public name can be read about in an editor: a docstring, and a type for each argument."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import pytest
from support.tree import module_name, package_files

MODULES = [
    name
    for name in map(module_name, package_files())
    if not any(part.startswith("_") for part in name.split("."))
]

# Lectures import `Tensor` from it, and `clownpiece.tensor(…)` is PyTorch's name for making one.
HIDDEN = {"clownpiece.tensor"}


def load(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == "torch":
            pytest.skip("this module reads PyTorch, which is not installed")
        raise


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """What the module itself defines for others: functions and classes, and their own methods."""
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if isinstance(value, (FunctionType, type)):
            yield name, value
        if isinstance(value, type):
            for inner, member in vars(value).items():
                function = underlying(member)
                if not inner.startswith("_") and function is not None:
                    yield f"{name}.{inner}", getattr(value, inner)


def underlying(member: Any) -> FunctionType | None:
    """The function in a method, property, class method or static method."""
    member = getattr(member, "fget", None) or getattr(member, "__func__", member)
    # What dataclasses and named tuples write themselves has no source to document.
    written = isinstance(member, FunctionType) and member.__code__.co_filename.endswith(".py")
    return member if written else None


def unannotated(value: Any) -> list[str]:
    function = value.fget if isinstance(value, property) else value
    if isinstance(function, type):
        return []
    signature = inspect.signature(function)
    told = [
        name
        for index, (name, parameter) in enumerate(signature.parameters.items())
        if parameter.annotation is parameter.empty and not (index == 0 and name in ("self", "cls"))
    ]
    return told + ["return"] * (signature.return_annotation is signature.empty)


@pytest.mark.parametrize("name", MODULES)
def test_every_file_says_what_it_is_for(name):
    assert (load(name).__doc__ or "").strip()


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_has_a_docstring(name):
    # `forward` of a layer may inherit the words of `Module.forward`.
    assert [said for said, value in public(load(name)) if not inspect.getdoc(value)] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_has_type_hints(name):
    found = {said: unannotated(value) for said, value in public(load(name))}
    assert {said: missing for said, missing in found.items() if missing} == {}


@pytest.mark.parametrize("name", MODULES)
def test_all_lists_only_names_that_exist(name):
    module = load(name)
    listed = list(getattr(module, "__all__", ()))
    assert [said for said in listed if not hasattr(module, said)] == []
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("name", [n for n in MODULES if "." in n and n not in HIDDEN])
def test_no_function_or_class_has_the_name_of_a_module_beside_it(name):
    """Or `import package.module as m` finds the function, and whoever binds the module hides it."""
    module, (package, _, last) = load(name), name.rpartition(".")
    assert getattr(load(package), last, module) is module
