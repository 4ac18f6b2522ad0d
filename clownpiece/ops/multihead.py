"""Attention with several heads from packed weights, as `nn.MultiheadAttention` keeps them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .affine import linear
from .attention import scaled_dot_product_attention
from .composition import composition
from .dropout import dropout, keep_mask
from .indexing import getitem
from .joining import cat
from .products import matmul
from .reductions import mean
from .samples import S
from .shape import permute, reshape, transpose, unsqueeze
from .softmax import softmax

__all__ = ["attend", "multi_head_attention_forward"]


def _array(x: Any) -> np.ndarray:
    return x if isinstance(x, np.ndarray) else x.array


def _projected(inputs: tuple[Any, Any, Any], weights: Any, bias: Any, embed_dim: int) -> list[Any]:
    """Query, key and value, each through its own weight and its third of the bias."""
    projected = []
    for at, (x, weight) in enumerate(zip(inputs, weights, strict=True)):
        part = slice(at * embed_dim, (at + 1) * embed_dim)
        projected.append(linear(x, weight, None if bias is None else getitem(bias, part)))
    return projected


def _thirds(weight: Any, embed_dim: int) -> list[Any]:
    return [getitem(weight, slice(i * embed_dim, (i + 1) * embed_dim)) for i in range(3)]


def _by_head(x: Any, heads: int) -> Any:
    """`(length, N, heads * width)` as `(N, heads, length, width)`."""
    length, count, size = x.shape
    return permute(reshape(x, (length, count, heads, size // heads)), (1, 2, 0, 3))


def _additive(mask: Any, dtype: Any) -> Any:
    """A mask of PyTorch's modules, True where nothing may be seen, as what scores get added."""
    if mask is None or _array(mask).dtype != bool:
        return mask
    return np.where(_array(mask), -np.inf, 0).astype(dtype)


def _merged(attn_mask: Any, padding: Any, count: int, heads: int, extra: int, dtype: Any) -> Any:
    """Both masks as one that broadcasts to `(N, heads, L, S)`; the `extra` keys may be seen."""
    mask, padding = _additive(attn_mask, dtype), _additive(padding, dtype)
    if mask is not None and mask.ndim == 3:
        mask = reshape(mask, (count, heads, *mask.shape[1:]))
    if padding is not None:
        padding = reshape(padding, (count, 1, 1, padding.shape[-1]))
        mask = padding if mask is None else mask + padding
    if mask is not None and extra:
        mask = cat([mask, np.zeros((*mask.shape[:-1], extra), dtype)], -1)
    return mask


def _with_rows(x: Any, row: Any) -> Any:
    """A learned row behind the keys or values of every sample."""
    size = (1, x.shape[1], x.shape[2])
    return cat([x, reshape(row, (1, 1, -1)) + np.zeros(size, _array(x).dtype)], 0)


def attend(
    q: Any, k: Any, v: Any, mask: Any, p: float, is_causal: bool, need_weights: bool
) -> tuple[Any, Any]:
    """softmax(q kᵀ / √d + mask) v of every head, and the weights if they are needed, or None.

    Args:
        q: (N, H, L, d), and `k`, `v` (N, H, S, d).
        mask: numbers to be added to the scores, or None.
        p: what to drop of the weights; those that are returned are dropped already.
        is_causal: no query sees a later key; only where no weights are needed.
    """
    if not need_weights:
        return _fused(q, k, v, mask, p, is_causal), None
    scores = matmul(q * (1 / math.sqrt(q.shape[-1])), transpose(k, -2, -1))
    weights = softmax(scores if mask is None else scores + mask, -1)
    if p:
        weights = dropout(weights, p)
    return matmul(weights, v), weights


def _fused(q: Any, k: Any, v: Any, mask: Any, p: float, is_causal: bool) -> Any:
    keep = None
    if p:
        keep = keep_mask((*q.shape[:-1], k.shape[-2]), p).astype(_array(q).dtype)
        keep *= 1 / (1 - p) if p < 1 else 0
    return scaled_dot_product_attention(q, k, v, mask, keep, is_causal)


