"""What a subscript means: ints, slices, None, Ellipsis, masks and places in any mixture.

`normalize_index` makes an index plain, `reach` takes the step that gives a view, `check_index` says
in a sentence why an index does not fit a shape.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..tensor import Tensor

__all__ = ["check_index", "is_array", "is_mask", "normalize_index", "reach"]


def normalize_index(index: Any) -> Any:
    """An index of ints, slices, None, Ellipsis and arrays only: tensors and lists as arrays.

    A list with more in it than numbers (lists, tensors, slices, None) is several indices, as in
    PyTorch, which will take it for one some day, as NumPy does; so there is a warning. A uint8
    tensor is a mask, also with a warning, but a uint8 array holds places, as in NumPy.

    Raises:
        IndexError: something in it cannot be an index.
        ValueError: a slice steps backwards, which views in PyTorch cannot.
    """
    kind = type(index)
    if kind is int or index is None or index is Ellipsis:
        return index
    if index is True:
        return None
    if kind is list and any(isinstance(each, _SEVERAL) or each is None for each in index):
        warnings.warn(
            "a list of lists, tensors or slices as an index means several indices, one for each "
            "dimension; write x[tuple(index)] for that, or x[tensor(index)] for a single one",
            UserWarning,
            stacklevel=3,
        )
        index, kind = tuple(index), tuple
    if kind is tuple:
        return tuple([_normal_part(part) for part in index])
    return _normal_part(index)


_SEVERAL = (list, tuple, Tensor, slice, type(Ellipsis))


def _normal_part(part: Any) -> Any:
    if isinstance(part, slice):
        return _normal_slice(part)
    if part is None or part is Ellipsis or type(part) is int:
        return part
    if isinstance(part, Tensor):
        part = _of_tensor(part.array)
    elif isinstance(part, bool):
        return np.array(part)
    elif hasattr(part, "__index__") and not isinstance(part, np.ndarray):
        return part.__index__()
    elif not isinstance(part, np.ndarray):
        part = _as_index_array(part)
    if part.dtype.kind in "iu":
        return part if part.ndim else int(part)
    if part.dtype.kind == "b":
        return part
    raise IndexError(
        f"tensors used as indices must be int or bool tensors; got {part.dtype}, so convert it "
        "first, for example with .long()"
    )


def _of_tensor(array: np.ndarray) -> np.ndarray:
    """The array of an index tensor; the small whole numbers are read as PyTorch reads them."""
    if array.dtype == np.uint8:
        warnings.warn(
            "a uint8 tensor as an index is a mask; write .bool() for that, or .long() if it "
            "holds places",
            UserWarning,
            stacklevel=5,
        )
        return array != 0
    if array.ndim and array.dtype.kind == "i" and array.dtype.itemsize < 4:
        raise IndexError(
            "tensors used as indices must be int64, int32, uint8 or bool tensors; got "
            f"{array.dtype}, so convert it first with .long()"
        )
    return array


def _normal_slice(part: slice) -> slice:
    if part.step is not None and int(part.step) <= 0:
        raise ValueError(
            f"slice step must be positive; got {part.step}, so use flip() to turn a dimension round"
        )
    return part


def _as_index_array(part: Any) -> np.ndarray:
    if not isinstance(part, (list, tuple, range)):
        raise IndexError(
            "only ints, slices (`:`), ellipsis (`...`), None and int or bool tensors are valid "
            f"indices; got {part!r} of type {type(part).__name__}"
        )
    listed = [each.array if isinstance(each, Tensor) else each for each in part]
    try:
        made = np.asarray(listed)
    except ValueError:
        raise IndexError(
            f"an index has as many elements in every row; got {part!r}, whose rows differ"
        ) from None
    return made if made.size else made.astype(np.int64)


def is_array(part: Any) -> bool:
    """Whether a part of a normal index is an array: places, or a mask."""
    return isinstance(part, np.ndarray)


def is_mask(part: Any) -> bool:
    """Whether a part of a normal index is an array of truth values."""
    return is_array(part) and part.dtype.kind == "b"


def _width(part: Any) -> int:
    """How many dimensions a part of an index speaks of."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if is_mask(part) else 1


