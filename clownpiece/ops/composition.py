"""Operations made of operations: plain functions that are exposed and tested like records.

A composition has no gradient of its own and records nothing; what it calls does. It suits
whatever is a change of arguments (`chunk`, `hstack`) or is not worth a fused gradient. The
other special way of being called stands here too: `dim` between the tensors.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

from .record import SPELLINGS, Op, op

__all__ = ["Composition", "DimFirst", "composition", "named_result"]


class Composition(Op):
    """A function of records; called with arrays it computes on arrays, as they do."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = {self._spelled(name): value for name, value in kwargs.items()}
        return self.forward(*args, **kwargs)

    def _spelled(self, name: str) -> str:
        if name == "input" and self.inputs:
            return self.inputs[0]
        other = SPELLINGS.get(name, name)
        return name if name in self.parameters or other not in self.parameters else other


class DimFirst(Op):
    """Called as PyTorch calls `gather(x, dim, index)`: `dim` comes before the second input."""

    def bind(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        if len(args) > 1:
            x, dim, *rest = args
            count = len(self.inputs) - 1
            later = [name for name in self.parameters if name != "dim"]
            kwargs = {**kwargs, **dict(zip(later, rest[count:])), "dim": dim}
            args = (x, *rest[:count])
        return super().bind(args, kwargs)


def composition(name: str, function: Callable[..., Any], **fields: Any) -> Op:
    """Register `function`, written with records and operators, as the operation `name`."""
    return op(name, function, kind=Composition, **fields)


def named_result(name: str, *fields: str) -> Any:
    """The type of a result of several tensors, which can be read by name too, as PyTorch's."""
    return namedtuple(name, fields)