def _multi_head_attention(
    query: Any,
    key: Any,
    value: Any,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Any | None,
    in_proj_bias: Any,
    bias_k: Any,
    bias_v: Any,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Any,
    training: bool = True,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None,
    k_proj_weight: Any = None,
    v_proj_weight: Any = None,
    static_k: Any = None,
    static_v: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, Any]:
    if query.ndim not in (2, 3) or not query.ndim == key.ndim == value.ndim:
        raise AssertionError(
            "multi_head_attention_forward: query, key and value must all be (length, embed_dim) "
            "or all (length, batch, embed_dim); got shapes "
            f"{', '.join(str(tuple(each.shape)) for each in (query, key, value))}"
        )
    batched = query.ndim == 3
    if not batched:
        query, key, value = (unsqueeze(x, 1) for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else unsqueeze(key_padding_mask, 0)
    length, count, embed_dim = query.shape
    _check(embed_dim, embed_dim_to_check, num_heads, key, value, is_causal, attn_mask)
    separate = (q_proj_weight, k_proj_weight, v_proj_weight)
    weights = separate if use_separate_proj_weight else _thirds(in_proj_weight, embed_dim)
    q, k, v = _projected((query, key, value), weights, in_proj_bias, embed_dim)
    extra = 0
    if bias_k is not None and bias_v is not None:
        k, v, extra = _with_rows(k, bias_k), _with_rows(v, bias_v), 1
    k, v = (_by_head(x, num_heads) for x in (k, v))
    if static_k is not None:
        k = reshape(static_k, (count, num_heads, *static_k.shape[1:]))
    if static_v is not None:
        v = reshape(static_v, (count, num_heads, *static_v.shape[1:]))
    if add_zero_attn:
        nothing = np.zeros((*k.shape[:2], 1, k.shape[3]), _array(k).dtype)
        k, v, extra = cat([k, nothing], 2), cat([v, nothing], 2), extra + 1
    q = _by_head(q, num_heads)
    p = dropout_p if training else 0.0
    # The hint that the mask is causal saves reading it, unless it must be merged with another.
    causal = is_causal and key_padding_mask is None and not extra and not need_weights
    mask = None
    if not causal:
        dtype = _array(q).dtype
        mask = _merged(attn_mask, key_padding_mask, count, num_heads, extra, dtype)
    mixed, seen = attend(q, k, v, mask, p, causal, need_weights)
    out = reshape(permute(mixed, (2, 0, 1, 3)), (length, count, embed_dim))
    out = linear(out, out_proj_weight, out_proj_bias)
    if seen is not None and average_attn_weights:
        seen = mean(seen, 1)
    if not batched:
        out = reshape(out, (length, embed_dim))
        seen = None if seen is None else reshape(seen, seen.shape[1:])
    return out, seen


def _check(
    embed_dim: int,
    expected: int,
    heads: int,
    key: Any,
    value: Any,
    is_causal: bool,
    attn_mask: Any,
) -> None:
    if embed_dim != expected:
        raise AssertionError(
            f"was expecting embedding dimension of {expected}, but got {embed_dim}"
        )
    if embed_dim % heads:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {heads}")
    if key.shape[:2] != value.shape[:2]:
        raise AssertionError(
            f"key's sequence and batch dims {tuple(key.shape[:2])} do not match value's "
            f"{tuple(value.shape[:2])}"
        )
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")


multi_head_attention_forward = composition(
    "multi_head_attention_forward",
    _multi_head_attention,
    inputs=(
        "query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v "
        "add_zero_attn dropout_p out_proj_weight out_proj_bias"
    ),
    latex=r"\mathrm{concat}_h\left(\mathrm{softmax}(q_h k_h^T / \sqrt d) v_h\right) W^T",
    doc="""What `nn.MultiheadAttention` computes: (output, weights or None).

    `query` is `(L, N, E)`, `key` and `value` `(S, N, E)`, or all without N. In the masks of this
    function True means that a key may *not* be seen; floating masks are added to the scores.
    `in_proj_weight` `(3 E, E)` holds the three projections, unless `use_separate_proj_weight`.
    """,
    samples=[
        S(
            *[(3, 2, 4), (5, 2, 4), (5, 2, 4), 4, 2, (12, 4), (12,)],
            *[None, None, False, 0.0, (4, 4), (4,)],
        ),
        S(
            *[(3, 4), (3, 4), (3, 4), 4, 2, (12, 4), (12,)],
            *[(1, 1, 4), (1, 1, 4), True, 0.0, (4, 4), (4,)],
            average_attn_weights=False,
        ),
    ],
    torch="nn.functional.multi_head_attention_forward",
    expose="functional",
)
