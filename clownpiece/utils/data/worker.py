"""Who is loading: the number of the worker, and its source of random numbers.

The random numbers belong to the batch and not to the worker, so a loader gives the same batches
with any number of workers, however the threads happen to be scheduled.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...random import Generator, default_generator

__all__ = ["WorkerInfo", "get_worker_info", "loading_batch", "random_numbers"]


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One of a loader's workers, as the code that it runs sees it."""

    id: int
    num_workers: int
    dataset: Any


class _Loading(threading.local):
    worker: WorkerInfo | None = None
    generator: Generator | None = None


_loading = _Loading()


def get_worker_info() -> WorkerInfo | None:
    """The worker that runs this code; None in the thread that iterates over the loader."""
    return _loading.worker


def random_numbers(generator: Generator | None = None) -> Generator:
    """What random transforms draw from: `generator`, else the batch's, else the default one."""
    return generator or _loading.generator or default_generator


def become_worker(info: WorkerInfo) -> None:
    """Make this thread the worker that `get_worker_info` tells of."""
    _loading.worker = info


@contextmanager
def loading_batch(seed: int) -> Iterator[None]:
    """What is drawn inside comes from the stream of one batch."""
    outer = _loading.generator
    _loading.generator = Generator().manual_seed(seed)
    try:
        yield
    finally:
        _loading.generator = outer
