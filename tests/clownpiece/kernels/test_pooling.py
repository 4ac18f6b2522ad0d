"""Pooling is proved on every window by NumPy's own sum and maximum."""

from __future__ import annotations

import numpy as np
import pytest

from clownpiece.kernels import pooling
from clownpiece.kernels.windows import plan

CASES = [
    ((8,), 2, 2, 0, 1, False),
    ((7,), 3, 2, 1, 1, True),
    ((6, 6), 2, 2, 0, 1, False),
    ((5, 7), (3, 2), (1, 2), (1, 1), 1, False),
    ((7, 7), 2, 3, 0, 2, True),
    ((4, 5, 3), 2, 1, 1, 1, False),
]


def drawn(case):
    size, kernel, stride, padding, dilation, ceil_mode = case
    windows = plan(size, kernel, stride, padding, dilation, ceil_mode)
    rng = np.random.default_rng(0)
    x = rng.integers(-4, 5, (2, 3, *size)).astype(float)
    g = rng.standard_normal((2, 3, *windows.output))
    return x, g, windows


def each_window(x, windows, fill):
    view = windows.view(windows.padded(x, fill))
    return view, tuple(range(2, 2 + windows.ndim))


@pytest.mark.parametrize("case", CASES)
def test_window_sum_adds_each_window_and_window_spread_is_its_transpose(case):
    x, g, windows = drawn(case)
    view, axes = each_window(x, windows, 0)
    np.testing.assert_allclose(pooling.window_sum(x, windows), view.sum(axes))
    assert np.vdot(x, pooling.window_spread(g, windows)) == pytest.approx(
        np.vdot(g, pooling.window_sum(x, windows))
    )


@pytest.mark.parametrize("case", CASES)
def test_max_pool_finds_the_maximum_of_each_window_and_its_place(case):
    x, _, windows = drawn(case)
    view, axes = each_window(x, windows, -np.inf)
    y, indices = pooling.max_pool_indices(x, windows)
    np.testing.assert_array_equal(y, view.max(axes))
    np.testing.assert_array_equal(pooling.max_pool(x, windows), y)
    np.testing.assert_array_equal(pooling.gather_cells(x, indices, windows.ndim), y)


@pytest.mark.parametrize("case", CASES)
def test_gradient_of_max_pool_goes_where_the_indices_say(case):
    x, g, windows = drawn(case)
    y, indices = pooling.max_pool_indices(x, windows)
    spread = pooling.max_pool_spread(g, x, y, windows)
    np.testing.assert_allclose(spread, pooling.scatter_cells(g, indices, windows.input))
    np.testing.assert_array_equal(
        pooling.max_pool_gather(x + 1, x, y, windows),
        pooling.gather_cells(x + 1, indices, windows.ndim),
    )


def test_the_first_of_equal_cells_wins():
    _, indices = pooling.max_pool_indices(np.zeros((1, 4, 4)), plan((4, 4), 2, 2))
    np.testing.assert_array_equal(indices, [[[0, 2], [8, 10]]])


def test_nan_wins_over_every_number():
    x = np.array([[1.0, np.nan, 3.0, 4.0]])
    windows = plan((4,), 2, 2)
    y, indices = pooling.max_pool_indices(x, windows)
    np.testing.assert_array_equal(y, [[np.nan, 4.0]])
    np.testing.assert_array_equal(indices, [[1, 3]])
    np.testing.assert_array_equal(
        pooling.max_pool_spread(np.ones((1, 2)), x, y, windows), [[0, 1, 0, 1]]
    )


def test_place_cells_undoes_disjoint_max_pooling():
    x = np.arange(16.0).reshape(1, 4, 4)
    y, indices = pooling.max_pool_indices(x, plan((4, 4), 2, 2))
    placed = pooling.place_cells(y, indices, (4, 4))
    np.testing.assert_array_equal(placed.nonzero()[1], [1, 1, 3, 3])
    assert placed.sum() == y.sum()


def test_counts_leave_out_padding_unless_it_is_included():
    windows = plan((3,), 2, 2, 1)
    np.testing.assert_array_equal(pooling.window_counts(windows, True), [2, 2])
    np.testing.assert_array_equal(pooling.window_counts(windows, False), [1, 2])


@pytest.mark.parametrize("output", [(1, 1), (3, 2), (5, 7), (8, 9)])
def test_adaptive_max_pool_takes_the_maximum_of_each_part(output):
    x = np.random.default_rng(0).standard_normal((2, 5, 7))
    y, indices = pooling.adaptive_max_pool(x, output)
    edges = [pooling.adaptive_edges(n, o) for n, o in zip((5, 7), output, strict=True)]
    for i in range(output[0]):
        for j in range(output[1]):
            part = x[:, edges[0][0][i] : edges[0][1][i], edges[1][0][j] : edges[1][1][j]]
            np.testing.assert_array_equal(y[:, i, j], part.max((1, 2)))
    np.testing.assert_array_equal(pooling.gather_cells(x, indices, 2), y)


def test_results_own_their_memory():
    x = np.ones((1, 1, 4))
    windows = plan((4,), 1)
    assert not np.shares_memory(pooling.max_pool(x, windows), x)
    assert not np.shares_memory(pooling.window_sum(x, windows), x)
    strided = plan((4,), 1, 2)
    assert not np.shares_memory(pooling.max_pool(x, strided), x)
    assert not np.shares_memory(pooling.window_sum(x, strided), x)
