"""Copies and pickles of tensors: the values and what a person noted, without the history."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["copied", "reduced"]

# What a copy must not share with its original.
_OWN_HISTORY = frozenset(
    {
        "_accumulator",
        "_base",
        "_forbids",
        "_grad",
        "_hooks",
        "_node",
        "_path",
        "_post_accumulate_hooks",
        "_retains_grad",
        "_seen_version",
        "_slot",
        "_version_cell",
    }
)


def copied(tensor: Any, memo: dict[int, Any]) -> Any:
    """A leaf with the same values in memory of its own, and with a copy of the gradient."""
    kind: Any = type(tensor)
    made = kind.__new__(kind)
    memo[id(tensor)] = made
    made.__dict__.update(_noted(tensor))
    made.array = tensor.array.copy(order="K")
    if tensor._grad is not None:
        made._grad = tensor._grad.__deepcopy__(memo)
    return made


def reduced(tensor: Any) -> tuple[Any, ...]:
    """How pickle makes it again: what came out of an operation comes back as a leaf."""
    state = _noted(tensor)
    state["array"] = np.ascontiguousarray(tensor.array).reshape(tensor.array.shape)
    return _rebuild, (type(tensor), state)


def _noted(tensor: Any) -> dict[str, Any]:
    return {name: value for name, value in tensor.__dict__.items() if name not in _OWN_HISTORY}


def _rebuild(kind: Any, state: dict[str, Any]) -> Any:
    made = kind.__new__(kind)
    made.__dict__.update(state)
    return made
