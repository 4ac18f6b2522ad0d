"""Subscripts of every kind, read and assigned, with both gradients, as in PyTorch and in NumPy."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import clownpiece as cp

torch = pytest.importorskip("torch")

ERRORS = (IndexError, ValueError, RuntimeError, TypeError)
SHAPES = st.sampled_from([(3, 4, 2), (2, 3, 2, 2), (4, 3), (5,), (), (0, 3), (2, 0, 3)])
# What several index tensors of one subscript broadcast from; the last does not fit the others.
PLACES = [(2,), (1,), (2, 1), (1, 2), (), (0,), (3,)]
PLACE_TYPES = ["int64"] * 4 + ["int32"] * 2 + ["int8", "int16", "uint8"]

# -- drawing a subscript: arrays in it stand for tensors of either library --------------------


def masks(shape):
    return hnp.arrays(bool, shape)


def bounds(size):
    return st.none() | st.integers(-size - 1, size + 1)


@st.composite
def places(draw, size):
    """Numbers of places in a dimension, as a tensor of some shape and dtype or as a list."""
    # Mostly in range: one number outside decides about the whole subscript.
    low, high = (-size, size - 1) if size and draw(st.integers(0, 19)) else (-size - 1, size)
    array = draw(hnp.arrays(np.int64, st.sampled_from(PLACES), elements=st.integers(low, high)))
    if array.ndim and draw(st.integers(0, 3)) == 0:
        return array.tolist()
    dtype = draw(st.sampled_from(PLACE_TYPES))
    return (np.abs(array) if dtype == "uint8" else array).astype(dtype)


@st.composite
def parts(draw, shape):
    """An entry for the first dimensions of a shape, and how many of them it takes."""
    size = shape[0] if shape else 1
    kind = draw(st.sampled_from(["int", "slice", "slice", "places", "places", "mask"]))
    if kind == "int":
        inside = st.integers(-size, size - 1) if size else st.just(0)
        return draw(inside | inside | inside | st.integers(-size - 1, size)), 1
    if kind == "slice":
        steps = st.sampled_from([None, 1, 2])
        return slice(draw(bounds(size)), draw(bounds(size)), draw(steps)), 1
    if kind == "places":
        return draw(places(size)), 1
    taken = draw(st.integers(1, max(len(shape), 1)))
    fits = masks(shape[:taken] or (1,))
    return draw(fits | fits | fits | masks((*shape[: taken - 1], size + 1))), taken


ADDED = st.sampled_from([None, None, Ellipsis, Ellipsis, True, False, np.array(True)])


@st.composite
def subscripts(draw, shape):
    index = []
    rest = shape
    for _ in range(draw(st.integers(0, len(shape) + (draw(st.integers(0, 9)) == 0)))):
        if not rest and shape and draw(st.integers(0, 9)):
            break
        part, taken = draw(parts(rest))
        index.append(part)
        rest = rest[taken:]
    for each in draw(st.lists(ADDED, max_size=2)):
        if each is not Ellipsis or not any(part is Ellipsis for part in index):
            index.insert(draw(st.integers(0, len(index))), each)
    return index[0] if len(index) == 1 and draw(st.booleans()) else tuple(index)


CASES = SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), subscripts(shape)))


def several(index):
    return index if isinstance(index, tuple) else (index,)


def index_of(lib, index):
    made = tuple(
        lib.tensor(each, dtype=getattr(lib, str(each.dtype)))
        if isinstance(each, np.ndarray)
        else each
        for each in several(index)
    )
    return made if isinstance(index, tuple) else made[0]


# -- comparing what came of it ----------------------------------------------------------------


class Told(NamedTuple):
    """What can be said of a tensor of either library."""

    shape: tuple[int, ...]
    dtype: str
    numbers: list


def told(tensor):
    return Told(tuple(tensor.shape), str(tensor.dtype).split(".")[-1], tensor.tolist())


def outcome(lib, work, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # uint8 tensors as masks, lists as several indices
        try:
            return [told(each) for each in work(lib, *args)]
        except ERRORS as error:
            return error


def assert_alike(work, *args):
    mine, theirs = outcome(cp, work, *args), outcome(torch, work, *args)
    if isinstance(theirs, Exception):
        assert isinstance(mine, type(theirs)), f"PyTorch: {theirs!r}; here: {mine!r}"
    else:
        assert mine == theirs
    return theirs


def names_places_of_nothing(part, index):
    """Whether a place lies outside, but PyTorch does not look, as no element is read; we do."""
    mine = outcome(cp, lambda lib: [numbered(lib, part)[index_of(lib, index)]])
    theirs = outcome(torch, lambda lib: [numbered(lib, part)[index_of(lib, index)]])
    outside = isinstance(mine, IndexError) and "out of bounds" in str(mine)
    return outside and not isinstance(theirs, Exception) and 0 in theirs[0].shape


def numbered(lib, shape, dtype="float64"):
    count = int(np.prod(shape))
    return lib.arange(count).reshape(shape).to(getattr(lib, dtype))


# -- reading ----------------------------------------------------------------------------------


def read(lib, shape, index):
    x = numbered(lib, shape).requires_grad_()
    taken = x[index_of(lib, index)]
    (taken * taken).sum().backward()
    return taken.detach(), x.grad


@given(case=CASES)
def test_a_subscript_reads_what_it_reads_in_pytorch(case):
    assume(not names_places_of_nothing(*case))
    assert_alike(read, *case)


@given(case=CASES)
def test_a_subscript_reads_what_it_reads_in_numpy(case):
    shape, index = case
    entries = several(index)
    arrays = [each for each in entries if isinstance(each, (np.ndarray, list, bool))]
    ints = any(type(each) is int or (np.ndim(each) == 0 and each is not None) for each in entries)
    signed = all(np.asarray(each).dtype in (bool, np.int64, np.int32) for each in arrays)
    try:
        expected = np.arange(np.prod(shape, dtype=int)).reshape(shape)[index]
    except IndexError:
        expected = None
    # NumPy counts an int beside arrays as one of them, and lets any mask without elements pass.
    empty_mask = any(np.asarray(each).dtype == bool and not np.size(each) for each in arrays)
    listed = isinstance(index, list) and np.ndim(index) > 1  # one index there, several here
    if expected is None or (arrays and ints) or empty_mask or not signed or listed:
        return
    assert told(numbered(cp, shape, "int64")[index_of(cp, index)]) == told(expected)


def read_twice(lib, shape, first, index):
    x = numbered(lib, shape).requires_grad_()
    view = x.transpose(0, -1)[first]
    taken = view[index_of(lib, index)]
    (taken * taken).sum().backward()
    return taken.detach(), x.grad


@given(data=st.data())
def test_an_indexed_view_is_indexed_as_in_pytorch(data):
    shape = data.draw(st.sampled_from([(3, 4, 2), (4, 3)]))
    first = data.draw(st.sampled_from([slice(1, None), (Ellipsis, slice(0, 3, 2)), (None, 1)]))
    viewed = np.zeros(shape).swapaxes(0, -1)[first].shape
    index = data.draw(subscripts(viewed))
    assume(not names_places_of_nothing(viewed, index))
    assert_alike(read_twice, shape, first, index)


NESTED = [[[0, 1], [1, 2]], [[0, 1], [1]], [[]], [(0, 1), (1, 2)], [0, None], [[0, 2], slice(1, 3)]]


@pytest.mark.parametrize("index", [*NESTED, [0, ...], [[True, False, True], 0], [], [[0, 1, 1]]])
def test_a_list_means_what_it_means_in_pytorch(index):
    assert not isinstance(assert_alike(read, (3, 4, 2), index), Exception)
    if any(not isinstance(each, int) for each in index):
        with pytest.warns(UserWarning, match=r"x\[tuple\(index\)\]"):
            cp.ones(3, 4, 2)[index]


@pytest.mark.parametrize("step", [0, -1])
def test_a_slice_steps_forward(step):
    assert isinstance(assert_alike(read, (3, 4, 2), slice(None, None, step)), ValueError)


def test_a_uint8_tensor_is_a_mask_and_says_that_this_is_old():
    x, holds = cp.tensor([5, 6, 7]), np.array([0, 1, 1], np.uint8)
    with pytest.warns(UserWarning, match="mask"):
        assert x[cp.tensor(holds)].tolist() == [6, 7]
    assert x[holds].tolist() == [5, 6, 6], "a NumPy array holds places, as in NumPy and PyTorch"


REFUSED = [
    (5, "index 5 is out of bounds for dimension 0 with size 3"),
    ((0, -5), "index -5 is out of bounds for dimension 1 with size 4"),
    ((slice(None), [0, 4]), "index 4 is out of bounds for dimension 1 with size 4"),
    ((..., [0, 2]), "index 2 is out of bounds for dimension 2 with size 2"),
    ((0, slice(None), [2]), "index 2 is out of bounds for dimension 2 with size 2"),
    ((None, [3]), "index 3 is out of bounds for dimension 0 with size 3"),
    ((0, 0, 0, 0), "too many indices for tensor of dimension 3"),
    (([0, 1], [0, 1, 2]), r"could not be broadcast together with shapes \(2,\), \(3,\)"),
    ([True, False], r"mask \(2,\) does not match .* \(3, 4, 2\) from dimension 0"),
    (np.zeros((0, 4), bool), r"mask \(0, 4\) does not match"),
    ((..., 0, ...), "one ellipsis"),
    ([1.5], "must be int or bool"),
    (([[0, 1], [1]], 0), "rows differ"),
    (np.array([0], np.int8), r"int8, so convert it first with .long\(\)"),
]


@pytest.mark.parametrize("index, message", REFUSED)
def test_a_subscript_that_does_not_fit_names_the_place(index, message):
    x = cp.zeros(3, 4, 2)
    with pytest.raises(IndexError, match=message):
        x[index_of(cp, index)]
    with pytest.raises(IndexError, match=message):
        x[index_of(cp, index)] = 1


# -- writing ----------------------------------------------------------------------------------

THROUGH = {
    "itself": lambda x: x,
    "a view": lambda x: x[1:],
    "a view of a view": lambda x: x.transpose(0, -1)[..., 1:],
}


def written_into(lib, way, shape, index, value, dtype):
    x = numbered(lib, shape).requires_grad_(dtype == "float64")
    y = (x * 2).to(getattr(lib, dtype))
    if isinstance(value, np.ndarray):
        value = lib.tensor(value)
    graded = dtype == "float64" and isinstance(value, lib.Tensor) and value.dtype == lib.float64
    if graded:
        value = value.clone().requires_grad_()
    changed = THROUGH[way](y)
    if value is ADDS:
        changed[index_of(lib, index)] += 3
    else:
        changed[index_of(lib, index)] = value
    if dtype != "float64":
        return [y]
    (y * y).sum().backward()
    return [y.detach(), x.grad, *([value.grad] if graded and value.grad is not None else [])]


ADDS = "+= 3"


@st.composite
def values(draw, part, alike):
    """Something to assign to a part of this shape: it fits, is broadcast, or does not fit."""
    shape = draw(
        st.sampled_from([part, (1, *part), part[1:], (*part[:-1], 1), (), (1,), (*part, 2)])
    )
    counted = np.zeros(shape) if alike else np.arange(np.prod(shape)).reshape(shape)
    dtype = draw(st.sampled_from(["float64", "float64", "float32", "int64"]))
    made = np.asarray(7.0 + counted, dtype)
    return draw(st.sampled_from([made, made, made, 7, 2.5, True, ADDS]))


@given(data=st.data())
def test_a_subscript_is_written_to_as_in_pytorch(data):
    shape = data.draw(SHAPES.filter(len))
    way = data.draw(st.sampled_from(list(THROUGH)))
    viewed = THROUGH[way](numbered(torch, shape, "int64"))
    index = data.draw(subscripts(tuple(viewed.shape)))
    if any(isinstance(each, np.ndarray) and each.dtype == np.uint8 for each in several(index)):
        return  # PyTorch writes no number to a uint8 mask, but a tensor
    assume(not names_places_of_nothing(tuple(viewed.shape), index))
    reading = outcome(torch, lambda lib: [viewed[index_of(lib, index)]])
    value = 7  # One thing is wrong at a time: the index, or what is assigned.
    if not isinstance(reading, Exception):
        # Which of several values stays at a place named twice is nobody's promise.
        read_places = np.ravel(reading[0].numbers).tolist()
        repeated = len(set(read_places)) < len(read_places)
        value = data.draw(values(reading[0].shape, repeated))
    dtype = data.draw(st.sampled_from(["float64", "float64", "float32", "int64", "bool"]))
    assert_alike(written_into, way, shape, index, value, dtype)


def test_a_wrong_value_is_refused_and_nothing_is_written():
    x = cp.zeros(3, 4, dtype=cp.int64)
    for value, error, message in [
        (cp.zeros(3, dtype=cp.int64), RuntimeError, r"shape \(3,\) .* part of shape \(2, 4\)"),
        (cp.zeros(4), RuntimeError, "int64 for the destination and float32 for the source"),
        ("nonsense", TypeError, "can't assign a str to a part of a tensor of int64"),
        (None, TypeError, "can't assign a NoneType"),
        (2**70, RuntimeError, "without overflow"),
    ]:
        with pytest.raises(error, match=message):
            x[cp.tensor([0, 2])] = value
    assert not x.any()
