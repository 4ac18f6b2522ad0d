"""Normalization, softmax, cross entropy, GELU and embedding, each by its definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax as scipy_log_softmax
from scipy.special import ndtr

from clownpiece.kernels import activation, loss, normalization
from clownpiece.kernels import softmax as kernels_softmax
from clownpiece.kernels.blocks import row_blocks
from clownpiece.kernels.embedding import scatter_rows
from clownpiece.kernels.softmax import log_softmax, logsumexp_rows, softmax

RNG = np.random.default_rng(0)


def slope(f, x, step, small=1e-6):
    """The derivative of ``f`` at ``x`` along ``step``, from two values."""
    return (f(x + small * step) - f(x - small * step)) / (2 * small)


@pytest.mark.parametrize("center", [True, False])
def test_rows_are_standardized_then_scaled_and_shifted(center):
    x, weight, bias = RNG.standard_normal((6, 5)) + 3, RNG.random(5), RNG.random(5)
    mean = x.mean(1, keepdims=True) if center else 0
    spread = np.sqrt(((x - mean) ** 2).mean(1, keepdims=True) + 1e-5)
    y = normalization.normalize_rows(x, weight, bias, 1e-5, center)
    np.testing.assert_allclose(y, (x - mean) / spread * weight + bias)


@pytest.mark.parametrize("center", [True, False])
def test_gradients_of_normalized_rows(center):
    x, weight, bias, g = (RNG.standard_normal(s) for s in ((6, 5), 5, 5, (6, 5)))
    steps = [RNG.standard_normal(a.shape) for a in (x, weight, bias)]
    needs = (True, True, True)
    found = normalization.normalize_rows_backward(g, x, weight, 1e-3, needs, center)

    def f(t):
        moved = [a + t * s for a, s in zip((x, weight, bias), steps, strict=True)]
        return np.vdot(g, normalization.normalize_rows(*moved, 1e-3, center))

    total = sum(np.vdot(a, s) for a, s in zip(found, steps, strict=True))
    assert total == pytest.approx(slope(f, 0.0, 1.0), rel=1e-6)


@pytest.mark.parametrize("of_batch", [True, False])
@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5), (2, 3, 4, 2)])
def test_gradients_of_normalized_channels(shape, of_batch):
    x, g = RNG.standard_normal(shape), RNG.standard_normal(shape)
    weight, bias = RNG.standard_normal(3), RNG.standard_normal(3)
    fixed = normalization.channel_statistics(x + 1)
    steps = [RNG.standard_normal(a.shape) for a in (x, weight, bias)]

    def f(t):
        moved = [a + t * s for a, s in zip((x, weight, bias), steps, strict=True)]
        mean, var = normalization.channel_statistics(moved[0]) if of_batch else fixed
        return np.vdot(g, normalization.normalize_channels(moved[0], mean, var, *moved[1:], 1e-3))

    mean, var = normalization.channel_statistics(x) if of_batch else fixed
    found = normalization.normalize_channels_backward(
        g, x, mean, var, weight, 1e-3, (True, True, True), of_batch
    )
    total = sum(np.vdot(a, s) for a, s in zip(found, steps, strict=True))
    assert total == pytest.approx(slope(f, 0.0, 1.0), rel=1e-6)


def test_statistics_of_channels_are_mean_and_biased_variance():
    x = RNG.standard_normal((4, 3, 5, 2)) + 100
    mean, var = normalization.channel_statistics(x)
    np.testing.assert_allclose(mean, x.mean((0, 2, 3)))
    np.testing.assert_allclose(var, x.var((0, 2, 3)))


def test_gradients_that_nobody_needs_are_not_computed():
    x = RNG.standard_normal((6, 5))
    needs = (False, True, False)
    gx, gw, gb = normalization.normalize_rows_backward(x, x, None, 1e-5, needs)
    assert gx is None
    assert gb is None
    assert gw.shape == (5,)


def test_half_precision_is_computed_in_single():
    x = (RNG.standard_normal((3, 3000)) * 10 + 50).astype(np.float16)
    y = normalization.normalize_rows(x, None, None, 1e-5)
    assert y.dtype == np.float16
    assert abs(y.astype(float).std() - 1) < 1e-3


def test_softmax_and_its_logarithm_do_not_overflow():
    x = np.array([[1000.0, 1001.0], [-1000.0, -np.inf]])
    np.testing.assert_allclose(softmax(x, 1).sum(1), 1)
    np.testing.assert_allclose(log_softmax(x, 1), scipy_log_softmax(x, 1))
    np.testing.assert_allclose(logsumexp_rows(x), [[1001.31326169], [-1000]])
    assert np.isneginf(logsumexp_rows(np.full((1, 2), -np.inf)))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_softmax_in_blocks_is_softmax_at_once(monkeypatch, axis):
    x = RNG.standard_normal((4, 3, 2))
    whole = softmax(x, axis), log_softmax(x, axis), logsumexp_rows(x[0])
    monkeypatch.setattr(kernels_softmax, "row_blocks", lambda rows, size: row_blocks(rows, size, 1))
    parts = softmax(x, axis), log_softmax(x, axis), logsumexp_rows(x[0])
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other)
    np.testing.assert_allclose(whole[0], np.exp(x) / np.exp(x).sum(axis, keepdims=True))
    np.testing.assert_allclose(np.exp(whole[1]), whole[0])


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_of_indices_is_that_of_their_one_hot_rows(smoothing, weighted):
    x, target, g = RNG.standard_normal((6, 4)), RNG.integers(0, 4, 6), RNG.standard_normal(6)
    weight = RNG.random(4) if weighted else None
    hot = np.eye(4)[target]
    np.testing.assert_allclose(
        loss.index_losses(x, target, weight, smoothing),
        loss.probability_losses(x, hot, weight, smoothing),
    )
    np.testing.assert_allclose(
        loss.index_losses_backward(g, x, target, weight, smoothing),
        loss.probability_losses_backward(g, x, hot, weight, smoothing),
        atol=1e-12,
    )


def test_gradients_of_cross_entropy_of_probabilities():
    x, target, g = (RNG.standard_normal(s) for s in ((6, 4), (6, 4), 6))
    weight = RNG.random(4)
    sx, st = RNG.standard_normal((6, 4)), RNG.standard_normal((6, 4))
    gx = loss.probability_losses_backward(g, x, target, weight, 0.2)
    gt = loss.probability_slopes(g, x, weight, 0.2)

    def f(t):
        return np.vdot(g, loss.probability_losses(x + t * sx, target + t * st, weight, 0.2))

    assert np.vdot(gx, sx) + np.vdot(gt, st) == pytest.approx(slope(f, 0.0, 1.0), rel=1e-6)


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 6e-7), (np.float64, 1e-14)])
def test_gelu_is_x_times_the_normal_distribution_function(dtype, tolerance):
    x = np.linspace(-40, 40, 100_001).astype(dtype)
    wide = x.astype(np.float64)
    y = activation.gelu(x)
    assert y.dtype == dtype
    assert np.abs(y - wide * ndtr(wide)).max() < tolerance


def test_gelu_of_every_float_is_sound():
    x = np.array([np.inf, -np.inf, np.nan, 1e30, -1e30, 0], np.float32)
    with np.errstate(all="ignore"):
        y = activation.gelu(x)
    assert y[0] == np.inf
    assert np.isnan(y[2])
    assert y[3] == np.float32(1e30)
    assert y[4] == 0
    assert y[5] == 0


@pytest.mark.parametrize("approximate", [False, True])
def test_gradient_of_gelu(approximate):
    x, g = np.linspace(-6, 6, 301), RNG.standard_normal(301)
    found = activation.gelu_backward(g, x, approximate)
    expected = g * slope(lambda x: activation.gelu(x, approximate), x, 1.0)
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_tanh_formula_is_close_to_the_exact_one():
    x = np.linspace(-6, 6, 301)
    assert np.abs(activation.gelu(x, approximate=True) - activation.gelu(x)).max() < 5e-4


def test_rows_sent_twice_are_added_up():
    indices = RNG.integers(0, 5, (3, 4))
    g = RNG.standard_normal((3, 4, 2))
    expected = np.zeros((5, 2))
    np.add.at(expected, indices, g)
    np.testing.assert_allclose(scatter_rows(g, indices, 5), expected)
    assert scatter_rows(g.astype(np.float32), indices, 5).dtype == np.float32
    assert scatter_rows(g[:0], indices[:0], 5).shape == (5, 2)
