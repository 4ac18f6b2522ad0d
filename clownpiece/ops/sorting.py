"""Order: sort, topk, searching, distinct values, counting."""

from __future__ import annotations

from typing import Any

import numpy as np

from .composition import composition, named_result
from .dims import axis_of
from .joining import unbind
from .places import add_along
from .record import op
from .reductions import spread
from .samples import S, ints

__all__ = [
    "argsort",
    "argwhere",
    "bincount",
    "bucketize",
    "histc",
    "isin",
    "kthvalue",
    "msort",
    "nonzero",
    "searchsorted",
    "sort",
    "topk",
    "unique",
    "unique_consecutive",
]

Sort = named_result("sort", "values", "indices")
TopK = named_result("topk", "values", "indices")
KthValue = named_result("kthvalue", "values", "indices")


def _order(x: Any, axis: int, descending: bool) -> Any:
    if not descending:
        return np.argsort(x, axis, kind="stable")
    # Backwards twice: equal elements keep their order, NaN comes first.
    backwards = np.argsort(np.flip(x, axis), axis, kind="stable")
    return np.flip(x.shape[axis] - 1 - backwards, axis)


def _sort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    axis = axis_of(dim, x.ndim)
    if not x.ndim:
        return Sort(x.copy(), np.zeros((), np.int64))
    order = _order(x, axis, descending)
    return Sort(np.take_along_axis(x, order, axis), order)


def _from_places(g: Any, y1: Any, x_shape: tuple[int, ...], dim: int) -> Any:
    return add_along(g[0], y1, x_shape, dim)


sort = op(
    "sort",
    _sort,
    grad={"x": _from_places},
    outputs=2,
    latex=r"x_{(i)}",
    doc="""The elements in order along `dim`, and where they stood: (values, indices).

    Equal elements keep their order; NaN counts as the largest.

    >>> import clownpiece as cp
    >>> cp.tensor([3.0, 1.0, 2.0]).sort().indices
    tensor([1, 2, 0])
    """,
    samples=[S((3, 4)), S((3, 4), dim=0, descending=True), S((5,), dim=0)],
)

argsort = op(
    "argsort",
    lambda x, dim=-1, descending=False, stable=False: _sort(x, dim, descending)[1],
    latex=r"\text{argsort}\, x",
    doc="The indices that put the elements in order along `dim`.",
    samples=[S((3, 4)), S((3, 4), dim=0, descending=True)],
)

msort = composition(
    "msort",
    lambda x: sort(x, 0)[0],
    doc="The elements in order along the first dimension.",
    samples=[S((3, 4))],
)


def _best(x: Any, k: int, axis: int, largest: bool) -> Any:
    """The places of the best k, best first; a partial sort finds them where that is worth it."""
    size = x.shape[axis]
    if 8 * k >= size:
        return np.take(_order(x, axis, largest), np.arange(k), axis)
    found = np.argpartition(x, size - k if largest else max(k - 1, 0), axis)
    chosen = np.take(found, range(size - k, size) if largest else range(k), axis)
    chosen.sort(axis)
    order = _order(np.take_along_axis(x, chosen, axis), axis, largest)
    return np.take_along_axis(chosen, order, axis)


