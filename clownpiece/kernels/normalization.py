"""Normalization, forward and backward: of rows (layer, group, RMS) and of channels (batch).

    x̂ = (x − μ) / √(σ² + ε)

With ĝ the gradient that arrives at x̂, and means over the cells that are normalized together,

    ∂/∂x = (ĝ − mean(ĝ) − x̂ mean(ĝ x̂)) / √(σ² + ε)

RMS normalization does not centre: its μ is zero, and the term mean(ĝ) is missing.

Everything is worked through in blocks that fit the cache; backward computes the statistics of rows
again, which there costs less than keeping them. Half precision is computed in single.

Papers: Ioffe and Szegedy 2015 (batch), Ba et al. 2016 (layer), Wu and He 2018 (group), Zhang and
Sennrich 2019 (RMS).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .blocks import row_blocks

Gradients = tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]


def normalize_rows(
    x: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    eps: float,
    center: bool = True,
    groups: int = 1,
) -> np.ndarray:
    """Each row of `x` `(rows, *row)`, cut into `groups`, normalized, then scaled and shifted.

    `weight` and `bias` broadcast against a row: `(D,)` for layer normalization with rows
    `(D,)`, `(C, 1)` for group normalization with rows `(C, L)`.
    """
    wide, scale, shift = _wide(x), _wide(weight), _wide(bias)
    y = np.empty(wide.shape, wide.dtype)
    for rows in _blocks(wide):
        out = y[rows]
        _standardize(_cut(wide[rows], groups), eps, center, _cut(out, groups))
        if scale is not None:
            out *= scale
        if shift is not None:
            out += shift
    return y.astype(x.dtype, copy=False)


def normalize_rows_backward(
    g: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | None,
    eps: float,
    needs: tuple[bool, bool, bool],
    center: bool = True,
    groups: int = 1,
) -> Gradients:
    """The gradients of `normalize_rows` for `x`, `weight` and `bias`, where needed.

    Those of weight and bias have the shape of a row: the caller sums them to what was broadcast.
    """
    wide, scale, cotangent = _wide(x), _wide(weight), _wide(g)
    gx = np.empty(wide.shape, wide.dtype) if needs[0] else None
    gw = np.zeros(wide.shape[1:], wide.dtype) if needs[1] else None
    gb = np.zeros(wide.shape[1:], wide.dtype) if needs[2] else None
    # The same two pieces of memory for all blocks: fresh ones would cost more than the arithmetic.
    xhats, products = _scratch(wide), _scratch(wide)
    for rows in _blocks(wide):
        block = cotangent[rows]
        xhat, product = xhats[: len(block)], products[: len(block)]
        flat = _cut(xhat, groups)
        inverse = _standardize(_cut(wide[rows], groups), eps, center, flat)
        if gw is not None:
            gw += _column_sums(np.multiply(block, xhat, out=product))
        if gb is not None:
            gb += _column_sums(block)
        if gx is not None:
            ghat = block if scale is None else np.multiply(block, scale, out=product)
            _project(_cut(ghat, groups), flat, inverse, center, _cut(gx[rows], groups))
    return tuple(  # type: ignore[return-value]
        None if each is None else each.astype(x.dtype, copy=False) for each in (gx, gw, gb)
    )


def channel_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance of each channel of `x` `(N, C, *spatial)`."""
    cells = _wide(x).reshape(*x.shape[:2], -1)
    count = cells.shape[0] * cells.shape[2]
    mean = np.einsum("ncl->c", cells) / count
    square = np.zeros_like(mean)
    for rows in _blocks(cells):
        centered = cells[rows] - mean[:, None]
        square += np.einsum("ncl,ncl->c", centered, centered)
    return mean, square / count


def normalize_channels(
    x: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    eps: float,
) -> np.ndarray:
    """`x` `(N, C, *spatial)` by the given statistics of each channel, scaled and shifted."""
    cells = _wide(x).reshape(*x.shape[:2], -1)
    factor = _factor(var, weight, eps, cells.dtype)
    center = mean.astype(cells.dtype, copy=False)[:, None]
    y = np.empty(cells.shape, cells.dtype)
    for rows in _blocks(cells):
        out = y[rows]
        np.subtract(cells[rows], center, out=out)
        out *= factor[:, None]
        if bias is not None:
            out += _wide(bias)[:, None]
    return y.reshape(x.shape).astype(x.dtype, copy=False)


