"""Choosing element by element: where, masks, the larger and the smaller, clamping."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import Tensor, wrap
from .composition import composition
from .elementwise import elementwise
from .promotion import promoted_dtype
from .record import Op, op
from .samples import S, bools

__all__ = [
    "clamp",
    "clamp_max",
    "clamp_min",
    "fmax",
    "fmin",
    "keep",
    "masked_fill",
    "maximum",
    "minimum",
    "nan_to_num",
    "nothing",
    "where",
]

_BITS = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}


def _keep(x: Any, mask: Any) -> Any:
    # Bits times 0 or 1: exact zeros also for inf and NaN, as np.where gives them, but without
    # its branch a cell, which makes it several times slower on a mask without a pattern.
    return (x.view(_BITS[x.dtype.itemsize]) * mask).view(x.dtype)


keep = op(
    "keep",
    _keep,
    inputs="x mask",
    grad={"x": lambda g, mask: keep(g, mask)},
    latex=r"x \cdot [mask]",
    doc="`x` where the mask is true and zero elsewhere, exactly zero also for inf and NaN.",
    samples=[S((3, 4), bools((3, 4))), S((3, 4), bools((4,)))],
    expose="",
)

nothing = op(
    "nothing",
    np.zeros_like,
    latex="0",
    doc="Zeros like `x`, a constant: the gradient of a function that is flat between its jumps.",
    samples=[S((3, 4)), S(())],
    expose="",
)


# From here on two multiplications a cell cost less than NumPy's branch.
_LARGE = 4096


def _choose(mask: Any, x: Any, other: Any) -> Any:
    """`x` or `other` by a mask, bit by bit as in `_keep` where that is faster."""
    if mask.size < _LARGE or not (x.dtype == other.dtype and x.dtype.kind == "f"):
        return np.where(mask, x, other)
    bits = _BITS[x.dtype.itemsize]
    return ((x.view(bits) * mask) | (other.view(bits) * ~mask)).view(x.dtype)


def _where(condition: Any, x: Any, other: Any) -> Any:
    if condition.dtype.kind != "b":
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got {condition.dtype}; "
            "compare it first, for example with != 0"
        )
    # A NumPy scalar is what an operation on 0-d arrays left: an array, not a Python number.
    pair = [np.asarray(v) if isinstance(v, np.generic) else v for v in (x, other)]
    dtype = promoted_dtype(pair)
    x, other = [np.asarray(v, dtype) for v in pair]
    return _choose(condition, x, other)


class Where(Op):
    """`where`, which asks for places when it is given nothing to put there."""

    def __call__(self, condition: Any, x: Any = None, other: Any = None, **given: Any) -> Any:
        x = given.pop("input", x)
        if x is not None or other is not None or given:
            return super().__call__(condition, x, other, **given)
        if isinstance(condition, Tensor):
            return tuple([wrap(each) for each in np.nonzero(condition.array)])
        return np.nonzero(condition)


where = op(
    "where",
    _where,
    inputs="condition x other",
    grad={
        "x": lambda g, condition: keep(g, condition),
        "other": lambda g, condition: keep(g, ~condition),
    },
    latex=r"x \text{ if } condition \text{ else } other",
    doc="""`x` where the condition is true, `other` elsewhere; all three broadcast.

    With the condition alone: the indices where it is true, one tensor a dimension.

    >>> import clownpiece as cp
    >>> x = cp.tensor([-1.0, 2.0])
    >>> cp.where(x > 0, x, 0.0)
    tensor([0., 2.])
    """,
    samples=[S(bools((3, 4)), (3, 4), (4,)), S(bools((3, 1)), (3, 4), 0.5), S(bools((3,)), 1, 0)],
    expose="function",
    kind=Where,
)

tensor_where = composition(
    "tensor.where",
    lambda x, condition, other: where(condition, x, other),
    inputs="x condition other",
    doc="This tensor where the condition is true, `other` elsewhere.",
    samples=[S((3, 4), bools((3, 4)), (4,))],
    torch="Tensor.where",
    expose="method",
)


def _masked_fill(x: Any, mask: Any, value: Any) -> Any:
    if mask.dtype.kind != "b":
        raise RuntimeError(
            f"masked_fill only supports boolean masks, but got a mask of {mask.dtype}; "
            "compare it first, for example with == 0"
        )
    try:
        np.broadcast_shapes(mask.shape, x.shape)
    except ValueError:
        raise RuntimeError(
            f"masked_fill: the mask's shape {tuple(mask.shape)} cannot be broadcast with the "
            f"tensor's, {tuple(x.shape)}"
        ) from None
    if np.ndim(value):
        raise RuntimeError(
            "masked_fill only supports a 0-dimensional value tensor, but got one of shape "
            f"{np.shape(value)}; use where for values cell by cell"
        )
    if isinstance(value, float) and x.dtype.kind != "f":
        if not math.isfinite(value):
            raise RuntimeError(
                f"value cannot be converted to type {x.dtype} without overflow: got {value}; "
                "convert the tensor first, for example with .float()"
            )
        value = int(value)
    return _choose(mask, np.asarray(value).astype(x.dtype), x)


masked_fill = op(
    "masked_fill",
    _masked_fill,
    inputs="x mask value",
    grad={
        "x": lambda g, mask: keep(g, ~mask),
        "value": lambda g, mask: keep(g, mask),
    },
    latex=r"value \text{ if } mask \text{ else } x",
    doc="`x` with `value`, a number or a 0-d tensor, wherever the mask is true.",
    samples=[
        S((3, 4), bools((3, 4)), -1.5),
        S((3, 4), bools((4,)), ()),
        S((2, 3, 4), bools((3, 1)), 2),
    ],
    inplace=True,
)

# Where both are equal, each gets half of the gradient.
maximum = elementwise(
    "maximum",
    np.maximum,
    inputs="x other",
    grad={
        "x": lambda g, x, other: keep(g, x >= other) - keep(0.5 * g, x == other),
        "other": lambda g, x, other: keep(g, other >= x) - keep(0.5 * g, x == other),
    },
    latex=r"\max(x, other)",
    doc="The larger of the two, elementwise; NaN if either is NaN.",
    samples=[S((3, 4), (3, 4)), S((3, 4), (4,)), S((), ())],
    inplace=False,
)

minimum = elementwise(
    "minimum",
    np.minimum,
    inputs="x other",
    grad={
        "x": lambda g, x, other: keep(g, x <= other) - keep(0.5 * g, x == other),
        "other": lambda g, x, other: keep(g, other <= x) - keep(0.5 * g, x == other),
    },
    latex=r"\min(x, other)",
    doc="The smaller of the two, elementwise; NaN if either is NaN.",
    samples=[S((3, 4), (3, 4)), S((3, 4), (4,)), S((), ())],
    inplace=False,
)

fmax = elementwise(
    "fmax",
    np.fmax,
    inputs="x other",
    grad={
        "x": lambda g, x, other: keep(g, (x >= other) | (other != other)),
        "other": lambda g, x, other: keep(g, ~((x >= other) | (other != other))),
    },
    latex=r"\max(x, other)",
    doc="The larger of the two, elementwise; the number if the other is NaN.",
    samples=[S((3, 4), (4,))],
    inplace=False,
)

fmin = elementwise(
    "fmin",
    np.fmin,
    inputs="x other",
    grad={
        "x": lambda g, x, other: keep(g, (x <= other) | (other != other)),
        "other": lambda g, x, other: keep(g, ~((x <= other) | (other != other))),
    },
    latex=r"\min(x, other)",
    doc="The smaller of the two, elementwise; the number if the other is NaN.",
    samples=[S((3, 4), (4,))],
    inplace=False,
)


def _clamp(x: Any, min: Any, max: Any) -> Any:
    if min is None and max is None:
        raise RuntimeError("clamp: at least one of 'min' or 'max' must not be None")
    if min is None:
        return np.minimum(x, max)
    raised = np.maximum(x, min)
    return raised if max is None else np.minimum(raised, max)


def _inside(x: Any, min: Any, max: Any) -> Any:
    if min is None:
        return x <= max
    return x >= min if max is None else (x >= min) & (x <= max)


def _below(x: Any, min: Any, max: Any) -> Any:
    return x < min if max is None else (x < min) & (min < max)


def _above(x: Any, min: Any, max: Any) -> Any:
    return x > max if min is None else (x > max) | (max < min)


clamp = elementwise(
    "clamp",
    _clamp,
    inputs="x min max",
    grad={
        "x": lambda g, x, min, max: keep(g, _inside(x, min, max)),
        "min": lambda g, x, min, max: keep(g, _below(x, min, max)),
        "max": lambda g, x, min, max: keep(g, _above(x, min, max)),
    },
    latex=r"\min(\max(x, min), max)",
    doc="""`x` limited to [min, max]; either end may be left out, be a number or a tensor.

    >>> import clownpiece as cp
    >>> cp.tensor([-2.0, 0.5, 2.0]).clamp(-1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """,
    samples=[
        S((3, 4), -0.5, 0.5),
        S((3, 4), 0.1),
        S((3, 4), None, 0.3),
        S((3, 4), (4,), None),
        S((3, 4), (3, 4), (3, 4)),
        S((), -0.5, 0.5),
    ],
    aliases=("clip",),
)

clamp_min = elementwise(
    "clamp_min",
    np.maximum,
    inputs="x min",
    grad={
        "x": lambda g, x, min: keep(g, x >= min),
        "min": lambda g, x, min: keep(g, x < min),
    },
    latex=r"\max(x, min)",
    doc="`x`, but nowhere below `min`.",
    samples=[S((3, 4), 0.1), S((3, 4), (4,))],
)

clamp_max = elementwise(
    "clamp_max",
    np.minimum,
    inputs="x max",
    grad={
        "x": lambda g, x, max: keep(g, x <= max),
        "max": lambda g, x, max: keep(g, x > max),
    },
    latex=r"\min(x, max)",
    doc="`x`, but nowhere above `max`.",
    samples=[S((3, 4), 0.1), S((3, 4), (4,))],
)


def _nan_to_num(
    x: Any, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    return np.nan_to_num(x, nan=nan or 0.0, posinf=posinf, neginf=neginf)


def _with_gaps(rng: np.random.Generator) -> np.ndarray:
    return np.array([[1.5, np.nan, -2.0], [np.inf, 0.25, -np.inf]])


nan_to_num = elementwise(
    "nan_to_num",
    _nan_to_num,
    # Infinities and NaN are what x - x == 0 is false for.
    grad={"x": lambda g, x: keep(g, x - x == 0)},
    latex=r"x \text{ if finite}",
    doc="`x` with NaN and the infinities replaced by numbers (0 and the dtype's limits).",
    samples=[S((3, 4)), S((3, 4), nan=1.0, posinf=2.0, neginf=-2.0)],
)
