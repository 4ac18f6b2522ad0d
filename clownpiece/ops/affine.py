"""The fully connected layer: a matrix product and a bias in one operation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .composition import composition
from .products import matmul
from .record import op
from .reductions import sum
from .samples import S
from .shape import permute, reshape, transpose

__all__ = ["bilinear", "linear"]


def _check(x: Any, weight: Any, bias: Any) -> None:
    if weight.ndim not in (1, 2):
        raise RuntimeError(
            f"linear: weight must be (out_features, in_features); got shape {tuple(weight.shape)}"
        )
    if not x.ndim or x.shape[-1] != weight.shape[-1]:
        raise RuntimeError(
            f"linear: mat1 and mat2 shapes cannot be multiplied: the last dimension of x "
            f"{tuple(x.shape)} must be the in_features of weight {tuple(weight.shape)}, "
            f"{weight.shape[-1]}"
        )
    if bias is not None and (weight.ndim == 1 or bias.shape != weight.shape[:-1]):
        _check_bias(x, weight, bias)
    for name, given in (("weight", weight), ("bias", bias)):
        if given is not None and given.dtype != x.dtype:
            raise RuntimeError(
                f"linear: expected x and {name} to have the same dtype, but got {x.dtype} and "
                f"{given.dtype}; convert one of them with .to()"
            )


def _check_bias(x: Any, weight: Any, bias: Any) -> None:
    if weight.ndim == 1 and x.ndim == 2:
        raise RuntimeError(
            "linear: mat2 must be a matrix, got 1-D tensor: with a bias, weight must be "
            f"(out_features, in_features); got shape {tuple(weight.shape)}"
        )
    product = x.shape[:-1] + weight.shape[:-1]
    try:
        fits = np.broadcast_shapes(product, bias.shape) == product
    except ValueError:
        fits = False
    if not fits:
        raise RuntimeError(
            f"linear: bias has shape {tuple(bias.shape)}; expected {tuple(weight.shape[:-1])}, one "
            f"number for each row of weight {tuple(weight.shape)}, or a shape that broadcasts to "
            f"that of the product, {tuple(product)}"
        )


def _linear(x: Any, weight: Any, bias: Any) -> Any:
    _check(x, weight, bias)
    if x.ndim == 2 and weight.ndim == 2:
        y = x @ weight.T
    else:
        # All leading dimensions as one: one large product instead of many small ones.
        y = (_vectors(x) @ weight.T).reshape(x.shape[:-1] + weight.shape[:-1])
    if bias is not None:
        y += bias
    return y


def _vectors(x: Any) -> Any:
    """`(*, in)` as a matrix, a row for each vector."""
    return reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def _by_vector(g: Any, x_shape: Any, weight_shape: Any) -> Any:
    """The gradient of the output as a matrix, a row for each vector of `x`."""
    return reshape(g, (math.prod(x_shape[:-1]), math.prod(weight_shape[:-1])))


linear = op(
    "linear",
    _linear,
    inputs="x weight bias",
    # The bias first, as in PyTorch, where it is what the product is added to.
    grad={
        "bias": lambda g: g,
        "x": lambda g, weight, x_shape, weight_shape: reshape(
            matmul(_by_vector(g, x_shape, weight_shape), _vectors(weight)), x_shape
        ),
        "weight": lambda g, x, weight_shape: reshape(
            matmul(transpose(_by_vector(g, x.shape, weight_shape), 0, 1), _vectors(x)), weight_shape
        ),
    },
    latex=r"x W^T + b",
    doc="""Each vector of `x` `(*, in)` multiplied by `weight` `(out, in)`, plus `bias` `(out,)`.

    The bias may have any other shape that broadcasts to `(*, out)`.

    Raises:
        RuntimeError: the shapes or the dtypes do not fit together.

    >>> import clownpiece as cp
    >>> from clownpiece.nn import functional as F
    >>> F.linear(cp.tensor([1.0, 2.0]), cp.tensor([[3.0, 4.0]]), cp.tensor([5.0]))
    tensor([16.])
    """,
    flops=lambda y_shape, weight_shape: 2 * math.prod(y_shape) * weight_shape[-1],
    samples=[
        S((3, 4), (5, 4), (5,)),
        S((2, 3, 4), (5, 4), None),
        S((4,), (5, 4), (5,)),
        S((2, 3, 4), (4,), None),
        S((2, 3, 4), (5, 4), (2, 3, 1)),
        S((2, 2), (2, 2), (2, 2)),
    ],
    torch="nn.functional.linear",
    expose="functional",
)


def _bilinear(x1: Any, x2: Any, weight: Any, bias: Any = None) -> Any:
    if weight.ndim != 3:
        raise RuntimeError(f"bilinear: weight must be (out, in1, in2); got {tuple(weight.shape)}")
    outs, in1, in2 = weight.shape
    if x1.shape[:-1] != x2.shape[:-1] or (x1.shape[-1], x2.shape[-1]) != (in1, in2):
        raise RuntimeError(
            f"bilinear: expected inputs (*, {in1}) and (*, {in2}) for weight {tuple(weight.shape)},"
            f" alike but for the last dimension; got {tuple(x1.shape)} and {tuple(x2.shape)}"
        )
    # One product for all of x1 with all outputs, then each row with its row of x2.
    matrix = reshape(permute(weight, (1, 0, 2)), (in1, outs * in2))
    mixed = reshape(matmul(reshape(x1, (-1, in1)), matrix), (-1, outs, in2))
    y = sum(mixed * reshape(x2, (-1, 1, in2)), -1)
    y = reshape(y, (*x1.shape[:-1], outs))
    return y if bias is None else y + bias


bilinear = composition(
    "bilinear",
    _bilinear,
    inputs="x1 x2 weight bias",
    alike="x1 x2 weight bias",
    latex=r"x_1^T W x_2 + b",
    doc="""`x1ᵀ W x2 + b` for each pair of vectors: `(*, in1)` and `(*, in2)` to `(*, out)`.

    `weight` is `(out, in1, in2)`, `bias` `(out,)` or None.
    """,
    samples=[S((2, 3, 4), (2, 3, 5), (6, 4, 5), (6,)), S((3, 4), (3, 5), (6, 4, 5))],
    torch="nn.functional.bilinear",
    expose="functional",
)
