"""What functions do besides arithmetic: chance, running statistics, writing in place, sparing work.

Values and gradients are proved elsewhere: records by their samples, functions beside PyTorch.
"""

from __future__ import annotations

import numpy as np
import pytest

import clownpiece as cp
from clownpiece.nn import functional as F
from clownpiece.ops import REGISTRY


def randn(*shape, **kwargs):
    return cp.randn(*shape, **kwargs)


@pytest.mark.parametrize("name", F.__all__)
def test_every_function_is_there_and_says_what_it_does(name):
    function = getattr(F, name)
    assert callable(function)
    assert function.__doc__


# -- work that is not done ------------------------------------------------------------------------


@pytest.fixture
def forbid(monkeypatch):
    """Make a record fail when it computes."""

    def forbidden(*args, **kwargs):
        raise AssertionError("this gradient was not asked for")

    return lambda name: monkeypatch.setattr(REGISTRY[name], "forward", forbidden)


def test_the_first_layer_computes_no_gradient_of_the_images(forbid):
    images = randn(2, 1, 6, 6)
    weight = randn(3, 1, 3, 3, requires_grad=True)
    forbid("spread")
    F.conv2d(images, weight).sum().backward()
    assert weight.grad.shape == weight.shape


def test_a_frozen_layer_computes_no_gradient_of_its_weight(forbid):
    x = randn(2, 1, 6, 6, requires_grad=True)
    forbid("weigh")
    F.conv2d(x, randn(3, 1, 3, 3)).sum().backward()
    assert x.grad.shape == x.shape


def test_nothing_is_recorded_where_nothing_requires_a_gradient():
    assert F.layer_norm(F.relu(F.conv1d(randn(1, 2, 5), randn(3, 2, 2))), (4,)).grad_fn is None


def test_single_precision_goes_through_a_network_and_back():
    x, w = (
        randn(4, 1, 8, 8),
        [randn(3, 1, 3, 3, requires_grad=True), randn(5, 27, requires_grad=True)],
    )
    h = F.max_pool2d(F.gelu(F.batch_norm(F.conv2d(x, w[0]), None, None, training=True)), 2)
    loss = F.cross_entropy(F.linear(F.dropout(h.flatten(1), 0.1), w[1]), cp.tensor([0, 1, 2, 3]))
    loss.backward()
    assert loss.dtype == cp.float32
    assert all(each.grad.dtype == cp.float32 for each in w)


# -- running statistics ---------------------------------------------------------------------------


def test_running_statistics_follow_the_batch_with_the_unbiased_variance():
    x = randn(6, 3, 4)
    mean, var = cp.zeros(3), cp.ones(3)
    F.batch_norm(x, mean, var, training=True, momentum=0.25)
    cells = x.numpy().transpose(1, 0, 2).reshape(3, -1)
    np.testing.assert_allclose(mean.numpy(), 0.25 * cells.mean(1), rtol=1e-5)
    np.testing.assert_allclose(var.numpy(), 0.75 + 0.25 * cells.var(1, ddof=1), rtol=1e-5)


def test_running_statistics_have_no_part_in_the_graph():
    x = randn(6, 3, requires_grad=True)
    mean, var = cp.zeros(3), cp.ones(3)
    y = F.batch_norm(x, mean, var, training=True)
    assert mean.grad_fn is None
    assert var.grad_fn is None
    F.batch_norm(x, mean, var, training=True)
    y.sum().backward()


def test_in_evaluation_running_statistics_are_used_and_left_alone():
    x, mean, var = randn(6, 3), cp.tensor([1.0, 2.0, 3.0]), cp.tensor([4.0, 1.0, 0.25])
    y = F.batch_norm(x, mean, var, eps=0.0)
    np.testing.assert_allclose(y.numpy(), (x.numpy() - [1, 2, 3]) / [2, 1, 0.5], rtol=1e-5)
    np.testing.assert_array_equal(mean.numpy(), [1, 2, 3])


