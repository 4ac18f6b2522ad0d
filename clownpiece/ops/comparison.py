"""Questions: comparisons, tests for special numbers, logic on truth values and on bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .composition import composition
from .elementwise import elementwise
from .samples import S, bools, ints
from .selection import nothing

__all__ = [
    "allclose",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "eq",
    "equal",
    "ge",
    "gt",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "ne",
]

_COMPARED = [S((3, 4), (4,)), S((3, 4), 0.5), S(ints((3, 4), 3), ints((4,), 3))]


def _compare(name: str, ufunc: np.ufunc, latex: str, doc: str, *aliases: str) -> Any:
    return elementwise(
        name,
        ufunc,
        inputs="x other",
        promote="compare",
        latex=latex,
        doc=doc,
        samples=_COMPARED,
        # Only where the answer is written into a floating tensor: its history ends there.
        grad={"x": lambda g: nothing(g)},
        aliases=aliases,
    )


eq = _compare("eq", np.equal, "x = other", "Whether both are equal, elementwise.")
ne = _compare(
    "ne", np.not_equal, r"x \ne other", "Whether the two differ, elementwise.", "not_equal"
)
lt = _compare("lt", np.less, "x < other", "Whether `x` is below `other`.", "less")
le = _compare(
    "le", np.less_equal, r"x \le other", "Whether `x` is at most `other`.", "less_equal"
)
gt = _compare("gt", np.greater, "x > other", "Whether `x` is above `other`.", "greater")
ge = _compare(
    "ge", np.greater_equal, r"x \ge other", "Whether `x` is at least `other`.", "greater_equal"
)


def _isclose(
    x: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    return np.isclose(x, other, rtol=rtol, atol=atol, equal_nan=equal_nan)


isclose = elementwise(
    "isclose",
    _isclose,
    inputs="x other",
    promote="compare",
    alike="x other",
    latex=r"|x - other| \le atol + rtol \cdot |other|",
    doc="Whether both are equal up to the tolerances.",
    samples=[S((3, 4), (3, 4), atol=0.5), S((3, 4), (4,), rtol=0.5)],
    inplace=False,
)


def _test(name: str, forward: Callable[[Any], Any], latex: str, doc: str) -> Any:
    return elementwise(name, forward, latex=latex, doc=doc, samples=[S((3, 4))], inplace=False)


isnan = _test("isnan", np.isnan, r"x \ne x", "Whether it is NaN, not a number.")
isinf = _test("isinf", np.isinf, r"|x| = \infty", "Whether it is infinite, of either sign.")
isposinf = _test("isposinf", lambda x: x == np.inf, r"x = \infty", "Whether it is +inf.")
isneginf = _test("isneginf", lambda x: x == -np.inf, r"x = -\infty", "Whether it is -inf.")
signbit = _test(
    "signbit",
    lambda x: np.signbit(x) if x.dtype.kind == "f" else x < 0,
    r"x < 0",
    "Whether it is negative, or -0.0.",
)
isfinite = _test("isfinite", np.isfinite, r"|x| < \infty", "Whether it is neither inf nor NaN.")


def _equal(x: Any, other: Any) -> bool:
    return np.array_equal(x, other)


def _as_array(x: Any) -> Any:
    return x if isinstance(x, np.ndarray) else x.array


equal = composition(
    "equal",
    lambda x, other: _equal(_as_array(x), _as_array(other)),
    inputs="x other",
    latex=r"\forall i: x_i = other_i",
    doc="Whether both have the same shape and the same elements, as a Python bool.",
    samples=[S((3, 4), (3, 4))],
)

allclose = composition(
    "allclose",
    lambda x, other, rtol=1e-5, atol=1e-8, equal_nan=False: bool(
        np.all(_isclose(_as_array(x), _as_array(other), rtol, atol, equal_nan))
    ),
    inputs="x other",
    alike="x other",
    latex=r"\forall i: |x_i - other_i| \le atol + rtol \cdot |other_i|",
    doc="Whether all elements are equal up to the tolerances, as a Python bool.",
    samples=[S((3, 4), (3, 4)), S((3, 4), (3, 4), atol=10.0)],
)

# -- logic -----------------------------------------------------------------------------------


def _logic(name: str, ufunc: np.ufunc, latex: str, doc: str) -> Any:
    return elementwise(
        name,
        ufunc,
        inputs="x other",
        promote="compare",
        latex=latex,
        doc=doc + "; whatever is not 0 counts as true.",
        samples=[S(bools((3, 4)), bools((4,))), S(ints((3, 4), 2), ints((3, 4), 2))],
    )


logical_and = _logic("logical_and", np.logical_and, r"x \land other", "Whether both are true")
logical_or = _logic("logical_or", np.logical_or, r"x \lor other", "Whether one is true, or both")
logical_xor = _logic("logical_xor", np.logical_xor, r"x \oplus other", "Whether just one is true")
logical_not = elementwise(
    "logical_not",
    np.logical_not,
    latex=r"\lnot x",
    doc="Whether it is false; whatever is not 0 counts as true.",
    samples=[S(bools((3, 4))), S(ints((3, 4), 2))],
)


def _of_bits(name: str, ufunc: np.ufunc) -> Any:
    def on_whole_numbers(x: Any, other: Any) -> Any:
        if np.result_type(x, other).kind == "f":
            raise NotImplementedError(
                f"{name} works on whole numbers and bools; got floating elements, so compare "
                "them first, or convert with .long()"
            )
        return ufunc(x, other)

    return on_whole_numbers


def _bitwise(name: str, ufunc: np.ufunc, latex: str, doc: str, *samples: S) -> Any:
    return elementwise(
        name,
        _of_bits(name, ufunc),
        inputs="x other",
        latex=latex,
        doc=doc,
        samples=samples,
    )


_BITS = (
    S(ints((3, 4), 16), ints((4,), 16)),
    S(bools((3, 4)), bools((4,))),
    S(ints((3,), 9), 3),
    S(3, ints((3,), 9)),
)
_SHIFTED = (S(ints((3, 4), 16), ints((4,), 4)), S(ints((3,), 9), 3), S(3, ints((3,), 9)))

bitwise_and = _bitwise("bitwise_and", np.bitwise_and, r"x \,\&\, other", "And, bit by bit.", *_BITS)
bitwise_or = _bitwise("bitwise_or", np.bitwise_or, r"x \,|\, other", "Or, bit by bit.", *_BITS)
bitwise_xor = _bitwise(
    "bitwise_xor", np.bitwise_xor, r"x \oplus other", "Exclusive or, bit by bit.", *_BITS
)
bitwise_left_shift = _bitwise(
    "bitwise_left_shift", np.left_shift, r"x \ll other", "The bits moved to the left.", *_SHIFTED
)
bitwise_right_shift = _bitwise(
    "bitwise_right_shift", np.right_shift, r"x \gg other", "The bits moved to the right.", *_SHIFTED
)


def _invert(x: Any) -> Any:
    if x.dtype.kind == "f":
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors; "
            f"got {x.dtype}"
        )
    return np.invert(x)


bitwise_not = elementwise(
    "bitwise_not",
    _invert,
    latex=r"\sim x",
    doc="Not, bit by bit; on truth values, the other one.",
    samples=[S(ints((3, 4), 16)), S(bools((3, 4)))],
)
