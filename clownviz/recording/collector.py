"""The garbage collector, while much is made that is all kept."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collector_paused"]


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection meanwhile; around a block, or above a function.

    The tape and the views of a large model are half a million objects. The collector would go
    over them again and again while they are made, for a quarter of the time, and find nothing.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
