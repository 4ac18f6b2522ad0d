"""Lengths of vectors, and how far or how near two of them are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .arithmetic import abs
from .composition import composition
from .exponential import pow, sqrt
from .extrema import amax
from .indexing import getitem
from .reductions import sum
from .samples import S
from .selection import clamp_min, keep, masked_fill
from .shape import broadcast_tensors

__all__ = ["cosine_similarity", "length", "normalize", "pairwise_distance", "pdist"]


def length(x: Any, p: float, dim: int, keepdim: bool = False) -> Any:
    """The p-norm along `dim`; at zero, where it has no slope, its gradient is zero."""
    if p == 1:
        return sum(abs(x), dim, keepdim=keepdim)
    if p == math.inf:
        return amax(abs(x), dim, keepdim=keepdim)
    if p == 0:
        return sum(keep(x * 0 + 1, x != 0), dim, keepdim=keepdim)
    if p < 0:
        raise RuntimeError(f"a norm has p of 0 or more; got {p}")
    total = sum(x * x if p == 2 else pow(abs(x), p), dim, keepdim=keepdim)
    zero = total == 0
    safe = masked_fill(total, zero, 1.0)
    return keep(sqrt(safe) if p == 2 else pow(safe, 1 / p), ~zero)


normalize = composition(
    "normalize",
    lambda x, p=2.0, dim=1, eps=1e-12: x / clamp_min(length(x, p, dim, keepdim=True), eps),
    latex=r"\frac{x}{\max(\lVert x \rVert_p, \epsilon)}",
    doc="""`x` divided by its p-norm along `dim`, so that it has length 1.

    >>> import clownpiece as cp
    >>> from clownpiece.nn import functional as F
    >>> F.normalize(cp.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """,
    samples=[S((3, 4)), S((3, 4, 2), p=1.0, dim=-1), S((3, 4), p=3.0, dim=0)],
    torch="nn.functional.normalize",
    expose="functional",
)


def _cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    if eps < 0:
        raise RuntimeError(f"cosine_similarity: eps must be 0 or more; got {eps}")
    x1, x2 = broadcast_tensors(x1, x2)
    lengths = clamp_min(length(x1, 2, dim), eps) * clamp_min(length(x2, 2, dim), eps)
    return sum(x1 * x2, dim) / lengths


cosine_similarity = composition(
    "cosine_similarity",
    _cosine_similarity,
    inputs="x1 x2",
    latex=r"\frac{x_1 \cdot x_2}{\lVert x_1 \rVert \, \lVert x_2 \rVert}",
    doc="The cosine of the angle between vectors along `dim`; lengths count as at least `eps`.",
    samples=[S((3, 4), (3, 4)), S((2, 3, 4), (3, 1), dim=-2)],
    expose="function",
)

pairwise_distance = composition(
    "pairwise_distance",
    lambda x1, x2, p=2.0, eps=1e-6, keepdim=False: length(x1 - x2 + eps, p, -1, keepdim),
    inputs="x1 x2",
    latex=r"\lVert x_1 - x_2 + \epsilon \rVert_p",
    doc="The p-norm of the difference of vectors along the last dimension.",
    samples=[S((3, 4), (3, 4)), S((3, 4), (4,), p=1.0, keepdim=True)],
    expose="function",
)


def _pdist(x: Any, p: float = 2.0) -> Any:
    if x.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {x.ndim}D")
    first, second = np.triu_indices(x.shape[0], 1)
    return length(getitem(x, first) - getitem(x, second), p, -1)


pdist = composition(
    "pdist",
    _pdist,
    latex=r"\lVert x_i - x_j \rVert_p, \; i < j",
    doc="The p-norm of the difference of each pair of rows, in the order of a matrix's triangle.",
    samples=[S((4, 3)), S((4, 3), p=1.0)],
    expose="function",
)
