"""Data sets: what can be asked for its samples by number, or only one after the other."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ...random import Generator
from ...tensor import Tensor, wrap
from .worker import random_numbers

__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]


class Dataset:
    """Samples by number: define `__getitem__`, and `__len__` for samplers and loaders.

    A data set in memory may also define `batch(indices)`, which gives what `default_collate`
    makes of these samples, but at once. Loaders use it, and save a Python loop over samples.

    >>> from clownpiece.utils.data import Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self): return 4
    ...     def __getitem__(self, index): return index, index**2
    >>> (Squares() + Squares())[5]
    (1, 1)
    """

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} does not define __getitem__(index); a data set without "
            "numbers derives from IterableDataset"
        )

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Samples in the order in which they come, as from a stream: define `__iter__`."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__()")

    def __add__(self, other: Dataset) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset):
    """Tensors of one length; sample `i` is the tuple of their rows `i`.

    Raises:
        ValueError: their first dimensions differ.

    >>> import clownpiece as cp
    >>> from clownpiece.utils.data import TensorDataset
    >>> pairs = TensorDataset(cp.arange(6).reshape(3, 2), cp.tensor([7, 8, 9]))
    >>> pairs[1]
    (tensor([2, 3]), tensor(8))
    """

    def __init__(self, *tensors: Tensor) -> None:
        lengths = [len(tensor) for tensor in tensors]
        if len(set(lengths)) > 1:
            raise ValueError(
                f"Size mismatch between tensors: their first dimensions are {lengths}, but there "
                "must be as many samples in each"
            )
        if not tensors:
            raise ValueError("TensorDataset needs at least one tensor; got none")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)  # type: ignore[index]

    def __len__(self) -> int:
        return len(self.tensors[0])

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        """These samples as a list of tensors with a row a sample."""
        if any(tensor.requires_grad for tensor in self.tensors):
            return [tensor[list(indices)] for tensor in self.tensors]  # type: ignore[index]
        return [wrap(tensor.array[indices]) for tensor in self.tensors]


class StackDataset(Dataset):
    """Data sets of one length side by side: a sample is a tuple, or a dict, of theirs.

    Raises:
        ValueError: none, both positional and keyword ones, or different lengths.
    """

    def __init__(self, *args: Dataset, **kwargs: Dataset) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError(
                "StackDataset takes data sets either by position, for tuples, or by keyword, for "
                f"dicts; got {len(args)} and {len(kwargs)}"
            )
        self.datasets: Any = args or kwargs
        self._parts = list(args or kwargs.values())
        lengths = [len(part) for part in self._parts]  # type: ignore[arg-type]
        if len(set(lengths)) > 1:
            raise ValueError(f"Size mismatch between datasets: they have {lengths} samples")

    def __getitem__(self, index: int) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __len__(self) -> int:
        return len(self._parts[0])  # type: ignore[arg-type]


class ConcatDataset(Dataset):
    """Data sets one after the other, as one.

    Raises:
        ValueError: there are none, or one can only be iterated over.
    """

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise ValueError("ConcatDataset does not support IterableDataset; use ChainDataset")
        lengths = [len(dataset) for dataset in self.datasets]  # type: ignore[arg-type]
        self.cumulative_sizes = list(itertools.accumulate(lengths))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} samples")
        index %= len(self)
        which = bisect.bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - ([0] + self.cumulative_sizes)[which]]


class ChainDataset(IterableDataset):
    """Iterable data sets one after the other, as one."""

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = list(datasets)

    def __iter__(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise TypeError(
                    f"ChainDataset only supports IterableDataset, but got {type(dataset).__name__}"
                )
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)  # type: ignore[arg-type, misc]


class Subset(Dataset):
    """The samples of a data set with these numbers, in this order."""

    def __init__(self, dataset: Dataset, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices
        if hasattr(dataset, "batch"):
            self.batch = self._batch

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[each] for each in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """These samples as a list, all at once where the data set can."""
        chosen = [self.indices[index] for index in indices]
        if hasattr(self.dataset, "__getitems__"):
            return self.dataset.__getitems__(chosen)
        return [self.dataset[index] for index in chosen]

    def __len__(self) -> int:
        return len(self.indices)

    def _batch(self, indices: Sequence[int]) -> Any:
        return self.dataset.batch([self.indices[index] for index in indices])  # type: ignore[attr-defined]


def random_split(
    dataset: Dataset, lengths: Sequence[float], generator: Generator | None = None
) -> list[Subset]:
    """Split into parts without overlap, at random.

    Args:
        dataset: what is split.
        lengths: how many samples each part has, or fractions that add up to 1; what rounding
            leaves over goes to the first parts, one each.
        generator: draws the permutation.

    Raises:
        ValueError: the lengths do not add up.

    >>> from clownpiece import Generator
    >>> from clownpiece.utils.data import random_split
    >>> [len(part) for part in random_split(range(10), [0.7, 0.3], Generator().manual_seed(0))]
    [7, 3]
    """
    total = len(dataset)  # type: ignore[arg-type]
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1 + 1e-9:
        counts = _from_fractions(lengths, total)
    else:
        counts = [int(length) for length in lengths]
    if sum(counts) != total:
        raise ValueError(
            "Sum of input lengths does not equal the length of the input dataset: "
            f"{' + '.join(map(str, lengths))} is not {total}"
        )
    order = random_numbers(generator).numpy.permutation(total).tolist()
    ends = list(itertools.accumulate(counts))
    return [Subset(dataset, order[end - count : end]) for end, count in zip(ends, counts)]


def _from_fractions(fractions: Sequence[float], total: int) -> list[int]:
    for index, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {index} is not between 0 and 1: {fraction}")
    counts = [math.floor(total * fraction) for fraction in fractions]
    for index in range(total - sum(counts)):
        counts[index % len(counts)] += 1
    return counts
