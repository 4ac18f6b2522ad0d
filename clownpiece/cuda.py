"""There is no GPU here, and code that asks first is told so.

>>> import clownpiece
>>> clownpiece.device("cuda" if clownpiece.cuda.is_available() else "cpu")
device(type='cpu')
"""

from __future__ import annotations

__all__ = ["device_count", "is_available", "synchronize"]


def is_available() -> bool:
    """Always False: clownpiece computes on the CPU."""
    return False


def device_count() -> int:
    """Always 0."""
    return 0


def synchronize() -> None:
    """Return at once: every operation has ended when its call returns."""
