"""`Size`: a tensor's shape, a tuple that says whose it is."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["Size"]


class Size(tuple[int, ...]):
    """A shape: a tuple of ints with PyTorch's extras.

    >>> import clownpiece
    >>> clownpiece.Size([128, 784])
    clownpiece.Size([128, 784])
    >>> clownpiece.Size([2, 3]).numel()
    6
    """

    __slots__ = ()

    def numel(self) -> int:
        """How many elements a tensor of this shape has: the product, 1 for `()`."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"clownpiece.Size([{', '.join(map(str, self))}])"

    __str__ = __repr__

    def __getitem__(self, index: Any) -> Any:
        chosen = tuple.__getitem__(self, index)
        return Size(chosen) if isinstance(index, slice) else chosen

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __reduce__(self) -> tuple[type, tuple[tuple[int, ...]]]:
        return Size, (tuple(self),)
