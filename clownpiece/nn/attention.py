"""Multi-head attention, with PyTorch's packed parameters and its names for them."""

from __future__ import annotations

from typing import Any

from ..creation import empty
from ..ops.multihead import attend_by_heads
from ..tensor import Tensor
from . import init
from .layers import Linear
from .module import Module
from .parameter import Parameter

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Every query looks at all keys and takes the mean of the values, weighted by likeness.

    For each head: softmax(q kᵀ / √d) v with q = x W_q, k = y W_k, v = z W_v and d the size of a
    head; the heads side by side go through a last linear layer, `out_proj`.

    Vaswani et al., *Attention is all you need*, 2017.

    Args:
        embed_dim: E, the size of queries and outputs.
        num_heads: H heads of E/H features each.
        dropout: what to drop of the attention weights while training.
        bias: whether the projections have biases.
        add_bias_kv: learn one more key and value, the same for all sequences.
        add_zero_attn: add a key and a value of zeros.
        kdim: the size of keys, E unless given.
        vdim: the size of values, E unless given.
        batch_first: (N, L, E) instead of (L, N, E).

    `out_proj` is called as every module is, so that its hooks run; PyTorch reads its weights only.

    The weights of the three projections stand below each other in `in_proj_weight` (3E, E), or
    in `q_proj_weight`, `k_proj_weight`, `v_proj_weight` where kdim or vdim is not E.

    >>> import clownpiece
    >>> x = clownpiece.zeros(2, 5, 8)
    >>> out, weights = MultiheadAttention(8, 2, batch_first=True)(x, x, x)
    >>> out.shape, weights.shape
    (clownpiece.Size([2, 5, 8]), clownpiece.Size([2, 5, 5]))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, "
                f"got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        if embed_dim % num_heads:
            raise AssertionError(
                f"embed_dim must be divisible by num_heads; got {embed_dim} and {num_heads}"
            )
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.add_zero_attn = add_zero_attn
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        place = {"device": device, "dtype": dtype}
        packed = self.kdim == embed_dim and self.vdim == embed_dim
        shapes = {
            "in_proj_weight": (3 * embed_dim, embed_dim) if packed else None,
            "q_proj_weight": None if packed else (embed_dim, embed_dim),
            "k_proj_weight": None if packed else (embed_dim, self.kdim),
            "v_proj_weight": None if packed else (embed_dim, self.vdim),
            "in_proj_bias": (3 * embed_dim,) if bias else None,
            "bias_k": (1, 1, embed_dim) if add_bias_kv else None,
            "bias_v": (1, 1, embed_dim) if add_bias_kv else None,
        }
        for name, shape in shapes.items():
            self.register_parameter(name, Parameter(empty(shape, **place)) if shape else None)
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, **place)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name, parameter in self._parameters.items():
            if parameter is None:
                continue
            if name.startswith("bias_"):
                init.xavier_normal_(parameter)
            elif parameter.ndim > 1:
                init.xavier_uniform_(parameter)
            else:
                init.zeros_(parameter)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend from `query` to `key` and `value`.

        Args:
            query: (L, N, E), or (N, L, E) with batch_first, or (L, E).
            key: (S, N, kdim), likewise.
            value: (S, N, vdim), likewise.
            key_padding_mask: (N, S), True where a key is to be ignored, or numbers to add.
            need_weights: whether to return the attention weights; False is faster.
            attn_mask: (L, S) or (N·H, L, S), True where a query may not look, or numbers to add.
            average_attn_weights: return the mean over heads instead of (N, H, L, S).
            is_causal: says that `attn_mask` is the causal one, which saves adding it.

        Returns:
            The output, of the query's shape, and the weights (N, L, S) or None.
        """
        if is_causal and attn_mask is None:
            raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
        self._check(query, key, value)
        single = query.ndim == 2
        # The same tensor stays the same, so that one product can project it.
        inputs = {id(x): self._batch_first(x) for x in (query, key, value)}
        if single and key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
        separate = self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        out, weights = attend_by_heads(
            inputs[id(query)],
            inputs[id(key)],
            inputs[id(value)],
            self.num_heads,
            separate if self.in_proj_weight is None else self.in_proj_weight,
            self.in_proj_bias,
            bias_k=self.bias_k,
            bias_v=self.bias_v,
            add_zero_attn=self.add_zero_attn,
            attn_mask=attn_mask,
            key_padding_mask=key_padding_mask,
            is_causal=is_causal,
            p=self.dropout if self.training else 0.0,
            need_weights=need_weights,
        )
        out = self.out_proj(out)
        if weights is not None and average_attn_weights:
            weights = weights.mean(dim=1)
        if single:
            return out.squeeze(0), None if weights is None else weights.squeeze(0)
        return (out if self.batch_first else out.transpose(0, 1)), weights

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        if query.ndim not in (2, 3):
            raise AssertionError(
                "query should be unbatched 2D or batched 3D tensor but received "
                f"{query.ndim}-D query tensor"
            )
        for name, given, size in (
            ("query", query, self.embed_dim),
            ("key", key, self.kdim),
            ("value", value, self.vdim),
        ):
            if given.ndim != query.ndim:
                raise AssertionError(
                    f"{name} must have as many dimensions as query, {query.ndim}; "
                    f"got shape {tuple(given.shape)}"
                )
            if given.shape[-1] != size:
                raise AssertionError(
                    f"{name} was expected to have {size} features; got shape {tuple(given.shape)}"
                )

    def _batch_first(self, x: Any) -> Any:
        """(N, L, E) from whichever layout was given."""
        if x.ndim == 2:
            return x.unsqueeze(0)
        return x if self.batch_first else x.transpose(0, 1)
