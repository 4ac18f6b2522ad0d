"""Tables of vectors: rows by their numbers, bags of rows, numbers as one-hot vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..kernels.embedding import scatter_rows
from .record import op
from .samples import S, ints

__all__ = ["embedding", "one_hot", "rows_sum"]


def _check_numbers(name: str, indices: Any, rows: int) -> None:
    if indices.dtype.kind not in "iu":
        raise RuntimeError(
            f"{name}: expected whole numbers as indices, int64 or int32; got {indices.dtype}"
        )
    if indices.size and not 0 <= indices.min() <= indices.max() < rows:
        raise IndexError(
            f"index out of range in self: {name} has {rows} rows, and the indices lie between "
            f"{indices.min()} and {indices.max()}"
        )


def _embedding(
    x: Any, weight: Any, padding_idx: int | None = None, scale_grad_by_freq: bool = False
) -> Any:
    if weight.ndim != 2:
        raise RuntimeError(
            f"embedding: 'weight' must be 2-D, (num_embeddings, dim); got {tuple(weight.shape)}"
        )
    _check_numbers("embedding", x, len(weight))
    return weight[x]


def _row_factors(x: Any, rows: int, padding_idx: int | None, by_frequency: bool) -> np.ndarray:
    """What each row of a gradient is multiplied by."""
    factors = np.ones(rows)
    if by_frequency:
        factors /= np.maximum(np.bincount(x.ravel(), minlength=rows), 1)
    if padding_idx is not None:
        factors[padding_idx] = 0
    return factors[:, None]


def _rows_sum(
    v: Any, x: Any, rows: int, padding_idx: int | None = None, scale_grad_by_freq: bool = False
) -> Any:
    table = scatter_rows(v, x, rows)
    if padding_idx is not None or scale_grad_by_freq:
        factors = _row_factors(x, rows, padding_idx, scale_grad_by_freq)
        table *= factors.astype(table.dtype)
    return table


def _rows_back(
    v: Any, x: Any, padding_idx: int | None = None, scale_grad_by_freq: bool = False
) -> Any:
    if padding_idx is None and not scale_grad_by_freq:
        return v[x]
    return (v * _row_factors(x, len(v), padding_idx, scale_grad_by_freq).astype(v.dtype))[x]


rows_back = op(
    "rows_back",
    _rows_back,
    inputs="v x",
    grad={
        "v": lambda g, x, v_shape, padding_idx, scale_grad_by_freq: rows_sum(
            g, x, v_shape[0], padding_idx, scale_grad_by_freq
        )
    },
    latex=r"v_{x}",
    doc="The rows of `v` that `x` names, each as `rows_sum` counted it: the transpose of that.",
    samples=[
        S((5, 4), ints((2, 3), 5)),
        S((5, 4), ints((6,), 5), padding_idx=2, scale_grad_by_freq=True),
    ],
    expose="",
)

rows_sum = op(
    "rows_sum",
    _rows_sum,
    inputs="v x",
    grad={
        "v": lambda g, x, padding_idx, scale_grad_by_freq: rows_back(
            g, x, padding_idx, scale_grad_by_freq
        )
    },
    latex=r"\sum_{i : x_i = j} v_i",
    doc="A table of `rows` rows, each the sum of the vectors of `v` that carry its number.",
    samples=[
        S((2, 3, 4), ints((2, 3), 5), rows=5),
        S((6, 4), ints((6,), 5), rows=5, padding_idx=2, scale_grad_by_freq=True),
    ],
    expose="",
)

embedding = op(
    "embedding",
    _embedding,
    inputs="x weight",
    grad={
        "weight": lambda g, x, weight_shape, padding_idx, scale_grad_by_freq: rows_sum(
            g, x, weight_shape[0], padding_idx, scale_grad_by_freq
        )
    },
    latex=r"W_{x}",
    doc="""The rows of `weight` `(num_embeddings, dim)` that `x` names: `(*, dim)`.

    Args:
        padding_idx: a row that gets no gradient.
        scale_grad_by_freq: divide the gradient of a row by how often it was named.

    Raises:
        IndexError: a number that no row has.
    """,
    samples=[S(ints((2, 3), 5), (5, 4)), S(ints((2,), 5), (5, 4), padding_idx=1)],
    torch="nn.functional.embedding",
    expose="",
)


def _one_hot(x: Any, num_classes: int = -1) -> Any:
    if x.dtype != np.int64:
        raise RuntimeError(
            f"one_hot is only applicable to index tensor of type int64, not {x.dtype}"
        )
    if x.size and x.min() < 0:
        raise RuntimeError("one_hot: Class values must be non-negative.")
    if num_classes == -1:
        if not x.size:
            raise RuntimeError("one_hot: Can not infer total number of classes from empty tensor.")
        num_classes = int(x.max()) + 1
    if num_classes < 1:
        raise RuntimeError(f"one_hot: num_classes should be positive; got {num_classes}")
    if x.size and x.max() >= num_classes:
        raise RuntimeError(
            f"one_hot: Class values must be smaller than num_classes; got {x.max()} and "
            f"{num_classes}"
        )
    return (x[..., None] == np.arange(num_classes)).astype(np.int64)


one_hot = op(
    "one_hot",
    _one_hot,
    latex=r"[\,j = x\,]",
    doc="""Class numbers as vectors of zeros with a single one, int64: `(*)` to `(*, num_classes)`.

    >>> import clownpiece as cp
    >>> from clownpiece.nn import functional as F
    >>> F.one_hot(cp.tensor([0, 2]), num_classes=3)
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """,
    flops=lambda y_shape: math.prod(y_shape),
    samples=[S(ints((3,), 4), num_classes=4), S(ints((2, 3), 4))],
    torch="nn.functional.one_hot",
    expose="functional",
)
