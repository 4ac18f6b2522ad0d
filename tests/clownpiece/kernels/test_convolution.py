"""Convolution is proved by its definition, and its two companions by being its transposes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clownpiece.kernels import convolution
from clownpiece.kernels.convolution import correlate, fold, spread, unfold, weigh
from clownpiece.kernels.windows import plan

CASES = [
    # input, kernel, stride, padding, dilation, groups
    ((7,), 3, 1, 0, 1, 1),
    ((8,), 3, 2, 1, 2, 2),
    ((5, 6), (3, 2), (2, 1), (1, 0), 1, 1),
    ((6, 6), 3, 1, "same", 2, 1),
    ((5, 7), (2, 3), 1, ((0, 1), (2, 1)), 1, 4),
    ((4, 3, 5), 2, (1, 2, 1), 1, 1, 2),
    ((6, 5), 3, 1, 1, 1, 8),
]


def by_definition(x, weight, windows, groups):
    """The sum over channels and cells of the kernel, written as loops."""
    pads = [(0, 0), (0, 0), *windows.padding]
    padded = np.pad(x, pads)
    y = np.zeros((len(x), len(weight), *windows.output))
    per_group, outs = weight.shape[1], len(weight) // groups
    for place in itertools.product(*map(range, windows.output)):
        cells = tuple(
            slice(i * s, i * s + d * (k - 1) + 1, d)
            for i, s, d, k in zip(
                place, windows.stride, windows.dilation, windows.kernel, strict=True
            )
        )
        for o in range(len(weight)):
            first = o // outs * per_group
            window = padded[(slice(None), slice(first, first + per_group), *cells)]
            y[(slice(None), o, *place)] = (window * weight[o]).sum(tuple(range(1, window.ndim)))
    return y


def forms(x, weight, y):
    return [(correlate, x, weight), (spread, y, weight), (weigh, x, y)]


def drawn(case, seed=0):
    size, kernel, stride, padding, dilation, groups = case
    rng = np.random.default_rng(seed)
    windows = plan(size, kernel, stride, padding, dilation)
    channels = max(4, groups)
    x = rng.standard_normal((3, channels, *size))
    weight = rng.standard_normal((8, channels // groups, *windows.kernel))
    y = rng.standard_normal((3, 8, *windows.output))
    return x, weight, y, windows, groups


@pytest.mark.parametrize("case", CASES)
def test_correlate_is_the_sum_of_its_definition(case):
    x, weight, _, windows, groups = drawn(case)
    np.testing.assert_allclose(
        correlate(x, weight, windows, groups), by_definition(x, weight, windows, groups)
    )


@pytest.mark.parametrize("case", CASES)
def test_spread_and_weigh_are_the_transposes_of_correlate(case):
    x, weight, y, windows, groups = drawn(case)
    form = np.vdot(y, correlate(x, weight, windows, groups))
    assert np.vdot(x, spread(y, weight, windows, groups)) == pytest.approx(form)
    assert np.vdot(weight, weigh(x, y, windows, groups)) == pytest.approx(form)


@settings(max_examples=30, deadline=None)
@given(
    size=st.tuples(st.integers(3, 7), st.integers(3, 7)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    groups=st.sampled_from([1, 2, 4]),
    seed=st.integers(0, 99),
)
def test_the_three_are_one_trilinear_form(size, kernel, stride, padding, groups, seed):
    x, weight, y, windows, groups = drawn((size, kernel, stride, padding, 1, groups), seed)
    form = np.vdot(y, correlate(x, weight, windows, groups))
    assert np.vdot(x, spread(y, weight, windows, groups)) == pytest.approx(form)
    assert np.vdot(weight, weigh(x, y, windows, groups)) == pytest.approx(form)


@pytest.mark.parametrize("case", CASES[:4])
def test_fold_is_the_transpose_of_unfold(case):
    x, _, _, windows, _ = drawn(case)
    columns = unfold(x, windows)
    assert columns.shape == (3, 4 * np.prod(windows.kernel), np.prod(windows.output))
    other = np.random.default_rng(1).standard_normal(columns.shape)
    assert np.vdot(x, fold(other, windows)) == pytest.approx(np.vdot(columns, other))


def test_blocks_of_samples_give_what_one_block_gives(monkeypatch):
    x, weight, y, windows, groups = drawn(CASES[2])
    whole = [f(a, b, windows, groups) for f, a, b in forms(x, weight, y)]
    monkeypatch.setattr(convolution, "COLUMN_BYTES", 1)
    parts = [f(a, b, windows, groups) for f, a, b in forms(x, weight, y)]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_stays_and_inputs_are_left_alone(dtype):
    x, weight, y, windows, groups = drawn(CASES[3])
    x, weight, y = (a.astype(dtype) for a in (x, weight, y))
    for array in (x, weight, y):
        array.flags.writeable = False
    for f, a, b in forms(x, weight, y):
        assert f(a, b, windows, groups).dtype == dtype


def test_memory_layout_does_not_matter():
    x, weight, y, windows, groups = drawn(CASES[2])
    turned = np.asfortranarray(x)
    np.testing.assert_allclose(
        correlate(turned, weight, windows, groups), correlate(x, weight, windows, groups)
    )
    np.testing.assert_allclose(weigh(turned, y, windows), weigh(x, y, windows))


def test_an_empty_batch_has_an_empty_output_and_a_weight_gradient_of_zero():
    x, weight, y, windows, _ = drawn(CASES[2])
    assert correlate(x[:0], weight, windows).shape == (0, *y.shape[1:])
    assert spread(y[:0], weight, windows).shape == (0, *x.shape[1:])
    assert not weigh(x[:0], y[:0], windows).any()
