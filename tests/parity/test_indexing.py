"""Subscripts of every kind, read and assigned, with both gradients, as in PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clownpiece as cp

torch = pytest.importorskip("torch")

SHAPE = (3, 4, 2)


def parts(size: int):
    """One entry of an index for a dimension of this size, as data that both libraries can take."""
    places = st.lists(st.integers(-size, size - 1), min_size=2, max_size=2)
    bounds = st.none() | st.integers(-size - 1, size + 1)
    return st.one_of(
        st.integers(-size, size),
        st.builds(slice, bounds, bounds, st.none() | st.sampled_from([1, 2, -1])),
        places,
        places.map(lambda numbers: np.array(numbers)),
        places.map(lambda numbers: np.array(numbers, np.int32)),
        st.lists(st.booleans(), min_size=size, max_size=size).map(np.array),
    )


INDICES = st.tuples(*map(parts, SHAPE)).flatmap(
    lambda full: st.builds(
        lambda count, at, extra: (*full[:count][:at], *extra, *full[:count][at:]),
        st.integers(0, len(full)),
        st.integers(0, len(full)),
        st.sampled_from([(), (None,), (Ellipsis,), (True,), (Ellipsis, None)]),
    )
)


def index_of(lib, index):
    return tuple(lib.tensor(each) if isinstance(each, np.ndarray) else each for each in index)


def outcome(lib, work, index):
    try:
        return [np.asarray(each.tolist()) for each in work(lib, index_of(lib, index))]
    except (IndexError, ValueError, RuntimeError, TypeError) as error:
        return type(error)


def read(lib, index):
    x = lib.arange(24.0).reshape(SHAPE).requires_grad_()
    taken = x[index]
    (taken * taken).sum().backward()
    return taken.detach(), x.grad


def write(lib, index):
    x = lib.arange(24.0).reshape(SHAPE).requires_grad_()
    value = lib.tensor([7.0], requires_grad=True)
    y = x * 2
    y[index] = value
    (y * y).sum().backward()
    return y.detach(), x.grad, value.grad


@pytest.mark.parametrize("work", [read, write])
@given(index=INDICES)
def test_a_subscript_means_what_it_means_in_pytorch(work, index):
    mine, theirs = outcome(cp, work, index), outcome(torch, work, index)
    if isinstance(theirs, type):
        assert mine is theirs, f"PyTorch: {theirs}; here: {mine}"
    else:
        assert not isinstance(mine, type), f"PyTorch gives {theirs}; here: {mine}"
        for got, correct in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(got, correct)
