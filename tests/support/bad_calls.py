"""Calls that are probably wrong, made from the samples of a record: what a harness of errors tries.

Each is a good call with one thing changed: a parameter of another kind or out of its range, an
input of another shape or dtype, a thing that is no tensor, an argument that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from support.records import Case

from clownpiece.ops.samples import S, drawn

VALUES = ("nonsense", 1.5, -7, 7, -1, 0, (0, 0), (0, 1, 2, 5), ())
NO_TENSORS = ("nonsense", 2, 1.5, None, True)
DTYPES = ("int64", "int32", "bool", "float32")


class BadCall(NamedTuple):
    """A case with one argument exchanged; `argument` is its name, `change` what it became."""

    case: Case
    argument: str
    change: str
    dtype: str | None = None

    def __str__(self) -> str:
        return f"{self.case.sample} with {self.argument} {self.change}"

    def draw(self) -> list[Any]:
        """The inputs, the exchanged one in its own dtype."""
        inputs = self.case.draw()
        if self.dtype is not None:
            at = self.case.record.inputs.index(self.argument)
            inputs[at] = np.asarray(np.abs(inputs[at]) * 3).astype(self.dtype)
        return inputs


def bad_calls(case: Case) -> Iterator[BadCall]:
    """All calls that differ from this one in one argument."""
    sample = case.sample
    for name in case.record.parameters:
        for value in VALUES:
            changed = S(*sample.inputs, **{**sample.params, name: value})
            yield BadCall(case._replace(sample=changed), name, repr(value))
    extra = S(*sample.inputs, **sample.params, nonsense=1)
    yield BadCall(case._replace(sample=extra), "nonsense", "1")
    if case.record.variadic or len(sample.inputs) > len(case.record.inputs):
        return
    for at, (name, entry) in enumerate(zip(case.record.inputs, sample.inputs, strict=False)):
        for value in NO_TENSORS:
            if not (at == 0 and value is None):
                yield BadCall(_with(case, at, value), name, repr(value))
        shape = entry if isinstance(entry, tuple) else getattr(entry, "shape", None)
        if shape is None:
            continue
        for other in sorted(_other_shapes(shape)):
            yield BadCall(_with(case, at, _resized(entry, other)), name, f"of shape {other}")
        for dtype in DTYPES:
            yield BadCall(case, name, f"of dtype {dtype}", dtype)


def _with(case: Case, at: int, entry: Any) -> Case:
    inputs = list(case.sample.inputs)
    inputs[at] = entry
    return case._replace(sample=S(*inputs, **case.sample.params))


def _resized(entry: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(entry, tuple):
        return shape
    make = (lambda rng: entry) if isinstance(entry, np.ndarray) else entry.make
    return drawn(shape, lambda rng: np.resize(make(rng), shape))


def _other_shapes(shape: tuple[int, ...]) -> set[tuple[int, ...]]:
    """One element more at either end, a dimension more or less, no elements."""
    if not shape:
        return {(3,), (0,), (2, 2)}
    more, wide = (shape[0] + 1, *shape[1:]), (*shape[:-1], shape[-1] + 1)
    return {more, wide, shape[1:], (2, *shape), (*shape[:-1], 0)}
