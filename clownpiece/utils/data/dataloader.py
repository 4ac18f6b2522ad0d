"""`DataLoader`: batches of a data set, in order or shuffled, loaded ahead by threads."""

from __future__ import annotations

import copy
import itertools
import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ...random import Generator
from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset
from .sampler import BatchSampler, RandomSampler, SequentialSampler
from .worker import WorkerInfo, become_worker, loading_batch, random_numbers

__all__ = ["DataLoader"]

_END = object()

# How far apart the seeds of two workers' batches start.
_FAR = 2**32

_FIXED = frozenset(
    ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
)


class DataLoader:
    """An iterable over batches; each `for` loop over it is one epoch.

    Args:
        dataset: the samples.
        batch_size: how many samples a batch has; None gives samples one by one, not collated.
        shuffle: a new order in each epoch.
        sampler: an order of its own, instead of `shuffle`.
        batch_sampler: batches of its own, instead of the four arguments that make them.
        num_workers: how many threads load ahead. NumPy and files work outside of the
            interpreter's lock, so threads help where loading is more than a little Python.
        collate_fn: makes a batch of a list of samples.
        pin_memory: accepted for PyTorch's sake.
        drop_last: leave out a last batch that is not full.
        timeout: seconds to wait for a worker's batch; 0 waits for ever.
        worker_init_fn: called with the worker's number in each thread before it loads.
        multiprocessing_context: accepted for PyTorch's sake; workers are threads.
        generator: draws the order and seeds the batches; else the default generator does.
        prefetch_factor: how many batches each worker loads ahead, 2 by default.
        persistent_workers: keep the threads from one epoch to the next.
        pin_memory_device, in_order: accepted for PyTorch's sake; batches are always in order.
        seed: makes a generator with this seed.

    With an `IterableDataset` each worker goes through a shallow copy of it, and their batches come
    in turn: `__iter__` asks `get_worker_info` which part is this worker's, or all come twice.

    The random transforms of a batch draw from a stream of that batch, so a loader with a seed
    gives the same batches with any number of workers.

    Raises:
        ValueError: options that exclude each other, or cannot be.

    >>> import clownpiece as cp
    >>> from clownpiece.utils.data import DataLoader, TensorDataset
    >>> for (x,) in DataLoader(TensorDataset(cp.arange(5)), batch_size=2):
    ...     print(x)
    tensor([0, 1])
    tensor([2, 3])
    tensor([4])
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
        seed: int | None = None,
    ) -> None:
        if generator is not None and seed is not None:
            raise ValueError("give the DataLoader a generator or a seed, not both")
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor or 2
        self.timeout = timeout
        self.pin_memory = pin_memory
        self.worker_init_fn = worker_init_fn
        self.persistent_workers = persistent_workers
        self.generator = Generator().manual_seed(seed) if seed is not None else generator
        self._threads: ThreadPoolExecutor | None = None

        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, "
                    "sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("drop_last=True leaves out a batch, but batch_size=None makes none")
        self.batch_size, self.drop_last = batch_size, drop_last
        self.sampler = self._order(shuffle, sampler, batch_sampler)
        self.batch_sampler = batch_sampler
        if batch_size is not None and self.sampler is not None:
            self.batch_sampler = BatchSampler(self.sampler, batch_size, drop_last)
        elif batch_size is not None and batch_size <= 0:
            raise ValueError(f"batch_size should be a positive integer; got {batch_size}")
        batched = batch_size is not None or batch_sampler is not None
        self.collate_fn = collate_fn or (default_collate if batched else default_convert)
        self._made = True

    _made = False

    def __setattr__(self, name: str, value: Any) -> None:
        if self._made and name in _FIXED:
            raise ValueError(
                f"{name} attribute should not be set after DataLoader is initialized; make a new "
                "DataLoader"
            )
        super().__setattr__(name, value)

    def _order(self, shuffle: bool | None, sampler: Any, batch_sampler: Any) -> Any:
        if isinstance(self.dataset, IterableDataset):
            if shuffle or sampler is not None or batch_sampler is not None:
                raise ValueError(
                    "DataLoader with IterableDataset: the samples come in their own order, so "
                    "expected no shuffle, sampler or batch_sampler; shuffle inside of __iter__"
                )
            return None
        if sampler is not None:
            if shuffle:
                raise ValueError("sampler option is mutually exclusive with shuffle")
            return sampler
        if batch_sampler is not None:
            return None
        if shuffle:
            return RandomSampler(self.dataset, generator=self.generator)
        return SequentialSampler(self.dataset)

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        if self.sampler is not None:
            return len(self.sampler)
        samples = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return samples
        return (
            (samples // self.batch_size) if self.drop_last else math.ceil(samples / self.batch_size)
        )

    def __iter__(self) -> Iterator[Any]:
        seed = int(random_numbers(self.generator).numpy.integers(2**62))
        if isinstance(self.dataset, IterableDataset):
            if self.num_workers:
                return self._iterate_streams(seed)
            return self._iterate_stream(self.dataset, seed)
        order = enumerate(self.batch_sampler if self.batch_sampler is not None else self.sampler)
        tasks = ((indices, seed + number) for number, indices in order)
        return (
            self._iterate_ahead(tasks) if self.num_workers else itertools.starmap(self._load, tasks)
        )

    def _load(self, indices: Any, seed: int) -> Any:
        """One batch, or one sample where there are no batches."""
        with loading_batch(seed):
            if self.batch_sampler is None:
                return self.collate_fn(self.dataset[indices])
            if self.collate_fn is default_collate and hasattr(self.dataset, "batch"):
                return self.dataset.batch(indices)
            if hasattr(self.dataset, "__getitems__"):
                return self.collate_fn(self.dataset.__getitems__(indices))
            return self.collate_fn([self.dataset[index] for index in indices])

    def _iterate_stream(self, dataset: IterableDataset, seed: int) -> Iterator[Any]:
        with loading_batch(seed):
            samples = iter(dataset)
        for number in itertools.count():
            with loading_batch(seed + number):
                if self.batch_size is None:
                    batch = list(itertools.islice(samples, 1))
                else:
                    batch = list(itertools.islice(samples, self.batch_size))
                if not batch or (self.drop_last and len(batch) < (self.batch_size or 1)):
                    return
                loaded = self.collate_fn(batch[0] if self.batch_size is None else batch)
            yield loaded

    # -- threads ----------------------------------------------------------------------------

    def _iterate_ahead(self, tasks: Iterator[tuple[Any, int]]) -> Iterator[Any]:
        """Batches in order, with a few more under way in the threads."""
        threads = self._threads or self._started()
        under_way: deque[Future[Any]] = deque()
        try:
            for task in itertools.islice(tasks, self.num_workers * self.prefetch_factor):
                under_way.append(threads.submit(self._load, *task))
            while under_way:
                loaded = self._waited_for(under_way.popleft())
                for task in itertools.islice(tasks, 1):
                    under_way.append(threads.submit(self._load, *task))
                yield loaded
        finally:
            # The loop may have been left early, or by an exception.
            for future in under_way:
                future.cancel()
            if not self.persistent_workers:
                threads.shutdown(wait=True)

    def _iterate_streams(self, seed: int) -> Iterator[Any]:
        """Batches of the workers in turn, for each goes through a stream of its own."""
        threads: list[ThreadPoolExecutor] = []
        turns: deque[tuple[ThreadPoolExecutor, Iterator[Any], deque[Future[Any]]]] = deque()
        for number in range(self.num_workers):
            dataset = copy.copy(self.dataset)
            thread = ThreadPoolExecutor(
                1, "clownpiece-loader", self._become_worker, (number, dataset)
            )
            stream = self._iterate_stream(dataset, seed + number * _FAR)  # type: ignore[arg-type]
            ahead = deque(thread.submit(next, stream, _END) for _ in range(self.prefetch_factor))
            threads.append(thread)
            turns.append((thread, stream, ahead))
        try:
            while turns:
                thread, stream, ahead = turns.popleft()
                loaded = self._waited_for(ahead.popleft())
                if loaded is _END:
                    continue
                ahead.append(thread.submit(next, stream, _END))
                turns.append((thread, stream, ahead))
                yield loaded
        finally:
            for thread in threads:
                thread.shutdown(wait=True, cancel_futures=True)

    def _become_worker(self, number: int, dataset: Any) -> None:
        become_worker(WorkerInfo(number, self.num_workers, dataset))
        if self.worker_init_fn is not None:
            self.worker_init_fn(number)

    def _waited_for(self, future: Future[Any]) -> Any:
        try:
            return future.result(self.timeout or None)
        except TimeoutError:
            if future.done():
                raise
            raise RuntimeError(
                f"DataLoader timed out after {self.timeout} seconds; a sample takes longer than "
                "that to load"
            ) from None

    def _started(self) -> ThreadPoolExecutor:
        numbers = itertools.count()
        lock = threading.Lock()

        def start() -> None:
            with lock:
                number = next(numbers)
            self._become_worker(number, self.dataset)

        threads = ThreadPoolExecutor(self.num_workers, "clownpiece-loader", initializer=start)
        if self.persistent_workers:
            self._threads = threads
        return threads

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_threads": None}


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            f"num_workers option should be non-negative; got {num_workers}, use 0 to load in the "
            "thread that iterates"
        )
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative; got {timeout}")
    if num_workers == 0 and (prefetch_factor is not None or persistent_workers):
        raise ValueError(
            "prefetch_factor and persistent_workers are options of workers; set num_workers > 0"
        )
    if prefetch_factor is not None and prefetch_factor < 1:
        raise ValueError(f"prefetch_factor should be at least 1; got {prefetch_factor}")
