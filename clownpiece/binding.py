"""Gives Tensor its methods and operators: from the records, and from the engine.

This is the one place where the lower floors meet: `tensor.py` knows no operation, the records
know no class, and this file hands each to the other.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from . import creation
from .autograd import engine
from .devices import device
from .dtypes import as_dtype, bool_, dtype, float32, float64, int8, int16, int32, int64, uint8
from .filling import FILLS
from .inspection import ABSENT_METHODS, FALSE_FLAGS, METHODS, never
from .ops import REGISTRY, Op
from .ops.conversion import contiguous as copy_in_order
from .ops.conversion import to_dtype
from .ops.indexing import getitem, set_item
from .ops.subscripts import normalize_index
from .tensor import Tensor, TensorMethods

__all__ = ["bind"]

_OPERANDS = (Tensor, int, float, np.ndarray, np.generic)

# Python's operator → the record behind it.
_BINARY = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "div",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
    "matmul": "matmul",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
}
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_UNARY = {"neg": "neg", "pos": "positive", "abs": "abs", "invert": "bitwise_not"}


def bind() -> None:
    """Fill `TensorMethods`; called once, when the package is imported."""
    for record in REGISTRY.values():
        if "method" in record.expose:
            for name in (record.name, *record.aliases):
                _set(name.rpartition(".")[2], _method(record))
                if record.inplace:
                    _set(name.rpartition(".")[2] + "_", _inplace_method(record))
    for symbol, name in _BINARY.items():
        record = REGISTRY[name]
        _set(f"__{symbol}__", _operator(record))
        _set(f"__r{symbol}__", _reflected(record))
        if record.inplace:
            _set(f"__i{symbol}__", _inplace_operator(record))
    for name in _COMPARISONS:
        _set(f"__{name}__", _operator(REGISTRY[name]))
    for symbol, name in _UNARY.items():
        _set(f"__{symbol}__", _unary(REGISTRY[name]))
    for function in (*_OTHER_METHODS, *FILLS, *METHODS):
        _set(function.__name__, function)
    for name, kind in _CASTS.items():
        _set(name, _cast_method(kind))
    for name, doc in FALSE_FLAGS.items():
        _set(name, property(never, doc=doc))
    for name, reason in ABSENT_METHODS.items():
        _set(name, _absent(name, reason))
    _set("T", property(_reversed_dims))
    _set("mT", property(_swapped_matrix_dims))
    _set("__getitem__", __getitem__)
    _set("__setitem__", __setitem__)


def _set(name: str, function: Any) -> None:
    setattr(TensorMethods, name, function)


def _described(function: Any, record: Op, name: str) -> Any:
    function.__name__ = name
    function.__qualname__ = f"Tensor.{name}"
    function.__doc__ = record.doc
    return function


def _method(record: Op) -> Any:
    if record.variadic:
        raise TypeError(f"{record.name} takes a sequence of tensors and cannot be a method")

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        return record(self, *args, **kwargs)

    return _described(method, record, record.name)


def _inplace_method(record: Op) -> Any:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return record.apply_inplace(self, *args, **kwargs)

    return _described(method, record, record.name + "_")


def _operator(record: Op) -> Any:
    def method(self: Tensor, other: Any) -> Any:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        return record.apply((self, other), {})

    return _described(method, record, record.name)


def _reflected(record: Op) -> Any:
    def method(self: Tensor, other: Any) -> Any:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        return record.apply((other, self), {})

    return _described(method, record, record.name)


def _inplace_operator(record: Op) -> Any:
    def method(self: Tensor, other: Any) -> Any:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        return record.apply_inplace(self, other)

    return _described(method, record, record.name)


def _unary(record: Op) -> Any:
    def method(self: Tensor) -> Any:
        return record.apply((self,), {})

    return _described(method, record, record.name)


def __getitem__(self: Tensor, index: Any) -> Any:
    return getitem(self, normalize_index(index))


def __setitem__(self: Tensor, index: Any, value: Any) -> None:
    set_item(self, index, value)


# -- methods that are more than one operation -----------------------------------------------------


def backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Accumulate the gradient of this tensor into the `.grad` of the leaves it came from.

    Args:
        gradient: the gradient of this tensor; 1 if left out and there is one element.
        retain_graph: keep the graph, to walk it again.
        create_graph: record the walk, for gradients of gradients.
        inputs: accumulate only into these.
    """
    engine.backward(self, gradient, retain_graph, create_graph, inputs=inputs)


def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """In another dtype, or like another tensor; the tensor itself where nothing changes.

    Takes a dtype, a device (there is only "cpu"), a tensor, and `copy=True`.
    """
    wanted, copy = asked_of_to(args, kwargs)
    if wanted is None or wanted is self.dtype:
        return self.clone() if copy else self
    return to_dtype(self, wanted.numpy)


