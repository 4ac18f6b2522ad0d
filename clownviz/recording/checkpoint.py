"""A checkpoint as a tape: the modules that the names of its tensors speak of, and their numbers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

import clownpiece

from .statistics import statistics
from .tape import ModuleInfo, ParameterInfo, Tape
from .tape_file import MAGIC, load

__all__ = ["of_checkpoint", "read_checkpoint"]


def read_checkpoint(path: str | os.PathLike[str]) -> Tape:
    """The tape in a file: one that was saved, or that of a checkpoint (safetensors, npz, .pt).

    Raises:
        TypeError: the file holds something other than tensors by name.
        FileNotFoundError: there is no such file.
    """
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) == MAGIC:
            return load(path)
    state = clownpiece.load(path)
    if not isinstance(state, Mapping):
        raise TypeError(
            f"{os.path.basename(path)} holds an object of type {type(state).__name__}: expected "
            "tensors by name, as model.state_dict() gives them"
        )
    return of_checkpoint(state, os.path.basename(path))


def of_checkpoint(state: Mapping[str, Any], name: str = "checkpoint") -> Tape:
    """The tape of a `state_dict`: of clownpiece, of PyTorch, or of NumPy's arrays.

    What class a module has, and which tensors are buffers, no checkpoint says: the classes are
    empty and every tensor counts as a parameter.

    Raises:
        TypeError: a value is not a tensor.

    >>> tape = of_checkpoint({"fc.weight": np.zeros((2, 3)), "fc.bias": np.zeros(2)})
    >>> list(tape.modules), [p.path for p in tape.modules["fc"].parameters]
    (['', 'fc'], ['fc.weight', 'fc.bias'])
    """
    tape = Tape(name, {"": ModuleInfo("", "", "", "container")})
    for number, (path, value) in enumerate(state.items()):
        info = _module(tape, path.rpartition(".")[0])
        array = _array(path, value)
        stats = statistics(array)
        info.parameters += (
            ParameterInfo(
                path, array.shape, array.dtype.name, array.nbytes, True, number, array, stats
            ),
        )
    return tape


def _module(tape: Tape, path: str) -> ModuleInfo:
    """The module of a path, made with all above it if there is none yet."""
    missing = []
    while path not in tape.modules:
        missing.append(path)
        path = path.rpartition(".")[0]
    for each in reversed(missing):
        parent = tape.modules[each.rpartition(".")[0]]
        parent.children += (each,)
        parent.family = "container"
        tape.modules[each] = ModuleInfo(each, each.rpartition(".")[2], "", "other")
    return tape.modules[missing[0] if missing else path]


def _array(path: str, value: Any) -> np.ndarray:
    if isinstance(value, Mapping):
        raise TypeError(
            f"{path!r} of the checkpoint holds another mapping: give that one, as in "
            f"checkpoint[{path!r}]"
        )
    if isinstance(value, (np.ndarray, np.generic)):
        return np.array(value)
    try:
        tensor = value.detach()
        try:
            return np.array(tensor.numpy())
        except (TypeError, RuntimeError):  # bfloat16, or on another device
            return np.array(tensor.float().cpu().numpy())
    except AttributeError:
        raise TypeError(
            f"{path!r} of the checkpoint is of type {type(value).__name__}: expected a tensor or "
            "an array, as in model.state_dict()"
        ) from None
