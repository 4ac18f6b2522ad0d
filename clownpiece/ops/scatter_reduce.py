"""Elements or slices sent to places and reduced there: `scatter_reduce`, `index_reduce`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .composition import DimFirst
from .dims import axis_of
from .indexing import getitem, put_at
from .places import add_along, check_slices, first_of, gather, places_of, scatter, slices_of
from .record import op
from .samples import S, ints
from .selection import clamp_min, keep, nothing
from .shape import expand, reshape

__all__ = ["index_reduce", "scatter_reduce"]

_REDUCERS: dict[str, tuple[np.ufunc, float]] = {
    "sum": (np.add, 0.0),
    "mean": (np.add, 0.0),
    "prod": (np.multiply, 1.0),
    "amax": (np.maximum, -np.inf),
    "amin": (np.minimum, np.inf),
}


def _scatter_reduce(
    x: Any, index: Any, src: Any, dim: int, reduce: str, include_self: bool = True
) -> Any:
    if reduce not in _REDUCERS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    ufunc, start = _REDUCERS[reduce]
    places = places_of("scatter_reduce", x, dim, index, src)
    result = x.copy()
    if not include_self:
        result[places] = start if x.dtype.kind == "f" else _identity(ufunc, x.dtype)
    ufunc.at(result, places, first_of(src, index))
    if reduce == "mean":
        count = _counted(x, index, dim=dim, include_self=include_self)
        return result / count if x.dtype.kind == "f" else result // count
    return result


def _identity(ufunc: np.ufunc, dtype: np.dtype) -> Any:
    if ufunc.identity is not None:
        return ufunc.identity
    limits = np.iinfo(dtype)
    return limits.min if ufunc is np.maximum else limits.max


def _counted(x: Any, index: Any, dim: int, include_self: bool) -> Any:
    """How many elements went into each of the result, at least 1."""
    count = np.full(x.shape, int(include_self))
    np.add.at(count, places_of("scatter_reduce", x, dim, index), 1)
    return np.maximum(count, 1).astype(x.dtype)


counted = op(
    "counted",
    _counted,
    inputs="x index",
    latex=r"n",
    doc="How many elements `scatter_reduce` puts into each place.",
    samples=[S((3, 4), ints((3, 4), 4), dim=1, include_self=True)],
    expose="",
)


def _tied(g: Any, x: Any, index: Any, src: Any, y: Any, dim: int, include_self: bool) -> Any:
    """How many elements share an extreme; they share its gradient too."""
    ones = nothing(g) + 1
    from_src = keep(gather(ones, dim, index), _read(src, index) == gather(y, dim, index))
    own = keep(ones, x == y)
    if not include_self:
        own = scatter(own, dim, index, 0.0)
    return clamp_min(own + add_along(from_src, index, x.shape, dim), 1)


def _read(src: Any, index: Any) -> Any:
    """The part of `src` that the index reads, as an operation."""
    if tuple(src.shape) == tuple(index.shape):
        return src
    return getitem(src, tuple([slice(n) for n in index.shape]))


def _reduced_by_x(
    g: Any, x: Any, index: Any, src: Any, y: Any, dim: int, reduce: str, include_self: bool
) -> Any:
    if reduce == "mean":
        g = g / counted(x, index, dim=dim, include_self=include_self)
    elif reduce == "prod":
        g = g * y / x
    elif reduce in ("amax", "amin"):
        g = keep(g, x == y) / _tied(g, x, index, src, y, dim, include_self)
    return g if include_self else scatter(g, dim, index, 0.0)


def _reduced_by_src(
    g: Any, x: Any, index: Any, src: Any, y: Any, dim: int, reduce: str, include_self: bool
) -> Any:
    if reduce == "mean":
        g = g / counted(x, index, dim=dim, include_self=include_self)
    elif reduce in ("amax", "amin"):
        g = g / _tied(g, x, index, src, y, dim, include_self)
    taken = gather(g, dim, index)
    if reduce == "prod":
        taken = taken * gather(y, dim, index) / _read(src, index)
    elif reduce in ("amax", "amin"):
        taken = keep(taken, _read(src, index) == gather(y, dim, index))
    if tuple(taken.shape) == tuple(src.shape):
        return taken
    return put_at(taken, src.shape, tuple([slice(n) for n in index.shape]))


scatter_reduce = op(
    "scatter_reduce",
    _scatter_reduce,
    inputs="x index src",
    alike="x src",
    grad={"x": _reduced_by_x, "src": _reduced_by_src},
    latex=r"\text{reduce}(x_j, src_i : index_i = j)",
    doc="""`x` with all elements of `src` that `index` sends to a place reduced into it.

    `reduce` is "sum", "prod", "mean", "amax" or "amin"; `include_self=False` leaves `x` out
    wherever something arrives.
    """,
    samples=[
        S((3, 4), ints((3, 4), 4), (3, 4), dim=1, reduce=reduce, include_self=include_self)
        for reduce in _REDUCERS
        for include_self in (True, False)
    ],
    inplace=True,
    kind=DimFirst,
)


# -- whole slices ----------------------------------------------------------------------------


def _spread(index: Any, source: Any, dim: int) -> Any:
    """A vector of indices as the index of `scatter_reduce`: the same in all other places."""
    axis = axis_of(dim, len(source.shape))
    line = [1] * len(source.shape)
    line[axis] = -1
    return expand(reshape(index, tuple(line)), tuple(source.shape))


def _index_reduce(
    x: Any, index: Any, source: Any, dim: int, reduce: str, include_self: bool = True
) -> Any:
    if reduce not in _REDUCERS or reduce == "sum":
        raise RuntimeError(
            "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}"
        )
    if index.ndim < 2:
        check_slices("index_reduce", x, index, source, axis_of(dim, x.ndim))
    slices_of("index_reduce", x, dim, index)
    return _scatter_reduce(x, _spread(index, source, dim), source, dim, reduce, include_self)


index_reduce = op(
    "index_reduce",
    _index_reduce,
    inputs="x index source",
    alike="x source",
    grad={
        "x": lambda g, x, index, source, y, dim, reduce, include_self: _reduced_by_x(
            g, x, _spread(index, source, dim), source, y, dim, reduce, include_self
        ),
        "source": lambda g, x, index, source, y, dim, reduce, include_self: _reduced_by_src(
            g, x, _spread(index, source, dim), source, y, dim, reduce, include_self
        ),
    },
    latex=r"\text{reduce}(x_j, source_i : index_i = j)",
    doc="""`x` with the slices of `source` along `dim` reduced into those that `index` names.

    `reduce` is "prod", "mean", "amax" or "amin"; `include_self=False` leaves `x` out wherever
    something arrives.
    """,
    samples=[
        S((3, 4), ints((5,), 3), (5, 4), dim=0, reduce=reduce, include_self=include_self)
        for reduce in _REDUCERS
        if reduce != "sum"
        for include_self in (True, False)
    ],
    inplace=True,
    kind=DimFirst,
)
