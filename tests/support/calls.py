"""Calls written once for two libraries: the function, and what its inputs look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Call(NamedTuple):
    """One call, written once for both sides, with what its inputs look like."""

    name: str
    function: Callable[..., Any]
    inputs: tuple[Any, ...]


def rng_of(name: str) -> np.random.Generator:
    return np.random.default_rng(sum(map(ord, name)))


def drawn(call: Call) -> list[Any]:
    """A shape becomes normal numbers; a function of the generator makes its own; None stays."""
    rng = rng_of(call.name)
    return [
        rng.standard_normal(each) if isinstance(each, tuple) else each and each(rng)
        for each in call.inputs
    ]


def ints(high, *shape):
    return lambda rng: rng.integers(0, high, shape)


def bools(*shape, p=0.7):
    return lambda rng: rng.random(shape) < p


def uniform(low, high, *shape):
    return lambda rng: rng.uniform(low, high, shape)


def exactly(values):
    return lambda rng: np.array(values)
