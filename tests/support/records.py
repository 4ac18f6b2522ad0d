"""Every op record with its samples, drawn and called: what the tests of all records share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from clownpiece import Tensor, from_numpy
from clownpiece.ops import REGISTRY, Op
from clownpiece.ops.composition import Composition, DimFirst
from clownpiece.ops.indexing import Written
from clownpiece.ops.samples import S


class Case(NamedTuple):
    """One sample call of one record."""

    record: Op
    number: int
    sample: S

    @property
    def id(self) -> str:
        return f"{self.record.name}-{self.number}"

    def draw(self, dtype: Any = np.float64, seed: int = 0) -> list[Any]:
        return self.sample.draw(np.random.default_rng(seed), dtype, self.record.domain)

    def __call__(self, inputs: list[Any], function: Callable[..., Any] | None = None) -> Any:
        """The record (or another function in its place) called as a user calls it."""
        function = self.record if function is None else function
        params = dict(self.sample.params)
        if isinstance(self.record, DimFirst):
            first, *rest = inputs
            return function(first, params.pop("dim"), *rest, **params)
        if isinstance(self.record, Written) and isinstance(inputs[0], Tensor):
            inputs = [inputs[0].clone(), *inputs[1:]]
        return function(*inputs, **params)


def cases(chosen: Callable[[Op], bool] = lambda record: True) -> list[Case]:
    """All sample calls of the records that are chosen."""
    return [
        Case(record, number, sample)
        for record in REGISTRY.values()
        if chosen(record)
        for number, sample in enumerate(record.samples)
    ]


def is_differentiable(record: Op) -> bool:
    """Whether a gradient can come out; of a composition that shows only when it is called."""
    return record.gradient is not None or isinstance(record, Composition)


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """`function` on all leaves of nested lists and tuples."""
    if isinstance(value, (list, tuple)):
        return [mapped(function, each) for each in value]
    return function(value)


def leaves(value: Any) -> Iterator[Any]:
    """What stands in nested lists and tuples."""
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from leaves(each)
    else:
        yield value


def tensors_of(inputs: list[Any], requires_grad: bool = False) -> list[Any]:
    """The drawn arrays as tensors; floating ones may ask for gradients."""

    def as_tensor(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        made = from_numpy(value)
        return made.requires_grad_() if requires_grad and value.dtype.kind == "f" else made

    return mapped(as_tensor, inputs)


def arrays_of(result: Any) -> list[Any]:
    """The outputs of a call as arrays, in order."""
    return [each.array if isinstance(each, Tensor) else np.asarray(each) for each in leaves(result)]


def float_tensors(value: Any) -> list[Tensor]:
    """The floating tensors among the leaves."""
    return [
        each for each in leaves(value) if isinstance(each, Tensor) and each.is_floating_point()
    ]


def strided(array: np.ndarray) -> np.ndarray:
    """The same numbers in memory with gaps, dimensions in the other order."""
    wide = np.zeros([2 * size for size in reversed(array.shape)], array.dtype)
    view = wide[(*[slice(None, None, 2)] * array.ndim, ...)].transpose()
    view[...] = array
    return view
