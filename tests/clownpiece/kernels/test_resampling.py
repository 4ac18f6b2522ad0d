"""Interpolation keeps what it must keep: constants, straight lines, and the cells themselves."""

from __future__ import annotations

import numpy as np
import pytest

from clownpiece.kernels import grid, resampling

SIZES = [(5, 8), (8, 5), (4, 4), (1, 3), (6, 1)]

MATRICES = {
    "area": lambda n, out: resampling.area_matrix(n, out, "float64"),
    "linear": lambda n, out: resampling.linear_matrix(n, out, False, None, "float64"),
    "linear aligned": lambda n, out: resampling.linear_matrix(n, out, True, None, "float64"),
    "cubic": lambda n, out: resampling.cubic_matrix(n, out, False, None, "float64"),
    "smooth": lambda n, out: resampling.smooth_matrix(n, out, False, None, True, "float64"),
}


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("kind", MATRICES)
def test_each_output_is_a_mean_of_inputs(kind, sizes):
    matrix = MATRICES[kind](*sizes)
    assert matrix.shape == sizes[::-1]
    np.testing.assert_allclose(matrix.sum(1), 1)


@pytest.mark.parametrize("kind", ["area", "linear", "linear aligned", "cubic", "smooth"])
def test_the_same_size_changes_nothing(kind):
    np.testing.assert_allclose(MATRICES[kind](6, 6), np.eye(6), atol=1e-12)


def test_linear_interpolation_keeps_straight_lines():
    line = np.arange(5.0)
    np.testing.assert_allclose(MATRICES["linear aligned"](5, 9) @ line, np.arange(9) / 2)


def test_area_counts_every_cell_once_where_parts_are_even():
    np.testing.assert_allclose(MATRICES["area"](6, 3).sum(0), 0.5)


def test_matrices_are_shared_and_cannot_be_written():
    matrix = MATRICES["linear"](5, 8)
    assert matrix is MATRICES["linear"](5, 8)
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 0] = 2


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_apply_along_multiplies_each_line(axis):
    x = np.random.default_rng(0).standard_normal((4, 5, 6))
    matrix = np.random.default_rng(1).standard_normal((3, x.shape[axis]))
    expected = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    np.testing.assert_allclose(resampling.apply_along(x, matrix, axis), expected)


@pytest.mark.parametrize("mode", grid.TAPS)
def test_the_weights_around_a_place_add_up_to_one(mode):
    t = np.linspace(0, 1, 11)
    total = sum(grid.evaluate(weights, t) for _, weights in grid.TAPS[mode])
    np.testing.assert_allclose(total, 1)
    slope = sum(grid.evaluate(grid.derivative(weights), t) for _, weights in grid.TAPS[mode])
    np.testing.assert_allclose(slope, 0, atol=1e-12)


@pytest.mark.parametrize("mode", grid.TAPS)
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_places_at_the_centres_of_cells_give_the_cells(mode, padding):
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    down, across = np.meshgrid(np.linspace(-1, 1, 4), np.linspace(-1, 1, 5), indexing="ij")
    places = np.broadcast_to(np.stack([across, down], -1), (2, 4, 5, 2))
    np.testing.assert_allclose(grid.sample(x, places, mode, padding, True), x, atol=1e-9)


def test_outside_there_are_zeros_the_border_or_the_mirror():
    x = np.array([[[1.0, 2.0, 3.0]]]).reshape(1, 1, 1, 3)
    place = np.array([[[[2.2, 0.0]]]])

    def read(padding):
        return grid.sample(x, place, "nearest", padding, False).item()

    assert (read("zeros"), read("border"), read("reflection")) == (0, 3, 2)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_gradients_of_sampling(mode):
    rng = np.random.default_rng(0)
    x, places = rng.standard_normal((2, 3, 4, 5)), rng.uniform(-1.5, 1.5, (2, 3, 2, 2))
    g = rng.standard_normal((2, 3, 3, 2))
    steps = rng.standard_normal(x.shape), rng.standard_normal(places.shape)
    found = grid.sample_backward(g, x, places, mode, "zeros", False, (True, True))

    def at(t):
        moved = (x + t * steps[0], places + t * steps[1])
        return np.vdot(g, grid.sample(*moved, mode, "zeros", False))

    slope = (at(1e-6) - at(-1e-6)) / 2e-6
    assert sum(np.vdot(a, s) for a, s in zip(found, steps)) == pytest.approx(slope, rel=1e-5)
