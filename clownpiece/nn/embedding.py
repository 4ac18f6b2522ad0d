"""Embeddings: integers to learned vectors; and the encodings of positions."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from ..creation import empty, from_numpy
from ..ops.joining import cat, stack
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["Embedding", "EmbeddingBag", "PositionalEncoding", "RotaryEmbedding"]


class _Table(Module):
    """A matrix with a row for each integer, and one of them perhaps for padding."""

    def _setup(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        weight: Tensor | None,
        freeze: bool,
        device: Any,
        dtype: Any,
    ) -> None:
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = _padding_row(padding_idx, num_embeddings)
        if weight is None:
            rows = empty(num_embeddings, embedding_dim, device=device, dtype=dtype)
            self.weight = Parameter(rows, requires_grad=not freeze)
            self.reset_parameters()
        else:
            if tuple(weight.shape) != (num_embeddings, embedding_dim):
                raise AssertionError(
                    f"Shape of weight {tuple(weight.shape)} does not match num_embeddings and "
                    f"embedding_dim ({num_embeddings}, {embedding_dim})"
                )
            self.weight = Parameter(weight, requires_grad=not freeze)

    def reset_parameters(self) -> None:
        """Draw the rows from N(0, 1) again; the padding's is 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.array[self.padding_idx] = 0
            self.weight.bump_version()

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, **kwargs: Any) -> Self:
        """A layer with these rows; `freeze` keeps them from being trained."""
        if embeddings.ndim != 2:
            raise AssertionError(
                f"Embeddings parameter is expected to be 2-dimensional; got {embeddings.shape}"
            )
        rows, columns = embeddings.shape
        return cls(rows, columns, _weight=embeddings, _freeze=freeze, **kwargs)


