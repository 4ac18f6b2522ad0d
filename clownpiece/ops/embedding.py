"""Tables of vectors: rows by their numbers, bags of rows, numbers as one-hot vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..kernels.embedding import scatter_rows
from ..tensor import Tensor
from .arguments import Array
from .composition import composition
from .places import gather
from .record import op
from .samples import S, ints
from .selection import keep
from .shape import reshape

__all__ = ["embedding", "embedding_bag", "one_hot", "rows_sum", "shorten"]


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


def shorten(weight: Tensor, used: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows in use that are longer than `max_norm` down to it, in place."""
    rows = np.unique(used.array)
    lengths = np.linalg.norm(weight.array[rows], norm_type, axis=1, keepdims=True)
    factors = np.where(lengths > max_norm, max_norm / (lengths + 1e-7), 1)
    weight.array[rows] *= factors.astype(weight.array.dtype)
    weight.bump_version()


def _bags(numbers: Any, offsets: Any, include_last_offset: bool) -> tuple[Any, int]:
    """To which bag each of the flattened indices belongs, and how many bags there are."""
    if numbers.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "embedding_bag: if input is 2D, then offsets has to be None, as input is treated "
                f"as bags of one length; got offsets of shape {tuple(offsets.shape)}"
            )
        return np.repeat(np.arange(len(numbers)), numbers.shape[1]), len(numbers)
    if numbers.ndim != 1 or offsets is None:
        raise ValueError(
            "embedding_bag: input has to be 2D, or 1D with offsets 1D; got input of shape "
            f"{tuple(numbers.shape)}"
        )
    starts = _array(offsets)
    if include_last_offset:
        starts = starts[:-1]
    if len(starts) and starts[0]:
        raise RuntimeError(f"embedding_bag: offsets[0] has to be 0, but got {starts[0]}")
    return np.searchsorted(starts, np.arange(len(numbers)), "right") - 1, len(starts)


def _array(x: Any) -> np.ndarray:
    return x if isinstance(x, np.ndarray) else x.array


def _embedding_bag(
    x: Any,
    weight: Any,
    per_sample_weights: Any = None,
    offsets: Array = None,
    mode: str = "mean",
    include_last_offset: bool = False,
    padding_idx: int | None = None,
    scale_grad_by_freq: bool = False,
) -> Any:
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode has to be one of sum, mean or max; got {mode!r}")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            f"embedding_bag: per_sample_weights was not None, which only mode='sum' supports; got "
            f"mode={mode!r}"
        )
    if padding_idx is not None:
        rows = weight.shape[0]
        if not -rows <= padding_idx < rows:
            raise RuntimeError(
                f"padding_idx must be within the number of embeddings, {-rows} through "
                f"{rows - 1}, but got {padding_idx}"
            )
        padding_idx %= rows
    numbers = _array(x)
    bags, count = _bags(numbers, offsets, include_last_offset)
    flat = numbers.reshape(-1)
    vectors = embedding(flat, weight, padding_idx, scale_grad_by_freq)
    if mode == "max":
        return _largest(vectors, bags, count, flat != padding_idx)
    if per_sample_weights is not None:
        vectors = vectors * reshape(per_sample_weights, (-1, 1))
    if padding_idx is not None:
        vectors = keep(vectors, (flat != padding_idx)[:, None])
    total = rows_sum(vectors, bags, count)
    if mode == "sum":
        return total
    sizes = np.bincount(
        bags[flat != padding_idx] if padding_idx is not None else bags, minlength=count
    )
    return total / np.maximum(sizes, 1)[:, None].astype(_array(vectors).dtype)


def _largest(vectors: Any, bags: Any, count: int, counted: Any) -> Any:
    """The maximum of each bag's vectors, number by number; zeros for an empty bag."""
    values = _array(vectors)
    best = np.zeros((count, values.shape[1]), np.int64)
    filled = np.zeros((count, 1), bool)
    for bag in np.unique(bags[counted]):
        members = np.flatnonzero((bags == bag) & counted)
        best[bag] = members[values[members].argmax(0)]
        filled[bag] = True
    return keep(gather(vectors, 0, best), np.broadcast_to(filled, best.shape))


embedding_bag = composition(
    "embedding_bag",
    _embedding_bag,
    inputs="x weight per_sample_weights",
    latex=r"\sum_{i \in bag} W_{x_i}",
    doc="""The sum, mean or max of the rows that each bag names, without keeping the rows.

    Bags are the rows of a 2-D `x`, or the pieces of a 1-D one that begin at `offsets`.
    """,
    samples=[
        S(ints((3, 4), 5), (5, 2), None),
        S(ints((6,), 5), (5, 2), None, offsets=np.array([0, 2, 2]), mode="max"),
        S(ints((6,), 5), (5, 2), (6,), offsets=np.array([0, 2, 6]), mode="sum", padding_idx=1),
    ],
    torch="nn.functional.embedding_bag",
    expose="",
)


def _one_hot(x: Any, num_classes: int = -1) -> Any:
    if x.dtype != np.int64:
        raise RuntimeError(f"one_hot is only applicable to index tensors of int64, not {x.dtype}")
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
