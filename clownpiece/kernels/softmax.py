"""Softmax along one dimension, and the logarithm of it.

    softmax(x)ᵢ = exp(xᵢ − m) / Σⱼ exp(xⱼ − m),    m = maxⱼ xⱼ

Subtracting the maximum changes nothing but keeps the exponentials from overflowing. A row whose
every entry is −∞ has no softmax: it is NaN, as in PyTorch.
"""

from __future__ import annotations

import numpy as np


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """The softmax along `axis`."""
    with np.errstate(invalid="ignore"):
        y = np.subtract(x, x.max(axis, keepdims=True, initial=-np.inf))
        np.exp(y, out=y)
        y /= y.sum(axis, keepdims=True)
    return y


def softmax_backward(g: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    """The gradient of softmax from its output: y (g − Σⱼ gⱼ yⱼ)."""
    out = g * y
    out -= y * out.sum(axis, keepdims=True)
    return out


def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """The logarithm of the softmax along `axis`, without leaving the logarithmic scale."""
    with np.errstate(invalid="ignore", divide="ignore"):
        y = np.subtract(x, x.max(axis, keepdims=True, initial=-np.inf))
        y -= np.log(np.exp(y).sum(axis, keepdims=True))
    return y


def log_softmax_backward(g: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    """The gradient of log-softmax from its output: g − exp(y) Σⱼ gⱼ."""
    out = np.exp(y)
    out *= g.sum(axis, keepdims=True)
    return np.subtract(g, out, out=out)


def logsumexp_rows(x: np.ndarray) -> np.ndarray:
    """log Σⱼ exp(xⱼ) over the last dimension, which is kept with size 1."""
    top = x.max(-1, keepdims=True)
    np.copyto(top, 0, where=np.isinf(top))
    with np.errstate(divide="ignore"):
        return np.log(np.exp(x - top).sum(-1, keepdims=True)) + top
