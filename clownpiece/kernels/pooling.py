"""Pooling in any number of dimensions: sums and maxima over sliding windows.

A sum over a box is a sum of sums: one dimension after the other, so that a window of k × k cells
costs 2k additions. A maximum too; but which cell held it is asked of every cell of the window, in
reading order, so that ties go to the first, as in PyTorch.

Arrays end in the spatial dimensions of their `Windows`; whatever comes before is batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .windows import Windows


def window_sum(x: np.ndarray, windows: Windows) -> np.ndarray:
    """The sum over each window: `(…, *input)` to `(…, *output)`; padding counts as zero."""
    total = windows.padded(x)
    lead = total.ndim - windows.ndim
    for dim in reversed(range(windows.ndim)):
        total = _fold_taps(total, windows, dim, lead, np.add)
    return total.copy() if np.may_share_memory(total, x) else total


def window_spread(g: np.ndarray, windows: Windows) -> np.ndarray:
    """The transpose of `window_sum`: each cell gets the sum of the windows that it lies in."""
    spread = g
    lead = g.ndim - windows.ndim
    for dim in range(windows.ndim):
        shape = list(spread.shape)
        shape[lead + dim] = windows.extent[dim]
        out = np.zeros(shape, g.dtype)
        for k in range(windows.kernel[dim]):
            out[_along(lead + dim, windows.tap(dim, k))] += spread
        spread = out
    return windows.unpadded(spread)


def max_pool(x: np.ndarray, windows: Windows) -> np.ndarray:
    """The maximum of each window; padding never wins, NaN always does."""
    best = windows.padded(x, lowest(x.dtype))
    lead = best.ndim - windows.ndim
    for dim in reversed(range(windows.ndim)):
        best = _fold_taps(best, windows, dim, lead, np.maximum)
    return best.copy() if np.may_share_memory(best, x) else best


def max_pool_spread(g: np.ndarray, x: np.ndarray, y: np.ndarray, windows: Windows) -> np.ndarray:
    """The gradient of `max_pool` `y = max_pool(x)`: `g` where each window's maximum stood."""
    padded = windows.padded(x, lowest(x.dtype))
    out = np.zeros(padded.shape, g.dtype)
    disjoint = all(
        k <= s and d == 1
        for k, s, d in zip(windows.kernel, windows.stride, windows.dilation, strict=True)
    )
    for cells, first in _winners(padded, y, windows):
        if disjoint:
            np.multiply(g, first, out=out[cells])
        else:
            out[cells] += g * first
    return windows.unpadded(out)


def max_pool_gather(v: np.ndarray, x: np.ndarray, y: np.ndarray, windows: Windows) -> np.ndarray:
    """The transpose of `max_pool_spread`: from `v`, like `x`, the cells that were maximal."""
    values = windows.padded(v)
    out = np.zeros(y.shape, v.dtype)
    for cells, first in _winners(windows.padded(x, lowest(x.dtype)), y, windows):
        np.copyto(out, values[cells], where=first)
    return out


