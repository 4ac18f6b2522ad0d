"""Sample calls: what an op record brings along to be proved with.

A sample says how to draw the inputs of one call, never their numbers, so that the same record
is tried in several dtypes, memory layouts and random streams:

    S((3, 4), (4,))                      two float inputs, drawn inside of the record's domain
    S((3, 4), ints((3, 2), 4), dim=1)    a float input, integers in [0, 4), a parameter
    S([(2, 3), (4, 3)], dim=0)           a sequence of inputs (variadic ops)
    S((3, 4), 2.0)                       a Python number where a tensor may stand
    S((3, 4), None)                      an optional input that is not given
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = [
    "Drawn",
    "S",
    "bools",
    "drawn",
    "floats",
    "ints",
    "permutations",
    "positive_definite",
    "well_conditioned",
]

Domain = tuple[float, float]


class S:
    """One sample call: the inputs, each as something that can be drawn, and the parameters.

    >>> sample = S((2, 3), ints((2,), 3), dim=0)
    >>> x, index = sample.draw(np.random.default_rng(0), np.float32)
    >>> x.shape, x.dtype, index.dtype
    ((2, 3), dtype('float32'), dtype('int64'))
    """

    __slots__ = ("inputs", "params")

    def __init__(self, *inputs: Any, **params: Any) -> None:
        self.inputs = inputs
        self.params = params

    def __repr__(self) -> str:
        shown = [repr(each) for each in self.inputs]
        shown += [f"{name}={_short(value)}" for name, value in self.params.items()]
        return f"S({', '.join(shown)})"

    def draw(
        self,
        rng: np.random.Generator,
        dtype: Any = np.float64,
        domain: Domain = (-math.inf, math.inf),
    ) -> list[Any]:
        """Fresh inputs; floating ones in `dtype`, plain shapes inside of `domain`."""
        return [_draw(each, rng, np.dtype(dtype), domain) for each in self.inputs]


class Drawn:
    """An input with values of its own: a shape and the function that makes them."""

    __slots__ = ("make", "name", "shape")

    def __init__(
        self,
        name: str,
        shape: tuple[int, ...],
        make: Callable[[np.random.Generator], np.ndarray],
    ) -> None:
        self.name = name
        self.shape = shape
        self.make = make

    def __repr__(self) -> str:
        return f"{self.name}({self.shape})"


def drawn(shape: tuple[int, ...], make: Callable[[np.random.Generator], Any]) -> Drawn:
    """An input made by `make(rng)`; floats are cast to the dtype that is being tried."""
    return Drawn("drawn", shape, make)


def ints(shape: tuple[int, ...], high: int, low: int = 0) -> Drawn:
    """Integers in [low, high), int64: indices, class labels."""
    return Drawn("ints", shape, lambda rng: rng.integers(low, high, shape))


def bools(shape: tuple[int, ...]) -> Drawn:
    """Truth values: masks."""
    return Drawn("bools", shape, lambda rng: rng.random(shape) < 0.5)


def floats(shape: tuple[int, ...], low: float, high: float) -> Drawn:
    """Floats in [low, high), where one input's range differs from the record's domain."""
    return Drawn("floats", shape, lambda rng: rng.uniform(low, high, shape))


def permutations(shape: tuple[int, ...], dim: int) -> Drawn:
    """Indices along `dim` that name no place twice, so that writing them has one answer."""
    return Drawn(
        "permutations",
        shape,
        lambda rng: np.argsort(rng.random(shape), axis=dim).astype(np.int64),
    )


def positive_definite(*shape: int) -> Drawn:
    """Symmetric matrices with eigenvalues well above zero and well apart from each other."""

    def make(rng: np.random.Generator) -> np.ndarray:
        size = shape[-1]
        rotation, _ = np.linalg.qr(rng.standard_normal(shape))
        scaled = rotation * np.linspace(1.0, 3.0, size)
        return scaled @ np.swapaxes(rotation, -1, -2)

    return Drawn("positive_definite", shape, make)


def well_conditioned(*shape: int) -> Drawn:
    """Random matrices whose singular values lie well above zero and well apart."""

    def make(rng: np.random.Generator) -> np.ndarray:
        u, _, vh = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
        return u * np.linspace(1.0, 3.0, u.shape[-1]) @ vh

    return Drawn("well_conditioned", shape, make)


def _draw(entry: Any, rng: np.random.Generator, dtype: np.dtype, domain: Domain) -> Any:
    if isinstance(entry, tuple):
        return _inside(domain, entry, rng).astype(dtype)
    if isinstance(entry, list):
        return [_draw(each, rng, dtype, domain) for each in entry]
    if isinstance(entry, Drawn):
        made = np.asarray(entry.make(rng))
        return made.astype(dtype) if made.dtype.kind == "f" else made
    return entry


def _inside(domain: Domain, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random numbers inside of the domain, a little away from its ends."""
    low, high = domain
    if math.isinf(low) and math.isinf(high):
        return np.asarray(rng.standard_normal(shape))
    if math.isinf(high):
        low, high = low + 0.2, low + 3.0
    elif math.isinf(low):
        low, high = high - 3.0, high - 0.2
    margin = 0.05 * (high - low)
    return np.asarray(rng.uniform(low + margin, high - margin, shape))


def _short(value: Any) -> str:
    return repr(value).replace("\n", " ")
