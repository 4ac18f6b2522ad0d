"""The same elements in another shape: views wherever memory allows one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .arguments import Dims, Ints
from .composition import composition
from .dims import axes_of, axis_of
from .record import op
from .samples import S

__all__ = [
    "broadcast_to",
    "expand",
    "flatten",
    "movedim",
    "permute",
    "ravel",
    "reshape",
    "squeeze",
    "t",
    "transpose",
    "unflatten",
    "unsqueeze",
    "view",
]


def _reshape(x: Any, shape: Sequence[int]) -> Any:
    try:
        return x.reshape(shape)
    except TypeError:
        raise TypeError(
            f"a shape must be ints or a tuple of ints, not {type(shape).__name__}; got {shape!r}"
        ) from None
    except ValueError:
        wanted = list(shape) if isinstance(shape, Sequence) else [shape]
        raise RuntimeError(
            f"shape '{wanted}' is invalid for input of size {x.size} (shape {tuple(x.shape)})"
        ) from None


reshape = op(
    "reshape",
    _reshape,
    grad={"x": lambda g, x_shape: reshape(g, x_shape)},
    latex=r"x",
    doc="""The elements in another shape, a view if memory allows it; one size may be -1.

    >>> import clownpiece as cp
    >>> cp.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """,
    view=True,
    pack="shape",
    samples=[S((3, 4), shape=(2, 6)), S((3, 4), shape=(-1,)), S((), shape=(1, 1))],
)


def _view(x: Any, size: Any) -> Any:
    only = size[0] if isinstance(size, Sequence) and len(size) == 1 else size
    if hasattr(only, "numpy"):
        return x.view(only.numpy)  # the same bytes read as another dtype
    viewed = _reshape(x, size)
    if x.size and not np.may_share_memory(x, viewed):
        raise RuntimeError(
            f"view size {list(size)} is not compatible with the memory layout of a tensor of shape "
            f"{tuple(x.shape)} (at least one dimension spans across two contiguous subspaces). "
            "Use .reshape(...) instead."
        )
    return viewed


view = op(
    "view",
    _view,
    grad={"x": lambda g, x_shape: reshape(g, x_shape)},
    latex=r"x",
    doc="`reshape` that never copies: an error where the elements do not lie in order.",
    view=True,
    pack="size",
    samples=[S((3, 4), size=(2, 6)), S((3, 4), size=(-1, 2))],
    expose="method",
    torch="Tensor.view",
)

view_as = composition(
    "view_as",
    lambda x, other: view(x, tuple(other.shape)),
    inputs="x other",
    doc="A view in the shape of another tensor.",
    samples=[S((3, 4), (2, 6))],
    expose="method",
    torch="Tensor.view_as",
)

reshape_as = composition(
    "reshape_as",
    lambda x, other: reshape(x, tuple(other.shape)),
    inputs="x other",
    doc="The elements in the shape of another tensor.",
    samples=[S((3, 4), (2, 6))],
    expose="method",
    torch="Tensor.reshape_as",
)


def _flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    first, last = axis_of(start_dim, x.ndim), axis_of(end_dim, x.ndim)
    if first > last:
        raise RuntimeError(
            f"flatten() has invalid args: start_dim ({start_dim}) cannot come after end_dim "
            f"({end_dim})"
        )
    if not x.ndim:
        return x.reshape(1)
    merged = math.prod(x.shape[first : last + 1])
    return x.reshape((*x.shape[:first], merged, *x.shape[last + 1 :]))


flatten = op(
    "flatten",
    _flatten,
    grad={"x": lambda g, x_shape: reshape(g, x_shape)},
    latex=r"x",
    doc="The dimensions from `start_dim` to `end_dim` merged into one.",
    view=True,
    samples=[S((2, 3, 4)), S((2, 3, 4), start_dim=1), S((2, 3, 4), end_dim=1), S(())],
)

ravel = composition(
    "ravel",
    lambda x: reshape(x, (-1,)),
    latex=r"x",
    doc="All elements in one dimension.",
    samples=[S((2, 3))],
)


def _unflatten(x: Any, dim: int, sizes: Sequence[int]) -> Any:
    axis = axis_of(dim, x.ndim)
    sizes = tuple(sizes) if isinstance(sizes, Sequence) else (sizes,)
    known = math.prod([size for size in sizes if size != -1])
    if -1 not in sizes and known != x.shape[axis]:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} "
            f"({x.shape[axis]}) in the input tensor"
        )
    if known and x.shape[axis] % known == 0:
        sizes = tuple([x.shape[axis] // known if size == -1 else size for size in sizes])
    return _reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


unflatten = op(
    "unflatten",
    _unflatten,
    grad={"x": lambda g, x_shape: reshape(g, x_shape)},
    latex=r"x",
    doc="One dimension taken apart into several; one of `sizes` may be -1.",
    view=True,
    samples=[S((2, 6), dim=1, sizes=(2, 3)), S((6, 2), dim=0, sizes=(-1, 2))],
)

# -- dimensions of size 1 --------------------------------------------------------------------


def _squeeze(x: Any, dim: Dims = None) -> Any:
    axes = range(x.ndim) if dim is None else axes_of(dim, x.ndim) or ()
    return x.reshape([n for axis, n in enumerate(x.shape) if n != 1 or axis not in axes])


squeeze = op(
    "squeeze",
    _squeeze,
    grad={"x": lambda g, x_shape: reshape(g, x_shape)},
    latex=r"x",
    doc="Without the dimensions of size 1: all of them, or those of `dim` that are.",
    view=True,
    inplace=True,
    samples=[S((1, 3, 1)), S((1, 3, 1), dim=0), S((1, 3, 1), dim=(0, 1)), S((3, 4), dim=1)],
)


def _unsqueeze(x: Any, dim: int) -> Any:
    axis = axis_of(dim, x.ndim + 1)
    return x.reshape((*x.shape[:axis], 1, *x.shape[axis:]))


unsqueeze = op(
    "unsqueeze",
    _unsqueeze,
    grad={"x": lambda g, x_shape: reshape(g, x_shape)},
    latex=r"x",
    doc="With a new dimension of size 1 at `dim`.",
    view=True,
    inplace=True,
    samples=[S((3, 4), dim=0), S((3, 4), dim=-1), S((), dim=0)],
)


def _expand(x: Any, size: Sequence[int]) -> Any:
    wanted = tuple(size) if isinstance(size, Sequence) else (size,)
    extra = len(wanted) - x.ndim
    known = (None,) * extra + x.shape
    full = tuple([size if n == -1 else n for n, size in zip(wanted, known, strict=False)])
    # What really repeats is read-only; what only gains dimensions may be changed in place.
    if full == (1,) * extra + x.shape:
        return x[(*[None] * extra, ...)]
    try:
        return np.broadcast_to(x, full)
    except (ValueError, TypeError):
        raise RuntimeError(
            f"expand: a tensor of shape {tuple(x.shape)} cannot be expanded to {list(wanted)}; "
            "dimensions are matched from the last one on, and only those of size 1 can grow"
        ) from None


expand = op(
    "expand",
    _expand,
    grad={"x": lambda g: g},
    latex=r"x",
    doc="Dimensions of size 1 repeated without copying, new ones in front; -1 keeps a size.",
    view=True,
    pack="size",
    samples=[
        S((3, 1), size=(3, 4)),
        S((3, 1), size=(2, -1, 4)),
        S((3, 2), size=(1, 3, 2)),
        S((), size=(2, 2)),
    ],
    expose="method",
    torch="Tensor.expand",
)

expand_as = composition(
    "expand_as",
    lambda x, other: expand(x, tuple(other.shape)),
    inputs="x other",
    doc="Expanded to the shape of another tensor.",
    samples=[S((3, 1), (3, 4))],
    expose="method",
    torch="Tensor.expand_as",
)


def _broadcast_to(x: Any, size: Any) -> Any:
    if not isinstance(size, Sequence) or isinstance(size, str):
        raise TypeError(
            "broadcast_to(): argument 'size' must be a tuple of ints, not "
            f"{type(size).__name__}"
        )
    return expand(x, tuple(size))


broadcast_to = composition(
    "broadcast_to",
    _broadcast_to,
    latex=r"x",
    doc="`expand` to exactly this shape.",
    samples=[S((3, 1), size=(2, 3, 4))],
)


def _broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    shape = np.broadcast_shapes(*[tuple(each.shape) for each in tensors])
    return tuple([expand(each, shape) for each in tensors])


broadcast_tensors = composition(
    "broadcast_tensors",
    _broadcast_tensors,
    inputs="tensors",
    outputs=None,
    doc="All of them expanded to the one shape they broadcast to.",
    samples=[S((3, 1), (4,))],
    expose="function",
)


def _meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    if not isinstance(indexing, str):
        raise TypeError(
            f"meshgrid(): argument 'indexing' must be str, not {type(indexing).__name__}"
        )
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing must be one of 'xy' or 'ij', but got {indexing!r}")
    for each in tensors:
        if each.ndim > 1:
            raise RuntimeError(
                f"meshgrid expects 0D or 1D tensors, but got one of shape {tuple(each.shape)}"
            )
    places = list(range(len(tensors)))
    if indexing == "xy":
        places[:2] = reversed(places[:2])
    lines = [
        reshape(each, tuple([-1 if axis == place else 1 for axis in range(len(tensors))]))
        for each, place in zip(tensors, places, strict=True)
    ]
    return broadcast_tensors(*lines)


meshgrid = composition(
    "meshgrid",
    _meshgrid,
    inputs="tensors",
    outputs=None,
    doc="""The coordinates of a grid over vectors: one tensor a vector, each of the grid's shape.

    `indexing="ij"` counts rows first, `"xy"` columns first.
    """,
    samples=[S((3,), (4,), indexing="ij"), S((3,), (4,), (2,), indexing="xy")],
    expose="function",
)

# -- the order of dimensions -----------------------------------------------------------------


def _transpose(x: Any, dim0: int | None = None, dim1: int | None = None) -> Any:
    if dim0 is None and dim1 is None:
        if x.ndim < 2:
            raise IndexError(
                f"transpose() without arguments swaps the last two dimensions; a tensor of shape "
                f"{tuple(x.shape)} has fewer"
            )
        return x.swapaxes(-1, -2)
    if dim0 is None or dim1 is None:
        raise TypeError("transpose() takes both dim0 and dim1, or neither")
    axis0, axis1 = axis_of(dim0, x.ndim), axis_of(dim1, x.ndim)
    return x.swapaxes(axis0, axis1) if x.ndim else x


transpose = op(
    "transpose",
    _transpose,
    grad={"x": lambda g, dim0, dim1: transpose(g, dim0, dim1)},
    latex=r"x^{T}",
    doc="Two dimensions swapped: `dim0` and `dim1`, or the last two if none is named.",
    view=True,
    samples=[S((2, 3, 4), dim0=0, dim1=2), S((2, 3, 4), dim0=-1, dim1=-2)],
    inplace=True,
    aliases=("swapaxes", "swapdims"),
)


def _permute(x: Any, dims: Sequence[int]) -> Any:
    if len(dims) != x.ndim:
        raise RuntimeError(
            f"permute(dims): the number of dimensions in the tensor input ({x.ndim}) does not "
            f"match the length of the desired ordering of dimensions {tuple(dims)}"
        )
    return x.transpose(axes_of(dims, x.ndim) or ())


def _inverse(dims: Sequence[int]) -> tuple[int, ...]:
    """The order that undoes an order of dimensions."""
    order = [dim % len(dims) for dim in dims]
    return tuple([order.index(axis) for axis in range(len(order))])


permute = op(
    "permute",
    _permute,
    grad={"x": lambda g, dims: permute(g, _inverse(dims))},
    latex=r"x",
    doc="The dimensions in another order: dimension i of the result is `dims[i]` of `x`.",
    view=True,
    pack="dims",
    samples=[S((2, 3, 4), dims=(2, 0, 1)), S((2, 3), dims=(-1, 0))],
)


def _t(x: Any) -> Any:
    if x.ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {x.ndim}D; use transpose or mT"
        )
    return x.T


t = op(
    "t",
    _t,
    grad={"x": lambda g: t(g)},
    latex=r"x^{T}",
    doc="A matrix transposed; a vector or a scalar stays what it is.",
    view=True,
    inplace=True,
    samples=[S((3, 4)), S((3,))],
)


def _movedim(x: Any, source: Ints, destination: Ints) -> Any:
    counts = [1 if isinstance(each, int) else len(each) for each in (source, destination)]
    if counts[0] != counts[1]:
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source has "
            f"{counts[0]} and destination {counts[1]}"
        )
    sources, targets = axes_of(source, x.ndim) or (), axes_of(destination, x.ndim) or ()
    order = [axis for axis in range(x.ndim) if axis not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return permute(x, tuple(order))


movedim = composition(
    "movedim",
    _movedim,
    latex=r"x",
    doc="Dimension `source` (or several) moved to place `destination`, the others in order.",
    samples=[
        S((2, 3, 4), source=0, destination=2),
        S((2, 3, 4), source=(0, 1), destination=(2, 0)),
    ],
    aliases=("moveaxis",),
)