def max_pool_indices(x: np.ndarray, windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    """The maxima, and where they stand: int64 positions in the flattened space of the input."""
    y = max_pool(x, windows)
    indices = np.zeros(y.shape, np.int64)
    taps = list(windows.taps())
    winners = _winners(windows.padded(x, lowest(x.dtype)), y, windows)
    for (offset, _), (_, first) in zip(taps, winners, strict=True):
        np.copyto(indices, _positions(windows, offset), where=first)
    return y, indices


def gather_cells(x: np.ndarray, indices: np.ndarray, ndim: int) -> np.ndarray:
    """Cells of each plane by their flat positions; the last `ndim` dimensions are the plane."""
    lead = x.shape[: x.ndim - ndim]
    flat = np.take_along_axis(x.reshape(*lead, -1), indices.reshape(*lead, -1), -1)
    return flat.reshape(indices.shape)


def scatter_cells(g: np.ndarray, indices: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The transpose of `gather_cells`: planes of size `shape`, cells named twice added up."""
    lead = g.shape[: g.ndim - len(shape)]
    planes, cells = int(np.prod(lead)), int(np.prod(shape))
    at = indices.reshape(planes, -1) + np.arange(planes)[:, None] * cells
    total = np.bincount(at.ravel(), g.ravel(), planes * cells)
    return total.astype(g.dtype).reshape(*lead, *shape)


def place_cells(x: np.ndarray, indices: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Planes of zeros of size `shape` with `x` written at its positions (max-unpooling)."""
    lead = x.shape[: x.ndim - len(shape)]
    cells = int(np.prod(shape))
    out = np.zeros((*lead, cells), x.dtype)
    np.put_along_axis(out, indices.reshape(*lead, -1), x.reshape(*lead, -1), -1)
    return out.reshape(*lead, *shape)


def window_counts(windows: Windows, include_pad: bool) -> np.ndarray:
    """The number of cells of each window, which an average divides by: shape `output`.

    Cells beyond the padding (there are some under ceil_mode) never count, those of the padding
    only with `include_pad`.
    """
    counts: np.ndarray = np.ones((), np.int64)
    for dim, (lo, hi) in enumerate(windows.padding):
        start = np.arange(windows.output[dim]) * windows.stride[dim] - lo
        size = windows.input[dim]
        end = np.minimum(start + windows.kernel[dim], size + hi)
        if not include_pad:
            start, end = np.maximum(start, 0), np.minimum(end, size)
        counts = counts[..., None] * (end - start)
    return counts


def adaptive_edges(size: int, out: int) -> tuple[np.ndarray, np.ndarray]:
    """Begin and end of the `out` parts into which adaptive pooling cuts `size` cells.

    >>> adaptive_edges(5, 3)
    (array([0, 1, 3]), array([2, 4, 5]))
    """
    places = np.arange(out)
    return places * size // out, -(-(places + 1) * size // out)


def adaptive_max_pool(x: np.ndarray, output: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The maximum of each of `output` parts of the trailing dimensions, with its position."""
    starts, masks = [], []
    for size, out in zip(x.shape[x.ndim - len(output) :], output, strict=True):
        lo, hi = adaptive_edges(size, out)
        width = int((hi - lo).max(initial=1))
        cells = lo[:, None] + np.arange(width)
        starts.append(np.minimum(cells, size - 1))
        masks.append(cells < hi[:, None])
    return windows_argmax(x, starts, masks)


def windows_argmax(
    x: np.ndarray, cells: list[np.ndarray], masks: list[np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Maxima over irregular windows, given along each dimension as cells `(output, kernel)`."""
    n = len(cells)
    plane = x.shape[x.ndim - n :]
    output = tuple(len(c) for c in cells)
    inside = np.ones((), bool)
    flat = np.zeros((), np.int64)
    for dim, index in enumerate(cells):
        shape = [1] * (2 * n)
        shape[dim], shape[n + dim] = index.shape
        flat = flat * plane[dim] + index.reshape(shape)
        if masks is not None:
            inside = inside & masks[dim].reshape(shape)
    flat = flat.reshape(*output, max(math.prod(c.shape[1] for c in cells), 1))
    values = x.reshape(*x.shape[: x.ndim - n], -1)[..., flat]
    if masks is not None:
        values = np.where(inside.reshape(flat.shape), values, lowest(x.dtype))
    best = values.argmax(-1)[..., None]
    indices = np.take_along_axis(np.broadcast_to(flat, values.shape), best, -1)
    return np.take_along_axis(values, best, -1)[..., 0], indices[..., 0]


def lowest(dtype: np.dtype) -> float | int:
    """What every number of this dtype is at least: −∞, or the smallest integer."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _along(axis: int, cells: slice) -> tuple[slice, ...]:
    return (slice(None),) * axis + (cells,)


def _fold_taps(
    x: np.ndarray, windows: Windows, dim: int, lead: int, combine: np.ufunc
) -> np.ndarray:
    """One dimension's windows combined: `x` shrinks from `extent` to `output` along it."""
    taps = [x[_along(lead + dim, windows.tap(dim, k))] for k in range(windows.kernel[dim])]
    if len(taps) == 1:
        return taps[0]
    out = combine(taps[0], taps[1])
    for tap in taps[2:]:
        combine(out, tap, out=out)
    return out


def _winners(
    padded: np.ndarray, y: np.ndarray, windows: Windows
) -> Iterator[tuple[Any, np.ndarray]]:
    """For each offset of the kernel: its cells, and in which windows it holds the maximum first."""
    taken = np.zeros(y.shape, bool)
    nan = y.dtype.kind == "f" and bool(np.isnan(y).any())
    for _, cells in windows.taps():
        tap = padded[cells]
        first = tap == y
        if nan:
            first |= np.isnan(tap)
        first &= ~taken
        taken |= first
        yield cells, first


def _positions(windows: Windows, offset: tuple[int, ...]) -> np.ndarray:
    """Where an offset of the kernel falls, window by window, in the flattened input."""
    flat = np.zeros((), np.int64)
    for dim, k in enumerate(offset):
        start = k * windows.dilation[dim] - windows.padding[dim][0]
        at = start + np.arange(windows.output[dim]) * windows.stride[dim]
        flat = flat[..., None] * windows.input[dim] + at
    return flat
