"""Several tensors into one and one into several."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from .composition import composition
from .dims import axis_of
from .record import op
from .samples import S
from .shape import reshape, unsqueeze

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "cat",
    "chunk",
    "column_stack",
    "dstack",
    "hstack",
    "split",
    "split_with_sizes",
    "stack",
    "unbind",
    "vstack",
]

# -- into one --------------------------------------------------------------------------------


def _cat(tensors: Any, dim: int = 0) -> Any:
    if not tensors:
        raise ValueError("cat() expected a non-empty list of tensors; got none")
    # An empty vector may stand before tensors of any shape, so that a loop can start from one.
    joined = [each for each in tensors if each.shape != (0,)] or tensors
    try:
        return np.concatenate(joined, axis_of(dim, joined[0].ndim))
    except ValueError:
        shapes = " and ".join([str(tuple(each.shape)) for each in tensors])
        raise RuntimeError(
            f"cat: sizes of tensors must match except in dimension {dim}; got shapes {shapes}"
        ) from None


def _pieces(g: Any, tensors_shape: Sequence[tuple[int, ...]], dim: int) -> list[Any]:
    sizes = [0 if shape == (0,) else shape[dim] for shape in tensors_shape]
    pieces = split_with_sizes(g, sizes, dim)
    return [reshape(piece, shape) for piece, shape in zip(pieces, tensors_shape, strict=True)]


cat = op(
    "cat",
    _cat,
    inputs="tensors",
    variadic=True,
    promote="same",
    grad={"tensors": _pieces},
    latex=r"[x_1, x_2, \ldots]",
    doc="""Tensors joined along a dimension they have; all other sizes must agree.

    >>> import clownpiece as cp
    >>> cp.cat([cp.zeros(2), cp.ones(1)])
    tensor([0., 0., 1.])
    """,
    samples=[S([(2, 3), (4, 3)]), S([(2, 3), (2, 1), (2, 2)], dim=-1), S([(0,), (2, 3)])],
    expose="function",
    aliases=("concat", "concatenate"),
)


def _stack(tensors: Any, dim: int = 0) -> Any:
    if not tensors:
        raise RuntimeError("stack expects a non-empty list of tensors; got none")
    shapes = [tuple(each.shape) for each in tensors]
    for at, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {shapes[0]} at entry 0 and "
                f"{shape} at entry {at}"
            )
    return np.stack(tensors, axis_of(dim, len(shapes[0]) + 1))


stack = op(
    "stack",
    _stack,
    inputs="tensors",
    variadic=True,
    promote="same",
    grad={"tensors": lambda g, dim: unbind(g, dim)},
    latex=r"[x_1, x_2, \ldots]",
    doc="Tensors of one shape joined along a new dimension `dim`.",
    samples=[S([(2, 3), (2, 3)]), S([(2, 3), (2, 3)], dim=-1), S([(), ()])],
    expose="function",
)


def _at_least(x: Any, ndim: int) -> Any:
    """New dimensions where NumPy's and PyTorch's stacking functions put them."""
    if ndim >= 1 and not x.ndim:
        x = reshape(x, (1,))
    if ndim >= 2 and x.ndim == 1:
        x = unsqueeze(x, 0)
    return unsqueeze(x, 2) if ndim >= 3 and x.ndim == 2 else x


hstack = composition(
    "hstack",
    lambda tensors: (
        lambda parts: cat(parts, 0 if parts[0].ndim == 1 else 1)
    )([_at_least(each, 1) for each in tensors]),
    inputs="tensors",
    variadic=True,
    doc="Tensors side by side: along the second dimension, vectors along their only one.",
    samples=[S([(2,), (3,)]), S([(2, 3), (2, 1)])],
    expose="function",
)

vstack = composition(
    "vstack",
    lambda tensors: cat([_at_least(each, 2) for each in tensors], 0),
    inputs="tensors",
    variadic=True,
    doc="Tensors below each other; a vector is a row.",
    samples=[S([(3,), (3,)]), S([(2, 3), (1, 3)])],
    expose="function",
    aliases=("row_stack",),
)

dstack = composition(
    "dstack",
    lambda tensors: cat([_at_least(each, 3) for each in tensors], 2),
    inputs="tensors",
    variadic=True,
    doc="Tensors behind each other, along the third dimension.",
    samples=[S([(3,), (3,)]), S([(2, 3), (2, 3)])],
    expose="function",
)

column_stack = composition(
    "column_stack",
    lambda tensors: hstack([reshape(x, (-1, 1)) if x.ndim < 2 else x for x in tensors]),
    inputs="tensors",
    variadic=True,
    doc="Tensors side by side; a vector is a column.",
    samples=[S([(3,), (3,)]), S([(3, 2), (3,)])],
    expose="function",
)


def _lifted(name: str, ndim: int, doc: str) -> Any:
    def lift(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
            tensors = tuple(tensors[0])
        elif len(tensors) == 1:
            return _at_least(tensors[0], ndim)
        return tuple([_at_least(each, ndim) for each in tensors])

    return composition(
        name,
        lift,
        inputs="tensors",
        outputs=None,
        latex=r"x",
        doc=doc + " One tensor gives one, several give a tuple.",
        samples=[S((3,)), S((), (2,)), S((2, 3), (2, 3, 4))],
        expose="function",
    )


atleast_1d = _lifted("atleast_1d", 1, "A number as a vector of one element, others as they are.")
atleast_2d = _lifted("atleast_2d", 2, "A number or a vector as a matrix of one row.")
atleast_3d = _lifted("atleast_3d", 3, "With dimensions of size 1 up to three, a matrix first.")

# -- into several ----------------------------------------------------------------------------


def _length(name: str, x: Any, dim: int) -> int:
    """The size of the dimension that is to be cut."""
    if not x.ndim:
        raise RuntimeError(f"{name} expects at least a 1-dimensional tensor; got one without any")
    return x.shape[axis_of(dim, x.ndim)]


def _cut(x: Any, ends: Sequence[int], axis: int) -> tuple[Any, ...]:
    """Views of the stretches of a dimension that end at `ends`."""
    before = (slice(None),) * axis
    return tuple([x[(*before, slice(a, b))] for a, b in zip((0, *ends), ends)])


def _split_with_sizes(x: Any, split_sizes: Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    total = _length("split", x, dim)
    if sum(split_sizes) != total:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {total} (input tensor's size "
            f"at dimension {dim}), but got split_sizes={list(split_sizes)}"
        )
    return _cut(x, list(accumulate(split_sizes)), axis_of(dim, x.ndim))


split_with_sizes = op(
    "split_with_sizes",
    _split_with_sizes,
    grad={"x": lambda g, dim: cat(g, dim)},
    outputs=None,
    view=True,
    latex=r"x",
    doc="Stretches of these sizes along `dim`, as views.",
    samples=[S((5, 3), split_sizes=(2, 3)), S((2, 6), split_sizes=(1, 2, 3), dim=1)],
)


def _split(x: Any, split_size_or_sections: Any, dim: int = 0) -> Any:
    if isinstance(split_size_or_sections, Sequence):
        return split_with_sizes(x, split_size_or_sections, dim)
    if not isinstance(split_size_or_sections, int):
        raise TypeError(
            "split(): argument 'split_size_or_sections' must be an int or a tuple of ints, not "
            f"{type(split_size_or_sections).__name__}"
        )
    total, size = _length("split", x, dim), split_size_or_sections
    if size < 0 or (size == 0 and total):
        raise RuntimeError(f"split expects split_size be positive, but got split_size={size}")
    if not total:
        return split_with_sizes(x, (0,), dim)
    full, rest = divmod(total, size)
    return split_with_sizes(x, (size,) * full + ((rest,) if rest else ()), dim)


split = composition(
    "split",
    _split,
    outputs=None,
    latex=r"x",
    doc="Stretches of one size (the last may be smaller), or of a list of sizes, along `dim`.",
    samples=[
        S((5, 3), split_size_or_sections=2),
        S((2, 6), split_size_or_sections=(1, 2, 3), dim=1),
    ],
)


def _chunk(x: Any, chunks: int, dim: int = 0) -> Any:
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    total = _length("chunk", x, dim)
    if not total:
        return split_with_sizes(x, (0,) * chunks, dim)
    return split(x, -(-total // chunks), dim)


chunk = composition(
    "chunk",
    _chunk,
    outputs=None,
    latex=r"x",
    doc="At most `chunks` pieces of one size along `dim`; the last may be smaller.",
    samples=[S((6, 3), chunks=3), S((2, 5), chunks=2, dim=1)],
)


def _unbind(x: Any, dim: int = 0) -> tuple[Any, ...]:
    axis = axis_of(dim, x.ndim)
    before = (slice(None),) * axis
    return tuple([x[(*before, i, ...)] for i in range(x.shape[axis])])


unbind = op(
    "unbind",
    _unbind,
    grad={"x": lambda g, dim: stack(g, dim)},
    outputs=None,
    view=True,
    latex=r"x",
    doc="All slices along `dim`, which disappears, as views.",
    samples=[S((3, 4)), S((2, 3, 2), dim=-1)],
)
