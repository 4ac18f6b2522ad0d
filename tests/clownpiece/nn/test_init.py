"""First values: the distributions that the formulas say, for any shape and any seed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import clownpiece
from clownpiece import nn
from clownpiece.nn import init


def filled(name, *shape, dtype=clownpiece.float32, seed=0, **arguments):
    generator = clownpiece.Generator().manual_seed(seed)
    tensor = clownpiece.empty(*shape, dtype=dtype)
    assert getattr(init, name)(tensor, generator=generator, **arguments) is tensor
    return tensor.numpy()


FAN_IN, FAN_OUT = 120, 147


def uniform(bound):
    return stats.uniform(-bound, 2 * bound)


DRAWN = [
    ("uniform_", {"a": -1.0, "b": 3.0}, stats.uniform(-1, 4)),
    ("normal_", {"mean": 2.0, "std": 0.5}, stats.norm(2, 0.5)),
    ("trunc_normal_", {"std": 2.0, "a": -1.0, "b": 3.0}, stats.truncnorm(-0.5, 1.5, scale=2)),
    ("xavier_uniform_", {"gain": 2.0}, uniform(2 * math.sqrt(6 / (FAN_IN + FAN_OUT)))),
    ("xavier_normal_", {}, stats.norm(0, math.sqrt(2 / (FAN_IN + FAN_OUT)))),
    ("kaiming_uniform_", {"nonlinearity": "relu"}, uniform(math.sqrt(6 / FAN_IN))),
    ("kaiming_uniform_", {"a": 0.5}, uniform(math.sqrt(2 / 1.25) * math.sqrt(3 / FAN_IN))),
    ("kaiming_normal_", {"mode": "fan_out", "a": 1.0}, stats.norm(0, 1 / math.sqrt(FAN_OUT))),
]


@pytest.mark.parametrize("dtype", [clownpiece.float32, clownpiece.float64], ids=str)
@pytest.mark.parametrize("name, arguments, expected", DRAWN)
def test_values_follow_their_distribution(name, arguments, expected, dtype):
    drawn = filled(name, FAN_OUT, FAN_IN, dtype=dtype, **arguments)
    assert drawn.dtype == dtype.numpy
    assert stats.kstest(drawn.ravel(), expected.cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", sorted({row[0] for row in DRAWN} | {"orthogonal_"}))
def test_a_generator_repeats_and_the_default_one_is_left_alone(name):
    before = clownpiece.get_rng_state()
    assert np.array_equal(filled(name, 5, 4), filled(name, 5, 4))
    assert not np.array_equal(filled(name, 5, 4), filled(name, 5, 4, seed=1))
    assert np.array_equal(before, clownpiece.get_rng_state())
    clownpiece.manual_seed(3)
    first = getattr(init, name)(clownpiece.empty(5, 4)).numpy()
    clownpiece.manual_seed(3)
    assert np.array_equal(first, getattr(init, name)(clownpiece.empty(5, 4)).numpy())


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3), st.integers(0, 99))
def test_orthogonal_is_orthogonal_along_the_shorter_side(rows, columns, kernel, seed):
    q = filled("orthogonal_", rows, columns, kernel, dtype=clownpiece.float64, seed=seed, gain=2.0)
    q = q.reshape(rows, -1) / 2
    small = q @ q.T if rows <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-12)


@given(st.integers(1, 9), st.integers(1, 5), st.floats(0, 1))
def test_sparse_has_its_zeros_in_each_column(rows, columns, sparsity):
    drawn = filled("sparse_", rows, columns, sparsity=sparsity)
    assert np.all((drawn == 0).sum(axis=0) == math.ceil(sparsity * rows))


def test_an_identity_layer_passes_its_input_through():
    layer = nn.Linear(4, 4, bias=False)
    init.eye_(layer.weight)
    x = clownpiece.randn(3, 4)
    assert np.array_equal(layer(x).detach(), x)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_a_dirac_convolution_passes_its_channels_through(dims, groups):
    kind = getattr(nn, f"Conv{dims}d")
    layer = kind(4, 4, 3, padding=1, groups=groups, bias=False)
    init.dirac_(layer.weight, groups)
    x = clownpiece.randn(2, 4, *[5] * dims)
    np.testing.assert_allclose(layer(x).detach(), x, atol=1e-6)


def test_constants():
    x = clownpiece.empty(2, 3)
    assert init.constant_(x, 0.3).tolist() == [[pytest.approx(0.3)] * 3] * 2
    assert init.ones_(x).sum().item() == 6
    assert init.zeros_(x).sum().item() == 0


def test_a_parameter_is_filled_in_place_and_its_version_moves():
    weight = nn.Parameter(clownpiece.zeros(3, 3))
    kept, version = weight.detach(), weight._version
    init.xavier_normal_(weight)
    assert np.array_equal(kept, weight.detach())
    assert weight._version > version
    assert weight.is_leaf


@pytest.mark.parametrize(
    "name, gain",
    [("linear", 1), ("conv2d", 1), ("conv_transpose3d", 1), ("sigmoid", 1), ("tanh", 5 / 3)]
    + [("relu", math.sqrt(2)), ("selu", 0.75), ("leaky_relu", math.sqrt(2 / (1 + 1e-4)))],
)
def test_gains(name, gain):
    assert init.calculate_gain(name) == pytest.approx(gain)


def test_a_gain_of_something_unknown_lists_what_is_known():
    with pytest.raises(ValueError, match=r"Unsupported nonlinearity 'gelu'.*leaky_relu"):
        init.calculate_gain("gelu")
    with pytest.raises(ValueError, match="not a valid number"):
        init.calculate_gain("leaky_relu", True)


@pytest.mark.parametrize(
    "name, shape, arguments",
    [
        ("xavier_uniform_", (3,), {}),
        ("kaiming_normal_", (3,), {}),
        ("kaiming_normal_", (3, 3), {"mode": "fan"}),
        ("eye_", (3,), {}),
        ("dirac_", (3, 3), {}),
        ("dirac_", (3, 3, 3), {"groups": 2}),
        ("orthogonal_", (3,), {}),
        ("sparse_", (3,), {"sparsity": 0.5}),
    ],
)
def test_what_cannot_be_is_refused(name, shape, arguments):
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        getattr(init, name)(clownpiece.zeros(*shape), **arguments)


def test_nothing_to_fill_is_a_warning():
    with pytest.warns(UserWarning, match="zero-element"):
        init.kaiming_uniform_(clownpiece.empty(0, 3))
    assert init.orthogonal_(clownpiece.empty(0, 3)).shape == (0, 3)


def test_a_truncation_far_from_the_mean_is_a_warning():
    with pytest.warns(UserWarning, match="more than 2 std"):
        init.trunc_normal_(clownpiece.empty(3), mean=9.0)
