"""Resampling along one dimension, as a matrix.

Linear, cubic and area interpolation, and average pooling into a given number of parts, all compute
each output cell as a weighted mean of input cells, dimension by dimension. So one dimension is one
matrix `(out, in)`, resampling is its product with the array, and the gradient that with its
transpose. Nearest-neighbour interpolation chooses cells, and needs their numbers only.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .pooling import adaptive_edges


def apply_along(x: np.ndarray, matrix: np.ndarray, axis: int) -> np.ndarray:
    """The product of `matrix` `(out, in)` with every line of `x` along `axis`."""
    if axis in (-1, x.ndim - 1):
        return x @ matrix.T
    moved = np.moveaxis(x, axis, -2)
    return np.ascontiguousarray(np.moveaxis(matrix @ moved, -2, axis))


@lru_cache(maxsize=256)
def area_matrix(size: int, out: int, dtype: str) -> np.ndarray:
    """The mean of each of `out` parts of `size` cells, as adaptive pooling cuts them."""
    lo, hi = adaptive_edges(size, out)
    cells = np.arange(size)
    inside = (cells >= lo[:, None]) & (cells < hi[:, None])
    return _frozen(inside / inside.sum(1, keepdims=True), dtype)


@lru_cache(maxsize=256)
def linear_matrix(
    size: int, out: int, align_corners: bool, scale: float | None, dtype: str
) -> np.ndarray:
    """Linear interpolation: each output is the mean of its two neighbours, weighted by nearness."""
    at = source_positions(size, out, align_corners, scale)
    if not align_corners:
        at = np.maximum(at, 0)
    left = np.minimum(np.floor(at).astype(np.int64), size - 1)
    right = np.minimum(left + 1, size - 1)
    share = at - left
    matrix = np.zeros((out, size))
    np.add.at(matrix, (np.arange(out), left), 1 - share)
    np.add.at(matrix, (np.arange(out), right), share)
    return _frozen(matrix, dtype)


@lru_cache(maxsize=256)
def cubic_matrix(
    size: int, out: int, align_corners: bool, scale: float | None, dtype: str
) -> np.ndarray:
    """Cubic convolution (Keys 1981, a = −3/4) over the four nearest cells; edges are repeated."""
    at = source_positions(size, out, align_corners, scale)
    first = np.floor(at).astype(np.int64)
    matrix = np.zeros((out, size))
    for offset in range(-1, 3):
        cells = np.clip(first + offset, 0, size - 1)
        np.add.at(matrix, (np.arange(out), cells), _keys(np.abs(at - first - offset)))
    return _frozen(matrix, dtype)


@lru_cache(maxsize=256)
def smooth_matrix(
    size: int, out: int, align_corners: bool, scale: float | None, cubic: bool, dtype: str
) -> np.ndarray:
    """Linear or cubic interpolation that sees every cell: the filter is as wide as the step."""
    if align_corners:
        step = (size - 1) / (out - 1) if out > 1 else 0.0
    else:
        step = 1 / scale if scale else size / out
    width = max(step, 1.0)
    reach = (2 if cubic else 1) * width
    matrix = np.zeros((out, size))
    for row in range(out):
        center = step * (row + 0.5)
        first = max(int(center - reach + 0.5), 0)
        cells = np.arange(first, min(int(center + reach + 0.5), size))
        distance = np.abs(cells + 0.5 - center) / width
        weights = _keys(distance, -0.5) if cubic else 1 - distance
        weights = np.where(distance < (2 if cubic else 1), weights, 0)
        matrix[row, cells] = weights / weights.sum()
    return _frozen(matrix, dtype)


def _keys(d: np.ndarray, a: float = -0.75) -> np.ndarray:
    """Keys' kernel at distance `d` < 2."""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * a - 4 * a
    return np.where(d <= 1, near, far)


def source_positions(size: int, out: int, align_corners: bool, scale: float | None) -> np.ndarray:
    """Where each output cell lies on the input's axis.

    With `align_corners` the centres of the first and last cells coincide, without it the outer
    edges do. `scale` is the factor the caller gave, if any; else it is `out / size`.

    >>> source_positions(2, 4, False, None)
    array([-0.25,  0.25,  0.75,  1.25])
    """
    cells = np.arange(out)
    if align_corners:
        return cells * ((size - 1) / (out - 1)) if out > 1 else np.zeros(out)
    step = 1 / scale if scale else size / out
    return (cells + 0.5) * step - 0.5


@lru_cache(maxsize=256)
def nearest_cells(size: int, out: int, exact: bool, scale: float | None) -> np.ndarray:
    """The input cell that each output cell copies.

    `exact` takes the cell under the output's centre; without it the one under its left edge, as
    PyTorch's `nearest` and OpenCV's do.

    >>> nearest_cells(3, 5, False, None), nearest_cells(3, 5, True, None)
    (array([0, 0, 1, 1, 2]), array([0, 0, 1, 2, 2]))
    """
    # Single precision, since that is in which PyTorch decides which side of a boundary a cell is.
    step = np.float32(1 / scale if scale else np.float32(size) / np.float32(out))
    start = np.arange(out, dtype=np.float32) + np.float32(0.5 if exact else 0)
    return np.minimum(np.floor(start * step).astype(np.int64), size - 1)


def _frozen(matrix: np.ndarray, dtype: str) -> np.ndarray:
    """The matrix in `dtype`, read-only since it is shared by all who ask for it."""
    matrix = matrix.astype(dtype)
    matrix.flags.writeable = False
    return matrix
