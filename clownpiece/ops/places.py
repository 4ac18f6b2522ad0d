"""Reading and writing by index tensors along a dimension: gather, scatter and their family."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import int64
from ..tensor import Tensor
from .composition import DimFirst, composition
from .dims import axis_of
from .indexing import add_at, put_at, with_item
from .record import op
from .samples import S, ints, permutations
from .shape import expand, reshape

__all__ = [
    "add_along",
    "check_slices",
    "first_of",
    "gather",
    "index_add",
    "index_copy",
    "index_fill",
    "index_put",
    "index_select",
    "places_of",
    "put",
    "scatter",
    "scatter_add",
    "slices_of",
    "take_along_dim",
]


def _check_index(name: str, index: Any) -> None:
    if index.dtype.kind not in "iu":
        raise RuntimeError(f"{name}(): Expected dtype int64 for index; got {index.dtype}")


def places_of(name: str, x: Any, dim: int, index: Any, src: Any = None) -> tuple[Any, ...]:
    """The full subscript of `index`, which names places along `dim` only."""
    _check_index(name, index)
    axis = axis_of(dim, x.ndim)
    if index.ndim != x.ndim and x.ndim and index.ndim:
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as input tensor: {name} got "
            f"index {tuple(index.shape)} for {tuple(x.shape)}"
        )
    limits = [("input", x, axis)] + ([("src", src, -1)] if np.ndim(src) else [])
    for what, other, free in limits:
        if other.ndim and other.ndim != index.ndim:
            raise RuntimeError(
                f"Index tensor must have the same number of dimensions as {what} tensor: {name} "
                f"got index {tuple(index.shape)} for {tuple(other.shape)}"
            )
        for at, size in enumerate(index.shape):
            if at != free and size > (other.shape[at] if other.ndim else 1):
                raise RuntimeError(
                    f"{name}: size does not match at dimension {at}: expected index "
                    f"{tuple(index.shape)} to be no larger than {what} {tuple(other.shape)}"
                    + ("" if free < 0 else f" apart from dimension {dim}")
                )
    size = x.shape[axis] if x.ndim else 1
    if index.size and not (index.min() >= 0 and index.max() < size):
        wrong = int(index.max()) if index.max() >= size else int(index.min())
        raise RuntimeError(
            f"{name}: index {wrong} is out of bounds for dimension {dim} with size {size}"
        )
    if not x.ndim:
        return (...,)
    if not index.ndim:
        return (index.reshape(1),)
    grid = list(np.ogrid[tuple([slice(n) for n in index.shape])])
    grid[axis] = index
    return tuple(grid)


def first_of(src: Any, index: Any) -> Any:
    """The part of `src` that the index reads, its first elements in each dimension."""
    return src[tuple([slice(n) for n in index.shape])] if np.ndim(src) else src


# -- along a dimension -----------------------------------------------------------------------


def _gather(x: Any, index: Any, dim: int, sparse_grad: bool = False) -> Any:
    return x[places_of("gather", x, dim, index)].reshape(index.shape)


gather = op(
    "gather",
    _gather,
    inputs="x index",
    grad={"x": lambda g, x_shape, index, dim: add_along(g, index, x_shape, dim)},
    latex=r"x_{\ldots, index_i, \ldots}",
    doc="""For each place of `index`, the element of `x` that it names along `dim`.

    >>> import clownpiece as cp
    >>> cp.tensor([[1, 2], [3, 4]]).gather(1, cp.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """,
    samples=[S((3, 4), ints((3, 2), 4), dim=1), S((3, 4), ints((5, 4), 3), dim=0)],
    kind=DimFirst,
)


def _add_along(x: Any, index: Any, shape: tuple[int, ...], dim: int) -> Any:
    return _scatter_add(np.zeros(shape, x.dtype), index, x, dim)


add_along = op(
    "add_along",
    _add_along,
    inputs="x index",
    grad={"x": lambda g, index, dim: gather(g, dim, index)},
    latex=r"\text{zeros}_{\ldots, index_i, \ldots} \mathrel{+}= x_i",
    doc="Zeros of a shape with `x` added where `index` says: what gather is the other way round.",
    samples=[S((3, 2), ints((3, 2), 4), shape=(3, 4), dim=1)],
    expose="",
)


def _take_along_dim(x: Any, indices: Any, dim: int | None = None) -> Any:
    if dim is None:
        return gather(reshape(x, (-1,)), 0, reshape(indices, (-1,)))
    if x.ndim != indices.ndim:
        raise RuntimeError(
            "take_along_dim: input and indices should have the same number of dimensions, but got "
            f"{x.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    axis = axis_of(dim, x.ndim)
    shape = list(np.broadcast_shapes(
        (*x.shape[:axis], 1, *x.shape[axis + 1 :]),
        (*indices.shape[:axis], 1, *indices.shape[axis + 1 :]),
    ))
    shape[axis] = x.shape[axis]
    full = expand(x, tuple(shape))
    shape[axis] = indices.shape[axis]
    return gather(full, dim, expand(indices, tuple(shape)))


take_along_dim = composition(
    "take_along_dim",
    _take_along_dim,
    inputs="x indices",
    latex=r"x_{\ldots, indices_i, \ldots}",
    doc="`gather` whose index is broadcast against `x`; without `dim` both are flattened.",
    samples=[S((3, 4), ints((3, 2), 4), dim=1), S((3, 4), ints((1, 4), 3), dim=0)],
)


def _scatter(x: Any, index: Any, src: Any, dim: int, reduce: str | None = None) -> Any:
    result = x.copy()
    places = places_of("scatter", x, dim, index, src)
    part = first_of(src, index)
    if reduce is None:
        result[places] = part
    elif reduce in ("add", "multiply"):
        (np.add if reduce == "add" else np.multiply).at(result, places, part)
    else:
        raise RuntimeError(f"reduce argument must be either add or multiply; got {reduce!r}")
    return result


def _kept_by_scatter(g: Any, index: Any, dim: int, reduce: str | None) -> Any:
    if reduce is not None:
        raise RuntimeError("scatter with reduce= has no gradient; scatter_reduce has one")
    return scatter(g, dim, index, 0.0)


scatter = op(
    "scatter",
    _scatter,
    inputs="x index src",
    alike="x src",
    grad={
        "x": _kept_by_scatter,
        "src": lambda g, index, src_shape, dim: _back_to_source(g, index, src_shape, dim),
    },
    latex=r"x_{\ldots, index_i, \ldots} \leftarrow src_i",
    doc="A copy of `x` with `src`, a tensor or a number, written where `index` says along `dim`.",
    samples=[
        S((3, 4), permutations((3, 4), 1), (3, 4), dim=1),
        S((3, 4), permutations((3, 4), 0), (3, 4), dim=0),
        S((3, 4), ints((3, 2), 4), 0.5, dim=1),
    ],
    inplace=True,
    kind=DimFirst,
)


def _back_to_source(g: Any, index: Any, src_shape: tuple[int, ...], dim: int) -> Any:
    taken = gather(g, dim, index)
    if tuple(src_shape) == tuple(taken.shape):
        return taken
    return put_at(taken, src_shape, tuple([slice(n) for n in index.shape]))


def _scatter_add(x: Any, index: Any, src: Any, dim: int) -> Any:
    result = x.copy()
    np.add.at(result, places_of("scatter_add", x, dim, index, src), first_of(src, index))
    return result


scatter_add = op(
    "scatter_add",
    _scatter_add,
    inputs="x index src",
    alike="x src",
    grad={
        "x": lambda g: g,
        "src": lambda g, index, src_shape, dim: _back_to_source(g, index, src_shape, dim),
    },
    latex=r"x_{\ldots, index_i, \ldots} \mathrel{+}= src_i",
    doc="A copy of `x` with `src` added where `index` says along `dim`; twice adds twice.",
    samples=[
        S((3, 4), ints((3, 4), 4), (3, 4), dim=1),
        S((3, 4), ints((2, 4), 3), (2, 4), dim=0),
    ],
    inplace=True,
    kind=DimFirst,
)

# -- whole slices ----------------------------------------------------------------------------


def slices_of(name: str, x: Any, dim: int, index: Any) -> tuple[Any, ...]:
    """The full subscript of a vector of indices, which names slices along `dim`."""
    _check_index(name, index)
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector; got {tuple(index.shape)}")
    axis = axis_of(dim, x.ndim)
    if index.size and not (index.min() >= 0 and index.max() < x.shape[axis]):
        raise IndexError(
            f"{name}(): index out of range in self: dimension {dim} has size {x.shape[axis]}, and "
            f"the indices lie between {index.min()} and {index.max()}"
        )
    return (slice(None),) * axis + (index.reshape(-1),)


def _index_select(x: Any, index: Any, dim: int) -> Any:
    return x[slices_of("index_select", x, dim, index)]


index_select = op(
    "index_select",
    _index_select,
    inputs="x index",
    grad={"x": lambda g, x_shape, index, dim: add_slices(g, index, x_shape, dim)},
    latex=r"x_{index}",
    doc="The slices along `dim` that a vector of indices names.",
    samples=[S((3, 4), ints((5,), 3), dim=0), S((3, 4), ints((2,), 4), dim=-1)],
    kind=DimFirst,
)


def _add_slices(x: Any, index: Any, shape: tuple[int, ...], dim: int) -> Any:
    return _index_add(np.zeros(shape, x.dtype), index, x, dim)


add_slices = op(
    "add_slices",
    _add_slices,
    inputs="x index",
    grad={"x": lambda g, index, dim: index_select(g, dim, index)},
    latex=r"\text{zeros}_{index} \mathrel{+}= x",
    doc="Zeros of a shape with slices added where `index` says.",
    samples=[S((5, 4), ints((5,), 3), shape=(3, 4), dim=0)],
    expose="",
)


def check_slices(name: str, x: Any, index: Any, source: Any, axis: int) -> None:
    """`source` must be as `x`, but along the axis as long as `index`."""
    expected = (*x.shape[:axis], index.size, *x.shape[axis + 1 :])
    if x.ndim and source.ndim and source.shape != expected:
        kind = IndexError if name == "index_copy" else RuntimeError
        raise kind(
            f"{name}(): source must have shape {expected}, that of self {tuple(x.shape)} with the "
            f"{index.size} of the index in dimension {axis}; got {tuple(source.shape)}"
        )


def _index_add(x: Any, index: Any, source: Any, dim: int, alpha: float = 1) -> Any:
    result = x.copy()
    slices_of("index_add", x, dim, index)
    check_slices("index_add", x, index, source, axis_of(dim, x.ndim))
    at_front = np.moveaxis(result, dim, 0)
    rows = np.moveaxis(np.asarray(source), dim, 0)
    add_at(at_front, index.reshape(-1), rows if alpha == 1 else alpha * rows)
    return result


index_add = op(
    "index_add",
    _index_add,
    inputs="x index source",
    alike="x source",
    grad={
        "x": lambda g: g,
        "source": lambda g, index, dim, alpha: alpha * index_select(g, dim, index),
    },
    latex=r"x_{index} \mathrel{+}= \alpha \, source",
    doc="A copy of `x` with the slices of `source` added to those that `index` names.",
    samples=[S((3, 4), ints((5,), 3), (5, 4), dim=0), S((3, 4), ints((2,), 4), (3, 2), dim=1)],
    inplace=True,
    kind=DimFirst,
)


def _index_copy(x: Any, index: Any, source: Any, dim: int) -> Any:
    check_slices("index_copy", x, index, source, axis_of(dim, x.ndim))
    result = x.copy()
    result[slices_of("index_copy", x, dim, index)] = source
    return result


index_copy = op(
    "index_copy",
    _index_copy,
    inputs="x index source",
    alike="x source",
    grad={
        "x": lambda g, index, dim: index_fill(g, dim, index, 0.0),
        "source": lambda g, index, dim: index_select(g, dim, index),
    },
    latex=r"x_{index} \leftarrow source",
    doc="A copy of `x` with the slices that `index` names taken from `source`.",
    samples=[S((3, 4), permutations((3,), 0), (3, 4), dim=0)],
    inplace=True,
    kind=DimFirst,
)


def _index_fill(x: Any, index: Any, value: Any, dim: int) -> Any:
    result = x.copy()
    result[slices_of("index_fill", x, dim, index)] = value
    return result


index_fill = op(
    "index_fill",
    _index_fill,
    inputs="x index value",
    grad={
        "x": lambda g, index, dim: index_fill(g, dim, index, 0.0),
        "value": lambda g, index, dim: index_select(g, dim, index),
    },
    latex=r"x_{index} \leftarrow value",
    doc="A copy of `x` with one number in the slices that `index` names.",
    samples=[S((3, 4), permutations((2,), 0), 0.5, dim=1)],
    inplace=True,
    kind=DimFirst,
)


def _plain(indices: Any) -> tuple[Any, ...]:
    return tuple([each.array if isinstance(each, Tensor) else each for each in indices])


def _index_put(x: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    index = _plain(indices)
    if not accumulate:
        return with_item(x, values, index)
    return x + put_at(expand(values, np.empty(x.shape)[index].shape), x.shape, index)


index_put = composition(
    "index_put",
    _index_put,
    inputs="x indices values",
    alike="x values",
    latex=r"x_{indices} \leftarrow values",
    doc="A copy of `x` with `values` at a tuple of index tensors, or added with `accumulate`.",
    samples=[
        S((3, 4), [np.array([0, 2]), np.array([1, 3])], (2,)),
        S((3, 4), [np.array([0, 0])], (4,), accumulate=True),
    ],
    inplace=True,
)


def _put(x: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    if index.dtype not in (np.dtype(np.int64), int64):
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype}")
    if math.prod(index.shape) != math.prod(source.shape):
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {math.prod(source.shape)}, index.numel() = {math.prod(index.shape)}"
        )
    size, numbers = math.prod(x.shape), getattr(index, "array", index)
    if numbers.size and not (-size <= numbers.min() and numbers.max() < size):
        raise IndexError(
            "put_(): out of range: tried to access indices from "
            f"{numbers.min()} to {numbers.max()} on a tensor of {size} elements"
        )
    places = (reshape(index, (-1,)),)
    written = index_put(reshape(x, (-1,)), places, reshape(source, (-1,)), accumulate)
    return reshape(written, tuple(x.shape))


put = composition(
    "put",
    _put,
    inputs="x index source",
    alike="x source",
    latex=r"x_{index} \leftarrow source",
    doc="A copy of `x` with `source` at places of the flattened tensor, or added there.",
    samples=[
        S((3, 4), permutations((5,), 0), (5,)),
        S((3, 4), ints((2, 3), 12), (6,), accumulate=True),
    ],
    inplace=True,
    expose="method",
    torch="Tensor.put",
)
