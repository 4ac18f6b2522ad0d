"""What every family asks about dimensions: negative numbers, duplicates, kept shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["axes_of", "axis_of", "fold", "kept_shape"]


def axis_of(dim: Any, ndim: int) -> int:
    """`dim` as a number from 0 on; a tensor without dimensions has dimension 0 too.

    Raises:
        IndexError: there is no such dimension.

    >>> axis_of(-1, 3)
    2
    """
    try:
        number = dim.__index__()
    except AttributeError:
        raise TypeError(f"dim must be an int; got {dim!r}") from None
    count = max(ndim, 1)
    if not -count <= number < count:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-count}, {count - 1}], "
            f"but got {number})"
        )
    return number % count


def axes_of(dim: Any, ndim: int) -> tuple[int, ...] | None:
    """One dim or several as a tuple of numbers from 0 on; None where all are meant.

    Raises:
        IndexError: there is no such dimension.
        RuntimeError: one is named twice.

    >>> axes_of((0, -1), 3)
    (0, 2)
    """
    if dim is None:
        return None
    named = dim if isinstance(dim, (tuple, list)) else (dim,)
    axes = tuple([axis_of(each, ndim) for each in named])
    if len(set(axes)) < len(axes):
        raise RuntimeError(f"a dim appears multiple times in the list of dims {tuple(dim)}")
    if not ndim:
        return ()
    return axes or None


def fold(ufunc: Any, x: Any, dim: Any, keepdim: bool = False, dtype: Any = None) -> Any:
    """A ufunc applied between all elements, or along `dim`: `np.add` gives the sum."""
    # By position: NumPy reads keywords more slowly.
    return ufunc.reduce(x, axes_of(dim, x.ndim), dtype, None, keepdim)


def kept_shape(shape: Sequence[int], dim: Any) -> tuple[int, ...]:
    """`shape` with the reduced dimensions at size 1, as `keepdim=True` leaves it.

    >>> kept_shape((2, 3, 4), (0, -1))
    (1, 3, 1)
    """
    axes = axes_of(dim, len(shape))
    if axes is None:
        return (1,) * len(shape)
    return tuple([1 if axis in axes else size for axis, size in enumerate(shape)])
