"""Sums, products, quotients and what is left of them; signs; rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elementwise import Elementwise, elementwise
from .samples import S, floats
from .selection import nothing

__all__ = [
    "abs",
    "add",
    "addcdiv",
    "addcmul",
    "ceil",
    "copysign",
    "div",
    "floor",
    "floor_divide",
    "fmod",
    "frac",
    "hypot",
    "lerp",
    "mul",
    "neg",
    "positive",
    "remainder",
    "round",
    "sign",
    "sub",
    "trunc",
]


class Scaled(Elementwise):
    """`add` and `sub`, which also take `alpha`, a factor of their second input."""

    def bind(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        if "alpha" not in kwargs:
            return super().bind(args, kwargs)
        kwargs = dict(kwargs)
        alpha = kwargs.pop("alpha")
        (x, other), params = super().bind(args, kwargs)
        return (x, other * alpha), params


class Subtraction(Scaled):
    """`sub`: of truth values there is no difference, not even beside a number."""

    def _prepare(self, arrays: list[Any]) -> list[Any]:
        if any(getattr(each, "dtype", type(each)) in (np.bool_, bool) for each in arrays):
            raise RuntimeError(
                "Subtraction, the `-` operator, with a bool tensor is not supported. To invert a "
                "mask, use `~` or logical_not(); to compare two, logical_xor"
            )
        return super()._prepare(arrays)


add = elementwise(
    "add",
    np.add,
    inputs="x other",
    grad={"x": lambda g: g, "other": lambda g: g},
    latex=r"x + other",
    doc="""The sum; `alpha` multiplies `other` first.

    >>> import clownpiece as cp
    >>> cp.tensor([1.0, 2.0]).add(cp.tensor([10.0, 20.0]), alpha=0.5)
    tensor([ 6., 12.])
    """,
    samples=[
        S((3, 4), (3, 4)),
        S((3, 4), (4,)),
        S((3, 1), (1, 4)),
        S((3, 4), 2.0),
        S(2.0, (3, 4)),
        S((), ()),
    ],
    kind=Scaled,
)

sub = elementwise(
    "sub",
    np.subtract,
    inputs="x other",
    grad={"x": lambda g: g, "other": lambda g: -g},
    latex=r"x - other",
    doc="The difference; `alpha` multiplies `other` first.",
    samples=[S((3, 4), (3, 4)), S((3, 4), (4,)), S((3, 4), 2.0), S(2.0, (3, 4)), S((), ())],
    kind=Subtraction,
    aliases=("subtract",),
)

mul = elementwise(
    "mul",
    np.multiply,
    inputs="x other",
    grad={"x": lambda g, other: g * other, "other": lambda g, x: g * x},
    latex=r"x \cdot other",
    doc="The product, elementwise.",
    samples=[S((3, 4), (3, 4)), S((3, 4), (4,)), S((3, 4), 2.0), S(2.0, (3, 4)), S((), ())],
    aliases=("multiply",),
)


class Division(Elementwise):
    """`div`, whose `rounding_mode` makes it another operation."""

    def _rounded(self, rounding_mode: str) -> Any:
        if rounding_mode == "floor":
            return floor_divide
        if rounding_mode == "trunc":
            return trunc_divide
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"{rounding_mode!r}"
        )

    def __call__(self, *args: Any, rounding_mode: str | None = None, **kwargs: Any) -> Any:
        if rounding_mode is not None:
            return self._rounded(rounding_mode)(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def apply_inplace(
        self, target: Any, *args: Any, rounding_mode: str | None = None, **kwargs: Any
    ) -> Any:
        if rounding_mode is not None:
            return self._rounded(rounding_mode).apply_inplace(target, *args, **kwargs)
        return super().apply_inplace(target, *args, **kwargs)


div = elementwise(
    "div",
    np.true_divide,
    inputs="x other",
    promote="float",
    grad={"x": lambda g, other: g / other, "other": lambda g, x, other: -g * (x / other) / other},
    latex=r"\frac{x}{other}",
    doc="""The quotient; `rounding_mode` "floor" or "trunc" rounds it to whole numbers.""",
    samples=[
        S((3, 4), floats((3, 4), 0.5, 2)),
        S((3, 4), floats((4,), 0.5, 2)),
        S((3, 4), 2.0),
        S(2.0, floats((3, 4), 0.5, 2)),
    ],
    kind=Division,
    aliases=("divide", "true_divide"),
)


def _whole(divide: Any) -> Any:
    """A division that refuses to divide whole numbers by 0, where no inf could say so."""

    def checked(x: Any, other: Any) -> Any:
        if np.result_type(x, other).kind != "f" and not np.all(other):
            raise RuntimeError(
                "ZeroDivisionError: a whole number was divided by 0; convert to a floating type "
                "first, where the result is inf or nan"
            )
        return divide(x, other)

    return checked


def _trunc_divide(x: Any, other: Any) -> Any:
    if np.result_type(x, other).kind == "f":
        return np.trunc(np.true_divide(x, other))
    quotient = np.floor_divide(x, other)
    return quotient + ((quotient < 0) & (np.multiply(quotient, other) != x))


_DIVIDED = [
    S((3, 4), floats((3, 4), 0.5, 2)),
    S((3, 4), floats((4,), -2, -0.5)),
    S((3, 4), 0.75),
    S(0.75, floats((3, 4), 0.5, 2)),
]

floor_divide = elementwise(
    "floor_divide",
    _whole(np.floor_divide),
    inputs="x other",
    grad={"x": lambda g: nothing(g), "other": lambda g: nothing(g)},
    latex=r"\left\lfloor \frac{x}{other} \right\rfloor",
    doc="The quotient rounded down.",
    samples=_DIVIDED,
)

trunc_divide = elementwise(
    "trunc_divide",
    _whole(_trunc_divide),
    inputs="x other",
    grad={"x": lambda g: nothing(g), "other": lambda g: nothing(g)},
    latex=r"\text{trunc} \frac{x}{other}",
    doc="The quotient rounded towards zero: `div` with rounding_mode='trunc'.",
    samples=_DIVIDED,
    expose="",
)

remainder = elementwise(
    "remainder",
    _whole(np.remainder),
    inputs="x other",
    grad={"x": lambda g: g, "other": lambda g, x, other: -g * floor_divide(x, other)},
    latex=r"x - other \left\lfloor \frac{x}{other} \right\rfloor",
    doc="What floor division leaves; it has the sign of `other`, as Python's `%`.",
    samples=_DIVIDED,
)

fmod = elementwise(
    "fmod",
    _whole(np.fmod),
    inputs="x other",
    grad={"x": lambda g: g, "other": lambda g, x, other: -g * trunc_divide(x, other)},
    latex=r"x - other \cdot \text{trunc} \frac{x}{other}",
    doc="What truncating division leaves; it has the sign of `x`, as C's fmod.",
    samples=_DIVIDED[:-1],
)

addcmul = elementwise(
    "addcmul",
    lambda x, tensor1, tensor2, value=1: x + value * (tensor1 * tensor2),
    inputs="x tensor1 tensor2",
    grad={
        "x": lambda g: g,
        "tensor1": lambda g, tensor2, value: g * (value * tensor2),
        "tensor2": lambda g, tensor1, value: g * (value * tensor1),
    },
    latex=r"x + value \cdot tensor1 \cdot tensor2",
    doc="`x + value * tensor1 * tensor2`.",
    samples=[S((3, 4), (3, 4), (3, 4)), S((3, 4), (4,), (3, 1), value=0.5)],
)

addcdiv = elementwise(
    "addcdiv",
    lambda x, tensor1, tensor2, value=1: x + value * (tensor1 / tensor2),
    inputs="x tensor1 tensor2",
    grad={
        "x": lambda g: g,
        "tensor1": lambda g, tensor2, value: g * (value / tensor2),
        "tensor2": lambda g, tensor1, tensor2, value: -g * (value * tensor1) / (tensor2 * tensor2),
    },
    latex=r"x + value \cdot \frac{tensor1}{tensor2}",
    doc="`x + value * tensor1 / tensor2`.",
    samples=[
        S((3, 4), (3, 4), floats((3, 4), 0.5, 2)),
        S((3, 4), (4,), floats((3, 1), 0.5, 2), value=0.5),
    ],
)

lerp = elementwise(
    "lerp",
    lambda x, end, weight: x + weight * (end - x),
    inputs="x end weight",
    alike="x end weight",
    grad={
        "x": lambda g, weight: g * (1 - weight),
        "end": lambda g, weight: g * weight,
        "weight": lambda g, x, end: g * (end - x),
    },
    latex=r"x + weight \cdot (end - x)",
    doc="The point between `x` (weight 0) and `end` (weight 1).",
    samples=[S((3, 4), (3, 4), 0.25), S((3, 4), (3, 4), (4,))],
)

hypot = elementwise(
    "hypot",
    np.hypot,
    inputs="x other",
    grad={"x": lambda g, x, y: g * x / y, "other": lambda g, other, y: g * other / y},
    latex=r"\sqrt{x^2 + other^2}",
    doc="The hypotenuse over the legs `x` and `other`, without overflow on the way.",
    samples=[S((3, 4), (4,))],
)

# -- signs -----------------------------------------------------------------------------------


def _negative(x: Any) -> Any:
    if x.dtype.kind == "b":
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead."
        )
    return np.negative(x)


neg = elementwise(
    "neg",
    _negative,
    grad={"x": lambda g: -g},
    latex=r"-x",
    doc="`x` with the other sign.",
    samples=[S((3, 4)), S(())],
    aliases=("negative",),
)


def _positive(x: Any) -> Any:
    if x.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return np.positive(x)


positive = elementwise(
    "positive",
    _positive,
    grad={"x": lambda g: g},
    latex=r"+x",
    doc="`x` itself.",
    samples=[S((3, 4))],
    inplace=False,
)

sign = elementwise(
    "sign",
    lambda x: np.sign(x) if x.dtype.kind != "b" else x.copy(),
    grad={"x": lambda g: nothing(g)},
    latex=r"\text{sign}(x)",
    doc="-1, 0 or 1.",
    samples=[S((3, 4))],
    aliases=("sgn",),
)

abs = elementwise(
    "abs",
    np.absolute,
    grad={"x": lambda g, x: g * sign(x)},
    latex=r"|x|",
    doc="The absolute value; the gradient at 0 is 0.",
    samples=[S((3, 4)), S(())],
    aliases=("absolute",),
)

copysign = elementwise(
    "copysign",
    np.copysign,
    inputs="x other",
    promote="float",
    grad={"x": lambda g, x, y: g * (sign(x) * sign(y)), "other": lambda g: nothing(g)},
    latex=r"|x| \cdot \text{sign}(other)",
    doc="The size of `x` with the sign of `other`.",
    samples=[S((3, 4), (4,)), S((3, 4), -1.0)],
)

# -- rounding --------------------------------------------------------------------------------


def _round(x: Any, decimals: int = 0) -> Any:
    return np.rint(x) if decimals == 0 and x.dtype.kind == "f" else np.round(x, decimals)


floor = elementwise(
    "floor",
    np.floor,
    grad={"x": lambda g: nothing(g)},
    latex=r"\lfloor x \rfloor",
    doc="The largest whole number that is not above `x`.",
    samples=[S((3, 4))],
)

ceil = elementwise(
    "ceil",
    np.ceil,
    grad={"x": lambda g: nothing(g)},
    latex=r"\lceil x \rceil",
    doc="The smallest whole number that is not below `x`.",
    samples=[S((3, 4))],
)

trunc = elementwise(
    "trunc",
    np.trunc,
    grad={"x": lambda g: nothing(g)},
    latex=r"\text{trunc}(x)",
    doc="`x` without what is behind the point.",
    samples=[S((3, 4))],
    aliases=("fix",),
)

round = elementwise(
    "round",
    _round,
    grad={"x": lambda g: nothing(g)},
    latex=r"\text{round}(x)",
    doc="The nearest whole number, or the nearest with `decimals` digits; halves go to even.",
    samples=[S((3, 4)), S((3, 4), decimals=1)],
)

frac = elementwise(
    "frac",
    lambda x: x - np.trunc(x),
    grad={"x": lambda g: g},
    latex=r"x - \text{trunc}(x)",
    doc="What is behind the point, with the sign of `x`.",
    samples=[S((3, 4))],
)