def _in_two_steps(index: Any) -> tuple[Any, Any]:
    """A plain index (a view), and an index with arrays that continues on what it gives.

    NumPy counts an int beside an array as an array too, and moves the dimension in front where
    a slice stands between them; in PyTorch an int is taken first.
    """
    if not isinstance(index, tuple) or not any(is_array(part) for part in index):
        return (None, index) if is_array(index) else (index, None)
    if not any(type(part) is int for part in index):
        return None, index
    first: list[Any] = []
    second: list[Any] = []
    for part in index:
        if type(part) is int:
            first.append(part)
        elif is_array(part):
            first.extend([slice(None)] * _width(part))
            second.append(part)
        else:
            first.append(part)
            second.append(Ellipsis if part is Ellipsis else slice(None))
    return tuple(first), tuple(second)


def check_index(shape: tuple[int, ...], index: Any) -> None:
    """Go through a normal index part by part and say of the first that does not fit why.

    Raises:
        IndexError: there is such a part; the message names it, its dimension and the size.
    """
    parts = index if isinstance(index, tuple) else (index,)
    taken = sum(map(_width, parts))
    if sum(part is Ellipsis for part in parts) > 1:
        raise IndexError("an index has one ellipsis (`...`) at most: two could mean anything")
    if taken > len(shape):
        raise IndexError(
            f"too many indices for tensor of dimension {len(shape)}: {taken} dimensions are "
            f"indexed in shape {shape}"
        )
    dim = 0
    arrays: list[np.ndarray] = []
    for part in parts:
        if is_mask(part):
            if part.shape != shape[dim : dim + part.ndim]:
                raise IndexError(
                    f"the shape of the mask {part.shape} does not match the shape of the indexed "
                    f"tensor {shape} from dimension {dim} on"
                )
            arrays.extend(part.nonzero() if part.ndim else [np.arange(int(part))])
        elif is_array(part) or type(part) is int:
            _check_places(part, dim, shape[dim])
            arrays.extend([part] if is_array(part) else [])
        dim += len(shape) - taken if part is Ellipsis else _width(part)
    try:
        np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        raise IndexError(
            "shape mismatch: indexing tensors could not be broadcast together with shapes "
            + ", ".join(str(array.shape) for array in arrays)
        ) from None


def _check_places(places: Any, dim: int, size: int) -> None:
    """Whether every number of an index lies in a dimension, counted from either end."""
    numbers = np.asarray(places)
    outside = numbers[(numbers < -size) | (numbers >= size)]
    if outside.size:
        raise IndexError(
            f"index {outside[0]} is out of bounds for dimension {dim} with size {size}"
        )


def reach(x: Any, index: Any) -> tuple[Any, Any]:
    """The view that the plain part of an index gives, and the arrays that index it further."""
    plain, arrays = _in_two_steps(index)
    try:
        if plain is not None or arrays is None:
            x = _viewed(x, plain)
    except IndexError:
        check_index(x.shape, index)
        raise
    # An Ellipsis that stands for no dimension parts two arrays in NumPy, and not in PyTorch.
    if isinstance(arrays, tuple) and sum(map(_width, arrays)) == x.ndim:
        arrays = tuple(part for part in arrays if part is not Ellipsis)
    # NumPy lets a mask without elements pass, whatever its shape.
    parts = arrays if isinstance(arrays, tuple) else (arrays,)
    if any(is_mask(part) and not part.size for part in parts):
        check_index(x.shape, arrays)
    return x, arrays


def _viewed(x: Any, plain: Any) -> Any:
    """The view that an index without arrays gives, also where it names a single element."""
    view = x[plain]
    if isinstance(view, np.ndarray):
        return view
    # With an Ellipsis NumPy gives a view, not a copy of the number.
    return x[(*plain, ...)] if isinstance(plain, tuple) else x[plain, ...]
