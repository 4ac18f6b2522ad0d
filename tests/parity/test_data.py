"""Data sets, samplers and loaders give PyTorch's samples, lengths and refusals."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.utils.data as theirs  # noqa: E402

import clownpiece as cp  # noqa: E402
import clownpiece.utils.data as ours  # noqa: E402

SIDES = [(cp, ours), (torch, theirs)]


def pairs(library, data, count=6):
    return data.TensorDataset(library.arange(count), library.arange(count) * 2)


class Numbers:
    """An iterable data set in either library."""

    def __new__(cls, data, count=5):
        class Stream(data.IterableDataset):
            def __iter__(self):
                return iter(range(count))

        return Stream()


SAME = {
    "slice": lambda lib, data: pairs(lib, data)[1:3],
    "subset": lambda lib, data: data.Subset(pairs(lib, data), [4, 1]).__getitems__([1, 0]),
    "concat": lambda lib, data: (pairs(lib, data) + pairs(lib, data))[-2],
    "sizes": lambda lib, data: (pairs(lib, data) + pairs(lib, data)).cumulative_sizes,
    "stack": lambda lib, data: data.StackDataset(a=[1, 2], b=pairs(lib, data, 2))[1],
    "split": lambda lib, data: [len(p) for p in data.random_split(range(11), [0.5, 0.3, 0.2])],
    "batches": lambda lib, data: list(data.DataLoader(pairs(lib, data), 4)),
    "whole": lambda lib, data: list(data.DataLoader(pairs(lib, data), 4, drop_last=True)),
    "single": lambda lib, data: list(data.DataLoader(pairs(lib, data), None)),
    "chosen": lambda lib, data: list(data.DataLoader(range(6), batch_sampler=[[5, 1], [2]])),
    "own order": lambda lib, data: list(data.DataLoader(range(6), 2, sampler=[3, 0, 5])),
    "collated": lambda lib, data: list(data.DataLoader(range(5), 3, collate_fn=sum)),
    "stream": lambda lib, data: list(data.DataLoader(Numbers(data), 2)),
    "streams": lambda lib, data: list(data.DataLoader(Numbers(data) + Numbers(data), None)),
    "ints": lambda lib, data: data.default_collate([1, 2]),
    "int first": lambda lib, data: data.default_collate([1, 2.5]),
    "floats": lambda lib, data: data.default_collate([1.5, 2.0]),
    "bools": lambda lib, data: data.default_collate([True, False]),
    "texts": lambda lib, data: data.default_collate(["a", "b"]),
    "dicts": lambda lib, data: data.default_collate([{"a": (1, "x")}, {"a": (2, "y")}]),
    "arrays": lambda lib, data: data.default_collate([np.ones(2), np.zeros(2)]),
    "scalars": lambda lib, data: data.default_collate([np.float32(1), np.float32(2)]),
    "converted": lambda lib, data: data.default_convert(data=(np.ones(2), 1, "a")),
    "seed": lambda lib, data: [lib.manual_seed(s).initial_seed() for s in (-1, 0, 2**64 - 1, True)],
}


def plain(value):
    """Tensors as their type, shape and numbers."""
    if isinstance(value, (cp.Tensor, torch.Tensor)):
        return str(value.dtype).split(".")[1], tuple(value.shape), value.tolist()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


@pytest.mark.parametrize("case", SAME)
def test_the_same_comes_out(case):
    here, there = (plain(SAME[case](*side)) for side in SIDES)
    assert here == there


REFUSED = {
    "split": lambda lib, data: data.random_split(range(6), [3, 4]),
    "fractions": lambda lib, data: data.random_split(range(6), [1.5, -0.5]),
    "stack": lambda lib, data: data.StackDataset([1], [1, 2]),
    "mixed stack": lambda lib, data: data.StackDataset([1], b=[1]),
    "nothing to draw": lambda lib, data: list(data.RandomSampler([])),
    "no replacement": lambda lib, data: data.RandomSampler([1], replacement=1),
    "none drawn": lambda lib, data: data.RandomSampler([1], num_samples=0),
    "weights": lambda lib, data: data.WeightedRandomSampler([[0.5]], 1),
    "weighted replacement": lambda lib, data: data.WeightedRandomSampler([0.5], 1, replacement=1),
    "batch of none": lambda lib, data: data.DataLoader(range(3), 0),
    "drop_last": lambda lib, data: data.DataLoader(range(3), None, drop_last=True),
    "two orders": lambda lib, data: data.DataLoader(range(3), shuffle=True, sampler=[0]),
    "two batches": lambda lib, data: data.DataLoader(range(3), 2, batch_sampler=[[0]]),
    "workers": lambda lib, data: data.DataLoader(range(3), num_workers=-1),
    "timeout": lambda lib, data: data.DataLoader(range(3), timeout=-1),
    "prefetch": lambda lib, data: data.DataLoader(range(3), prefetch_factor=2),
    "persistent": lambda lib, data: data.DataLoader(range(3), persistent_workers=True),
    "changed": lambda lib, data: setattr(data.DataLoader(range(3)), "batch_size", 2),
    "shuffled stream": lambda lib, data: data.DataLoader(Numbers(data), shuffle=True),
    "length of a stream": lambda lib, data: len(data.DataLoader(Numbers(data))),
    "shapes": lambda lib, data: data.default_collate([lib.ones(2), lib.ones(3)]),
    "lengths": lambda lib, data: data.default_collate([(1,), (1, 2)]),
    "objects": lambda lib, data: data.default_collate([None]),
    "no index": lambda lib, data: data.Subset([1, 2], [0])[3],
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_same_is_refused(case):
    classes = []
    for side in SIDES:
        with pytest.raises(Exception) as error:  # noqa: PT011
            REFUSED[case](*side)
        classes.append(error.type)
    assert classes[0] is classes[1]


@pytest.mark.parametrize("name", sorted(set(ours.__all__) & set(dir(theirs))))
def test_arguments_have_pytorchs_names_and_places(name):
    """Ours may have more, which stand behind."""
    here, there = (
        (list(inspect.signature(getattr(data, name)).parameters) for _, data in SIDES)
        if callable(getattr(theirs, name))
        else ([], [])
    )
    assert here[: len(there)] == there
