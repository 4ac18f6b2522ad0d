"""From a list of samples to one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...creation import tensor
from ...ops.joining import stack
from ...tensor import Tensor, wrap

__all__ = ["default_collate", "default_convert"]


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack tensors, arrays and numbers; go into tuples, lists and dicts; leave strings.

    A batch of pairs becomes a pair of batches. Python's floats become float64, as in PyTorch.

    Raises:
        RuntimeError: tensors of different shapes, or sequences of different lengths.
        TypeError: samples of another kind.

    >>> from clownpiece.utils.data import default_collate
    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return _stacked(batch)
    if isinstance(first, (np.ndarray, np.generic)):
        if first.dtype.kind not in "fiub":
            raise TypeError(_unknown(first))
        return _stacked([wrap(np.asarray(each)) for each in batch])
    if isinstance(first, bool):
        return wrap(np.array(batch, np.bool_))
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, float):
        return wrap(np.array(batch, np.float64))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return {name: default_collate([each[name] for each in batch]) for name in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(each) for each in _columns(batch)))
    if isinstance(first, (tuple, list)):
        return [default_collate(each) for each in _columns(batch)]
    raise TypeError(_unknown(first))


def _columns(batch: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    lengths = {len(each) for each in batch}
    if len(lengths) > 1:
        raise RuntimeError(
            "each element in list of batch should be of equal size; the samples have "
            f"{sorted(lengths)} elements"
        )
    return list(zip(*batch))


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    shape = tensors[0].array.shape
    for number, each in enumerate(tensors):
        if each.array.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 "
                f"and {list(each.array.shape)} at entry {number}; give the DataLoader a "
                "collate_fn that pads or crops them"
            )
    if any(each.requires_grad for each in tensors):
        return stack(tensors)
    return wrap(np.stack([each.array for each in tensors]))


def default_convert(data: Any) -> Any:
    """Arrays and NumPy's numbers in a sample as tensors, and the rest as it is."""
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind in "fiub":
        return wrap(np.asarray(data))
    if isinstance(data, Mapping):
        return {name: default_convert(each) for name, each in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(each) for each in data))
    if isinstance(data, tuple):
        return [default_convert(each) for each in data]
    if isinstance(data, list):
        return [default_convert(each) for each in data]
    return data


def _unknown(sample: Any) -> str:
    return (
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(sample).__name__}. Return one of those, or give the DataLoader a collate_fn"
    )