def test_instance_norm_averages_running_statistics_over_samples():
    x = randn(4, 3, 5)
    mean, var = cp.zeros(3), cp.zeros(3)
    F.instance_norm(x, mean, var, momentum=1.0)
    np.testing.assert_allclose(mean.numpy(), x.numpy().mean((0, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(var.numpy(), x.numpy().var(2, ddof=1).mean(0), rtol=1e-4)


# -- chance ---------------------------------------------------------------------------------------


def test_dropout_zeroes_a_part_and_scales_the_rest():
    y = F.dropout(cp.ones(100, 100), 0.2).numpy()
    np.testing.assert_allclose(np.unique(y), [0, 1.25])
    assert 0.75 < (y > 0).mean() < 0.85


@pytest.mark.parametrize(
    "p, training, expected", [(0.5, False, 1.0), (0.0, True, 1.0), (1.0, True, 0.0)]
)
def test_dropout_at_its_ends(p, training, expected):
    assert (F.dropout(cp.ones(10), p, training).numpy() == expected).all()


def test_dropout_draws_from_the_default_generator():
    cp.manual_seed(3)
    first = F.dropout(cp.ones(50))
    cp.manual_seed(3)
    assert (F.dropout(cp.ones(50)).numpy() == first.numpy()).all()
    assert not (F.dropout(cp.ones(50)).numpy() == first.numpy()).all()


def test_the_gradient_of_dropout_passes_where_numbers_passed():
    x = cp.ones(50, requires_grad=True)
    y = F.dropout(x, 0.3)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())


@pytest.mark.parametrize("dims, function", [(3, F.dropout1d), (4, F.dropout2d), (5, F.dropout3d)])
def test_dropout_of_channels_takes_them_whole(dims, function):
    y = function(cp.ones(20, 30, *(2,) * (dims - 2)), 0.5).numpy().reshape(600, -1)
    assert (y == y[:, :1]).all()
    assert 0 < (y[:, 0] == 0).sum() < 600


@pytest.mark.parametrize("function", [F.alpha_dropout, F.feature_alpha_dropout])
def test_alpha_dropout_keeps_mean_and_variance(function):
    y = function(randn(300, 400), 0.3, training=True).numpy()
    assert abs(y.mean()) < 0.05
    assert abs(y.std() - 1) < 0.05


def test_dropout_in_attention_repeats_with_the_seed_and_has_a_gradient():
    q, g = randn(2, 5, 4, requires_grad=True), randn(2, 5, 4)
    found = []
    for _ in range(2):
        cp.manual_seed(1)
        y = F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)
        found.append(cp.autograd.grad(y, q, g)[0].numpy())
    np.testing.assert_array_equal(*found)
    assert not F.scaled_dot_product_attention(q, q, q, dropout_p=1.0).detach().numpy().any()


def test_rrelu_draws_its_slopes_from_between_the_limits():
    y = F.rrelu(cp.full((1000,), -1.0), 0.1, 0.3, training=True).numpy()
    assert -0.3 <= y.min() < -0.25
    assert -0.15 < y.max() <= -0.1


def test_gumbel_softmax_chooses_in_proportion_and_hard_means_one_hot():
    logits = cp.tensor([[0.0, 2.0]]).expand(4000, 2).clone().requires_grad_()
    hard = F.gumbel_softmax(logits, hard=True)
    np.testing.assert_array_equal(np.sort(hard.detach().numpy(), 1), [[0, 1]] * 4000)
    assert abs(hard.detach().numpy()[:, 1].mean() - 0.88) < 0.03
    hard[:, 1].sum().backward()
    assert logits.grad.numpy().any()


def test_fractional_pooling_draws_windows_of_its_own():
    x = randn(2, 3, 9, 9)
    y, indices = F.fractional_max_pool2d(x, 2, output_size=5, return_indices=True)
    assert y.shape == (2, 3, 5, 5)
    flat = x.numpy().reshape(2, 3, -1)
    at = indices.numpy().reshape(2, 3, -1)
    np.testing.assert_array_equal(np.take_along_axis(flat, at, 2).reshape(y.shape), y.numpy())


# -- in place -------------------------------------------------------------------------------------

IN_PLACE = [
    *["relu", "relu6", "leaky_relu", "elu", "selu", "celu", "silu", "mish"],
    *["hardtanh", "hardsigmoid", "hardswish"],
]


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_writes_into_the_input_and_has_the_same_gradient(name):
    function = getattr(F, name)
    x = randn(40, requires_grad=True)
    plain = function(x)
    base = x * 1
    written = function(base, inplace=True)
    assert written is base
    np.testing.assert_array_equal(written.detach().numpy(), plain.detach().numpy())
    weights = randn(40)
    gradients = [cp.autograd.grad((y * weights).sum(), x)[0].numpy() for y in (plain, written)]
    np.testing.assert_allclose(*gradients)


@pytest.mark.parametrize("function", [F.dropout, F.alpha_dropout, F.feature_alpha_dropout])
def test_dropout_in_place_writes_what_it_would_return(function):
    x = cp.ones(4, 5)
    cp.manual_seed(0)
    expected = function(x, 0.5, True)
    cp.manual_seed(0)
    assert function(x, 0.5, True, True) is x
    np.testing.assert_array_equal(x.numpy(), expected.numpy())


def test_a_leaf_that_requires_a_gradient_cannot_be_written():
    with pytest.raises(RuntimeError, match="leaf"):
        F.relu(randn(3, requires_grad=True), inplace=True)


# -- embedding ------------------------------------------------------------------------------------


def test_max_norm_shortens_the_rows_in_use_and_no_others():
    weight = cp.tensor([[3.0, 4.0], [6.0, 8.0], [0.3, 0.4]])
    F.embedding(cp.tensor([0, 2]), weight, max_norm=1.0)
    np.testing.assert_allclose(weight.numpy(), [[0.6, 0.8], [6, 8], [0.3, 0.4]], rtol=1e-5)


def test_a_row_of_padding_gets_no_gradient():
    weight = randn(4, 2, requires_grad=True)
    F.embedding(cp.tensor([1, 3, 1]), weight, padding_idx=-1).sum().backward()
    np.testing.assert_array_equal(weight.grad.numpy(), [[0, 0], [2, 2], [0, 0], [0, 0]])


# -- losses ---------------------------------------------------------------------------------------


def test_cross_entropy_of_huge_logits_is_finite_and_exact():
    x = cp.tensor([[1e4, 0.0], [0.0, -1e4]], requires_grad=True)
    loss = F.cross_entropy(x, cp.tensor([1, 0]))
    loss.backward()
    assert loss.item() == 5e3
    np.testing.assert_allclose(x.grad.numpy(), [[0.5, -0.5], [0, 0]])


def test_a_mean_over_nothing_is_nan_as_in_pytorch():
    assert np.isnan(F.cross_entropy(randn(2, 3), cp.tensor([-100, -100])).item())


def test_ignored_rows_may_hold_anything():
    x = cp.tensor([[float("nan"), float("inf")], [0.0, 0.0]], requires_grad=True)
    with np.errstate(invalid="ignore"):
        loss = F.cross_entropy(x, cp.tensor([-100, 0]))
        loss.backward()
    assert loss.item() == pytest.approx(np.log(2))
    np.testing.assert_allclose(x.grad.numpy(), [[0, 0], [-0.5, 0.5]])


def test_sizes_that_would_be_broadcast_by_mistake_are_warned_of():
    with pytest.warns(UserWarning, match="broadcast"):
        F.mse_loss(randn(4, 1), randn(4))


def test_old_arguments_of_reduction_are_understood_with_a_warning():
    x, t = randn(3), randn(3)
    with pytest.warns(UserWarning, match="reduction='sum'"):
        old = F.mse_loss(x, t, size_average=False)
    assert old.item() == F.mse_loss(x, t, reduction="sum").item()


def test_softmax_without_a_dim_guesses_with_a_warning():
    with pytest.warns(UserWarning, match="dim=X"):
        y = F.softmax(randn(3, 4))
    np.testing.assert_allclose(y.numpy().sum(1), 1, rtol=1e-6)


# -- errors that name what was given --------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong, words",
    [
        (lambda: F.conv2d(randn(1, 3, 8, 8), randn(4, 1, 3, 3)), r"\[1, 3, 8, 8\].*1 channels"),
        (lambda: F.linear(randn(2, 3), randn(5, 4)), r"\(2, 3\).*\(5, 4\)"),
        (lambda: F.max_pool2d(randn(8, 8), 2), r"\(8, 8\)"),
        (lambda: F.layer_norm(randn(2, 3), (4,)), r"\[4\].*\[2, 3\]"),
        (lambda: F.cross_entropy(randn(2, 3), cp.tensor([0, 7])), r"Target 7.*0 to 2"),
        (lambda: F.cross_entropy(randn(2, 3), cp.tensor([0.0, 1.0])), r"\(2, 3\).*\.long\(\)"),
        (lambda: F.embedding(cp.tensor([9]), randn(4, 2)), r"4 rows.*9"),
        (lambda: F.interpolate(randn(1, 1, 4), 8, mode="cubic"), r"'cubic'.*'nearest'"),
        (lambda: F.layer_norm(cp.ones(2, 3).long(), (3,)), "int64"),
    ],
)
def test_an_error_says_what_was_given_and_what_was_expected(wrong, words):
    with pytest.raises((RuntimeError, IndexError, NotImplementedError), match=words):
        wrong()


# -- together -------------------------------------------------------------------------------------


def test_a_small_convolutional_network_learns():
    cp.manual_seed(0)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    images = rng.standard_normal((60, 1, 8, 8)).astype(np.float32) * 0.3
    for image, label in zip(images, labels, strict=True):
        image[0, 2 * label : 2 * label + 2] += 1
    x, t = cp.tensor(images), cp.tensor(labels)
    weights = [randn(4, 1, 3, 3) * 0.3, cp.zeros(4), randn(3, 36) * 0.2, cp.zeros(3)]
    weights = [w.requires_grad_() for w in weights]
    losses = []
    for _ in range(40):
        h = F.max_pool2d(F.relu(F.conv2d(x, *weights[:2])), 2)
        loss = F.cross_entropy(F.linear(h.flatten(1), *weights[2:]), t)
        found = cp.autograd.grad(loss, weights)
        weights = [(w - 0.5 * g).detach().requires_grad_() for w, g in zip(weights, found)]
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
