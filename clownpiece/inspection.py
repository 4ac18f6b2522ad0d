"""Questions about tensors and element types that no operation answers.

Also what is out of scope: whoever asks for complex, half or sparse tensors is told so in a
sentence, and what to use instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .devices import device
from .dtypes import FROM_NUMPY, as_dtype, dtype
from .ops.promotion import promoted_dtype
from .size import Size
from .tensor import Tensor

__all__ = [
    "broadcast_shapes",
    "can_cast",
    "is_complex",
    "is_floating_point",
    "is_nonzero",
    "is_same_size",
    "is_signed",
    "is_tensor",
    "numel",
    "promote_types",
    "result_type",
]

_ORDER = {"b": 0, "u": 1, "i": 1, "f": 2}


def is_tensor(obj: Any) -> bool:
    """Whether it is a Tensor, or of a class made from it."""
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> int:
    """How many elements there are."""
    return input.numel()


def is_floating_point(input: Tensor) -> bool:
    """Whether the elements are floats, so that there can be a gradient."""
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """False: there are no complex tensors here."""
    return False


def is_signed(input: Tensor) -> bool:
    """Whether the elements can be negative."""
    return input.dtype.is_signed


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape."""
    return input.shape == other.shape


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not zero.

    Raises:
        RuntimeError: there is not exactly one element.
    """
    return bool(input)


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype that arithmetic of the two gives; one of them may be a number.

    >>> import clownpiece as cp
    >>> cp.result_type(cp.tensor([1, 2]), 1.5)
    clownpiece.float32
    """
    values = [each.array if isinstance(each, Tensor) else each for each in (tensor1, tensor2)]
    return FROM_NUMPY[promoted_dtype(values)]


def promote_types(type1: Any, type2: Any) -> dtype:
    """The smallest dtype into which tensors of both go in arithmetic."""
    return FROM_NUMPY[promoted_dtype([np.empty(1, as_dtype(t).numpy) for t in (type1, type2)])]


def can_cast(from_: Any, to: Any) -> bool:
    """Whether a result of the one dtype may be written in place into a tensor of the other.

    A bool goes into integers and an integer into floats, not the other way round; sizes and
    signs do not count.
    """
    source, target = as_dtype(from_).numpy.kind, as_dtype(to).numpy.kind
    return _ORDER[source] <= _ORDER[target]


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape to which these are broadcast together.

    Raises:
        RuntimeError: two sizes differ and neither is 1.
    """
    try:
        return Size(np.broadcast_shapes(*shapes))
    except ValueError:
        listed = " and ".join(map(str, shapes))
        raise RuntimeError(
            "Shape mismatch: objects cannot be broadcast to a single shape; sizes must match "
            f"where neither is 1, counted from the last dimension: got {listed}"
        ) from None


# -- the same as methods ---------------------------------------------------------------------


def ndimension(self: Tensor) -> int:
    """How many dimensions there are."""
    return self.ndim


def get_device(self: Tensor) -> int:
    """-1, as for every tensor on the CPU."""
    return -1


def cuda(self: Tensor, device_: Any = None, non_blocking: bool = False) -> Tensor:
    """Raise a RuntimeError: there is only the CPU."""
    device("cuda" if device_ is None else device_)
    return self


def __contains__(self: Tensor, element: Any) -> bool:
    if not isinstance(element, (Tensor, int, float, np.number)):
        raise RuntimeError(
            "Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{type(element)}."
        )
    return bool((self == element).any())


def __reversed__(self: Tensor) -> Tensor:
    return self.flip(0) if self.ndim else self


def never(self: Tensor) -> bool:
    """False for every tensor; see `FALSE_FLAGS`."""
    return False


METHODS: tuple[Callable[..., Any], ...] = (
    __contains__,
    __reversed__,
    cuda,
    get_device,
    is_complex,
    is_nonzero,
    is_same_size,
    is_signed,
    ndimension,
)

FALSE_FLAGS = {
    "is_cuda": "False: the tensor is on the CPU.",
    "is_mps": "False: the tensor is on the CPU.",
    "is_quantized": "False: there are no quantized tensors here.",
    "is_sparse": "False: there are no sparse tensors here.",
}
"""Properties that are False for every tensor, and why."""

# -- what is out of scope --------------------------------------------------------------------

_HALF = "clownpiece computes in float32 and float64, not in 16 bits; use .float()"
_COMPLEX = "clownpiece has real numbers only; keep real and imaginary parts in two tensors"
_SPARSE = "clownpiece has dense tensors only; use a mask, or an index with gather and index_add"
_QUANTIZED = "clownpiece has no quantized tensors; use the values as floats"

ABSENT_METHODS = {
    "half": _HALF,
    "bfloat16": _HALF,
    "cfloat": _COMPLEX,
    "cdouble": _COMPLEX,
    "to_sparse": _SPARSE,
    "dequantize": _QUANTIZED,
}
"""Methods of PyTorch's tensors that raise here, and the sentence they raise with."""

ABSENT = {
    **dict.fromkeys(("float16", "half", "bfloat16"), _HALF),
    **dict.fromkeys(("complex64", "complex128", "cfloat", "cdouble", "complex"), _COMPLEX),
    **dict.fromkeys(("sparse_coo_tensor", "sparse_csr_tensor"), _SPARSE),
    **dict.fromkeys(("quantize_per_tensor", "qint8", "quint8"), _QUANTIZED),
}
"""Names of PyTorch that the package does not have, and why."""
