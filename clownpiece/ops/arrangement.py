"""The same elements in other places: repeated, turned, shifted, in windows, inside a border."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .arguments import Ints
from .composition import composition
from .dims import axes_of, axis_of
from .indexing import getitem
from .record import op
from .reductions import sum
from .samples import S
from .shape import expand, reshape, transpose, unsqueeze

__all__ = ["flip", "fliplr", "flipud", "repeat", "repeat_interleave", "roll", "rot90", "tile"]


def _tuple(given: Any) -> tuple[int, ...]:
    return tuple(given) if isinstance(given, Sequence) else (given,)


# -- repeated --------------------------------------------------------------------------------


def _repeat(x: Any, repeats: Sequence[int]) -> Any:
    times = _tuple(repeats)
    if len(times) < x.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            f"tensor: got {times} for shape {tuple(x.shape)}"
        )
    if any(each < 0 for each in times):
        raise RuntimeError(f"repeat: a tensor is repeated 0 times or more; got {times}")
    return np.tile(x, times)


def _sum_of_copies(g: Any, x_shape: tuple[int, ...], repeats: Ints) -> Any:
    times = _tuple(repeats)
    sizes = (1,) * (len(times) - len(x_shape)) + tuple(x_shape)
    split = [part for pair in zip(times, sizes, strict=True) for part in pair]
    return reshape(sum(reshape(g, tuple(split)), tuple(range(0, len(split), 2))), x_shape)


repeat = op(
    "repeat",
    _repeat,
    grad={"x": _sum_of_copies},
    latex=r"[x, x, \ldots]",
    doc="""Copies of the whole tensor side by side, so many times in each dimension.

    >>> import clownpiece as cp
    >>> cp.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """,
    pack="repeats",
    samples=[S((3,), repeats=(2,)), S((2, 3), repeats=(2, 1, 2)), S((), repeats=(2,))],
    expose="method",
    torch="Tensor.repeat",
)


def _tile(x: Any, *times: Ints, dims: Ints | None = None) -> Any:
    if dims is not None or isinstance(times[0], Sequence):
        times = _tuple(times[0] if dims is None else dims)
    return repeat(x, (1,) * (x.ndim - len(times)) + times)


tile = composition(
    "tile",
    _tile,
    latex=r"[x, x, \ldots]",
    doc="`repeat` that fills up missing dimensions with 1.",
    samples=[S((2, 3), dims=(2,)), S((3,), dims=(2, 2))],
)


def _repeat_interleave(
    x: Any, repeats: Any, dim: int | None = None, output_size: int | None = None
) -> Any:
    if dim is None:
        x, dim = reshape(x, (-1,)), 0
    axis = axis_of(dim, x.ndim)
    shape = tuple(x.shape)
    counts = getattr(repeats, "array", repeats)
    if isinstance(repeats, float):
        raise TypeError(
            f"repeat_interleave(): argument 'repeats' must be a Tensor or int, not float: {repeats}"
        )
    if np.size(counts) and np.min(counts) < 0:
        raise RuntimeError(f"repeat_interleave: repeats must be non-negative; got {repeats}")
    if np.ndim(counts) == 1 and np.size(counts) not in (1, shape[axis]):
        raise RuntimeError(
            f"repeat_interleave: repeats must have the size {shape[axis]} of dimension {axis}; got "
            f"{np.size(counts)}"
        )
    if isinstance(repeats, int):
        _check_output_size(output_size, shape[axis] * repeats)
        wide = expand(unsqueeze(x, axis + 1), (*shape[: axis + 1], repeats, *shape[axis + 1 :]))
        return reshape(wide, (*shape[:axis], shape[axis] * repeats, *shape[axis + 1 :]))
    places = np.repeat(np.arange(shape[axis]), counts)
    _check_output_size(output_size, len(places))
    return getitem(x, (slice(None),) * axis + (places,))


def _check_output_size(told: int | None, size: int) -> None:
    if told is not None and told != size:
        raise RuntimeError(
            f"repeat_interleave: Invalid output_size, expected {size} but got {told}; it need not "
            "be given"
        )


repeat_interleave = composition(
    "repeat_interleave",
    _repeat_interleave,
    latex=r"[x_1, x_1, x_2, x_2, \ldots]",
    doc="Each element, or each slice along `dim`, so many times in a row.",
    samples=[S((2, 3), repeats=2), S((2, 3), repeats=2, dim=1)],
)

# -- turned and shifted ----------------------------------------------------------------------


def _flip(x: Any, dims: Ints) -> Any:
    return np.flip(x, axes_of(dims, x.ndim) or ()).copy()


flip = op(
    "flip",
    _flip,
    grad={"x": lambda g, dims: flip(g, dims)},
    latex=r"x_{n-1-i}",
    doc="A copy with these dimensions running backwards.",
    pack="dims",
    samples=[S((3, 4), dims=(0,)), S((3, 4), dims=(0, -1))],
)

fliplr = composition(
    "fliplr",
    lambda x: flip(x, (1,)),
    doc="Columns from right to left.",
    samples=[S((3, 4))],
)


def _flipud(x: Any) -> Any:
    if not x.ndim:
        raise RuntimeError("flipud: Input must be >= 1-d; a tensor without dimensions has no rows")
    return flip(x, (0,))


flipud = composition(
    "flipud",
    _flipud,
    doc="Rows from bottom to top.",
    samples=[S((3, 4))],
)


def _roll(x: Any, shifts: Ints, dims: Ints | None = None) -> Any:
    moved = 1 if dims is None else len(_tuple(dims))
    if len(_tuple(shifts)) != moved:
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(_tuple(shifts))}, "
            f"dims: {moved}"
        )
    return np.roll(x, shifts, axes_of(dims, x.ndim))


roll = op(
    "roll",
    _roll,
    grad={"x": lambda g, shifts, dims: roll(g, tuple([-each for each in _tuple(shifts)]), dims)},
    latex=r"x_{(i - shift) \bmod n}",
    doc="Shifted along `dims`; what falls out at one end comes in at the other.",
    samples=[
        S((3, 4), shifts=(1,)),
        S((3, 4), shifts=2, dims=1),
        S((3, 4), shifts=(1, -1), dims=(0, 1)),
    ],
)


def _rot90(x: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Any:
    if x.ndim < 2:
        raise RuntimeError(f"rot90 turns at least 2 dimensions; got shape {tuple(x.shape)}")
    if len(dims) != 2:
        raise RuntimeError(f"rot90 turns from one dimension to another; got dims {tuple(dims)}")
    first, second = axis_of(dims[0], x.ndim), axis_of(dims[1], x.ndim)
    if first == second:
        raise RuntimeError(f"rot90 needs two different dimensions; got {tuple(dims)}")
    turns = k % 4
    if turns == 2:
        return flip(x, (first, second))
    if turns == 1:
        return flip(transpose(x, first, second), (first,))
    return transpose(flip(x, (first,)), first, second) if turns == 3 else reshape(x, x.shape)


rot90 = composition(
    "rot90",
    _rot90,
    doc="Turned by `k` quarter turns from the first of `dims` towards the second.",
    samples=[*[S((2, 3), k=k) for k in range(4)], S((2, 3, 4), k=-1, dims=(1, 2))],
)

# -- windows ---------------------------------------------------------------------------------


def _windows(x: Any, dimension: int, size: int, step: int) -> Any:
    axis = axis_of(dimension, x.ndim)
    extent = x.shape[axis] if x.ndim else 1
    if not 0 <= size <= extent:
        raise RuntimeError(
            f"unfold: maximum size for tensor at dimension {dimension} is {extent} but size is "
            f"{size}"
        )
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not x.ndim:
        return x[None][:size]
    # Windows that overlap are read-only, as all that stands in memory once and is seen twice.
    apart = size <= step and x.flags.writeable
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis, writeable=apart)
    return windows[(slice(None),) * axis + (slice(None, None, step),)]


def _from_windows(x: Any, shape: tuple[int, ...], dimension: int, size: int, step: int) -> Any:
    result = np.zeros(shape, x.dtype)
    axis = axis_of(dimension, len(shape))
    at_front, windows = np.moveaxis(result, axis, 0), np.moveaxis(x, axis, 0)
    count = len(windows)
    for offset in range(size):
        at_front[offset : offset + (count - 1) * step + 1 : step] += windows[..., offset]
    return result


unfold = op(
    "unfold",
    _windows,
    grad={
        "x": lambda g, x_shape, dimension, size, step: from_windows(
            g, x_shape, dimension, size, step
        )
    },
    latex=r"x_{i \cdot step + k}",
    doc="Windows of `size` elements, `step` apart, along a dimension; they are a new last one.",
    view=True,
    samples=[
        S((7,), dimension=0, size=3, step=2),
        S((2, 5), dimension=1, size=2, step=1),
        S((5, 2), dimension=0, size=2, step=3),
    ],
    expose="method",
    torch="Tensor.unfold",
)

from_windows = op(
    "from_windows",
    _from_windows,
    grad={"x": lambda g, dimension, size, step: unfold(g, dimension, size, step)},
    latex=r"\sum_{i, k} x_{ik}",
    doc="Windows added where `unfold` took them from.",
    samples=[S((3, 3), shape=(7,), dimension=0, size=3, step=2)],
    expose="",
)
