"""In which order a data set's samples are taken, and in which batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ...random import Generator
from ...tensor import Tensor
from .worker import random_numbers

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]


class Sampler:
    """Numbers of samples, in an order: define `__iter__`, and `__len__` where it is known."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__()")


class SequentialSampler(Sampler):
    """0, 1, 2 and so on."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """A new permutation each time; with `replacement`, samples drawn one by one.

    Args:
        data_source: something with a length.
        replacement: whether a sample may come again.
        num_samples: how many are drawn; without it, as many as there are. More than there are,
            without replacement, are drawn from one permutation after the other.
        generator: draws them.

    Raises:
        ValueError: `num_samples` is no int of at least 1, or there is nothing to draw from.
    """

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got {replacement!r}")
        if num_samples is not None and (not isinstance(num_samples, int) or num_samples < 1):
            raise ValueError(
                f"num_samples should be a positive integer value, but got {num_samples!r}"
            )
        self.data_source = data_source
        self.replacement = replacement
        self.generator = generator
        self._num_samples = num_samples
        if self.num_samples < 1:
            raise ValueError(
                "num_samples should be a positive integer value, but there is nothing to draw "
                "from: the data source is empty"
            )

    @property
    def num_samples(self) -> int:
        """How many are drawn."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        draw = random_numbers(self.generator).numpy
        available, wanted = len(self.data_source), self.num_samples
        if self.replacement:
            yield from draw.integers(available, size=wanted).tolist()
            return
        while wanted > 0:
            order = draw.permutation(available)[:wanted].tolist()
            yield from order
            wanted -= len(order) or wanted

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given numbers, in a new order each time."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for position in random_numbers(self.generator).numpy.permutation(len(self.indices)):
            yield self.indices[position]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """Numbers drawn as often as their weights say, for classes of unequal size.

    Args:
        weights: one for each sample, at least zero; they need not add up to 1.
        num_samples: how many are drawn.
        replacement: whether a sample may come again.
        generator: draws them.

    Raises:
        ValueError: weights that cannot be, or too few that are not zero.
    """

    def __init__(
        self,
        weights: Sequence[float] | Tensor,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got {replacement!r}")
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ValueError(
                f"num_samples should be a positive integer value, but got {num_samples!r}"
            )
        given = weights.array if isinstance(weights, Tensor) else weights
        self.weights = np.asarray(given, np.float64)
        if self.weights.ndim != 1 or not self.weights.size:
            raise ValueError(
                f"weights should be a 1d sequence but given shape {self.weights.shape}"
            )
        if not (self.weights >= 0).all() or not 0 < self.weights.sum() < np.inf:
            raise ValueError("weights should be finite, at least 0, and not all 0")
        if not replacement and np.count_nonzero(self.weights) < num_samples:
            raise ValueError(
                f"cannot draw {num_samples} samples without replacement: only "
                f"{np.count_nonzero(self.weights)} weights are not 0"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        chances = self.weights / self.weights.sum()
        draw = random_numbers(self.generator).numpy
        drawn = draw.choice(len(chances), self.num_samples, self.replacement, p=chances)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of `batch_size` numbers from another sampler.

    >>> from clownpiece.utils.data import BatchSampler, SequentialSampler
    >>> list(BatchSampler(SequentialSampler(range(5)), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(
                f"batch_size should be a positive integer value, but got batch_size={batch_size!r}"
            )
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got {drop_last!r}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return whole + (rest > 0 and not self.drop_last)
