"""Laws that hold for all inputs: operations against NumPy and against each other."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.chains import STEPS, arguments, chains, origins

import clownpiece as cp
from clownpiece.autograd import grad
from clownpiece.ops import REGISTRY
from clownpiece.ops.elementwise import Elementwise
from clownpiece.ops.promotion import promoted_dtype
from clownpiece.ops.selection import keep

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
NUMBERS = st.floats(-1e3, 1e3, width=32)


def arrays(shape=SHAPES, elements=NUMBERS):
    return hnp.arrays(np.float32, shape, elements=elements)


def as_tensor(array, requires_grad=False):
    made = cp.tensor(array)
    return made.requires_grad_() if requires_grad else made


# -- broadcasting ----------------------------------------------------------------------------

OF_SEVERAL = [
    record
    for record in REGISTRY.values()
    if record.name == "where"
    or (isinstance(record, Elementwise) and record.expose and len(record.inputs) > 1)
]


def cells(record, at, shape, rng):
    """An input that the record takes in this place: truth values, whole numbers or floats."""
    if record.name == "where" and at == 0:
        return rng.random(shape) < 0.5
    if record.gradient is None and record.promote == "same":
        return rng.integers(0, 4, shape)
    # Inside of every domain, and away from all corners.
    return np.asarray(rng.uniform(0.2, 0.8, shape))


def summed_to(array, shape):
    """The sum over the axes along which something of this shape was repeated."""
    added = array.sum(tuple(range(array.ndim - len(shape))))
    repeated = [at for at, size in enumerate(shape) if size == 1 and added.shape[at] != 1]
    return added.sum(tuple(repeated), keepdims=True)


@pytest.mark.parametrize("record", OF_SEVERAL, ids=lambda record: record.name)
@settings(max_examples=15)
@given(st.data())
def test_broadcasting_is_numpy_s_and_its_gradient_sums_over_what_was_repeated(record, data):
    count = len(record.inputs)
    shapes, full = data.draw(
        hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, min_side=0, max_side=3)
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    given_ = [cells(record, at, shape, rng) for at, shape in enumerate(shapes)]
    repeated = [np.broadcast_to(each, full).copy() for each in given_]
    results, gradients = [], []
    for inputs in (given_, repeated):
        tensors = [as_tensor(each, requires_grad=each.dtype.kind == "f") for each in inputs]
        result = record(*tensors)
        results.append(result)
        gradients.append([None] * count)
        if result.requires_grad:
            weights = cp.from_numpy(np.random.default_rng(0).standard_normal(full))
            able = [each for each in tensors if each.requires_grad]
            found = iter(grad(result, able, weights, allow_unused=True))
            gradients[-1] = [next(found) if each.requires_grad else None for each in tensors]
    assert results[0].shape == full
    assert np.array_equal(*[each.detach().numpy() for each in results])
    for shape, small, large in zip(shapes, *gradients, strict=True):
        assert (small is None) == (large is None)
        if small is not None:
            np.testing.assert_allclose(small.numpy(), summed_to(large.numpy(), shape), atol=1e-12)


@given(st.sampled_from(OF_SEVERAL), st.lists(hnp.array_shapes(min_side=0), min_size=3, max_size=3))
def test_shapes_that_do_not_broadcast_are_refused_by_name(record, shapes):
    shapes = shapes[: len(record.inputs)]
    rng = np.random.default_rng(0)
    tensors = [as_tensor(cells(record, at, shape, rng)) for at, shape in enumerate(shapes)]
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(RuntimeError) as caught:
            record(*tensors)
        assert sum(str(shape) in str(caught.value) for shape in set(shapes)) > 1
    else:
        assert record(*tensors).shape == expected


# -- shapes ----------------------------------------------------------------------------------


def copies_to_reshape(x, shape):
    array = x.detach().numpy()
    return array.size and not np.may_share_memory(array, array.reshape(shape))


@settings(max_examples=200)
@given(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4), chains())
def test_a_chain_of_views_moves_elements_as_numpy_does_and_its_gradient_moves_them_back(
    shape, chain
):
    places = origins(chain, shape)
    values = np.random.default_rng(0).standard_normal(shape)
    x = as_tensor(values, requires_grad=True)
    y = x
    for link in chain:
        given_ = arguments(link, tuple(y.shape))
        if given_ is None:
            continue
        if link.name == "view" and copies_to_reshape(y, given_[0]):
            with pytest.raises(RuntimeError, match=r"Use \.reshape\(\.\.\.\) instead"):
                y.view(given_[0])
            y = y.reshape(given_[0])
        else:
            y = STEPS[link.name].tensor(y, *given_)
    assert y.shape == places.shape
    assert np.array_equal(y.detach().numpy(), values.ravel()[places])
    weights = np.random.default_rng(1).standard_normal(places.shape)
    (found,) = grad(y, x, cp.from_numpy(weights))
    back = np.bincount(places.ravel(), weights.ravel(), values.size).reshape(shape)
    np.testing.assert_allclose(found.numpy(), back, atol=1e-12)


# -- subscripts ------------------------------------------------------------------------------


@given(st.data())
def test_an_index_reads_what_numpy_reads_and_its_gradient_counts_the_readings(data):
    array = data.draw(arrays(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)))
    index = data.draw(
        hnp.basic_indices(array.shape, allow_newaxis=True).filter(steps_forward)
        | hnp.integer_array_indices(array.shape)
    )
    x = as_tensor(array, requires_grad=True)
    given_index = tuple(
        cp.tensor(part) if isinstance(part, np.ndarray) else part for part in as_tuple(index)
    )
    taken = x[given_index]
    assert np.array_equal(taken.detach().numpy(), array[index])
    taken.sum().backward()
    readings = np.zeros(array.shape, np.float32)
    np.add.at(readings, index, 1)
    assert np.array_equal(x.grad.numpy(), readings)


def as_tuple(index):
    return index if isinstance(index, tuple) else (index,)


def steps_forward(index):
    return all(not isinstance(part, slice) or (part.step or 1) > 0 for part in as_tuple(index))


@given(st.data())
def test_writing_at_an_index_splits_the_gradient_between_old_and_new(data):
    array = data.draw(arrays(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4)))
    index = data.draw(hnp.basic_indices(array.shape).filter(steps_forward))
    value = as_tensor(np.ones_like(array[index]) * 2, requires_grad=True)
    old = as_tensor(array, requires_grad=True)
    x = old * 1
    x[index] = value
    expected = array.copy()
    expected[index] = 2
    assert np.array_equal(x.detach().numpy(), expected)
    x.sum().backward()
    assert np.array_equal(value.grad.numpy(), np.ones_like(array[index]))
    outside = np.ones_like(array)
    outside[index] = 0
    assert np.array_equal(old.grad.numpy(), outside)


@given(arrays(), st.integers(0, 2**32 - 1))
def test_rearranging_and_back_changes_nothing(array, seed):
    order = tuple(np.random.default_rng(seed).permutation(array.ndim).tolist())
    x = as_tensor(array)
    back = tuple(np.argsort(order).tolist())
    assert np.array_equal(x.permute(order).permute(back).numpy(), array)
    assert np.array_equal(x.flatten().reshape(array.shape).numpy(), array)
    if array.ndim:
        assert np.array_equal(x.flip(0).flip(0).numpy(), array)
        assert np.array_equal(x.roll(3, 0).roll(-3, 0).numpy(), array)
        assert np.array_equal(cp.cat(x.split(2, 0)).numpy(), array)
        if array.shape[-1]:
            assert np.array_equal(cp.stack(x.unbind(-1), -1).numpy(), array)


@given(st.data())
def test_reductions_over_dims_are_numpy_s(data):
    array = data.draw(arrays(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)))
    dims = data.draw(st.sets(st.integers(0, array.ndim - 1), min_size=1).map(tuple))
    keepdim = data.draw(st.booleans())
    x = as_tensor(array)
    for ours, theirs in ((x.sum, np.sum), (x.mean, np.mean), (x.amax, np.max), (x.amin, np.min)):
        expected = theirs(array, axis=dims, keepdims=keepdim)
        np.testing.assert_allclose(ours(dims, keepdim).numpy(), expected, rtol=1e-4, atol=1e-3)


@given(arrays(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5)))
def test_sorting_is_stable_and_its_indices_lead_back(array):
    for descending in (False, True):
        values, indices = as_tensor(array).sort(-1, descending=descending)
        keys = -array if descending else array
        assert np.array_equal(indices.numpy(), np.argsort(keys, -1, kind="stable"))
        assert np.array_equal(values.numpy(), np.take_along_axis(array, indices.numpy(), -1))


@given(arrays(), st.integers(0, 2**32 - 1))
def test_keep_is_where_with_zero_bit_by_bit(array, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(array.shape) < 0.5
    array = np.where(rng.random(array.shape) < 0.2, np.float32(np.inf), array)
    array = np.where(rng.random(array.shape) < 0.2, np.float32(np.nan), array)
    assert np.array_equal(
        np.asarray(keep(array, mask)), np.where(mask, array, np.float32(0)), equal_nan=True
    )


@given(
    arrays(elements=st.floats(0.125, 8, width=32)),
    st.sampled_from([-3, -2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 5, 7]),
)
def test_shortcuts_of_powers_agree_with_numpy_s_power(array, exponent):
    ours = (as_tensor(array) ** exponent).numpy()
    np.testing.assert_allclose(ours, np.power(array, exponent), rtol=2e-6)


@given(st.data())
def test_einsum_is_numpy_s(data):
    sizes = dict(
        zip(string.ascii_lowercase, data.draw(st.lists(st.integers(1, 3), min_size=5, max_size=5)))
    )
    terms = data.draw(st.lists(st.text("abcde", min_size=1, max_size=4), min_size=1, max_size=3))
    used = sorted(set("".join(terms)))
    result = "".join(data.draw(st.permutations(used)))[: data.draw(st.integers(0, len(used)))]
    rng = np.random.default_rng(0)
    operands = [rng.standard_normal([sizes[label] for label in term]) for term in terms]
    equation = ",".join(terms) + "->" + result
    ours = cp.einsum(equation, *map(cp.tensor, operands)).numpy()
    np.testing.assert_allclose(ours, np.einsum(equation, *operands), atol=1e-12)


@given(
    arrays(
        hnp.array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=5),
        st.sampled_from([-2.0, -1.0, 0.0, 0.5, 3.0]),
    )
)
def test_products_have_gradients_at_zeros(array):
    x = as_tensor(array.astype(np.float64), requires_grad=True)
    (found,) = grad(x.prod(-1).sum(), x)
    others = np.stack([np.prod(np.delete(array, at, -1), -1) for at in range(array.shape[-1])], -1)
    np.testing.assert_allclose(found.numpy(), others)
    (found,) = grad(x.cumprod(-1).sum(), x)
    step = 1e-6
    moved = [
        (np.cumprod(array + step * unit, -1) - np.cumprod(array - step * unit, -1)).sum(-1)
        for unit in np.eye(array.shape[-1])
    ]
    np.testing.assert_allclose(found.numpy(), np.stack(moved, -1) / (2 * step), atol=1e-4)


@given(
    st.lists(
        st.sampled_from(["bool", "uint8", "int8", "int32", "int64", "float32", "float64"]).map(
            lambda name: np.ones(2, name)
        ),
        min_size=1,
        max_size=4,
    )
)
def test_promotion_does_not_depend_on_the_order(values):
    assert promoted_dtype(values) == promoted_dtype(values[::-1])
