"""Scaled dot-product attention as one fused operation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..kernels import attention as kernel
from ..kernels.attention import Scores
from .products import matmul
from .record import op
from .samples import S, bools, drawn
from .selection import masked_fill
from .shape import expand, reshape, transpose
from .softmax import softmax

__all__ = ["scaled_dot_product_attention"]


def _check(query: Any, key: Any, value: Any, mask: Any, is_causal: bool, gqa: bool) -> None:
    name = "scaled_dot_product_attention"
    shapes = f"query {tuple(query.shape)}, key {tuple(key.shape)}, value {tuple(value.shape)}"
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(f"{name}: expected (*, length, width) for all three, but got {shapes}")
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(
            f"{name}: expected query, key and value to have the same dtype, but got {query.dtype}, "
            f"{key.dtype} and {value.dtype}"
        )
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise RuntimeError(
            f"{name}: query and key must be equally wide, and key and value equally long, but got "
            f"{shapes}"
        )
    if mask is not None:
        if is_causal:
            raise RuntimeError(f"{name}: Explicit attn_mask should not be set when is_causal=True")
        if mask.dtype not in (np.dtype(bool), query.dtype):
            raise RuntimeError(
                f"{name}: expected attn_mask dtype to be bool or to match query dtype, but got "
                f"attn_mask {mask.dtype} and query {query.dtype}"
            )
    if gqa and (
        query.ndim < 3 or key.shape[-3] != value.shape[-3] or query.shape[-3] % key.shape[-3]
    ):
        raise RuntimeError(
            f"{name}: with enable_gqa the heads of key and value must be equal in number and "
            f"divide those of query; got {shapes}"
        )


def _heads(query: Any, key: Any, value: Any) -> tuple[int, ...]:
    """The dimensions before (length, width) that all three are broadcast to."""
    shapes = [tuple(each.shape[:-2]) for each in (query, key, value)]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise RuntimeError(
            "scaled_dot_product_attention: the batch and head dimensions of query, key and value "
            f"must match where none is 1; got {', '.join(map(str, shapes))}"
        ) from None


def _rows(x: Any, lead: tuple[int, ...]) -> Any:
    """`(*, length, width)` as `(heads, length, width)`, broadcast to `lead`."""
    if x.shape[:-2] != lead:
        x = np.broadcast_to(x, lead + x.shape[-2:])
    return x.reshape(math.prod(lead), *x.shape[-2:])


def _shared(x: Any, heads: int) -> Any:
    """Grouped-query attention: each head of key or value for several heads of the query."""
    return np.repeat(x, heads // x.shape[-3], -3)


def _prepared(
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    keep: Any,
    is_causal: bool,
    scale: float | None,
    enable_gqa: bool,
) -> tuple[Any, Any, Any, Scores, tuple[int, ...]]:
    """Everything in the kernel's shape, and the leading dimensions."""
    if enable_gqa:
        key, value = _shared(key, query.shape[-3]), _shared(value, query.shape[-3])
    lead = _heads(query, key, value)
    size = (query.shape[-2], key.shape[-2])
    for each in (mask, keep):
        if each is not None:
            _check_fits(each.shape, lead + size)
    scores = Scores(
        1 / math.sqrt(max(1, query.shape[-1])) if scale is None else float(scale),
        is_causal,
        None if mask is None else np.broadcast_to(mask, lead + size).reshape(-1, *size),
        None if keep is None else np.broadcast_to(keep, lead + size).reshape(-1, *size),
    )
    return _rows(query, lead), _rows(key, lead), _rows(value, lead), scores, lead


def _check_fits(shape: tuple[int, ...], scores: tuple[int, ...]) -> None:
    try:
        fits = np.broadcast_shapes(shape, scores) == scores
    except ValueError:
        fits = False
    if not fits:
        raise RuntimeError(
            f"scaled_dot_product_attention: the mask of shape {tuple(shape)} cannot be broadcast "
            f"to the scores' shape {scores}"
        )


def _attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any,
    keep: Any,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    _check(query, key, value, attn_mask, is_causal, enable_gqa)
    q, k, v, scores, lead = _prepared(
        query, key, value, attn_mask, keep, is_causal, scale, enable_gqa
    )
    y = kernel.attention(q, k, v, scores)
    return y.reshape(*lead, *y.shape[1:])


