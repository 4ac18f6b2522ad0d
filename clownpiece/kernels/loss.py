"""Cross entropy of logits, fused with its softmax, forward and backward.

Every variant has the form

    ℓ = Q log Σ_c exp(x_c) − Σ_c q_c x_c,    Q = Σ_c q_c

where q is what the target says, weighted by class and smoothed by ε:

    a class index t     q_c = w_c ((1 − ε) [c = t] + ε / C)
    probabilities p     q_c = w_c ((1 − ε) p_c + ε / C)

and the gradient is Q softmax(x) − q. Logits are rows, `(N, C)`.
"""

from __future__ import annotations

import numpy as np

from .softmax import logsumexp_rows, softmax


def index_losses(
    x: np.ndarray, target: np.ndarray, weight: np.ndarray | None, smoothing: float
) -> np.ndarray:
    """The loss of each row for class indices `target` `(N,)`, all of them valid: `(N,)`."""
    at = np.arange(len(x))
    losses = logsumexp_rows(x)[:, 0]
    if not smoothing:
        losses -= x[at, target]
        return losses if weight is None else losses * weight[target]
    top = losses.copy()
    losses -= x[at, target]
    if weight is not None:
        losses *= weight[target]
    shares = np.ones(x.shape[1], x.dtype) if weight is None else weight
    spread = shares.sum() * top - x @ shares
    return (1 - smoothing) * losses + (smoothing / x.shape[1]) * spread


def index_losses_backward(
    g: np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray | None,
    smoothing: float,
) -> np.ndarray:
    """The gradient of `index_losses` for `x`, with `g` `(N,)` that of the losses."""
    at = np.arange(len(x))
    gx = softmax(x, -1)
    hit = x.dtype.type(1 - smoothing) if weight is None else (1 - smoothing) * weight[target]
    if smoothing:
        shares = np.full(x.shape[1], smoothing / x.shape[1], x.dtype)
        if weight is not None:
            shares *= weight
        gx *= (np.broadcast_to(hit, g.shape) + shares.sum())[:, None]
        gx -= shares
    elif weight is not None:
        gx *= hit[:, None]
    gx[at, target] -= hit
    gx *= g[:, None]
    return gx


def probability_losses(
    x: np.ndarray, target: np.ndarray, weight: np.ndarray | None, smoothing: float
) -> np.ndarray:
    """The loss of each row for target probabilities `(N, C)`: `(N,)`."""
    q = _shares(target, weight, smoothing)
    return q.sum(-1) * logsumexp_rows(x)[:, 0] - np.einsum("nc,nc->n", q, x)


def probability_losses_backward(
    g: np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray | None,
    smoothing: float,
) -> np.ndarray:
    """The gradient of `probability_losses` for `x`, with `g` `(N,)` that of the losses."""
    q = _shares(target, weight, smoothing)
    gx = softmax(x, -1)
    gx *= q.sum(-1, keepdims=True)
    gx -= q
    gx *= g[:, None]
    return gx


def probability_slopes(
    g: np.ndarray, x: np.ndarray, weight: np.ndarray | None, smoothing: float
) -> np.ndarray:
    """The gradient of `probability_losses` for its target."""
    slopes = (logsumexp_rows(x) - x) * ((1 - smoothing) * g)[:, None]
    if weight is not None:
        slopes *= weight
    return slopes


def _shares(target: np.ndarray, weight: np.ndarray | None, smoothing: float) -> np.ndarray:
    """What each class counts in each row: the q of this file's formula."""
    q = target
    if smoothing:
        q = (1 - smoothing) * target + smoothing / target.shape[-1]
    return q if weight is None else q * weight