def normalize_channels_backward(
    g: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    weight: np.ndarray | None,
    eps: float,
    needs: tuple[bool, bool, bool],
    of_batch: bool,
) -> Gradients:
    """The gradients of `normalize_channels` for `x`, `weight` and `bias`, where needed.

    With `of_batch` the statistics were those of `x` itself, and the gradient goes through them.
    """
    cells, cotangent = (_wide(a).reshape(*x.shape[:2], -1) for a in (x, g))
    inverse = _factor(var, None, eps, cells.dtype)
    center = mean.astype(cells.dtype, copy=False)[:, None]
    sum_g = np.einsum("ncl->c", cotangent) if needs[2] or of_batch else None
    dot = None
    if needs[1] or of_batch:
        dot = np.zeros_like(inverse)
        for rows in _blocks(cells):
            dot += np.einsum("ncl,ncl->c", cotangent[rows], cells[rows] - center)
        dot *= inverse
    gx = None
    if needs[0]:
        factor = _factor(var, weight, eps, cells.dtype)[:, None]
        gx = np.empty(cells.shape, cells.dtype)
        count = cells.shape[0] * cells.shape[2]
        for rows in _blocks(cells):
            out = gx[rows]
            if of_batch:
                np.subtract(cells[rows], center, out=out)
                out *= (-inverse * dot / count)[:, None]
                out += cotangent[rows]
                out -= (sum_g / count)[:, None]
                out *= factor
            else:
                np.multiply(cotangent[rows], factor, out=out)
        gx = gx.reshape(x.shape)
    wanted = (gx, dot if needs[1] else None, sum_g if needs[2] else None)
    return tuple(  # type: ignore[return-value]
        None if each is None else each.astype(x.dtype, copy=False) for each in wanted
    )


def _cut(rows: np.ndarray, groups: int) -> np.ndarray:
    """Rows as `(rows * groups, cells)`; of contiguous rows, a view."""
    return rows.reshape(len(rows) * groups, rows[:1].size // groups)


def _blocks(x: np.ndarray) -> Iterator[slice]:
    return row_blocks(len(x), int(np.prod(x.shape[1:])) * x.itemsize)


def _scratch(x: np.ndarray) -> np.ndarray:
    """Memory for the largest block."""
    first = next(_blocks(x), slice(0))
    return np.empty(x[first].shape, x.dtype)


def _wide(x: Any) -> Any:
    """Half precision as single; everything else, also None, as it is."""
    return x.astype(np.float32) if x is not None and x.dtype == np.float16 else x


def _factor(var: np.ndarray, weight: np.ndarray | None, eps: float, dtype: np.dtype) -> np.ndarray:
    factor = 1 / np.sqrt(var.astype(dtype, copy=False) + dtype.type(eps))
    return factor if weight is None else factor * weight.astype(dtype, copy=False)


# Sums as products with ones: BLAS adds several times faster than a reduction does.


def _row_mean(a: np.ndarray) -> np.ndarray:
    """The mean of each row, as a column."""
    return a @ np.full((a.shape[1], 1), 1 / max(1, a.shape[1]), a.dtype)


def _row_dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The mean of `a * b` over each row, as a column."""
    return (np.vecdot(a, b) / max(1, a.shape[1]))[:, None]


def _column_sums(a: np.ndarray) -> np.ndarray:
    """The sum over the first dimension."""
    return (np.ones(len(a), a.dtype) @ a.reshape(len(a), -1)).reshape(a.shape[1:])


def _standardize(x: np.ndarray, eps: float, center: bool, out: np.ndarray) -> np.ndarray:
    """The rows of `x` standardized into `out`; returns what they were multiplied by."""
    if center:
        np.subtract(x, _row_mean(x), out=out)
    else:
        np.copyto(out, x)
    inverse = 1 / np.sqrt(_row_dot(out, out) + x.dtype.type(eps))
    out *= inverse
    return inverse


def _project(
    ghat: np.ndarray, xhat: np.ndarray, inverse: np.ndarray, center: bool, out: np.ndarray
) -> None:
    """The gradient through the statistics; `xhat` is used up."""
    dot = _row_dot(ghat, xhat)
    xhat *= dot
    np.subtract(ghat, xhat, out=out)
    if center:
        out -= _row_mean(ghat)
    out *= inverse
