"""Products beside those of matrices: cross, Kronecker, and inner ones along a dimension."""

from __future__ import annotations

from typing import Any

from .arrangement import roll
from .composition import composition
from .dims import axis_of
from .reductions import sum
from .samples import S
from .shape import reshape

__all__ = ["cross", "kron"]


def _cross(x: Any, other: Any, dim: int | None = None) -> Any:
    if dim is not None:
        return _cross_along(x, other, dim)
    for axis, sizes in enumerate(zip(x.shape, other.shape)):
        if sizes == (3, 3):
            return _cross_along(x, other, axis)
    raise RuntimeError(
        f"no dimension of size 3 in input: got {tuple(x.shape)} and {tuple(other.shape)}"
    )


def _cross_along(x: Any, other: Any, dim: int = -1) -> Any:
    if x.ndim != other.ndim:
        raise RuntimeError(
            "linalg.cross: inputs must have the same number of dimensions; got "
            f"{tuple(x.shape)} and {tuple(other.shape)}"
        )
    axis = axis_of(dim, x.ndim)
    if not x.ndim or (x.shape[axis], other.shape[axis]) != (3, 3):
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3; got {tuple(x.shape)} and "
            f"{tuple(other.shape)}"
        )
    return roll(x, -1, axis) * roll(other, -2, axis) - roll(x, -2, axis) * roll(other, -1, axis)


cross = composition(
    "cross",
    _cross,
    inputs="x other",
    latex=r"x \times other",
    doc="The vector products along a dimension of size 3: `dim`, or the first there is.",
    samples=[S((4, 3), (4, 3), dim=1), S((3, 2), (3, 1), dim=0)],
)

composition(
    "linalg.cross",
    _cross_along,
    inputs="x other",
    latex=r"x \times other",
    doc="The vector products along a dimension of size 3, the last one if none is named.",
    samples=[S((4, 3), (4, 3)), S((3, 2), (3, 1), dim=0)],
    expose="linalg",
)

composition(
    "linalg.vecdot",
    lambda x, other, *, dim=-1: sum(x * other, dim),
    inputs="x other",
    latex=r"\sum_k x_k \, other_k",
    doc="The inner products of vectors along a dimension; the others are broadcast.",
    samples=[S((2, 4), (2, 4)), S((4, 2), (4, 1), dim=0)],
    expose="linalg",
)


def _kron(x: Any, other: Any) -> Any:
    """Each size of `x` beside that of `other`: a product of all pairs, then read as one."""
    ndim = max(x.ndim, other.ndim)
    sizes = [(1,) * (ndim - each.ndim) + tuple(each.shape) for each in (x, other)]
    places = reshape(x, tuple([n for size in sizes[0] for n in (size, 1)]))
    blocks = reshape(other, tuple([n for size in sizes[1] for n in (1, size)]))
    return reshape(places * blocks, tuple([int(a * b) for a, b in zip(*sizes, strict=True)]))


kron = composition(
    "kron",
    _kron,
    inputs="x other",
    latex=r"x \otimes other",
    doc="""The Kronecker product: `x` with each of its elements replaced by `other` times it.

    >>> import clownpiece as cp
    >>> cp.kron(cp.tensor([1, 10]), cp.tensor([2, 3]))
    tensor([ 2,  3, 20, 30])
    """,
    samples=[S((2, 3), (3, 2)), S((2,), (2, 3)), S((), (3,)), S((2, 1, 2), (2,))],
)
