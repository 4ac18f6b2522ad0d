"""Parts of matrices: diagonals, triangles, the trace."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arguments import Ints
from .composition import composition
from .dims import axis_of
from .record import op
from .reductions import sum
from .samples import S

__all__ = [
    "diag",
    "diag_embed",
    "diagflat",
    "diagonal",
    "off_diagonal",
    "trace",
    "tril",
    "triu",
]


def _diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    axis1, axis2 = axis_of(dim1, x.ndim), axis_of(dim2, x.ndim)
    if axis1 == axis2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    found = np.diagonal(x, offset, axis1, axis2)
    # NumPy hands out a read-only view, which would forbid writing into a diagonal.
    found.setflags(write=x.flags.writeable)
    return found


def _on_diagonal(x: Any, shape: Ints, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    result = np.zeros(shape, x.dtype)
    _diagonal(result, offset, dim1, dim2)[...] = x
    return result


diagonal = op(
    "diagonal",
    _diagonal,
    grad={
        "x": lambda g, x_shape, offset, dim1, dim2: on_diagonal(g, x_shape, offset, dim1, dim2)
    },
    latex=r"x_{i,i + offset}",
    doc="The diagonal over two dimensions, as a view whose last dimension it is.",
    view=True,
    samples=[S((3, 4)), S((3, 4), offset=1), S((2, 3, 4), offset=-1, dim1=-2, dim2=-1)],
)

on_diagonal = op(
    "on_diagonal",
    _on_diagonal,
    grad={"x": lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2)},
    latex=r"\text{zeros with } x_{i,i + offset}",
    doc="Zeros of a shape with `x` on a diagonal.",
    samples=[S((3,), shape=(3, 4), offset=1), S((2, 3), shape=(2, 3, 3), dim1=1, dim2=2)],
    expose="",
)


def off_diagonal(shape: tuple[int, ...], wrap: bool) -> np.ndarray:
    """True but on the main diagonal, which starts again below a tall matrix with `wrap`."""
    if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
        raise RuntimeError(
            "fill_diagonal_ takes a matrix, or more dimensions that are all of equal length; "
            f"got shape {shape}"
        )
    outside = np.ones(shape, bool)
    np.fill_diagonal(outside, False, wrap)
    return outside


def _diag_embed(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    if not x.ndim:
        raise RuntimeError("diag_embed: the last dimension becomes the diagonal; got shape ()")
    size = x.shape[-1] + abs(offset)
    axis1, axis2 = axis_of(dim1, x.ndim + 1), axis_of(dim2, x.ndim + 1)
    shape = list(x.shape[:-1])
    for axis in sorted((axis1, axis2)):
        shape.insert(axis, size)
    return on_diagonal(x, tuple(shape), offset, axis1, axis2)


diag_embed = composition(
    "diag_embed",
    _diag_embed,
    latex=r"y_{i,i + offset} = x_i",
    doc="Matrices with the last dimension of `x` on their diagonal and zeros elsewhere.",
    samples=[S((3,)), S((2, 3), offset=1), S((2, 3), dim1=0, dim2=2)],
)


def _diag(x: Any, diagonal: int = 0) -> Any:
    if x.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {x.ndim}D")
    return _diag_embed(x, diagonal) if x.ndim == 1 else _read_diagonal(x, diagonal)


_read_diagonal = diagonal

diag = composition(
    "diag",
    _diag,
    latex=r"x_{ii}",
    doc="The diagonal of a matrix, or the matrix with a vector on its diagonal.",
    samples=[S((3,)), S((3, 4)), S((3, 4), diagonal=1), S((2,), diagonal=-1)],
)


diagflat = composition(
    "diagflat",
    lambda x, offset=0: _diag_embed(x.reshape(-1), offset),
    latex=r"y_{i,i + offset} = x_i",
    doc="The matrix with all elements of `x`, in order, on a diagonal.",
    samples=[S((3,)), S((2, 2), offset=-1), S(())],
)


def _triangle(name: str, cut: Any) -> Any:
    def triangle(x: Any, diagonal: int = 0) -> Any:
        if x.ndim < 2:
            raise RuntimeError(
                f"{name}: input tensor must have at least 2 dimensions; got shape {tuple(x.shape)}"
            )
        return cut(x, diagonal)

    return triangle


tril = op(
    "tril",
    _triangle("tril", np.tril),
    grad={"x": lambda g, diagonal: tril(g, diagonal)},
    latex=r"x_{ij} \, [j \le i + diagonal]",
    doc="The lower triangle of matrices, up to `diagonal`; zeros above.",
    samples=[S((3, 4)), S((2, 3, 3), diagonal=1)],
    inplace=True,
)

triu = op(
    "triu",
    _triangle("triu", np.triu),
    grad={"x": lambda g, diagonal: triu(g, diagonal)},
    latex=r"x_{ij} \, [j \ge i + diagonal]",
    doc="The upper triangle of matrices, from `diagonal` on; zeros below.",
    samples=[S((3, 4)), S((2, 3, 3), diagonal=-1)],
    inplace=True,
)

def _trace(x: Any) -> Any:
    if x.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got a tensor with {x.ndim} dimensions")
    return sum(diagonal(x))


trace = composition(
    "trace",
    _trace,
    latex=r"\sum_i x_{ii}",
    doc="The sum of the diagonal of a matrix.",
    samples=[S((3, 4))],
)