def _topk(
    x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> Any:
    axis = axis_of(dim, x.ndim)
    size = x.shape[axis] if x.ndim else 1
    if not 0 <= k <= size:
        raise RuntimeError(f"selected index k out of range: k is {k}, dimension {dim} has {size}")
    if not x.ndim:
        return TopK(x.copy(), np.zeros((), np.int64))
    if not k:
        none = x[(slice(None),) * axis + (slice(0, 0),)]
        return TopK(none.copy(), np.zeros(none.shape, np.int64))
    order = _best(x, k, axis, largest)
    return TopK(np.take_along_axis(x, order, axis), order)


topk = op(
    "topk",
    _topk,
    grad={"x": _from_places},
    outputs=2,
    refuses="b",
    latex=r"x_{(1)}, \ldots, x_{(k)}",
    doc="The `k` largest (or smallest) elements along `dim`, best first: (values, indices).",
    samples=[
        S((3, 5), k=2),
        S((5, 3), k=3, dim=0, largest=False),
        S((2, 40), k=2),
        S((40, 2), k=3, dim=0, largest=False),
    ],
)


def _kthvalue(x: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    axis = axis_of(dim, x.ndim)
    size = x.shape[axis] if x.ndim else 1
    if not 1 <= k <= size:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}: {k}")
    values, order = _sort(x, dim)
    if not x.ndim:
        return KthValue(values, order)
    place = slice(k - 1, k) if keepdim else k - 1
    before = (slice(None),) * axis
    return KthValue(values[(*before, place)], order[(*before, place)])


kthvalue = op(
    "kthvalue",
    _kthvalue,
    grad={
        "x": lambda g, y1, x_shape, dim, keepdim: add_along(
            spread(g[0], x_shape, dim, keepdim), spread(y1, x_shape, dim, keepdim), x_shape, dim
        )
    },
    outputs=2,
    latex=r"x_{(k)}",
    doc="The k-th smallest element along `dim`, counted from 1: (values, indices).",
    samples=[S((3, 5), k=2), S((5, 3), k=5, dim=0, keepdim=True)],
)

# -- searching -------------------------------------------------------------------------------


def _searchsorted(
    sorted_sequence: Any, values: Any, right: bool = False, side: Any = None
) -> Any:
    if side not in (None, "left", "right"):
        raise RuntimeError(f"searchsorted(): side can only be 'left' or 'right' but got {side!r}")
    where: Any = side or ("right" if right else "left")
    if not sorted_sequence.ndim:
        raise RuntimeError("searchsorted(): the sorted sequence must have a dimension; got 0")
    if sorted_sequence.ndim == 1:
        return np.asarray(np.searchsorted(sorted_sequence, values, where))
    if np.shape(values)[:-1] != sorted_sequence.shape[:-1]:
        raise RuntimeError(
            "searchsorted(): the sorted sequence must be 1D, or all dimensions but the last must "
            f"match; got {tuple(sorted_sequence.shape)} and {np.shape(values)}"
        )
    rows = sorted_sequence.reshape(-1, sorted_sequence.shape[-1])
    wanted = values.reshape(len(rows), -1)
    found = [np.searchsorted(row, each, where) for row, each in zip(rows, wanted)]
    return np.stack(found).reshape(values.shape)


_RISING = np.array([0.0, 0.5, 1.0, 1.5])

searchsorted = op(
    "searchsorted",
    _searchsorted,
    inputs="sorted_sequence values",
    latex=r"|\{j: s_j < x\}|",
    doc="Where in a rising sequence (its last dimension) each value would have to be inserted.",
    samples=[S(_RISING, (3, 4)), S(_RISING, (3,), right=True), S(_RISING, 0.5)],
    expose="function",
)

bucketize = composition(
    "bucketize",
    lambda x, boundaries, *, right=False: searchsorted(boundaries, x, right=right),
    inputs="x boundaries",
    latex=r"|\{j: b_j < x\}|",
    doc="The number of the bucket, between rising boundaries, that each element falls into.",
    samples=[S((3, 4), _RISING)],
    expose="function",
)

isin = op(
    "isin",
    lambda elements, test_elements: np.isin(elements, test_elements),
    inputs="elements test_elements",
    latex=r"x \in T",
    doc="Whether each element is one of `test_elements`.",
    samples=[S(ints((3, 4), 5), ints((2,), 5))],
    expose="function",
)

argwhere = op(
    "argwhere",
    np.argwhere,
    latex=r"\{i: x_i \ne 0\}",
    doc="The places that are not 0, a row of indices each.",
    samples=[S(ints((3, 4), 2))],
)

nonzero = composition(
    "nonzero",
    lambda x, *, as_tuple=False: unbind(argwhere(x), 1) if as_tuple else argwhere(x),
    latex=r"\{i: x_i \ne 0\}",
    doc="The places that are not 0, as rows, or as one index tensor a dimension (`as_tuple`).",
    samples=[S(ints((3, 4), 2)), S(ints((3, 4), 2), as_tuple=True)],
)

# -- distinct values and counts --------------------------------------------------------------


def _chosen(found: tuple[Any, ...], wanted: tuple[bool, ...]) -> Any:
    """The first array and those of the rest that were asked for."""
    rest = [each for each, asked in zip(found[1:], wanted, strict=True) if asked]
    return (found[0], *rest) if rest else found[0]


def _distinct(x: Any, dim: int | None = None) -> tuple[Any, Any, Any]:
    axis = None if dim is None else axis_of(dim, x.ndim)
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=axis)
    return values, inverse.reshape(x.shape if dim is None else -1), counts


