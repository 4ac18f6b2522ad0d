"""Attention with several heads from packed weights, as `nn.MultiheadAttention` keeps them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .affine import linear
from .attention import scaled_dot_product_attention
from .composition import composition
from .dropout import dropout, keep_mask
from .joining import cat, chunk
from .products import matmul
from .reductions import mean
from .samples import S
from .shape import expand, reshape, squeeze, transpose, unsqueeze
from .softmax import softmax

__all__ = ["additive_mask", "attend_by_heads", "multi_head_attention_forward"]


def _array(x: Any) -> np.ndarray:
    return x if isinstance(x, np.ndarray) else x.array


def _projected(inputs: tuple[Any, Any, Any], weights: Any, bias: Any) -> Sequence[Any]:
    """q = x W_q + b_q and so on; one product where all three come from the same tensor."""
    query, key, value = inputs
    if not isinstance(weights, tuple):
        if query is key and key is value:
            return chunk(linear(query, weights, bias), 3, -1)
        weights = chunk(weights, 3)
    biases = (None,) * 3 if bias is None else chunk(bias, 3)
    return [linear(*each) for each in zip(inputs, weights, biases, strict=True)]


def _with_row(x: Any, row: Any) -> Any:
    """A learned row behind the keys or values of every sample."""
    return x if row is None else cat([x, expand(row, (x.shape[0], 1, x.shape[2]))], 1)


def _with_nothing(x: Any) -> Any:
    """A row of zeros behind the keys or values of every head."""
    return cat([x, np.zeros((*x.shape[:2], 1, x.shape[3]), _array(x).dtype)], 2)


def _by_head(x: Any, heads: int) -> Any:
    """(N, L, E) → (N, H, L, E/H)."""
    count, length, size = x.shape
    return transpose(reshape(x, (count, length, heads, size // heads)), 1, 2)


def additive_mask(mask: Any, dtype: Any) -> Any:
    """A mask to be added to scores: -∞ where a boolean one is True; numbers stay."""
    kind = _array(mask).dtype
    if kind.kind == "b":
        return np.where(_array(mask), -np.inf, 0).astype(dtype)
    if kind.kind != "f":
        raise AssertionError(f"only bool and floating types of masks are supported; got {kind}")
    return mask


def _merged(attn_mask: Any, padding: Any, q: Any, keys: int, extra: int) -> Any:
    """Both masks as one for the scores (N, H, L, S), or None; all may see the `extra` keys."""
    (count, heads, length, _), dtype = q.shape, _array(q).dtype
    mask = None
    if attn_mask is not None:
        shapes = ((length, keys), (count * heads, length, keys))
        if tuple(attn_mask.shape) not in shapes:
            raise RuntimeError(
                f"attn_mask should have shape {shapes[0]} or {shapes[1]}; "
                f"got {tuple(attn_mask.shape)}"
            )
        mask = additive_mask(attn_mask, dtype)
        if mask.ndim == 3:
            mask = reshape(mask, (count, heads, length, keys))
    if padding is not None:
        if tuple(padding.shape) != (count, keys):
            raise AssertionError(
                f"expecting key_padding_mask shape of {(count, keys)}, "
                f"but got {tuple(padding.shape)}"
            )
        padding = reshape(additive_mask(padding, dtype), (count, 1, 1, keys))
        mask = padding if mask is None else mask + padding
    if mask is not None and extra:
        mask = cat([mask, np.zeros((*mask.shape[:-1], extra), dtype)], -1)
    return mask


def attend_by_heads(
    query: Any,
    key: Any,
    value: Any,
    heads: int,
    weights: Any,
    bias: Any,
    *,
    bias_k: Any = None,
    bias_v: Any = None,
    static_k: Any = None,
    static_v: Any = None,
    add_zero_attn: bool = False,
    attn_mask: Any = None,
    key_padding_mask: Any = None,
    is_causal: bool = False,
    p: float = 0.0,
    need_weights: bool = True,
) -> tuple[Any, Any]:
    """What the heads see, side by side (N, L, E), and their weights (N, H, L, S) or None.

    Args:
        query: (N, L, E), and `key`, `value` (N, S, ·).
        weights: of the three projections, (3E, E), or a tuple of three.
        bias: (3E,) or None.
        bias_k: (1, 1, E), one more key, as `bias_v` is one more value.
        static_k: (N·H, S, E/H), keys in the place of the projected ones; `static_v` likewise.
        add_zero_attn: add a key and a value of zeros.
        attn_mask: (L, S) or (N·H, L, S), True where a query may *not* look, or numbers to add.
        key_padding_mask: (N, S), likewise.
        is_causal: says that `attn_mask` is the causal one, which saves reading it.
        p: what to drop of the weights.
        need_weights: False is faster.
    """
    q, k, v = _projected((query, key, value), weights, bias)
    q = _by_head(q, heads)
    k, v = _by_head(_with_row(k, bias_k), heads), _by_head(_with_row(v, bias_v), heads)
    if static_k is not None:
        k = reshape(static_k, (*q.shape[:2], *static_k.shape[1:]))
    if static_v is not None:
        v = reshape(static_v, (*q.shape[:2], *static_v.shape[1:]))
    extra = (bias_k is not None) + add_zero_attn
    if add_zero_attn:
        k, v = _with_nothing(k), _with_nothing(v)
    # The hint that the mask is causal helps unless it must be merged with another.
    causal = is_causal and key_padding_mask is None and not extra and not need_weights
    mask = None
    if not causal:
        mask = _merged(attn_mask, key_padding_mask, q, k.shape[2] - extra, extra)
    mixed, seen = _attend(q, k, v, mask, p, causal, need_weights)
    return reshape(transpose(mixed, 1, 2), query.shape[:2] + (-1,)), seen


def _attend(
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
    single = query.ndim == 2
    # The same tensor stays the same, so that one product can project it.
    inputs = {id(x): unsqueeze(x, 0) if single else transpose(x, 0, 1) for x in (query, key, value)}
    query, key, value = (inputs[id(x)] for x in (query, key, value))
    if single and key_padding_mask is not None:
        key_padding_mask = unsqueeze(key_padding_mask, 0)
    _check(embed_dim_to_check, num_heads, query, key, value, is_causal, attn_mask)
    out, seen = attend_by_heads(
        query,
        key,
        value,
        num_heads,
        (q_proj_weight, k_proj_weight, v_proj_weight)
        if use_separate_proj_weight
        else in_proj_weight,
        in_proj_bias,
        bias_k=bias_k,
        bias_v=bias_v,
        static_k=static_k,
        static_v=static_v,
        add_zero_attn=add_zero_attn,
        attn_mask=attn_mask,
        key_padding_mask=key_padding_mask,
        is_causal=is_causal,
        p=dropout_p if training else 0.0,
        need_weights=need_weights,
    )
    out = linear(out, out_proj_weight, out_proj_bias)
    if seen is not None and average_attn_weights:
        seen = mean(seen, 1)
    if single:
        return squeeze(out, 0), None if seen is None else squeeze(seen, 0)
    return transpose(out, 0, 1), seen


def _check(
    expected: int,
    heads: int,
    query: Any,
    key: Any,
    value: Any,
    is_causal: bool,
    attn_mask: Any,
) -> None:
    embed_dim = query.shape[-1]
    if embed_dim != expected:
        raise AssertionError(
            f"was expecting embedding dimension of {expected}, but got {embed_dim}"
        )
    if embed_dim % heads:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {heads}")
    if key.shape[:2] != value.shape[:2]:
        raise AssertionError(
            f"key's batch and sequence dims {tuple(key.shape[:2])} do not match value's "
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
