"""Every op record against PyTorch: the same samples, the same values, dtypes and gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.records import Case, arrays_of, cases, float_tensors, leaves, tensors_of
from support.torch_records import (
    answer,
    as_torch,
    assert_same_answer,
    call_torch,
    has_counterpart,
    nested,
    torch_leaves,
)

import clownpiece
from clownpiece.autograd import grad
from clownpiece.ops.samples import S

torch = pytest.importorskip("torch")

EXACT = {"rtol": 1e-6, "atol": 1e-8}


COMPARED = cases(has_counterpart)


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("case", COMPARED, ids=lambda case: case.id)
def test_values_and_dtypes(case: Case, dtype):
    inputs = case.draw(dtype)
    ours = arrays_of(case(tensors_of(inputs)))
    theirs = torch_leaves(call_torch(case, nested(as_torch, inputs)))
    assert len(ours) == len(theirs)
    tolerance = EXACT if dtype is np.float64 else {"rtol": 2e-4, "atol": 2e-5}
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == tuple(other.shape)
        assert mine.dtype == other.numpy().dtype
        np.testing.assert_allclose(mine, other.numpy(), **tolerance)


def torch_gradients(case: Case, inputs, able):
    """PyTorch's gradients for random weights of the outputs; None where it has none.

    `able` says which inputs have a gradient here; only those are asked for where PyTorch
    refuses to take an input that requires one.
    """

    def prepared(asked):
        remaining = iter(asked)

        def prepare(value):
            value = as_torch(value)
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                value.requires_grad_(next(remaining))
            return value

        return nested(prepare, inputs)

    given = prepared([True] * len(able))
    try:
        outputs = torch_leaves(call_torch(case, given))
    except RuntimeError as error:
        if "not differentiable with respect to argument" not in str(error):
            raise
        given = prepared(able)
        outputs = torch_leaves(call_torch(case, given))
    outputs = [each for each in outputs if each.requires_grad]
    floating = [e for e in leaves(given) if isinstance(e, torch.Tensor) and e.is_floating_point()]
    wanted = [each for each in floating if each.requires_grad]
    if not outputs or not wanted:
        return None
    weights = random_weights(outputs)
    total = sum((each * torch.from_numpy(w)).sum() for each, w in zip(outputs, weights))
    try:
        found = iter(torch.autograd.grad(total, wanted, allow_unused=True))
    except RuntimeError as error:
        # What is flat here and has no gradient at all there, such as floor_divide.
        if "not implemented" not in str(error):
            raise
        return None
    return [next(found) if each.requires_grad else None for each in floating]


def random_weights(outputs):
    rng = np.random.default_rng(1)
    return [np.asarray(rng.standard_normal(tuple(each.shape))) for each in outputs]


@pytest.mark.parametrize("case", COMPARED, ids=lambda case: case.id)
def test_first_gradients(case: Case):
    inputs = case.draw()
    mine = tensors_of(inputs, requires_grad=True)
    wanted = float_tensors(mine)
    outputs = [each for each in float_tensors(case(mine)) if each.requires_grad]
    found = [None] * len(wanted)
    if outputs:
        weights = random_weights(outputs)
        total = sum((o * clownpiece.from_numpy(w)).sum() for o, w in zip(outputs, weights))
        found = grad(total, wanted, allow_unused=True)
    reference = torch_gradients(case, inputs, [each is not None for each in found])
    if reference is None:
        return
    for got, correct in zip(found, reference, strict=True):
        # A gradient of zeros and none at all are the same.
        pair = [np.zeros(()) if each is None else each.numpy() for each in (got, correct)]
        np.testing.assert_allclose(*np.broadcast_arrays(*pair), rtol=1e-6, atol=1e-8)


# -- at the edges ----------------------------------------------------------------------------


def only_plain(case: Case) -> bool:
    """Whether all inputs are plain shapes, which may be exchanged for others."""
    plain = all(isinstance(each, tuple) for each in case.sample.inputs)
    return plain and "functional" not in case.record.expose


EDGES = [case for case in COMPARED if only_plain(case)]


# Where nothing is indexed or shifted PyTorch does not look at the numbers; we, as NumPy, do.
UNCHECKED_THERE = {"getitem", "roll"}


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (2, 0), (1, 1)], ids=str)
@pytest.mark.parametrize("case", EDGES, ids=lambda case: case.id)
def test_shapes_at_the_edge(case: Case, shape):
    moved = case._replace(sample=S(*[shape for _ in case.sample.inputs], **case.sample.params))
    inputs = moved.draw()
    theirs = answer(call_torch, moved, nested(as_torch, inputs))
    mine = answer(moved, tensors_of(inputs))
    if isinstance(theirs, Exception):
        # Several things may be wrong at once: which error comes first is not compared.
        assert isinstance(mine, (RuntimeError, IndexError)), f"PyTorch says {theirs!r}, we {mine!r}"
    elif not (isinstance(mine, IndexError) and moved.record.name in UNCHECKED_THERE):
        assert_same_answer(mine, theirs)


def without_floats(case: Case) -> bool:
    return not any(isinstance(value, float) for value in case.sample.params.values())


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("case", list(filter(without_floats, EDGES)), ids=lambda case: case.id)
def test_whole_numbers(case: Case, dtype):
    rng = np.random.default_rng(0)
    inputs = [
        (1 + rng.permutation(math.prod(shape))).reshape(shape).astype(dtype)
        for shape in case.sample.inputs
    ]
    theirs = answer(call_torch, case, nested(as_torch, inputs))
    mine = answer(case, tensors_of(inputs))
    if isinstance(theirs, Exception):
        # A dtype that PyTorch has no kernel for may have an answer here, or a clear error.
        assert not isinstance(mine, Exception) or isinstance(mine, RuntimeError), repr(mine)
    else:
        assert_same_answer(mine, theirs)
