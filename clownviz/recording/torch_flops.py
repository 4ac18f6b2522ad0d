"""Floating-point operations of what PyTorch runs in one piece, from the shapes it was given.

Where clownpiece has a record with a cost of its own, that is the cost. What clownpiece composes of
matrix products, PyTorch runs as one operation: those are counted here. A multiply-add counts two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isqrt, prod
from typing import Any

from clownpiece.ops import REGISTRY

__all__ = ["flops_of"]

_RECURRENT = {"lstm": 3, "gru": 2, "rnn_tanh": 2, "rnn_relu": 2}
"""How many tensors stand before the weights: the input, and the states."""

_INNER = {
    "mm": 0, "bmm": 0, "mv": 0, "inner": 0, "dot": 0, "vdot": 0, "linalg_matmul": 0,
    "addmm": 1, "baddbmm": 1, "addmv": 1,
}  # fmt: skip
"""Products whose last dimension of this input is summed over, for each number of the output."""


def flops_of(
    op: str, inputs: Sequence[Any], params: Mapping[str, Any], outputs: Sequence[Any]
) -> int:
    """Floating-point operations of one call; 0 where they are not known.

    Args:
        op: the operation's name.
        inputs: what it was given; tensors have a shape.
        params: its other arguments.
        outputs: what it made.
    """
    shapes = [tuple(each.shape) for each in inputs if hasattr(each, "shape")]
    try:
        products = _products(op, shapes, params, tuple(outputs[0].shape))
        if products is not None:
            return 2 * products
        record = REGISTRY.get(op)
        return 0 if record is None else int(record.flops_of(inputs, dict(params), tuple(outputs)))
    except (KeyError, IndexError, TypeError, ValueError):
        return 0  # called in a form that only PyTorch has


def _products(
    op: str, shapes: list[tuple[int, ...]], params: Mapping[str, Any], made: tuple[int, ...]
) -> int | None:
    """Multiply-adds of what is all matrix products; None for what is something else.

    >>> _products("addmm", [(5,), (3, 4), (4, 5)], {}, (3, 5))
    60
    """
    before = _RECURRENT.get(op.removesuffix("_cell"))
    if before is not None:
        # Each weight matrix meets each position of the sequence once.
        weights = [shape for shape in shapes[before:] if len(shape) == 2]
        return sum(map(prod, weights)) * prod(made[:-1])
    if op in _INNER:
        return prod(made) * shapes[_INNER[op]][-1]
    if op == "addbmm":
        return prod(shapes[1]) * made[-1]
    if op == "tensordot":
        # Of two tensors whose common dimensions are summed over, by their sizes alone.
        return isqrt(prod(shapes[0]) * prod(shapes[1]) * prod(made))
    if op == "bilinear":
        return prod(made) * shapes[1][-1] * (shapes[0][-1] + 1)
    if op == "einsum":
        equation = params["equation"] if "equation" in params else params["args[0]"]
        return _einsum(str(equation).strip("'"), shapes)
    if op == "multi_head_attention_forward":
        return _multi_head(*shapes[:3])
    return None


def _einsum(equation: str, shapes: list[tuple[int, ...]]) -> int:
    """Operands are taken from the left to the right, two at a time.

    >>> _einsum("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]), _einsum("...i,i", [(7, 3), (3,)])
    (120, 21)
    """
    terms, _, made = equation.replace(" ", "").partition("->")
    sizes: dict[str, int] = {}
    operands: list[set[str]] = []
    for term, shape in zip(terms.split(","), shapes, strict=True):
        head, dots, tail = term.partition("...")
        among = len(shape) - len(head) - len(tail)
        # What the dots stand for is counted from the right, as it is broadcast.
        names = [*head, *(f".{among - at}" for at in range(among) if dots), *tail]
        for name, size in zip(names, shape, strict=True):
            sizes[name] = max(size, sizes.get(name, 1))
        operands.append(set(names))
    total, left = 0, operands[0]
    for at, right in enumerate(operands[1:], start=1):
        total += prod(sizes[name] for name in left | right)
        later = set(made).union(*operands[at + 1 :])
        left = {name for name in left | right if name in later or name.startswith(".")}
    return total


def _multi_head(
    query: tuple[int, ...], key: tuple[int, ...], value: tuple[int, ...]
) -> int:
    """Projections in and out, scores and weighted sums of shapes (L, N, E), (S, N, K), (S, N, V).

    >>> _multi_head((5, 2, 8), (5, 2, 8), (5, 2, 8)) == 4 * 10 * 8 * 8 + 2 * 2 * 5 * 5 * 8
    True
    """
    width = query[-1]
    projected = 2 * prod(query) + prod(key) + prod(value)
    return projected * width + 2 * prod(query) * key[0]