class Embedding(_Table):
    """Integers to rows of a learned matrix: y = weight[x].

    Args:
        num_embeddings: how many integers there are.
        embedding_dim: the length of a row.
        padding_idx: an integer whose row is 0 at first and gets no gradient.
        max_norm: rows that are longer are shortened to this norm as they are looked up.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often it was looked up in the batch.
        sparse: accepted as in PyTorch; gradients are always dense here.

    Shape: (*) of integers → (*, embedding_dim).

    >>> import clownpiece
    >>> Embedding(63, 8)(clownpiece.tensor([[3, 1], [4, 1]])).shape
    clownpiece.Size([2, 2, 8])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        self._setup(num_embeddings, embedding_dim, padding_idx, _weight, _freeze, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        facts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        if self.padding_idx is not None:
            facts.append(f"padding_idx={self.padding_idx}")
        if self.max_norm is not None:
            facts.append(f"max_norm={self.max_norm}")
        if self.norm_type != 2:
            facts.append(f"norm_type={self.norm_type}")
        if self.scale_grad_by_freq:
            facts.append(f"scale_grad_by_freq={self.scale_grad_by_freq}")
        if self.sparse:
            facts.append("sparse=True")
        return ", ".join(facts)


class EmbeddingBag(_Table):
    """The sum, mean or maximum of the rows of each bag of integers, without making them all.

    Args:
        num_embeddings: how many integers there are.
        embedding_dim: the length of a row.
        max_norm: rows that are longer are shortened to this norm as they are looked up.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often it was looked up in the batch.
        mode: "sum", "mean" or "max".
        sparse: accepted as in PyTorch; gradients are always dense here.
        include_last_offset: whether `offsets` ends with the length of the input.
        padding_idx: an integer that does not count in its bag.

    Shape: (B, N) → (B, embedding_dim), a bag a row; or (M,) with offsets (B,), where each bag
    begins, → (B, embedding_dim).
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
        _freeze: bool = False,
    ) -> None:
        super().__init__()
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset
        self._setup(num_embeddings, embedding_dim, padding_idx, _weight, _freeze, device, dtype)

    def forward(
        self,
        input: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        facts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        if self.max_norm is not None:
            facts.append(f"max_norm={self.max_norm}")
        if self.norm_type != 2:
            facts.append(f"norm_type={self.norm_type}")
        if self.scale_grad_by_freq:
            facts.append(f"scale_grad_by_freq={self.scale_grad_by_freq}")
        facts.append(f"mode={self.mode!r}")
        if self.padding_idx is not None:
            facts.append(f"padding_idx={self.padding_idx}")
        return ", ".join(facts)


def _padding_row(padding_idx: int | None, rows: int) -> int | None:
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise AssertionError(
            f"padding_idx must be within num_embeddings; got {padding_idx} of {rows}"
        )
    return padding_idx % rows


# -- positions ------------------------------------------------------------------------------


class PositionalEncoding(Module):
    """Adds to each position a fixed pattern of sines and cosines of different wavelengths.

    PE[t, 2i] = sin(t / 10000^(2i/d)), PE[t, 2i+1] = cos(t / 10000^(2i/d)).

    Vaswani et al., *Attention is all you need*, 2017.

    Args:
        d_model: d, the length of a vector.
        max_len: how many positions there are.
        dropout: what to drop of the sum.

    Shape: (*, T, d_model) → the same, T ≤ max_len.
    """

    def __init__(self, d_model: int, max_len: int = 5000, dropout: float = 0.0) -> None:
        super().__init__()
        self.d_model = d_model
        self.max_len = max_len
        self.dropout = dropout
        position = np.arange(max_len)[:, None]
        angle = position * np.exp(-math.log(10000.0) * np.arange(0, d_model, 2) / d_model)
        table = np.zeros((max_len, d_model), np.float32)
        table[:, 0::2] = np.sin(angle)
        table[:, 1::2] = np.cos(angle)[:, : d_model // 2]
        self.register_buffer("table", from_numpy(table), persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        length = input.shape[-2]
        if length > self.max_len:
            raise ValueError(
                f"a sequence of {length} positions is longer than max_len={self.max_len}"
            )
        return F.dropout(input + self.table[:length], self.dropout, self.training)

    def extra_repr(self) -> str:
        return f"d_model={self.d_model}, max_len={self.max_len}, dropout={self.dropout}"


class RotaryEmbedding(Module):
    """Turns each pair of a query's or key's features by an angle that grows with its position,
    so that their product depends on their distance only.

    Su et al., *RoFormer: enhanced transformer with rotary position embedding*, 2021.

    Args:
        dim: the size of a head, even.
        base: the longest wavelength is about 2π·base positions.
        interleaved: pair neighbours (0, 1), (2, 3)…; else the halves (0, dim/2), (1, dim/2 + 1)….

    Shape: (*, T, dim) → the same.
    """

    def __init__(self, dim: int, base: float = 10000.0, interleaved: bool = False) -> None:
        super().__init__()
        if dim % 2:
            raise ValueError(f"rotary embedding turns pairs of features; got an odd dim, {dim}")
        self.dim = dim
        self.base = base
        self.interleaved = interleaved
        frequencies = base ** (-np.arange(0, dim, 2, dtype=np.float64) / dim)
        self.register_buffer(
            "frequencies", from_numpy(frequencies.astype(np.float32)), persistent=False
        )

    def forward(self, input: Tensor, offset: int = 0) -> Tensor:
        """Turn `input`, whose first position is number `offset`."""
        positions = np.arange(offset, offset + input.shape[-2])
        angle = np.multiply.outer(positions, self.frequencies.array).astype(input.array.dtype)
        cos, sin = from_numpy(np.cos(angle)), from_numpy(np.sin(angle))
        if self.interleaved:
            pairs = input.unflatten(-1, (-1, 2))
            a, b = pairs[..., 0], pairs[..., 1]
            turned = stack([a * cos - b * sin, a * sin + b * cos], dim=-1)
            return turned.flatten(-2)
        a, b = input[..., : self.dim // 2], input[..., self.dim // 2 :]
        return cat([a * cos - b * sin, a * sin + b * cos], dim=-1)

    def extra_repr(self) -> str:
        return f"{self.dim}, base={self.base}, interleaved={self.interleaved}"
