"""Operations made of operations: plain functions that are exposed and tested like records.

A composition has no gradient of its own and records nothing; what it calls does. It suits
whatever is a change of arguments (`chunk`, `hstack`) or is not worth a fused gradient. The
other special way of being called stands here too: `dim` between the tensors.
"""

from __future__ import annotations

import inspect
from collections import namedtuple
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from ..autograd.mode import mode
from ..tensor import Tensor
from .arguments import A_TENSOR, clear_error
from .inplace import check_fits, check_may_change, check_writable, shadow
from .record import REGISTRY, SPELLINGS, Op, op

__all__ = ["Composition", "DimFirst", "composition", "named_result"]


class Composition(Op):
    """A function of records; called with arrays it computes on arrays, as they do."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = {self._spelled(name): value for name, value in kwargs.items()}
        self._check_call(args, kwargs)
        try:
            return self.forward(*args, **kwargs)
        except (TypeError, ValueError, AttributeError) as error:
            self._check_count(args, kwargs)
            if isinstance(error, AttributeError):
                self._check_tensors(args)
            raise clear_error(self.name, args, error) from None

    def apply_inplace(self, target: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Compute, and write the result into `target`, which keeps its dtype and shape."""
        values = (target, *args, *kwargs.values())
        if mode.grad and any(isinstance(v, Tensor) and v.requires_grad for v in values):
            check_may_change(target, self.name_in_place)
        check_writable(target, self.name_in_place)
        # What it is made of may save the target, so that it reads a copy with the same history.
        result = self(shadow(target, copy=True), *args, **kwargs)
        check_fits(target, result.array, self.name_in_place)
        if result.dtype is not target.dtype:
            raise RuntimeError(
                f"{self.name_in_place}: the result is {result.dtype}, but what it is to be written "
                f"into is {target.dtype}; use the form without the underscore"
            )
        return REGISTRY["copy_"].apply_inplace(target, result)

    def _check_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._takes_any_number:
            return
        count = len(self.inputs)
        inputs = [*args[:count], *map(kwargs.get, self.inputs[len(args) : count])]
        if self.variadic:
            inputs = self._sequence(inputs[0])
        params = dict(zip(self._names, args[count:], strict=False)) | kwargs
        self._check([v.array if isinstance(v, Tensor) else v for v in inputs], params)

    def _check_count(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise a TypeError in the words of the record if the arguments do not fit it."""
        try:
            inspect.signature(self.forward).bind(*args, **kwargs)
        except TypeError as error:
            takes = ", ".join((*self.inputs, *self._names))
            raise TypeError(f"{self.name}(): {error}; it takes {takes}") from None

    def _check_tensors(self, args: tuple[Any, ...]) -> None:
        """Raise a TypeError for the first of several that is none of what an op reads."""
        for value in args:
            if not isinstance(value, (Tensor, np.ndarray, np.generic, tuple, list)):
                A_TENSOR.check(self.name, self.inputs[-1], value)

    @cached_property
    def _takes_any_number(self) -> bool:
        """Whether tensors are given one by one, as to `einsum`."""
        kinds = [each.kind for each in inspect.signature(self.forward).parameters.values()]
        return inspect.Parameter.VAR_POSITIONAL in kinds

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
