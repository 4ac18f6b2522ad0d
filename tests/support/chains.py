"""Random chains of reshape, permute, expand, unfold… for tensors of any library and for NumPy.

A link of a chain is a name and three small numbers, which choose its arguments by the shape that
it meets. So every list of links is a chain, and one of an index array says where each element of
the result comes from.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

Shape = tuple[int, ...]
MOST_ELEMENTS = 300


class Link(NamedTuple):
    """One step of a chain."""

    name: str
    a: int
    b: int
    c: int


class Step(NamedTuple):
    """What a link does.

    Attributes:
        arguments: from the shape that it meets and three numbers; None where it does not apply.
        tensor: the call on a tensor, a method that PyTorch has too.
        array: the same on an array.
    """

    arguments: Callable[[Shape, int, int, int], tuple[Any, ...] | None]
    tensor: Callable[..., Any]
    array: Callable[..., Any]


def _dim(shape: Shape, a: int, b: int, c: int) -> tuple[Any, ...] | None:
    # Negative ones count from the end.
    return (a % (2 * len(shape)) - len(shape),) if shape else None


def _new_dim(shape: Shape, a: int, b: int, c: int) -> tuple[Any, ...]:
    return (a % (2 * len(shape) + 2) - len(shape) - 1,)


def _two_dims(shape: Shape, a: int, b: int, c: int) -> tuple[Any, ...] | None:
    return (a % len(shape), b % len(shape) - len(shape)) if shape else None


def _order(shape: Shape, a: int, b: int, c: int) -> tuple[Any, ...]:
    return (tuple(np.random.default_rng(a + 12 * b).permutation(len(shape)).tolist()),)


def _factors(shape: Shape, a: int, b: int, c: int) -> tuple[Any, ...]:
    """Another shape of as many elements, perhaps with a -1 in it."""
    size = math.prod(shape)
    if not size:
        return ([(0,), (2, 0), (0, 3, 1), (1, 0)][a % 4],)
    first = _divisors(size)[a % len(_divisors(size))]
    second = _divisors(size // first)[b % len(_divisors(size // first))]
    chosen = [first, second, size // first // second]
    if c % 3 == 0:
        chosen = [n for n in chosen if n != 1]
    elif c % 3 == 1:
        chosen[c % len(chosen)] = -1
    return (tuple(chosen),)


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def _stretch(shape: Shape, a: int, b: int, c: int) -> tuple[Any, ...] | None:
    """A dimension, a place in it and a length from there."""
    if not shape:
        return None
    dim = a % len(shape)
    start = b % (shape[dim] + 1)
    return dim, start, c % (shape[dim] - start + 1)


def _one_of(shape: Shape, a: int, b: int, c: int) -> tuple[Any, ...] | None:
    if not shape or not shape[a % len(shape)]:
        return None
    return a % len(shape), b % shape[a % len(shape)]


def _every(shape: Shape, a: int, b: int, c: int) -> tuple[Any, ...] | None:
    """A subscript: every second or third element of a dimension."""
    if not shape:
        return None
    dim = a % len(shape)
    return (((slice(None),) * dim + (slice(b % 2, None, 2 + c % 2),)),)


def _windows(shape: Shape, a: int, b: int, c: int) -> tuple[Any, ...] | None:
    if not shape or not shape[a % len(shape)]:
        return None
    return a % len(shape), 1 + b % shape[a % len(shape)], 1 + c % 3


def _wider(shape: Shape, a: int, b: int, c: int) -> tuple[Any, ...] | None:
    """A shape to expand to: new dimensions in front, those of size 1 repeated."""
    grown = [(1 + a % 3 if n == 1 else -1 if at % 2 else n) for at, n in enumerate(shape)]
    target = (*[1 + b % 2] * (c % 3), *grown)
    known = math.prod(shape) * (1 + a % 3) ** shape.count(1) * (1 + b % 2) ** (c % 3)
    return (target,) if known <= MOST_ELEMENTS else None


def _expanded(x: np.ndarray, target: Shape) -> np.ndarray:
    extra = len(target) - x.ndim
    sizes = [n if n != -1 else x.shape[at - extra] for at, n in enumerate(target)]
    return np.broadcast_to(x, sizes)


def _unfolded(x: np.ndarray, dim: int, size: int, step: int) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(x, size, dim)
    return windows[(slice(None),) * dim + (slice(None, None, step),)]


def _squeezed(x: np.ndarray, dim: int) -> np.ndarray:
    return np.squeeze(x, dim) if x.shape[dim] == 1 else x


STEPS: dict[str, Step] = {
    "reshape": Step(_factors, lambda x, s: x.reshape(s), lambda x, s: x.reshape(s)),
    "view": Step(_factors, lambda x, s: x.view(s), lambda x, s: x.reshape(s)),
    # Of a vector PyTorch's is the vector itself, ours a view of it.
    "flatten": Step(
        lambda shape, *_: None if len(shape) == 1 else (),
        lambda x: x.flatten(),
        lambda x: x.reshape(-1),
    ),
    "permute": Step(_order, lambda x, o: x.permute(o), lambda x, o: x.transpose(o)),
    "transpose": Step(
        _two_dims, lambda x, d, e: x.transpose(d, e), lambda x, d, e: x.swapaxes(d, e)
    ),
    "movedim": Step(_two_dims, lambda x, d, e: x.movedim(d, e), np.moveaxis),
    "expand": Step(_wider, lambda x, s: x.expand(s), _expanded),
    "narrow": Step(
        _stretch,
        lambda x, d, start, length: x.narrow(d, start, length),
        lambda x, d, start, length: np.take(x, range(start, start + length), d),
    ),
    "select": Step(_one_of, lambda x, d, at: x.select(d, at), lambda x, d, at: np.take(x, at, d)),
    "every": Step(_every, lambda x, index: x[index], lambda x, index: x[index]),
    "unfold": Step(_windows, lambda x, *window: x.unfold(*window), _unfolded),
    "squeeze": Step(lambda *_: (), lambda x: x.squeeze(), np.squeeze),
    "squeeze one": Step(_dim, lambda x, d: x.squeeze(d), _squeezed),
    "unsqueeze": Step(_new_dim, lambda x, d: x.unsqueeze(d), np.expand_dims),
    "contiguous": Step(lambda *_: (), lambda x: x.contiguous(), np.ascontiguousarray),
}


def chains() -> st.SearchStrategy[list[Link]]:
    """Any chain of up to eight links."""
    small = st.integers(0, 11)
    return st.lists(
        st.builds(Link, st.sampled_from(list(STEPS)), small, small, small), min_size=1, max_size=8
    )


def arguments(link: Link, shape: Shape) -> tuple[Any, ...] | None:
    """What the link is called with on a tensor of this shape; None if it is to be left out."""
    if math.prod(shape) > MOST_ELEMENTS:
        return None
    return STEPS[link.name].arguments(shape, link.a, link.b, link.c)


def origins(chain: list[Link], shape: Shape) -> np.ndarray:
    """Where each element of the chain's result stands in the flattened input, by NumPy."""
    places = np.arange(math.prod(shape)).reshape(shape)
    for link in chain:
        given = arguments(link, places.shape)
        if given is not None:
            # `ascontiguousarray` makes a vector of a number.
            before = places.shape
            places = STEPS[link.name].array(places, *given)
            places = places.reshape(before) if link.name == "contiguous" else places
    return places
