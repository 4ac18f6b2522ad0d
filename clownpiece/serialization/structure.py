"""Nests of containers as flat tensors by name and a JSON that says how they were nested.

A file then holds tensors under names such as `optimizer.state.0.exp_avg`, which every program can
read; the JSON only puts them back. A flat dict of tensors, such as a model's state_dict, keeps
its own names, and the JSON is no more than their order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..dtypes import FROM_NUMPY
from ..tensor import Tensor, wrap

__all__ = ["STRUCTURE", "as_tensor", "from_tensors", "to_tensors"]

STRUCTURE = "clownpiece.structure"
"""The metadata key under which the JSON is kept."""

DEEPEST = 200
"""How many containers may stand in one another, so that whatever is saved can be read again."""

Arrays = dict[str, np.ndarray]


def to_tensors(obj: Any) -> tuple[Arrays, str | None]:
    """The arrays in `obj` by name, and the JSON that leads back.

    Raises:
        TypeError: something that is neither a container, an array, a number nor a string.
        ValueError: containers that contain themselves, or stand too deep in one another.
    """
    if _is_flat(obj):
        return {name: _array(value) for name, value in obj.items()}, json.dumps(list(obj))
    arrays: Arrays = {}
    tree = _encoded(obj, (), arrays)
    return arrays, json.dumps(tree)


def _is_flat(obj: Any) -> bool:
    return isinstance(obj, Mapping) and all(
        isinstance(name, str)
        and name == _storable(name)
        and isinstance(value, (Tensor, np.ndarray))
        for name, value in obj.items()
    )


def _storable(name: str) -> str:
    """`name`, or what is left of it where a file cannot have such a name."""
    if name == "__metadata__":
        return "metadata"
    return name if name.isprintable() and len(name) <= 1000 else _printable(name[:1000])


def _printable(name: str) -> str:
    return "".join(each if each.isprintable() else "_" for each in name)


def _array(value: Tensor | np.ndarray) -> np.ndarray:
    array = value.array if isinstance(value, Tensor) else value
    if array.dtype.kind not in "fiub":
        raise TypeError(f"cannot save an array of {array.dtype}; convert it to numbers first")
    return np.asarray(array, order="C")


def _encoded(obj: Any, path: tuple[str, ...], arrays: Arrays) -> Any:
    """JSON for `obj`: scalars as they are, everything else as a dict with one key, its kind."""
    if obj is None or isinstance(obj, (bool, int, float, str)):
        return obj
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, (Tensor, np.ndarray)):
        name = _free_name(_storable(".".join(path)) or "tensor", arrays)
        arrays[name] = _array(obj)
        return {"tensor": name}
    if len(path) > DEEPEST:
        raise ValueError(
            f"cannot save containers that stand more than {DEEPEST} deep in one another, or "
            f"contain themselves, as at {'.'.join(path[:5])}"
        )
    if isinstance(obj, Mapping):
        return {
            "dict": [
                [_key(key, path), _encoded(value, (*path, str(key)), arrays)]
                for key, value in obj.items()
            ]
        }
    if isinstance(obj, (list, tuple)):
        kind = "list" if isinstance(obj, list) else "tuple"
        return {kind: [_encoded(v, (*path, str(i)), arrays) for i, v in enumerate(obj)]}
    raise TypeError(
        f"cannot save the {type(obj).__name__} at {'.'.join(path) or 'the top'}: a file holds "
        "tensors, arrays, numbers, strings, None, and dicts, lists and tuples of them"
    )


def _key(key: Any, path: tuple[str, ...]) -> Any:
    if key is None or isinstance(key, (bool, int, float, str)):
        return key
    raise TypeError(
        f"cannot save the key {key!r} of the dict at {'.'.join(path) or 'the top'}: keys are "
        "strings or numbers"
    )


def _free_name(name: str, arrays: Arrays) -> str:
    """`name`, or with a number behind it where two paths are spelt alike."""
    free, count = name, 1
    while free in arrays:
        count += 1
        free = f"{name}#{count}"
    return free


def from_tensors(tensors: Arrays, structure: str | None, name: str) -> Any:
    """The object that `to_tensors` took apart; without a structure the dict of tensors.

    Raises:
        RuntimeError: the structure does not belong to these tensors.
    """
    found = {key: as_tensor(array, f"{key} in {name}") for key, array in tensors.items()}
    if structure is None:
        return found
    try:
        tree = json.loads(structure)
        if isinstance(tree, list):
            if sorted(tree) != sorted(found):
                raise ValueError("it names other tensors than there are")
            return {key: found[key] for key in tree}
        return _decoded(tree, found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RuntimeError(
            f"{name} is damaged: its metadata {STRUCTURE!r} does not describe its tensors ({error})"
        ) from error


def _decoded(tree: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(tree, dict):
        return tree
    ((kind, value),) = tree.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "dict":
        return {key: _decoded(each, tensors) for key, each in value}
    decoded = [_decoded(each, tensors) for each in value]
    if kind == "tuple":
        return tuple(decoded)
    if kind == "list":
        return decoded
    raise ValueError(f"there is no container {kind!r}")


_EXACTLY_IN = {"float16": "float32", "uint16": "int32", "uint32": "int64"}


def as_tensor(array: np.ndarray, name: str) -> Tensor:
    """A tensor of its own memory; a type that clownpiece lacks becomes one that holds it exactly.

    Raises:
        RuntimeError: there is no such type.
    """
    native = array.dtype.newbyteorder("=")
    if native not in FROM_NUMPY:
        wider = _EXACTLY_IN.get(native.name)
        if wider is None:
            raise RuntimeError(
                f"{name} has elements of type {array.dtype}, which clownpiece cannot hold; "
                f"it has {', '.join(each.name for each in FROM_NUMPY.values())}"
            )
        native = np.dtype(wider)
    if native == np.bool_:
        # A file may have other bytes than 0 and 1, which NumPy would take for both at once.
        return wrap(array.view(np.uint8) != 0)
    writable = array.dtype == native and array.flags.writeable
    return wrap(array if writable else array.astype(native))