def asked_of_to(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[dtype | None, builtins.bool]:
    """The dtype that the arguments of `to` ask for, if any, and whether for a copy in any case.

    They are `(device, dtype, non_blocking, copy)`, `(dtype, non_blocking, copy)` or
    `(tensor, non_blocking, copy)`, and all of them keywords too.

    Raises:
        TypeError: they are not.
        RuntimeError: the device is not the CPU.
    """
    first = args[0] if args else None
    names = ["non_blocking", "copy"]
    if isinstance(first, Tensor):
        names.insert(0, "tensor")
    elif first is None or isinstance(first, (str, int, device)):
        names[:0] = "device", "dtype"
    else:
        names.insert(0, "dtype")
    given = {**dict(zip(names, args)), **kwargs}
    known = {"device", "dtype", "tensor", "other", "non_blocking", "copy", "memory_format"}
    flags = [given.get(name, False) for name in ("non_blocking", "copy")]
    like = given.get("tensor", given.get("other"))
    if (
        len(args) > len(names)
        or len(given) < len(args) + len(kwargs)
        or not given.keys() <= known
        or not all(isinstance(flag, builtins.bool) for flag in flags)
        or not isinstance(like, (Tensor, builtins.type(None)))
    ):
        listed = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
        raise TypeError(
            f"to() received an invalid combination of arguments ({', '.join(listed)}); it takes "
            "(device, dtype, non_blocking, copy), (dtype, non_blocking, copy) or (tensor, "
            "non_blocking, copy)"
        )
    if given.get("device") is not None:
        device(str(given["device"]))
    wanted = given.get("dtype") if like is None else like.dtype
    return None if wanted is None else as_dtype(wanted), flags[1]


_TYPES = {
    float32: "FloatTensor",
    float64: "DoubleTensor",
    int64: "LongTensor",
    int32: "IntTensor",
    int16: "ShortTensor",
    int8: "CharTensor",
    uint8: "ByteTensor",
    bool_: "BoolTensor",
}


def type(self: Tensor, dtype: Any = None) -> Any:
    """The name of the tensor's type, or the tensor in another one, by its dtype or that name."""
    if dtype is None:
        return f"clownpiece.{_TYPES[self.dtype]}"
    if isinstance(dtype, str):
        named = {name: each for each, name in _TYPES.items()}
        dtype = named.get(dtype.rpartition(".")[2], dtype)
    return to(self, dtype=as_dtype(dtype))


def type_as(self: Tensor, other: Tensor) -> Tensor:
    """In the dtype of another tensor."""
    return to(self, other.dtype)


def cpu(self: Tensor) -> Tensor:
    """The tensor itself: it lives on the CPU."""
    return self


def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself if its elements lie in order in memory, else a copy for which they do."""
    return self if self.is_contiguous() else copy_in_order(self)


def new_zeros(self: Tensor, *size: Any, **kwargs: Any) -> Tensor:
    """Zeros of this shape in the dtype of this tensor."""
    return creation.zeros(*size, **{"dtype": self.dtype, **kwargs})


def new_ones(self: Tensor, *size: Any, **kwargs: Any) -> Tensor:
    """Ones of this shape in the dtype of this tensor."""
    return creation.ones(*size, **{"dtype": self.dtype, **kwargs})


def new_empty(self: Tensor, *size: Any, **kwargs: Any) -> Tensor:
    """A tensor of this shape in the dtype of this tensor; here it starts as zeros."""
    return creation.empty(*size, **{"dtype": self.dtype, **kwargs})


def new_full(self: Tensor, size: Any, fill_value: Any, **kwargs: Any) -> Tensor:
    """One value everywhere, in this shape and the dtype of this tensor."""
    return creation.full(size, fill_value, **{"dtype": self.dtype, **kwargs})


def new_tensor(self: Tensor, data: Any, **kwargs: Any) -> Tensor:
    """A tensor with a copy of this data in the dtype of this tensor."""
    return creation.tensor(data, **{"dtype": self.dtype, **kwargs})


def _reversed_dims(self: Tensor) -> Tensor:
    """The dimensions in reverse order; the transpose of a matrix."""
    return REGISTRY["permute"](self, tuple(range(self.ndim))[::-1])


def _swapped_matrix_dims(self: Tensor) -> Tensor:
    """The last two dimensions swapped: the transpose of each matrix of a batch."""
    if self.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices; got {self.ndim}-D"
        )
    return REGISTRY["transpose"](self, -2, -1)


_OTHER_METHODS: tuple[Callable[..., Any], ...] = (
    backward,
    contiguous,
    cpu,
    new_empty,
    new_full,
    new_ones,
    new_tensor,
    new_zeros,
    to,
    type,
    type_as,
)

_CASTS: dict[str, dtype] = {
    "float": float32,
    "double": float64,
    "long": int64,
    "int": int32,
    "short": int16,
    "byte": uint8,
    "char": int8,
    "bool": bool_,
}


def _cast_method(kind: dtype) -> Any:
    def cast(self: Tensor) -> Tensor:
        return to(self, kind)

    cast.__doc__ = f"The values as {kind.name}."
    return cast


def _absent(name: str, reason: str) -> Any:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{name}(): {reason}")

    method.__doc__ = f"Raise a NotImplementedError: {reason}."
    return method
