"""Subscripts: `x[...]` and `x[...] = value` with everything that NumPy and PyTorch allow there.

An index is made plain once (`subscripts.normalize_index`), and what follows works on arrays.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Any

import numpy as np

from ..kernels.embedding import scatter_rows
from ..tensor import Tensor
from .arguments import Array
from .composition import composition
from .dims import axis_of
from .matrices import off_diagonal
from .record import Op, op
from .samples import S, bools
from .selection import keep, nothing
from .shape import expand, reshape
from .subscripts import check_index, is_array, is_mask, normalize_index, reach

__all__ = [
    "add_at",
    "copy_",
    "fill_",
    "fill_diagonal_",
    "getitem",
    "masked_scatter",
    "masked_select",
    "narrow",
    "put_at",
    "select",
    "set_item",
    "setitem",
    "take",
    "tensor_split",
    "zero_",
]

# -- taking, adding, assigning on arrays ------------------------------------------------------


def _take(x: Any, index: Any) -> Any:
    view, arrays = reach(x, index)
    if arrays is None:
        return view
    try:
        return view[arrays]
    except IndexError:
        check_index(x.shape, index)
        raise


def add_at(x: Any, index: Any, value: Any) -> None:
    """Add to `x[index]` in place; a place that is named twice receives twice."""
    x, arrays = reach(x, index)
    if arrays is None:
        x += value
    elif is_array(arrays) and arrays.dtype.kind != "b" and x.ndim > 1 and x.dtype.kind == "f":
        rows = arrays.astype(np.int64) % max(len(x), 1)
        x += scatter_rows(value, rows, len(x)).reshape(x.shape)
    elif is_array(arrays) and arrays.ndim == 1 and arrays.dtype.kind == "b":
        x[arrays] += value
    else:
        np.add.at(x, arrays, value)


def _assign(x: Any, value: Any, index: Any) -> None:
    view, arrays = reach(x, index)
    place = ... if arrays is None else arrays
    try:
        # NumPy takes leading dimensions of size 1 off, but not where a mask is written to.
        if np.ndim(value) > 1 and arrays is not None:
            value = np.asarray(value).reshape(_without_ones(value))
        view[place] = value
    except OverflowError:
        raise RuntimeError(
            f"value cannot be converted to type {x.dtype} without overflow; got {value}"
        ) from None
    except (IndexError, TypeError, ValueError) as error:
        check_index(x.shape, index)
        if isinstance(error, IndexError):
            raise
        raise RuntimeError(
            f"shape mismatch: value of shape {np.shape(value)} cannot be broadcast to the indexed "
            f"part of shape {np.shape(view[place])}"
        ) from None


def _without_ones(value: Any) -> tuple[int, ...]:
    """A shape without the dimensions of size 1 that it begins with."""
    shape = np.shape(value)
    return shape[next((at for at, size in enumerate(shape) if size != 1), len(shape)) :]


# -- reading ---------------------------------------------------------------------------------

_ROWS = np.array([2, 0, 2])
_MASK = np.array([True, False, True])

getitem = op(
    "getitem",
    _take,
    grad={"x": lambda g, x_shape, index: put_at(g, x_shape, index)},
    latex=r"x_{index}",
    doc="`x[index]`: ints, slices, None, Ellipsis, masks and integer arrays. A view if it can be.",
    view=True,
    samples=[
        S((3, 4), index=1),
        S((3, 4), index=slice(1, None)),
        S((3, 4), index=(slice(None), -1)),
        S((3, 4), index=(2, 3)),
        S((3, 4), index=(Ellipsis, None, slice(0, 3, 2))),
        S((3, 4), index=_ROWS),
        S((3, 4), index=_MASK),
        S((3, 4), index=(_ROWS, np.array([[1], [3]]))),
        S((3, 4, 3), index=(slice(None), _ROWS, None)),
        S((3, 4, 3), index=(0, slice(None), _ROWS)),
        S((3, 4, 3), index=(_ROWS, slice(None), np.array([0, 1, 1]))),
        S((), index=Ellipsis),
    ],
    expose="",
    torch="Tensor.__getitem__",
)


def _put_at(x: Any, shape: tuple[int, ...], index: Any) -> Any:
    result = np.zeros(shape, x.dtype)
    add_at(result, index, x)
    return result


put_at = op(
    "put_at",
    _put_at,
    grad={"x": lambda g, index: getitem(g, index)},
    latex=r"\text{zeros}_{index} \mathrel{+}= x",
    doc="Zeros of a shape with `x` added at an index: what indexing is the other way round.",
    samples=[
        S((4,), shape=(3, 4), index=1),
        S((3, 4), shape=(3, 4), index=_ROWS),
        S((2, 4), shape=(3, 4), index=_MASK),
    ],
    expose="",
)

# -- writing ---------------------------------------------------------------------------------


class Written(Op):
    """An operation that exists only in place: on a Tensor it writes and returns the Tensor."""

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(x, Tensor):
            return self.apply_inplace(x, *args, **kwargs)
        return super().__call__(x, *args, **kwargs)


def _with(x: Any, value: Any, index: Any) -> Any:
    changed = np.array(x)
    _assign(changed, value, index)
    return changed


def _outside(g: Any, index: Any) -> Any:
    return with_item(g, 0.0, index)


def _written(g: Any, value_shape: tuple[int, ...], index: Any) -> Any:
    taken = getitem(g, index)
    extra = len(value_shape) - taken.ndim
    return reshape(taken, (1,) * extra + tuple(taken.shape)) if extra > 0 else taken


_WRITES = [
    S((3, 4), (4,), index=1),
    S((3, 4), (), index=slice(1, None)),
    S((3, 4), (1, 3), index=(slice(None), 2)),
    S((3, 4), 0.5, index=_MASK),
    S((3, 4), (2, 4), index=np.array([2, 0])),
    S((3, 4, 3), (4, 2), index=(0, slice(None), np.array([2, 0]))),
]

with_item = op(
    "with_item",
    _with,
    inputs="x value",
    grad={"x": _outside, "value": _written},
    latex=r"x \text{ with } x_{index} = value",
    doc="A copy of `x` with `value` at an index.",
    samples=_WRITES,
    expose="",
)

setitem = op(
    "setitem",
    _with,
    inputs="x value",
    grad={"x": _outside, "value": _written},
    latex=r"x_{index} \leftarrow value",
    doc="`x[index] = value`: as reading, and the value is broadcast to what is indexed.",
    samples=_WRITES,
    expose="",
    inplace=True,
    into=lambda x, value, index: _assign(x, value, index),
    torch="",
)


def set_item(x: Tensor, index: Any, value: Any) -> None:
    """`x[index] = value`.

    Raises:
        IndexError: the index does not fit `x`.
        TypeError: `value` holds no numbers.
        RuntimeError: `value` is a tensor of another dtype and the index has tensors in it (a
            slice converts what it is given, and so does a mask that is given a single number),
            or it has a shape that cannot be broadcast to the part.
    """
    if index is False:
        return
    index = normalize_index(index)
    if isinstance(value, Tensor):
        if value.array.dtype != x.array.dtype:
            _check_converts(x, value, index)
    elif not isinstance(value, _NUMBERS):
        raise TypeError(
            f"can't assign a {type(value).__name__} to a part of a tensor of {x.array.dtype}; "
            "give it a number, a tensor or an array"
        )
    setitem.apply_inplace(x, value, index)


_NUMBERS = (int, float, np.ndarray, np.generic, list, tuple)


def _check_converts(x: Tensor, value: Tensor, index: Any) -> None:
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [part for part in parts if is_array(part)]
    one_number = len(arrays) == 1 and is_mask(arrays[0]) and arrays[0].ndim and value.numel() == 1
    if arrays and not one_number:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{x.array.dtype} for the destination and {value.array.dtype} for the source; "
            "convert the source with .to()"
        )


def _copied(x: Any, src: Any, non_blocking: bool = False) -> Any:
    changed = np.array(x)
    _assign(changed, src, ...)
    return changed


def _copy_into(x: Any, src: Any, non_blocking: bool = False) -> None:
    # An assignment would take leading dimensions of size 1 off.
    if np.ndim(src) > x.ndim:
        raise RuntimeError(
            f"copy_: output with shape {list(x.shape)} doesn't match the broadcast shape "
            f"{list(np.shape(src))}; squeeze() what is copied"
        )
    _assign(x, src, ...)


copy_ = op(
    "copy_",
    _copied,
    inputs="x src",
    grad={"x": lambda g: nothing(g), "src": lambda g, src_shape: _written(g, src_shape, ...)},
    latex=r"x \leftarrow src",
    doc="The values of `src`, broadcast, written into `x`, which keeps its dtype.",
    samples=[S((3, 4), (3, 4)), S((3, 4), (4,))],
    expose="method",
    into=_copy_into,
    torch="",
    kind=Written,
)

fill_ = op(
    "fill_",
    _copied,
    inputs="x value",
    grad={"x": lambda g: nothing(g), "value": lambda g: g},
    latex=r"x \leftarrow value",
    doc="One number, or a 0-d tensor, written everywhere into `x`.",
    samples=[S((3, 4), 0.5), S((3, 4), ())],
    expose="method",
    into=lambda x, value, non_blocking=False: _assign(x, value, ...),
    torch="",
    kind=Written,
)

zero_ = op(
    "zero_",
    np.zeros_like,
    grad={"x": lambda g: nothing(g)},
    latex=r"x \leftarrow 0",
    doc="Zero written everywhere into `x`.",
    samples=[S((3, 4))],
    expose="method",
    into=lambda x: _assign(x, 0, ...),
    torch="",
    kind=Written,
)



def _fill_diagonal(x: Any, fill_value: float, wrap: bool = False) -> Any:
    return np.where(off_diagonal(x.shape, wrap), x, x.dtype.type(fill_value))


fill_diagonal_ = op(
    "fill_diagonal_",
    _fill_diagonal,
    grad={"x": lambda g, x_shape, wrap: keep(g, off_diagonal(x_shape, wrap))},
    latex=r"x_{ii} \leftarrow value",
    doc="One number written into the main diagonal of `x`, again below it with `wrap`.",
    samples=[S((3, 4), fill_value=0.5), S((5, 2), fill_value=2.0, wrap=True)],
    expose="method",
    torch="",
    kind=Written,
)

# -- by name ---------------------------------------------------------------------------------


def _narrow(x: Any, dim: int, start: Any, length: int) -> Any:
    axis = axis_of(dim, x.ndim)
    size = x.shape[axis]
    if not hasattr(start, "__index__"):
        raise TypeError(
            f"narrow(): argument 'start' must be an int or a tensor with one, not "
            f"{type(start).__name__}"
        )
    if not -size <= start <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [{-size}, {size}], but got "
            f"{int(start)})"
        )
    begin = int(start) + (size if start < 0 else 0)
    if length < 0 or begin < 0 or begin + length > size:
        raise RuntimeError(
            f"narrow: start ({int(start)}) + length ({length}) exceeds dimension size ({size})"
        )
    return getitem(x, (slice(None),) * axis + (slice(begin, begin + length),))


narrow = composition(
    "narrow",
    _narrow,
    latex=r"x_{start:start+length}",
    doc="The stretch of `length` elements from `start` along `dim`, as a view.",
    samples=[S((3, 4), dim=1, start=1, length=2), S((3, 4), dim=0, start=-2, length=2)],
)


def _tensor_split(x: Any, indices_or_sections: Any, dim: int = 0) -> Any:
    if not x.ndim:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor")
    total = x.shape[axis_of(dim, x.ndim)]
    if isinstance(indices_or_sections, (tuple, list)):
        ends = [min(max(n + total if n < 0 else n, 0), total) for n in indices_or_sections]
    else:
        if not isinstance(indices_or_sections, int):
            raise TypeError(
                "tensor_split(): argument 'indices_or_sections' must be an int or a tuple of ints, "
                f"not {type(indices_or_sections).__name__}"
            )
        if indices_or_sections <= 0:
            raise RuntimeError(
                f"number of sections must be larger than 0, got {indices_or_sections}"
            )
        size, larger = divmod(total, indices_or_sections)
        ends = list(accumulate([size + (i < larger) for i in range(indices_or_sections - 1)]))
    cuts = zip([0, *ends], [*ends, total])
    return tuple([narrow(x, dim, start, max(end - start, 0)) for start, end in cuts])


tensor_split = composition(
    "tensor_split",
    _tensor_split,
    outputs=None,
    latex=r"x",
    doc="Pieces of nearly one size (the first ones larger), or cut at a list of indices.",
    samples=[
        S((5, 3), indices_or_sections=3),
        S((2, 6), indices_or_sections=(1, 4), dim=1),
        S((6, 2), indices_or_sections=(4, 1, 9)),
    ],
)


def _select(x: Any, dim: int, index: int) -> Any:
    if not x.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    return getitem(x, (slice(None),) * axis_of(dim, x.ndim) + (int(index),))


select = composition(
    "select",
    _select,
    latex=r"x_{index}",
    doc="The slice at `index` along `dim`, which disappears, as a view.",
    samples=[S((3, 4), dim=0, index=1), S((3, 4), dim=-1, index=-1)],
)


def _masked_select(x: Any, mask: Any) -> Any:
    if getattr(mask, "array", mask).dtype != bool:
        raise RuntimeError(f"masked_select: expected BoolTensor for mask; got {mask.dtype}")
    shape = np.broadcast_shapes(tuple(x.shape), tuple(mask.shape))
    return getitem(expand(x, shape), normalize_index(expand(mask, shape)))


masked_select = composition(
    "masked_select",
    _masked_select,
    inputs="x mask",
    latex=r"(x_i : mask_i)",
    doc="The elements where the mask is true, in one dimension.",
    samples=[S((3, 4), bools((3, 4))), S((3, 4), bools((4,)))],
)



def _masked_scatter(x: Any, mask: Any, source: Any) -> Any:
    if mask.dtype.kind != "b":
        raise RuntimeError(
            f"masked_scatter only supports boolean masks, but got a mask of {mask.dtype}; "
            "compare it first, for example with == 0"
        )
    shape = np.broadcast_shapes(x.shape, mask.shape)
    result, mask = np.array(np.broadcast_to(x, shape)), np.broadcast_to(mask, shape)
    count = np.count_nonzero(mask)
    if source.size < count:
        raise RuntimeError(
            f"masked_scatter: Number of elements of source < number of ones in mask: "
            f"{source.size} < {count}"
        )
    result[mask] = source.reshape(-1)[:count]
    return result


def _scattered(g: Any, mask: Any, source_shape: tuple[int, ...]) -> Any:
    """What the elements of a source get: of those that were written, one after the other."""
    taken = masked_select(g, mask)
    flat = put_at(taken, (math.prod(source_shape),), slice(taken.shape[0]))
    return reshape(flat, source_shape)


masked_scatter = op(
    "masked_scatter",
    _masked_scatter,
    inputs="x mask source",
    alike="x source",
    grad={
        "x": lambda g, mask: keep(g, ~mask),
        "source": lambda g, mask, source_shape: _scattered(g, mask, source_shape),
    },
    latex=r"x_{mask} \leftarrow source",
    doc="A copy of `x` with the elements of `source`, in order, wherever the mask is true.",
    samples=[S((3, 4), bools((3, 4)), (3, 5)), S((3, 4), bools((4,)), (12,))],
    inplace=True,
)


def _take_flat(x: Any, index: Array) -> Any:
    if not hasattr(index, "dtype"):
        raise TypeError(f"take(): argument 'index' must be Tensor, not {type(index).__name__}")
    return getitem(reshape(x, (-1,)), normalize_index(index))


take = composition(
    "take",
    _take_flat,
    latex=r"x_{index}",
    doc="Elements by their place in the flattened tensor, in the shape of `index`.",
    samples=[S((3, 4), index=np.array([[0, 5], [11, 5]]))],
)