def _attention_gradients(
    g: Any,
    y: Any,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any,
    keep: Any,
    is_causal: bool,
    scale: float | None,
    enable_gqa: bool,
    needs: tuple[bool, ...],
) -> Any:
    q, k, v, scores, lead = _prepared(
        query, key, value, attn_mask, keep, is_causal, scale, enable_gqa
    )
    gq, gk, gv, gmask = kernel.attention_backward(
        _rows(g, lead), _rows(y, lead), q, k, v, scores, mask_gradient=needs[3]
    )
    gq, gk, gv = (each.reshape(*lead, *each.shape[1:]) for each in (gq, gk, gv))
    if enable_gqa:
        gk, gv = _gathered(gk, key.shape), _gathered(gv, value.shape)
    if gmask is not None:
        gmask = gmask.reshape(*lead, *gmask.shape[1:])
    return gq, gk, gv, gmask, None


def _gathered(g: Any, shape: tuple[int, ...]) -> Any:
    """The transpose of `_shared`: the heads that shared one are added up."""
    heads = shape[-3]
    split = g.reshape(*g.shape[:-3], heads, g.shape[-3] // heads, *g.shape[-2:])
    return split.sum(-3)


def _attention_in_ops(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any,
    keep: Any,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    if enable_gqa:
        key, value = _shared_in_ops(key, query), _shared_in_ops(value, query)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = matmul(query, transpose(key, -2, -1)) * factor
    size = (query.shape[-2], key.shape[-2])
    seen = np.tri(*size, dtype=bool) if is_causal else np.ones(size, bool)
    if attn_mask is not None and _is_bool(attn_mask):
        seen = seen & _array(attn_mask)
    elif attn_mask is not None:
        scores = scores + attn_mask
        seen = seen & ~np.isneginf(_array(attn_mask))
    # A query that sees nothing must not become NaN, which its gradient would spread: let it see
    # everything, and take its weights away afterwards.
    blind = ~seen.any(-1, keepdims=True)
    weights = softmax(masked_fill(scores, ~(seen | blind), -math.inf), -1)
    weights = masked_fill(weights, np.broadcast_to(blind, seen.shape), 0.0)
    return matmul(weights if keep is None else weights * keep, value)


def _array(x: Any) -> np.ndarray:
    return x if isinstance(x, np.ndarray) else x.array


def _is_bool(mask: Any) -> bool:
    return _array(mask).dtype == bool


def _shared_in_ops(x: Any, query: Any) -> Any:
    groups = query.shape[-3] // x.shape[-3]
    lead, heads, rest = x.shape[:-3], x.shape[-3], x.shape[-2:]
    apart = expand(reshape(x, (*lead, heads, 1, *rest)), (*lead, heads, groups, *rest))
    return reshape(apart, (*lead, heads * groups, *rest))


_FLOAT_MASK = drawn((4, 3), lambda rng: rng.standard_normal((4, 3)))

scaled_dot_product_attention = op(
    "scaled_dot_product_attention",
    _attention,
    inputs="query key value attn_mask keep",
    grad=_attention_gradients,
    composed=_attention_in_ops,
    latex=r"\mathrm{softmax}\!\left(\frac{q k^T}{\sqrt{d}} + m\right) v",
    doc="""What each query gathers from the values whose keys it matches (Vaswani et al. 2017).

    Args:
        query: `(*, L, E)`.
        key: `(*, S, E)`.
        value: `(*, S, D)`.
        attn_mask: broadcasts to `(*, L, S)`; bool, True where a query may see a key, or floating
            and added to the scores. A query that may see nothing gets zeros.
        keep: what the weights are multiplied by, dropout's draw.
        is_causal: query i sees keys 0 … i.
        scale: of the scores, 1 / √E if left out.
        enable_gqa: key and value have fewer heads, each of which serves several of the query.
    """,
    flops=lambda query_shape, key_shape, y_shape: (
        2 * math.prod(y_shape[:-1]) * key_shape[-2] * (query_shape[-1] + y_shape[-1])
    ),
    samples=[
        S((2, 4, 5), (2, 3, 5), (2, 3, 2), None, None),
        S((2, 3, 4, 5), (2, 3, 4, 5), (2, 3, 4, 5), None, None, is_causal=True, scale=0.3),
        S((2, 4, 5), (2, 3, 5), (2, 3, 2), _FLOAT_MASK, None),
        S((2, 4, 5), (2, 3, 5), (2, 3, 2), bools((2, 4, 3)), None),
        S((2, 4, 4, 5), (2, 2, 3, 5), (2, 2, 3, 2), None, None, enable_gqa=True),
    ],
    torch="nn.functional.scaled_dot_product_attention",
    expose="",
)
