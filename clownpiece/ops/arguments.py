"""What may be given for an argument: read from the record, checked when a Tensor is involved.

The annotation of a parameter in a record's forward is its kind. PyTorch's rules hold: a bool is
no number for a `dim`, a `keepdim` is True or False and not 1, a 0-d tensor may stand for a
number. A parameter whose annotation is none of these kinds is left to the forward.
"""

from __future__ import annotations

import inspect
import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import as_dtype, dtype

__all__ = [
    "A_TENSOR",
    "Array",
    "Dims",
    "Dtype",
    "Ints",
    "Kind",
    "check_one_dtype",
    "clear_error",
    "kinds_of",
    "not_supported",
    "places_of",
]

Ints = int | Sequence[int]
"""One int for all dimensions, or one for each."""

Dims = int | Sequence[int] | None
"""One dimension, several, or all."""

Array = Any
"""A Tensor, or an array where the op computes on arrays, as a parameter."""

Dtype = Any
"""A dtype, of ours or of NumPy, or its name."""


class Kind:
    """What one parameter takes: types that need no second look, and a test for all others."""

    __slots__ = ("accepts", "numeric", "text", "types")

    def __init__(self, text: str, types: frozenset[type], accepts: Callable[[Any], bool]) -> None:
        self.text = text
        self.types = types
        self.accepts = accepts
        self.numeric = int in types

    def check(self, op: str, name: str, value: Any, position: int = 0) -> None:
        """Raise a TypeError if `value` is not of this kind."""
        if type(value) not in self.types and not self.accepts(value):
            nest = "Tensor" in self.text and isinstance(value, (tuple, list))
            place = f" (position {position})" if position else ""
            raise TypeError(
                f"{op}(): argument {name!r}{place} must be {self.text}, "
                f"not {type(value).__name__}; got {_short(value)}"
                + ("; choose one of the tensors in it" if nest else "")
            )

    @staticmethod
    def of_input(types: set[type]) -> Kind:
        """What may stand where a tensor is expected, from the types that samples show there."""
        if list in types:
            return Kind("tuple of Tensors", frozenset(), _is_tensors)
        plain = frozenset(types & {type(None)})
        if types & {int, float, bool}:
            return Kind("Tensor or number", plain, _is_number)
        return Kind("Tensor", plain, _is_nothing)


def _is_tensors(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(hasattr(each, "dtype") for each in value)


def _is_bool(value: Any) -> bool:
    return isinstance(value, np.bool_)


def _is_int(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number, np.bool_)) or getattr(value, "ndim", 1) == 0


def _is_ints(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(type(each) is int or _is_int(each) for each in value)
    return getattr(value, "ndim", 1) == 0 and _is_int(value)


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype")


def _is_dtype(value: Any) -> bool:
    as_dtype(value)
    return True


def _is_nothing(value: Any) -> bool:
    return False


_ATOMS: dict[str, tuple[str, frozenset[type], Callable[[Any], bool]]] = {
    "None": ("None", frozenset({type(None)}), _is_nothing),
    "bool": ("bool", frozenset({bool}), _is_bool),
    "int": ("int", frozenset({int}), _is_int),
    "float": ("a number", frozenset({float, int}), _is_number),
    "str": ("str", frozenset({str}), _is_nothing),
    "Sequence[int]": ("a tuple of ints", frozenset(), _is_ints),
    "Array": ("Tensor", frozenset({np.ndarray}), _is_array),
    "Dtype": ("a dtype", frozenset({dtype}), _is_dtype),
}
_ALIASES = {
    "Ints": "int | Sequence[int]",
    "Dims": "int | Sequence[int] | None",
}


def _kind(annotation: str, default: Any) -> Kind | None:
    """The kind that an annotation names; None where it names something else."""
    names = annotation.split(" | ")
    parts = [part for name in names for part in _ALIASES.get(name, name).split(" | ")]
    if default is None and "None" not in parts:
        parts.append("None")
    if not all(part in _ATOMS for part in parts):
        return None
    chosen = [_ATOMS[part] for part in parts]
    tests = tuple(accepts for _, _, accepts in chosen if accepts is not _is_nothing)
    return Kind(
        " or ".join(text for text, _, _ in chosen),
        frozenset().union(*[types for _, types, _ in chosen]),
        lambda value: any(accepts(value) for accepts in tests),
    )


def kinds_of(parameters: Sequence[inspect.Parameter]) -> dict[str, Kind]:
    """The kind of each parameter that has one, by name."""
    found = {}
    for each in parameters:
        annotation = each.annotation
        if annotation is each.empty:
            # A lambda says it by its default: in PyTorch too a number may be of either type.
            annotation = {bool: "bool", str: "str", int: "float", float: "float"}.get(
                type(each.default), ""
            )
        kind = _kind(str(annotation), each.default)
        if kind is not None:
            found[each.name] = kind
    return found


A_TENSOR = Kind("Tensor", frozenset(), _is_nothing)


def check_one_dtype(
    op: str, alike: Sequence[str], inputs: Sequence[str], values: Sequence[Any]
) -> None:
    """Raise a RuntimeError unless the tensors among these inputs have one dtype."""
    known = {
        name: value.dtype
        for name, value in zip(inputs, values, strict=False)
        if name in alike and isinstance(value, np.ndarray)
    }
    if len(set(known.values())) > 1:
        listed = ", ".join(f"{name} is {kind}" for name, kind in known.items())
        raise RuntimeError(
            f"{op}: expected inputs of the same dtype, but {listed}; convert one with .to()"
        )


def clear_error(name: str, values: Sequence[Any], error: Exception) -> Exception:
    """What NumPy refused, in PyTorch's class and with what to do about it."""
    text = str(error)
    if "broadcast" in text and isinstance(error, ValueError):
        listed = " and ".join(str(tuple(v.shape)) for v in values if hasattr(v, "shape"))
        return RuntimeError(
            f"{name}: the sizes of the tensors must match where neither is 1, counted from the "
            f"last dimension; got shapes {listed}"
        )
    if any(phrase in text for phrase in _NO_LOOP) and isinstance(error, (TypeError, ValueError)):
        return not_supported(name, values)
    return error


def not_supported(name: str, values: Sequence[Any]) -> RuntimeError:
    """The error of an op that has no arithmetic for these elements."""
    kinds = sorted({str(v.dtype) for v in values if hasattr(v, "dtype")})
    return RuntimeError(
        f"{name} is not supported on {' and '.join(kinds)} tensors; convert them first, for "
        "example with .float()"
        + (", or use logical_and, logical_or, logical_xor" if "bool" in kinds else "")
    )


# How NumPy says that it has no loop for a dtype.
_NO_LOOP = ("ufunc", "Cannot cast", "Invalid integer data", "numpy boolean")


def places_of(
    forward: Callable[..., Any], inputs: Sequence[str], samples: Sequence[Any], variadic: bool
) -> tuple[Kind, ...]:
    """What may stand at each input: what stands there in some sample, or None if annotated so."""
    if variadic:
        return (Kind.of_input({type(each) for tensors, *_ in samples for each in tensors}),)
    optional: list[Any] = [()] * len(inputs)
    if not isinstance(forward, np.ufunc):
        parameters = inspect.signature(forward).parameters.values()
        for at, each in enumerate([*parameters][: len(inputs)]):
            if str(each.annotation).endswith("| None"):
                optional[at] = None
    columns = itertools.zip_longest(inputs, *samples, optional)
    return tuple(Kind.of_input(set(map(type, column[1:]))) for column in columns)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
