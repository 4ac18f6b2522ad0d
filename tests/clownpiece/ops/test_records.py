"""Every op record, proved from the record alone: adding an op adds its tests."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from support.records import (
    Case,
    arrays_of,
    cases,
    float_tensors,
    is_differentiable,
    leaves,
    mapped,
    strided,
    tensors_of,
)

import clownpiece
from clownpiece.autograd import grad
from clownpiece.ops import REGISTRY, Op
from clownpiece.ops import record as record_module
from clownpiece.ops.composition import Composition
from clownpiece.ops.elementwise import Elementwise

EVERY = cases()
DIFFERENTIABLE = cases(is_differentiable)
RECORDS = list(REGISTRY.values())
STEP = 1e-6


def named(case):
    return case.id


def same(a, b, tolerance=1e-12):
    return all(
        x.shape == y.shape
        and x.dtype == y.dtype
        and np.allclose(x, y, rtol=tolerance, atol=tolerance, equal_nan=True)
        for x, y in zip(arrays_of(a), arrays_of(b), strict=True)
    )


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_a_record_says_what_it_is_and_brings_samples(record: Op):
    assert record.samples, f"{record.name} has no samples, so nothing proves it"
    assert record.doc, f"{record.name} has no doc"
    assert record.doc.strip()[-1] in ".`\"0123456789)]", f"{record.name}: {record.doc!r}"


def test_an_op_without_samples_fails_this_suite(monkeypatch):
    monkeypatch.setattr(record_module, "REGISTRY", scratch := {})
    bare = record_module.op("scratch", np.exp, doc="An op that nothing proves.")
    assert scratch == {"scratch": bare}
    with pytest.raises(AssertionError, match="scratch has no samples"):
        test_a_record_says_what_it_is_and_brings_samples(bare)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_the_examples_of_a_record_run(record: Op):
    parser = doctest.DocTestParser()
    examples = parser.get_doctest(record.doc, {}, record.name, None, None)
    flags = doctest.NORMALIZE_WHITESPACE
    assert not doctest.DocTestRunner(optionflags=flags, verbose=False).run(examples).failed


@pytest.mark.parametrize("case", EVERY, ids=named)
def test_arrays_and_tensors_give_the_same_and_stay_unchanged(case: Case):
    inputs = case.draw()
    before = mapped(np.copy, [each for each in leaves(inputs) if isinstance(each, np.ndarray)])
    clownpiece.manual_seed(0)
    from_tensors = case(tensors_of(inputs))
    clownpiece.manual_seed(0)
    from_arrays = case(inputs)
    assert same(from_arrays, from_tensors)
    after = [each for each in leaves(inputs) if isinstance(each, np.ndarray)]
    assert all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(before, after))


@pytest.mark.parametrize("case", EVERY, ids=named)
def test_float32_stays_float32(case: Case):
    outputs = arrays_of(case(tensors_of(case.draw(np.float32))))
    floating = [each.dtype for each in outputs if each.dtype.kind == "f"]
    expected = np.float64 if case.record.name in ("float_power", "to_dtype") else np.float32
    assert all(dtype == expected for dtype in floating)


@pytest.mark.parametrize("case", EVERY, ids=named)
def test_memory_layout_makes_no_difference(case: Case):
    inputs = case.draw()
    spread = mapped(lambda each: strided(each) if isinstance(each, np.ndarray) else each, inputs)
    if case.record.name in ("view", "view_as"):
        with pytest.raises(RuntimeError, match="reshape"):
            case(tensors_of(spread))
        return
    clownpiece.manual_seed(0)
    from_plain = case(tensors_of(inputs))
    clownpiece.manual_seed(0)
    assert same(from_plain, case(tensors_of(spread)))


@pytest.mark.parametrize("case", cases(lambda record: record.flops is not None), ids=named)
def test_the_cost_is_a_whole_number(case: Case):
    seen = []
    with clownpiece.autograd.observe_ops(lambda *event: seen.append(event)):
        case(tensors_of(case.draw()))
    for op, inputs, params, outputs, _ in seen:
        assert op.flops_of(inputs, params, outputs) >= 0


# -- gradients -------------------------------------------------------------------------------


def scalar_of(case: Case, inputs, weights):
    """One number from a call: its floating outputs, weighted."""
    clownpiece.manual_seed(0)
    outputs = float_tensors(case(inputs))
    total = None
    for output, weight in zip(outputs, weights):
        part = (output * clownpiece.from_numpy(weight)).sum()
        total = part if total is None else total + part
    return total


def with_step(inputs, directions, step):
    """The inputs moved along the directions; what has none stays where it is."""
    remaining = iter(directions)

    def moved(value):
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return np.asarray(value + step * next(remaining))
        return value

    return mapped(moved, inputs)


def random_like(arrays, seed):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(each.shape)) for each in arrays]


def drawn_for_gradients(case: Case):
    """Inputs, output weights and a direction; None where nothing floating comes in or out."""
    inputs = case.draw()
    clownpiece.manual_seed(0)
    outputs = [each for each in arrays_of(case(tensors_of(inputs))) if each.dtype.kind == "f"]
    floating = [e for e in leaves(inputs) if isinstance(e, np.ndarray) and e.dtype.kind == "f"]
    if not outputs or not floating:
        return None
    directions = random_like(floating, 2)
    if any(getattr(e, "name", "") == "positive_definite" for e in case.sample.inputs):
        # Only one triangle of a symmetric matrix is read, so it is moved as a symmetric one.
        directions = [each + np.swapaxes(each, -1, -2) for each in directions]
    return inputs, random_like(outputs, 1), directions


def gradients(case: Case, inputs, weights, create_graph=False):
    leaves_ = tensors_of(inputs, requires_grad=True)
    total = scalar_of(case, leaves_, weights)
    wanted = float_tensors(leaves_)
    if total is None or not total.requires_grad:
        return wanted, [None] * len(wanted)
    return wanted, grad(total, wanted, create_graph=create_graph, allow_unused=True)


def along(found, directions):
    """The sum over inputs of gradient times direction, for gradients that may be None."""
    return sum(
        float((each.array * direction).sum())
        for each, direction in zip(found, directions, strict=True)
        if each is not None
    )


def agree(a, b):
    return math.isclose(a, b, rel_tol=2e-5, abs_tol=2e-6)


def differentiable_inputs(case: Case, directions, found):
    """Directions only along inputs that have a gradient: those that the record says.

    A composition does not say, so there it is those for which a gradient came out; the
    comparison with PyTorch finds one that is missing.
    """
    able = [each is not None for each in found]
    if not isinstance(case.record, Composition) and not case.record.variadic:
        floating = [
            at
            for at, each in enumerate(case.draw())
            if isinstance(each, np.ndarray) and each.dtype.kind == "f"
        ]
        able = [case.record.gradient.differentiable[at] for at in floating]
    return [
        direction if wanted else np.zeros_like(direction)
        for wanted, direction in zip(able, directions, strict=True)
    ]


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=named)
def test_gradients_are_directional_derivatives(case: Case):
    drawn = drawn_for_gradients(case)
    if drawn is None:
        return
    inputs, weights, directions = drawn
    _, found = gradients(case, inputs, weights)
    directions = differentiable_inputs(case, directions, found)
    ahead = scalar_of(case, tensors_of(with_step(inputs, directions, STEP)), weights)
    behind = scalar_of(case, tensors_of(with_step(inputs, directions, -STEP)), weights)
    assert agree(along(found, directions), (ahead.item() - behind.item()) / (2 * STEP))


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=named)
def test_second_gradients_are_derivatives_of_the_first(case: Case):
    drawn = drawn_for_gradients(case)
    if drawn is None:
        return
    inputs, weights, directions = drawn
    wanted, first = gradients(case, inputs, weights, create_graph=True)
    directions = differentiable_inputs(case, directions, first)
    slopes = random_like([each.array for each in wanted], 3)
    total = None
    for each, slope in zip(first, slopes, strict=True):
        if each is not None and each.requires_grad:
            part = (each * clownpiece.from_numpy(slope)).sum()
            total = part if total is None else total + part
    second = (
        [None] * len(wanted) if total is None else grad(total, wanted, allow_unused=True)
    )
    step = 1e-5
    ahead = along(gradients(case, with_step(inputs, directions, step), weights)[1], slopes)
    behind = along(gradients(case, with_step(inputs, directions, -step), weights)[1], slopes)
    assert math.isclose(
        along(second, directions), (ahead - behind) / (2 * step), rel_tol=1e-4, abs_tol=1e-5
    )


@pytest.mark.parametrize(
    "case",
    cases(lambda record: record.gradient is not None and record.name != "to_dtype"),
    ids=named,
)
def test_a_gradient_keeps_to_the_dtype_of_the_forward(case: Case):
    outputs = case(tensors_of(case.draw(np.float32), requires_grad=True))
    nodes = {each.grad_fn for each in float_tensors(outputs)} - {None}
    for node in nodes:
        given = [np.ones(shape, dtype) for shape, dtype in node.outputs]
        for found, edge in zip(node.backward(given, None), node.edges, strict=False):
            if found is not None and edge is not None:
                assert found.dtype == np.float32, f"{found.dtype} for {edge}"


@pytest.mark.parametrize(
    "case",
    cases(lambda record: record.inplace and record.gradient is not None),
    ids=named,
)
def test_in_place_gives_the_same_values_and_gradients(case: Case):
    inputs = case.draw()
    first = inputs[0]
    expected = arrays_of(case(tensors_of(inputs)))[0]
    if not isinstance(first, np.ndarray) or expected.shape != first.shape:
        return
    if expected.dtype != first.dtype:
        return
    weights = random_like([expected], 1)

    def in_place(x, *args, **kwargs):
        return case.record.apply_inplace(x * 1, *args, **kwargs)

    results = []
    for function in (case.record, in_place):
        leaves_ = tensors_of(mapped(lambda v: v, inputs), requires_grad=True)
        result = case(leaves_, function)
        assert np.allclose(result.array, expected, equal_nan=True)
        total = (result * clownpiece.from_numpy(weights[0])).sum()
        found = grad(total, float_tensors(leaves_), allow_unused=True)
        results.append([None if each is None else each.array for each in found])
    for plain, changed in zip(*results, strict=True):
        assert (plain is None) == (changed is None)
        assert plain is None or np.allclose(plain, changed)


ELEMENTWISE = [record for record in RECORDS if isinstance(record, Elementwise)]


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)], ids=str)
@pytest.mark.parametrize("record", ELEMENTWISE, ids=lambda record: record.name)
def test_scalars_and_empty_tensors_pass(record: Op, shape):
    sample = record.samples[0]
    inputs = tensors_of(
        [
            np.full(shape, np.resize(each, 1)[0]) if isinstance(each, np.ndarray) else each
            for each in sample.draw(np.random.default_rng(0), np.float32, record.domain)
        ],
        requires_grad=True,
    )
    result = record(*inputs, **sample.params)
    assert result.shape == shape
    if result.requires_grad:
        result.sum().backward()
        assert inputs[0].grad.shape == shape
