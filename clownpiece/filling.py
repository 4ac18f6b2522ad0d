"""Random numbers written into a tensor: `normal_`, `uniform_` and their siblings.

All are methods that return the tensor itself. Its history ends: what was drawn does not depend
on what stood there, so the gradient of that is zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .creation import bernoulli, full
from .ops.indexing import copy_
from .random import Generator, default_generator
from .tensor import Tensor

__all__ = ["FILLS"]


def normal_(
    self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None
) -> Tensor:
    """Fill with normal random numbers, in place."""
    _check_floating(self, "normal_")
    _check(std >= 0, f"normal_ expects std >= 0.0, but found std {std}")
    return _filled(self, mean + std * _noise(self, "standard_normal", generator))


def log_normal_(
    self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None
) -> Tensor:
    """Fill with numbers whose logarithms are normal with this mean and std, in place."""
    _check_floating(self, "log_normal_")
    _check(std > 0, f"log_normal_ expects std > 0.0, but found std={std}")
    return _filled(self, np.exp(mean + std * _noise(self, "standard_normal", generator)))


def uniform_(
    self: Tensor, low: float = 0.0, high: float = 1.0, *, generator: Any = None
) -> Tensor:
    """Fill with uniform random numbers from [low, high), in place."""
    _check_floating(self, "uniform_")
    _check(
        low <= high,
        f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}",
    )
    return _filled(self, low + (high - low) * _noise(self, "random", generator))


def exponential_(
    self: Tensor, lambd: float = 1.0, *, generator: Any = None
) -> Tensor:
    """Fill with draws of the density λ exp(−λ x) for x > 0, in place."""
    _check_floating(self, "exponential_")
    _check(lambd > 0, f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    return _filled(self, _noise(self, "standard_exponential", generator) / lambd)


def cauchy_(
    self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None
) -> Tensor:
    """Fill with draws of the density σ / (π ((x − median)² + σ²)), in place."""
    _check_floating(self, "cauchy_")
    _check(sigma > 0, f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    return _filled(self, median + sigma * _source(generator).standard_cauchy(self.shape))


def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Fill with the number of tries, 1 or more, up to the first success, in place."""
    _check(0 < p < 1, f"geometric_ expects p to be in (0, 1), but got p={p}")
    return _filled(self, _source(generator).geometric(p, self.shape))


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with 1 where chance has it, with probability p, else 0, in place."""
    chances = p if isinstance(p, Tensor) else full(self.shape, float(p))
    return _filled(self, bernoulli(chances, generator=generator).array)


def random_(self: Tensor, *bounds: int, generator: Any = None) -> Tensor:
    """Fill with whole numbers, in place: `random_()`, `random_(to)` or `random_(from, to)`.

    They lie from `from` (0 if left out) up to, not including, `to`. Without bounds they are all
    that the dtype holds exactly and that are not negative.
    """
    if len(bounds) > 2:
        raise TypeError(f"random_() takes at most from and to; got {len(bounds)} numbers")
    last = _last_whole_number(self.array.dtype)
    low, high = (0, *bounds)[-2:] if bounds else (0, last + 1)
    _check(
        low < high, f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
    )
    _check(
        high - 1 <= last,
        f"to - 1 is out of bounds for {self.dtype}: got {high - 1}, the largest is {last}",
    )
    return _filled(self, _source(generator).integers(low, high - 1, self.shape, endpoint=True))


FILLS: tuple[Callable[..., Any], ...] = (
    bernoulli_,
    cauchy_,
    exponential_,
    geometric_,
    log_normal_,
    normal_,
    random_,
    uniform_,
)


def _last_whole_number(dtype: np.dtype) -> int:
    """The largest number up to which the dtype holds every whole one."""
    if dtype.kind == "f":
        return 2 ** (np.finfo(dtype).nmant + 1)
    return 1 if dtype.kind == "b" else int(np.iinfo(dtype).max)


def _source(generator: Generator | None) -> np.random.Generator:
    return (default_generator if generator is None else generator).numpy


def _noise(tensor: Tensor, draw: str, generator: Generator | None) -> np.ndarray:
    return getattr(_source(generator), draw)(tensor.shape, dtype=tensor.array.dtype.type)


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)


def _check_floating(tensor: Tensor, name: str) -> None:
    if tensor.array.dtype.kind != "f":
        raise NotImplementedError(
            f"{name} draws floating numbers, which a tensor of {tensor.dtype} cannot hold; "
            "convert it first, for example with .float()"
        )


def _filled(tensor: Tensor, values: Any) -> Tensor:
    return copy_.apply_inplace(tensor, np.asarray(values))
