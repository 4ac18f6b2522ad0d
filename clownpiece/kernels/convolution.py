"""Convolution in any number of dimensions, as one matrix product.

With k running over the cells of the kernel, s the stride and d the dilation, the three functions of
this file are

    correlate   y[n, o, i] = Σ_ck  w[o, c, k] x[n, c, i s + k d]
    spread      x[n, c, j] = Σ_oik w[o, c, k] y[n, o, i]    where i s + k d = j
    weigh       w[o, c, k] = Σ_ni  y[n, o, i] x[n, c, i s + k d]

Each is linear in both of its arguments, and the derivative of any of them is the other two. So
these are all that convolutional networks need: the forward pass is `correlate`; the gradient of
its input, which is also the transposed convolution, is `spread`; the gradient of its weight is
`weigh`; and gradients of gradients are the same three again.

The windows are copied side by side ("im2col", Chellapilla et al. 2006), so that all the arithmetic
is one matrix product for each group of channels. The copy is made for a few samples at a time, to
bound its memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .blocks import row_blocks
from .windows import Windows

COLUMN_BYTES = 1 << 22


def correlate(x: np.ndarray, weight: np.ndarray, windows: Windows, groups: int = 1) -> np.ndarray:
    """The convolution of deep learning, `(N, C, *input)` to `(N, O, *output)`.

    `weight` is `(O, C / groups, *kernel)`. Here as below, N may be missing.
    """
    batch, lead = _batch(x, windows)
    kernels = weight.reshape(groups, len(weight) // groups, -1)
    y = np.empty((len(batch), len(weight), *windows.output), np.result_type(x, weight))
    for rows, columns in _columns(batch, windows, groups):
        _by_sample(y[rows])[...] = _by_channel(kernels @ columns, y[rows])
    return y.reshape(*lead, *y.shape[1:])


def spread(y: np.ndarray, weight: np.ndarray, windows: Windows, groups: int = 1) -> np.ndarray:
    """The transpose of `correlate` in its input: `(N, O, *output)` back to `(N, C, *input)`."""
    batch, lead = _batch(y, windows)
    kernels = weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)
    channels = weight.shape[1] * groups
    x = np.empty((len(batch), channels, *windows.input), np.result_type(y, weight))
    for rows in _samples(len(batch), channels, windows, x.dtype):
        flat = _flat(batch[rows], groups)
        # With one filter a group the product is an outer one, which BLAS is not made for.
        columns = kernels * flat if flat.shape[1] == 1 else kernels @ flat
        shape = (channels, *windows.kernel, len(batch[rows]), *windows.output)
        _by_sample(x[rows])[...] = _add_windows(columns.reshape(shape), windows)
    return x.reshape(*lead, *x.shape[1:])


def weigh(x: np.ndarray, y: np.ndarray, windows: Windows, groups: int = 1) -> np.ndarray:
    """How `x` at every offset of the kernel goes with `y`: `(O, C / groups, *kernel)`.

    The gradient of `correlate` for its weight, where `y` is the gradient of its output.
    """
    (x, _), (y, _) = _batch(x, windows), _batch(y, windows)
    channels, out_channels = x.shape[1] // groups, y.shape[1]
    shape = (groups, out_channels // groups, channels * math.prod(windows.kernel))
    weight = np.zeros(shape, np.result_type(x, y))
    for rows, columns in _columns(x, windows, groups):
        weight += _flat(y[rows], groups) @ columns.swapaxes(1, 2)
    return weight.reshape(out_channels, channels, *windows.kernel)


def unfold(x: np.ndarray, windows: Windows) -> np.ndarray:
    """The windows of `x` `(N, C, *input)` as columns: `(N, C * kernel cells, output cells)`."""
    return windows.view(windows.padded(x)).reshape(
        len(x), x.shape[1] * math.prod(windows.kernel), -1
    )


def fold(columns: np.ndarray, windows: Windows) -> np.ndarray:
    """The transpose of :func:`unfold`: columns added where their cells came from."""
    split = columns.reshape(len(columns), -1, *windows.kernel, *windows.output)
    ahead = np.moveaxis(split, 0, 1 + windows.ndim)
    return np.ascontiguousarray(_by_sample(_add_windows(ahead, windows)))


def _batch(x: np.ndarray, windows: Windows) -> tuple[np.ndarray, tuple[int, ...]]:
    """`x` with a batch dimension, and the shape of what stood in its place: `(N,)` or `()`."""
    lead = x.shape[: x.ndim - windows.ndim - 1]
    return x.reshape(math.prod(lead), *x.shape[len(lead) :]), lead


def _samples(n: int, channels: int, windows: Windows, dtype: np.dtype) -> Iterator[slice]:
    """Slices of samples whose columns keep to the memory bound."""
    cells = channels * math.prod(windows.kernel) * math.prod(windows.output)
    return row_blocks(n, cells * dtype.itemsize, COLUMN_BYTES)


def _columns(x: np.ndarray, windows: Windows, groups: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of samples with their windows `(groups, C/groups * kernel, samples * output)`.

    The blocks share their memory: use one before asking for the next.
    """
    cells = x.shape[1] // groups * math.prod(windows.kernel)
    memory = None
    for rows in _samples(len(x), x.shape[1], windows, x.dtype):
        view = windows.view(windows.padded(x[rows]))
        ahead = np.moveaxis(view, 0, 1 + windows.ndim)
        if memory is None or memory.shape != ahead.shape:
            memory = np.empty(ahead.shape, x.dtype)
        np.copyto(memory, ahead)
        yield rows, memory.reshape(groups, cells, -1)


def _add_windows(columns: np.ndarray, windows: Windows) -> np.ndarray:
    """Columns `(C, *kernel, N, *output)` added into the cells they came from: `(C, N, *input)`."""
    channels, samples = columns.shape[0], columns.shape[1 + windows.ndim]
    padded = np.zeros((channels, samples, *windows.extent), columns.dtype)
    for offset, cells in windows.taps():
        tap: tuple[Any, ...] = (slice(None), *offset)
        padded[cells] += columns[tap]
    return windows.unpadded(padded)


def _flat(y: np.ndarray, groups: int) -> np.ndarray:
    """`(N, O, *output)` as `(groups, O/groups, N * output cells)`."""
    return _by_sample(y).reshape(groups, y.shape[1] // groups, -1)


def _by_sample(y: np.ndarray) -> np.ndarray:
    """The first two dimensions exchanged: a view with the samples behind the channels, or back."""
    return y.swapaxes(0, 1)


def _by_channel(product: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The product `(groups, O/groups, N * output)` in the shape of `y` with channels first."""
    return product.reshape(y.shape[1], y.shape[0], *y.shape[2:])
