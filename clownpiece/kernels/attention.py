"""Scaled dot-product attention, forward and backward (Vaswani et al. 2017).

    y = softmax(τ q kᵀ + mask) v

The scores are never stored as a whole: they are made, used and forgotten for a few heads or a few
queries at a time, so that they stay in the processor's cache, and backward makes them again from
`q` and `k` (as in FlashAttention, Dao et al. 2022, whose running softmax is not needed here, since
a row of scores is always complete). Under `is_causal` the keys that no query of the block may see
are skipped, which halves the work.

With p the softmax and g the gradient of y, the gradient of the scores is p (g vᵀ − ⟨g, y⟩).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

SCORE_BYTES = 1 << 21


@dataclass(frozen=True, slots=True)
class Scores:
    """How scores are made of queries and keys; arrays have the shape `(heads, …)`."""

    scale: float
    is_causal: bool = False
    mask: np.ndarray | None = None
    """Boolean (True may be seen) or added to the scores: `(heads, L, S)`, broadcast or not."""
    keep: np.ndarray | None = None
    """Dropout: what the probabilities are multiplied by, `(heads, L, S)`."""

    def probabilities(self, q: np.ndarray, k: np.ndarray, heads: slice, rows: slice) -> np.ndarray:
        """Softmaxed scores of a block of queries with the keys that it may see."""
        seen = k.shape[1]
        scores = np.matmul(q * q.dtype.type(self.scale), k.swapaxes(1, 2))
        if self.mask is not None:
            mask = self.mask[heads, rows, :seen]
            if mask.dtype == bool:
                np.copyto(scores, -np.inf, where=~mask)
            else:
                scores += mask
        if self.is_causal:
            above = np.arange(seen) > np.arange(rows.start, rows.stop)[:, None]
            np.copyto(scores, -np.inf, where=above)
        return _softmax(scores)


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, scores: Scores) -> np.ndarray:
    """Mixed values `(H, L, D)` of `q` `(H, L, E)`, `k` `(H, S, E)` and `v` `(H, S, D)`."""
    y = np.empty((*q.shape[:2], v.shape[2]), v.dtype)
    for heads, rows, seen in _blocks(q, k, scores.is_causal):
        p = scores.probabilities(q[heads, rows], k[heads, :seen], heads, rows)
        if scores.keep is not None:
            p *= scores.keep[heads, rows, :seen]
        np.matmul(p, v[heads, :seen], out=y[heads, rows])
    return y


def attention_weights(q: np.ndarray, k: np.ndarray, scores: Scores) -> np.ndarray:
    """The probabilities themselves, `(H, L, S)`, before dropout."""
    return scores.probabilities(q, k, slice(None), slice(0, q.shape[1]))


def attention_backward(
    g: np.ndarray,
    y: np.ndarray,
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    scores: Scores,
    mask_gradient: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """The gradients of `attention` for `q`, `k`, `v` and, if asked for, an added mask."""
    gq, gk, gv = np.empty_like(q), np.zeros_like(k), np.zeros_like(v)
    gmask = np.zeros((*q.shape[:2], k.shape[1]), q.dtype) if mask_gradient else None
    scale = q.dtype.type(scores.scale)
    for heads, rows, seen in _blocks(q, k, scores.is_causal):
        keys, values, cotangent = k[heads, :seen], v[heads, :seen], g[heads, rows]
        p = scores.probabilities(q[heads, rows], keys, heads, rows)
        ds = np.matmul(cotangent, values.swapaxes(1, 2))
        if scores.keep is not None:
            keep = scores.keep[heads, rows, :seen]
            ds *= keep
            gv[heads, :seen] += np.matmul((p * keep).swapaxes(1, 2), cotangent)
        else:
            gv[heads, :seen] += np.matmul(p.swapaxes(1, 2), cotangent)
        ds -= np.einsum("hld,hld->hl", cotangent, y[heads, rows])[..., None]
        ds *= p
        if gmask is not None:
            gmask[heads, rows, :seen] = ds
        ds *= scale
        np.matmul(ds, keys, out=gq[heads, rows])
        gk[heads, :seen] += np.matmul(ds.swapaxes(1, 2), q[heads, rows])
    return gq, gk, gv, gmask


def _softmax(scores: np.ndarray) -> np.ndarray:
    """The softmax of each row, in place; a row without any key to see becomes zeros."""
    top = scores.max(-1, keepdims=True, initial=-np.inf)
    blind = np.isneginf(top)
    np.copyto(top, 0, where=blind)
    scores -= top
    np.exp(scores, out=scores)
    total = scores.sum(-1, keepdims=True)
    np.copyto(total, 1, where=blind)
    scores /= total
    return scores


def _blocks(q: np.ndarray, k: np.ndarray, is_causal: bool) -> Iterator[tuple[slice, slice, int]]:
    """Blocks of heads and queries with the number of keys that these may see."""
    count, length = q.shape[:2]
    keys = k.shape[1]
    budget = max(1, SCORE_BYTES // max(1, keys * q.itemsize))
    rows = min(length, max(64, budget))
    if is_causal and length > 128:
        rows = min(rows, max(64, math.ceil(length / 8)))
    heads = max(1, budget // max(1, rows))
    for first in range(0, count, heads):
        for start in range(0, length, rows):
            stop = min(start + rows, length)
            seen = min(keys, stop) if is_causal else keys
            yield slice(first, min(first + heads, count)), slice(start, stop), seen
