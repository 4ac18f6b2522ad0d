"""Operations cell by cell: promoted to one dtype, broadcast, called without ceremony."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd.mode import mode
from ..tensor import Tensor, wrap
from .arguments import clear_error
from .record import Op, op, quiet

__all__ = ["Elementwise", "elementwise"]


class Elementwise(Op):
    """An op on one or two broadcast inputs without parameters, called without ceremony."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) != len(self.inputs):
            return super().__call__(*args, **kwargs)
        for value in args:
            if isinstance(value, Tensor):
                return self.apply(args, {})
        self._check_some_array(args)
        return self._forward(args, {})

    def apply(self, values: Sequence[Any], params: dict[str, Any]) -> Any:
        # What most calls are, on small tensors the longest part of them: arrays of one dtype.
        if len(values) != 2 or params or mode.observer is not None:
            return super().apply(values, params)
        a, b = values
        x = a.array if isinstance(a, Tensor) else a
        y = b.array if isinstance(b, Tensor) else b
        computed: Sequence[Any] = (x, y)
        if (
            type(x) is not np.ndarray
            or type(y) is not np.ndarray
            or x.dtype is not y.dtype
            or self.promote == "float"
        ) and self.promote is not None:
            self._check(computed, params)
            computed = self._prepare([x, y])
        try:
            made = wrap(quiet.run(self.forward, *computed))
        except (ValueError, TypeError) as error:
            raise clear_error(self.name, computed, error) from None
        if mode.grad and self.gradient is not None:
            self._record(values, computed, params, (made,))
        return made


def elementwise(name: str, forward: Callable[..., Any], **fields: Any) -> Op:
    """An `op` that works cell by cell: promoted to one dtype, broadcast, one flop a cell."""
    fields.setdefault("promote", "same")
    fields.setdefault("flops", lambda y_shape: math.prod(y_shape))
    fields.setdefault("inplace", True)
    fields.setdefault("kind", Elementwise)
    return op(name, forward, **fields)
