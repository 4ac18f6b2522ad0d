"""Softmax along one dimension, and the logarithm of it.

    softmax(x)ᵢ = exp(xᵢ − m) / Σⱼ exp(xⱼ − m),    m = maxⱼ xⱼ

Subtracting the maximum changes nothing but keeps the exponentials from overflowing. A row whose
every entry is −∞ has no softmax: it is NaN, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .blocks import row_blocks


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """The softmax along `axis`."""
    y = np.empty_like(x)
    for source, out in _blocks(x, y, axis):
        with np.errstate(invalid="ignore"):
            np.subtract(source, source.max(axis, keepdims=True, initial=-np.inf), out=out)
            np.exp(out, out=out)
            out /= out.sum(axis, keepdims=True)
    return y


def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """The logarithm of the softmax along `axis`, without leaving the logarithmic scale."""
    y = np.empty_like(x)
    for source, out in _blocks(x, y, axis):
        with np.errstate(invalid="ignore", divide="ignore"):
            np.subtract(source, source.max(axis, keepdims=True, initial=-np.inf), out=out)
            out -= np.log(np.exp(out).sum(axis, keepdims=True))
    return y


def logsumexp_rows(x: np.ndarray) -> np.ndarray:
    """log Σⱼ exp(xⱼ) over the last of two dimensions, which is kept with size 1."""
    y = np.empty((len(x), 1), x.dtype)
    for source, out in _blocks(x, y, 1):
        top = source.max(1, keepdims=True, initial=-np.inf)
        np.copyto(top, 0, where=np.isinf(top))
        with np.errstate(divide="ignore"):
            terms = np.exp(np.subtract(source, top))
            np.log(terms.sum(1, keepdims=True), out=out)
        out += top
    return y


def _blocks(x: np.ndarray, y: np.ndarray, axis: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Matching pieces of both along the first dimension, unless that is the axis itself."""
    if axis % x.ndim == 0:
        yield x, y
        return
    for rows in row_blocks(len(x), x[:1].nbytes):
        yield x[rows], y[rows]
