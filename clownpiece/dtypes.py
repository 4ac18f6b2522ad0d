"""Element types: `clownpiece.float32` and its siblings, and the default one for new tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "as_dtype",
    "bool_",
    "dtype",
    "finfo",
    "float32",
    "float64",
    "get_default_dtype",
    "iinfo",
    "int8",
    "int16",
    "int32",
    "int64",
    "set_default_dtype",
    "uint8",
]


class dtype:
    """The type of a tensor's elements; one object per type, compared by identity.

    >>> import clownpiece
    >>> clownpiece.float32, clownpiece.float32.itemsize
    (clownpiece.float32, 4)
    """

    __slots__ = ("is_floating_point", "is_signed", "itemsize", "name", "numpy")

    is_complex = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.numpy = np.dtype(name)
        self.itemsize = self.numpy.itemsize
        self.is_floating_point = self.numpy.kind == "f"
        self.is_signed = self.numpy.kind in "fi"

    def __repr__(self) -> str:
        return f"clownpiece.{self.name}"

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return as_dtype, (self.name,)


float32 = dtype("float32")
float64 = dtype("float64")
int64 = dtype("int64")
int32 = dtype("int32")
int16 = dtype("int16")
int8 = dtype("int8")
uint8 = dtype("uint8")
bool_ = dtype("bool")

DTYPES: tuple[dtype, ...] = (float32, float64, int64, int32, int16, int8, uint8, bool_)

FROM_NUMPY: dict[np.dtype, dtype] = {each.numpy: each for each in DTYPES}

_FROM_ANYTHING: dict[Any, dtype] = {
    **{each.name: each for each in DTYPES},
    **{each: each for each in DTYPES},
    **FROM_NUMPY,
    **{each.numpy.type: each for each in DTYPES},
    float: float32,
    int: int64,
    bool: bool_,
    "float": float32,
    "double": float64,
    "long": int64,
    "int": int32,
    "short": int16,
}


def as_dtype(given: Any) -> dtype:
    """The `dtype` that `given` names: one of ours, NumPy's, a Python type or a name.

    Raises:
        TypeError: there is no such element type here (float16, complex, strings…).
    """
    try:
        found = _FROM_ANYTHING.get(given)
        if found is None:
            found = FROM_NUMPY.get(np.dtype(given))
    except TypeError:
        found = None
    if found is None:
        known = ", ".join(each.name for each in DTYPES)
        raise TypeError(
            f"{given!r} is not an element type of clownpiece, which has {known}; "
            "convert the data first, for example with array.astype('float32')"
        )
    return found


_default = float32


def get_default_dtype() -> dtype:
    """The floating type that new tensors get; `float32` unless it was changed."""
    return _default


def set_default_dtype(d: Any) -> None:
    """Make `d`, a floating type, the one that new tensors get from Python floats."""
    global _default
    chosen = as_dtype(d)
    if not chosen.is_floating_point:
        raise TypeError(f"the default dtype must be a floating type, float32 or float64; got {d}")
    _default = chosen


class finfo:
    """Limits of a floating type: `bits eps max min tiny smallest_normal resolution`."""

    def __init__(self, type: Any = None) -> None:
        chosen = get_default_dtype() if type is None else as_dtype(type)
        if not chosen.is_floating_point:
            raise TypeError(f"finfo describes floating types; {chosen} is one for iinfo")
        limits = np.finfo(chosen.numpy)
        self.dtype = chosen.name
        self.bits = int(limits.bits)
        self.eps = float(limits.eps)
        self.max = float(limits.max)
        self.min = float(limits.min)
        self.tiny = self.smallest_normal = float(limits.tiny)
        self.resolution = float(limits.resolution)


class iinfo:
    """Limits of an integer type: `bits max min`."""

    def __init__(self, type: Any) -> None:
        chosen = as_dtype(type)
        if chosen.numpy.kind not in "iu":
            raise TypeError(f"iinfo describes integer types; {chosen} is one for finfo")
        limits = np.iinfo(chosen.numpy)
        self.dtype = chosen.name
        self.bits = int(limits.bits)
        self.max = int(limits.max)
        self.min = int(limits.min)