_unique = op(
    "distinct",
    _distinct,
    outputs=3,
    latex=r"\{x_i\}",
    doc="The distinct elements in order, the place of each element among them, and how many.",
    samples=[S(ints((3, 4), 4)), S(ints((5, 2), 2), dim=0)],
    expose="",
)

unique = composition(
    "unique",
    lambda x, sorted=True, return_inverse=False, return_counts=False, dim=None: _chosen(
        _unique(x, dim), (return_inverse, return_counts)
    ),
    latex=r"\{x_i\}",
    doc="""The distinct elements in order; with `dim`, the distinct slices.

    `return_inverse` adds the place of each element among them, `return_counts` how many each.
    """,
    samples=[
        S(ints((3, 4), 4)),
        S(ints((3, 4), 4), return_inverse=True, return_counts=True),
        S(ints((5, 2), 2), dim=0),
    ],
)


def _runs(x: Any) -> tuple[Any, Any, Any]:
    flat = x.reshape(-1)
    first = np.ones(flat.shape, bool)
    first[1:] = flat[1:] != flat[:-1]
    starts = np.flatnonzero(first)
    inverse = (np.cumsum(first) - 1).reshape(x.shape)
    return flat[starts], inverse, np.diff(starts, append=flat.size)


_consecutive = op(
    "runs",
    _runs,
    outputs=3,
    latex=r"x",
    doc="One element of each run of equal ones, the run of each element, and its length.",
    samples=[S(ints((8,), 2))],
    expose="",
)

unique_consecutive = composition(
    "unique_consecutive",
    lambda x, return_inverse=False, return_counts=False: _chosen(
        _consecutive(x), (return_inverse, return_counts)
    ),
    latex=r"x",
    doc="One element of each run of equal neighbours.",
    samples=[S(ints((8,), 2)), S(ints((8,), 2), return_inverse=True, return_counts=True)],
)


def _bincount(x: Any, weights: Any, minlength: int = 0) -> Any:
    if x.ndim != 1 or x.dtype.kind not in "iu" or (x.size and x.min() < 0):
        raise RuntimeError(
            "bincount only supports 1-d non-negative integral inputs; got "
            f"{x.dtype} of shape {tuple(x.shape)}"
        )
    if minlength < 0:
        raise RuntimeError(f"bincount: minlength should be >= 0; got {minlength}")
    if weights is not None and weights.shape != x.shape:
        raise RuntimeError(
            "bincount: weights should be 1-d and have the same length as input; got shapes "
            f"{tuple(weights.shape)} and {tuple(x.shape)}"
        )
    counts = np.bincount(x, weights, minlength)
    if weights is None:
        return counts.astype(np.int64)
    return counts.astype(weights.dtype) if weights.dtype.kind == "f" else counts


bincount = op(
    "bincount",
    _bincount,
    inputs="x weights",
    latex=r"|\{i: x_i = k\}|",
    doc="How often each number from 0 on occurs, or the sum of the weights of its occurrences.",
    samples=[S(ints((8,), 4)), S(ints((8,), 4), (8,), minlength=6)],
)


def _histc(x: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    if bins < 1 or max < min:
        raise RuntimeError(
            f"histc: bins must be > 0 and max must be larger than min; got {bins} bins from {min} "
            f"to {max}"
        )
    low, high = (x.min(), x.max()) if min == max == 0 and x.size else (min, max)
    if low == high:
        low, high = low - 1, high + 1
    if x.dtype.kind != "f":
        raise RuntimeError(f"histc is for floating tensors; got {x.dtype}, so use bincount")
    counts, _ = np.histogram(x, bins, (low, high))
    return counts.astype(x.dtype)


histc = op(
    "histc",
    _histc,
    latex=r"|\{i: x_i \in bin_k\}|",
    doc="How many elements fall into each of `bins` equal intervals from `min` to `max`.",
    samples=[S((20,), bins=4), S((20,), bins=5, min=-1, max=1)],
)
