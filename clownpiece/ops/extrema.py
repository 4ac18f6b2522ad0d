"""The largest and the smallest, where they stand, and what lies in the middle."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arguments import Dims
from .arithmetic import lerp
from .composition import composition, named_result
from .dims import axes_of, axis_of, fold
from .indexing import getitem
from .places import add_along
from .record import op
from .reductions import mean, spread, sum
from .samples import S
from .selection import keep, maximum, minimum, nothing
from .shape import movedim, reshape, squeeze, unsqueeze
from .sorting import kthvalue, sort

__all__ = [
    "amax",
    "amin",
    "aminmax",
    "argmax",
    "argmin",
    "max",
    "median",
    "min",
    "quantile",
]

Max = named_result("max", "values", "indices")
Min = named_result("min", "values", "indices")
Median = named_result("median", "values", "indices")
AMinMax = named_result("aminmax", "min", "max")


def _check_not_empty(name: str, x: Any, dim: Dims) -> None:
    axes = axes_of(dim, x.ndim)
    if not x.size and 0 in (x.shape if axes is None else [x.shape[axis] for axis in axes]):
        kind = RuntimeError if dim is None else IndexError
        raise kind(
            f"{name}(): Expected reduction dim to have non-zero size; got shape {tuple(x.shape)} "
            f"and dim {dim}: nothing has no extreme"
        )


# -- over several dimensions -----------------------------------------------------------------


def _amax(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    _check_not_empty("amax", x, dim)
    return fold(np.maximum, x, dim, keepdim)


def _amin(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    _check_not_empty("amin", x, dim)
    return fold(np.minimum, x, dim, keepdim)


def _shared(g: Any, x: Any, y: Any, dim: Dims, keepdim: bool) -> Any:
    """Equal extremes share the gradient."""
    g, y = spread(g, x.shape, dim, keepdim), spread(y, x.shape, dim, keepdim)
    hits = keep(nothing(x) + 1, x == y)
    return hits * (g / sum(hits, dim, True))


_SAMPLES = [S((3, 4)), S((3, 4), dim=0), S((2, 3, 4), dim=(0, -1), keepdim=True), S(())]

amax = op(
    "amax",
    _amax,
    grad={"x": _shared},
    latex=r"\max_i x_i",
    doc="The largest element of all, or over `dim` (one or several); equal ones share gradients.",
    samples=_SAMPLES,
)

amin = op(
    "amin",
    _amin,
    grad={"x": _shared},
    latex=r"\min_i x_i",
    doc="The smallest element of all, or over `dim` (one or several); equal ones share gradients.",
    samples=_SAMPLES,
)


def _aminmax(x: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    return AMinMax(amin(x, dim, keepdim), amax(x, dim, keepdim))


aminmax = composition(
    "aminmax",
    _aminmax,
    outputs=2,
    latex=r"(\min_i x_i, \max_i x_i)",
    doc="The smallest and the largest element: (min, max).",
    samples=[S((3, 4)), S((3, 4), dim=0, keepdim=True)],
)

# -- with their places -----------------------------------------------------------------------


def _one_axis(x: Any, dim: int | None) -> int | None:
    return None if dim is None or not x.ndim else axis_of(dim, x.ndim)


def _argmax(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    _check_not_empty("argmax", x, dim)
    return x.argmax(_one_axis(x, dim), keepdims=keepdim)


def _argmin(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    _check_not_empty("argmin", x, dim)
    return x.argmin(_one_axis(x, dim), keepdims=keepdim)


argmax = op(
    "argmax",
    _argmax,
    refuses="b",
    latex=r"\arg\max_i x_i",
    doc="Where the (first) largest element stands, in the flattened tensor or along `dim`.",
    samples=[S((3, 4)), S((3, 4), dim=0), S((3, 4), dim=1, keepdim=True)],
)

argmin = op(
    "argmin",
    _argmin,
    refuses="b",
    latex=r"\arg\min_i x_i",
    doc="Where the (first) smallest element stands, in the flattened tensor or along `dim`.",
    samples=[S((3, 4)), S((3, 4), dim=0), S((3, 4), dim=1, keepdim=True)],
)


def _extreme_along(x: Any, dim: int, keepdim: bool, find: Any) -> tuple[Any, Any]:
    places = find(x, dim, True)
    if not x.ndim:
        return x.copy(), places
    axis = axis_of(dim, x.ndim)
    values = np.take_along_axis(x, places, axis)
    return (values, places) if keepdim else (values.squeeze(axis), places.squeeze(axis))


def _max_along(x: Any, dim: int, keepdim: bool = False) -> Any:
    return Max(*_extreme_along(x, dim, keepdim, _argmax))


def _min_along(x: Any, dim: int, keepdim: bool = False) -> Any:
    return Min(*_extreme_along(x, dim, keepdim, _argmin))


def _to_places(g: Any, y1: Any, x_shape: tuple[int, ...], dim: int, keepdim: bool) -> Any:
    """The gradient of values that were picked along a dimension goes where they stood."""
    values, places = spread(g[0], x_shape, dim, keepdim), spread(y1, x_shape, dim, keepdim)
    return add_along(values, places, x_shape, dim)


max_along = op(
    "max_along",
    _max_along,
    grad={"x": _to_places},
    outputs=2,
    latex=r"\max_i x_i",
    doc="The largest elements along one dimension and their places: `max(x, dim)`.",
    samples=[S((3, 4), dim=0), S((3, 4), dim=-1, keepdim=True)],
    expose="",
    torch="max",
)

min_along = op(
    "min_along",
    _min_along,
    grad={"x": _to_places},
    outputs=2,
    latex=r"\min_i x_i",
    doc="The smallest elements along one dimension and their places: `min(x, dim)`.",
    samples=[S((3, 4), dim=0), S((3, 4), dim=-1, keepdim=True)],
    expose="",
    torch="min",
)


def _max(x: Any, dim: Any = None, keepdim: bool = False, other: Any = None) -> Any:
    if other is not None or hasattr(dim, "shape"):
        return maximum(x, dim if other is None else other)
    return amax(x) if dim is None else max_along(x, dim, keepdim)


def _min(x: Any, dim: Any = None, keepdim: bool = False, other: Any = None) -> Any:
    if other is not None or hasattr(dim, "shape"):
        return minimum(x, dim if other is None else other)
    return amin(x) if dim is None else min_along(x, dim, keepdim)


max = composition(
    "max",
    _max,
    latex=r"\max_i x_i",
    doc="""The largest element; along `dim`, a pair (values, indices); with a tensor, `maximum`.

    >>> import clownpiece as cp
    >>> x = cp.tensor([[1.0, 5.0], [7.0, 3.0]])
    >>> x.max()
    tensor(7.)
    >>> x.max(dim=1).indices
    tensor([1, 0])
    """,
    samples=[S((3, 4)), S((3, 4), dim=0), S((3, 4), dim=1, keepdim=True), S((3, 4), (3, 4))],
)

min = composition(
    "min",
    _min,
    latex=r"\min_i x_i",
    doc="The smallest element; along `dim`, a pair (values, indices); with a tensor, `minimum`.",
    samples=[S((3, 4)), S((3, 4), dim=0), S((3, 4), dim=1, keepdim=True), S((3, 4), (3, 4))],
)

# -- the middle ------------------------------------------------------------------------------


def _median(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    if dim is None:
        flat = reshape(x, (-1,))
        if not flat.shape[0]:
            return mean(flat)
        return kthvalue(flat, (flat.shape[0] + 1) // 2, 0)[0]
    size = x.shape[axis_of(dim, x.ndim)] if x.ndim else 1
    return Median(*kthvalue(x, (size + 1) // 2, dim, keepdim))


median = composition(
    "median",
    _median,
    latex=r"x_{(\lceil n/2 \rceil)}",
    doc="The middle element, the lower one of two; along `dim`, a pair (values, indices).",
    samples=[S((3, 5)), S((3, 4), dim=1), S((5, 3), dim=0, keepdim=True)],
)

_ROUNDED = {
    "lower": np.floor,
    "higher": np.ceil,
    "nearest": np.rint,
}


def _quantile(
    x: Any, q: Any, dim: int | None = None, keepdim: bool = False, interpolation: str = "linear"
) -> Any:
    if isinstance(q, (str, tuple, list)):
        raise TypeError(
            f"quantile(): argument 'q' must be a Tensor or float, not {type(q).__name__}; got {q!r}"
        )
    wanted = np.asarray(getattr(q, "array", q), np.float64)
    if wanted.size and not (wanted.min() >= 0 and wanted.max() <= 1):
        raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q}")
    if getattr(x, "array", x).dtype.kind != "f":
        raise RuntimeError(
            f"quantile() input tensor must be either float or double dtype; got {x.dtype}"
        )
    if 0 in x.shape:
        raise RuntimeError(f"quantile() input tensor must be non-empty; got {tuple(x.shape)}")
    ndim = x.ndim
    if dim is None or axes_of(dim, ndim) == ():
        ordered, dim = sort(reshape(x, (-1,)), 0)[0], None
    else:
        ordered = sort(movedim(x, dim, 0), 0)[0]
    place = wanted.reshape(-1) * (ordered.shape[0] - 1)
    low, high = _neighbours(place, interpolation)
    share = (place - low).reshape(-1, *[1] * (ordered.ndim - 1))
    if interpolation == "midpoint":
        share = np.where(low == high, 0.0, 0.5).reshape(share.shape)
    result = lerp(getitem(ordered, low), getitem(ordered, high), _like(share, x))
    if keepdim:
        at = 1 if dim is None else axis_of(dim, ndim) + 1
        count = ndim if dim is None else 1
        for _ in range(count):
            result = unsqueeze(result, at)
    return squeeze(result, 0) if not wanted.ndim else result


def _neighbours(place: np.ndarray, interpolation: str) -> tuple[np.ndarray, np.ndarray]:
    if interpolation in ("linear", "midpoint"):
        return np.floor(place).astype(np.int64), np.ceil(place).astype(np.int64)
    if interpolation not in _ROUNDED:
        raise RuntimeError(
            "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    rounded = _ROUNDED[interpolation](place).astype(np.int64)
    return rounded, rounded


def _like(numbers: np.ndarray, x: Any) -> Any:
    return numbers.astype(getattr(x.dtype, "numpy", x.dtype))


quantile = composition(
    "quantile",
    _quantile,
    latex=r"x_{(q (n - 1))}",
    doc="""The value below which the share `q` of the elements lies; several `q` come first.

    Between two elements `interpolation` decides: linear, lower, higher, midpoint, nearest.
    """,
    samples=[
        S((3, 5), q=0.4),
        S((3, 5), q=0.25, dim=1),
        S((4, 3), q=0.5, dim=0, keepdim=True),
        S((3, 4), q=0.3, dim=1, interpolation="midpoint"),
        S((3, 4), q=0.3, dim=1, interpolation="lower"),
    ],
)
