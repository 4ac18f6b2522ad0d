"""What the updates are written with: cache-sized blocks, scratch memory, buffers in the state.

An update is a dozen passes over a parameter, its gradient and its moments. On whole arrays each
pass goes out to main memory; on blocks of some ten thousand elements most of them stay in the
cache, and the scratch arrays need be no longer than one block, so no step allocates anything.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..tensor import Tensor, wrap

__all__ = [
    "blocks",
    "buffer",
    "count_step",
    "effective_gradient",
    "move_toward",
    "update_moments",
]

BLOCK = 1 << 16


class _Scratch(threading.local):
    """Each thread's scratch arrays, by element type and length."""

    def __init__(self) -> None:
        self.arrays: dict[tuple[np.dtype, int], list[np.ndarray]] = {}

    def get(self, dtype: np.dtype, count: int) -> list[np.ndarray]:
        known = self.arrays.setdefault((dtype, BLOCK), [])
        while len(known) < count:
            known.append(np.empty(BLOCK, dtype))
        return known[:count]


_scratch = _Scratch()


def blocks(*arrays: np.ndarray, scratch: int = 0) -> Iterator[list[np.ndarray]]:
    """Cut contiguous arrays of one size into flat blocks, each with `scratch` arrays beside it.

    The blocks are views, so what is written to them is written to the arrays. The scratch
    arrays have the first array's dtype, hold anything, and are used again for the next block.

    >>> a, b = np.arange(4.0), np.ones(4)
    >>> for x, y, t in blocks(a, b, scratch=1):
    ...     x += np.multiply(y, 10, out=t)
    >>> a
    array([10., 11., 12., 13.])
    """
    flat = [array.reshape(-1) for array in arrays]
    size = flat[0].size
    spare = _scratch.get(flat[0].dtype, scratch)
    if size <= BLOCK:
        yield flat + [each[:size] for each in spare]
        return
    for start in range(0, size, BLOCK):
        block = [each[start : start + BLOCK] for each in flat]
        yield block + [each[: block[0].size] for each in spare]


def effective_gradient(
    grad: np.ndarray, param: np.ndarray, weight_decay: float, maximize: bool, out: np.ndarray
) -> np.ndarray:
    """`±grad + weight_decay · param`: the gradient of the loss with its L2 penalty.

    The result is in `out`, or is `grad` itself where nothing changes it.
    """
    if weight_decay:
        np.multiply(param, weight_decay, out=out)
        return np.subtract(out, grad, out=out) if maximize else np.add(out, grad, out=out)
    return np.negative(grad, out=out) if maximize else grad


def move_toward(average: np.ndarray, value: np.ndarray, weight: float, out: np.ndarray) -> None:
    """`average ← (1 − weight) · average + weight · value`, in place."""
    np.subtract(value, average, out=out)
    out *= weight
    average += out


def update_moments(
    mean: np.ndarray,
    square: np.ndarray,
    grad: np.ndarray,
    betas: tuple[float, float],
    out: np.ndarray,
) -> None:
    """Running averages of the gradient and of its square, which forget at the rates `betas`."""
    move_toward(mean, grad, 1 - betas[0], out)
    np.multiply(grad, grad, out=out)
    out *= 1 - betas[1]
    square *= betas[1]
    square += out


def buffer(state: dict[str, Any], name: str, like: np.ndarray, fill: float = 0.0) -> np.ndarray:
    """The contiguous array of `state[name]`, made full of `fill` at the first use.

    A buffer follows its parameter: after `model.double()` it is converted too.

    Raises:
        RuntimeError: the parameter has another shape than when the buffer was made.
    """
    known = state.get(name)
    if known is None:
        array = np.full(like.shape, fill, like.dtype)
    elif known.array.shape != like.shape:
        raise RuntimeError(
            f"the optimizer's {name!r} has shape {known.array.shape}, its parameter now has "
            f"{like.shape}; make a new optimizer after replacing a parameter's data"
        )
    elif known.array.dtype == like.dtype and known.array.flags.c_contiguous:
        return known.array
    else:
        array = np.ascontiguousarray(known.array, like.dtype).reshape(like.shape)
    state[name] = wrap(array)
    return array


def count_step(state: dict[str, Any]) -> int:
    """Add one to `state["step"]`, kept as PyTorch keeps it: a float32 tensor without dimensions."""
    step: Tensor | None = state.get("step")
    if step is None:
        step = state["step"] = wrap(np.zeros((), np.float32))
    step.array += 1
    return int(step.array)
