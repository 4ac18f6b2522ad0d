"""Changes in place: views, versions, and histories that follow."""

from __future__ import annotations

import numpy as np
import pytest

import clownpiece as cp


def leaf(*shape: int) -> cp.Tensor:
    values = np.random.default_rng(0).standard_normal(shape)
    return cp.tensor(values, requires_grad=True)


def test_a_saved_tensor_changed_afterwards_is_an_error_that_names_the_op():
    x = leaf(3)
    y = x.exp()
    y.add_(1)
    said = r"shape \[3\] that exp saved is at version 1, expected version 0"
    with pytest.raises(RuntimeError, match=said):
        y.sum().backward()


def test_a_change_through_any_view_or_detached_twin_counts():
    for change in (lambda y: y[0].zero_(), lambda y: y.detach().zero_()):
        x = leaf(2, 2)
        y = x * 2
        z = y * y
        change(y)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            z.sum().backward()


def test_leaves_that_require_gradients_must_not_be_changed_while_recording():
    x = leaf(3)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="view of a leaf"):
        x[0].add_(1)
    with cp.no_grad():
        x.add_(1)
    assert x.is_leaf


def test_writing_into_a_buffer_carries_the_history_of_what_was_written():
    h = leaf(4)
    out = cp.zeros(3, 4, dtype=cp.float64)
    out[1] = h * 2
    out[:, 0] = h[:3] * 3
    out.sum().backward()
    assert out.requires_grad
    assert h.grad.tolist() == [3.0, 2.0 + 3.0, 2.0 + 3.0, 2.0]


def test_a_loop_over_time_steps_writes_one_slice_a_step():
    w = leaf(3)
    out = cp.zeros(5, 3, dtype=cp.float64)
    h = cp.ones(3, dtype=cp.float64)
    for t in range(5):
        h = h * w
        out[t] = h
    out.sum().backward()
    expected = sum((t + 1) * w.detach().numpy() ** t for t in range(5))
    np.testing.assert_allclose(w.grad.numpy(), expected)


def test_a_change_on_a_view_rebases_the_base_and_all_other_views():
    x = leaf(2, 3)
    base = x * 1
    row, column = base[0], base[:, 1]
    row.mul_(10)
    assert base.grad_fn.name() == "CopySlices"
    column.sum().backward()
    expected = np.zeros((2, 3))
    expected[:, 1] = [10, 1]
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_a_view_of_a_view_reaches_the_base():
    x = leaf(4, 4)
    base = x * 1
    base[1:][:, 2:].fill_(0)
    (base * base).sum().backward()
    expected = 2 * x.detach().numpy()
    expected[1:, 2:] = 0
    np.testing.assert_allclose(x.grad.numpy(), expected)


def test_views_of_a_function_with_several_outputs_must_not_be_changed():
    x = leaf(4)
    first, _ = (x * 1).split(2)
    with pytest.raises(RuntimeError, match="returns multiple views"):
        first.mul_(2)


def test_second_derivatives_go_through_a_change_on_a_view():
    def f(x: cp.Tensor) -> cp.Tensor:
        y = x * x
        y[0].mul_(x[1])
        return y

    assert cp.autograd.gradcheck(f, leaf(2, 3))
    assert cp.autograd.gradgradcheck(f, leaf(2, 3))


def test_a_result_that_does_not_fit_in_place_says_what_it_was():
    x = cp.ones(3)
    with pytest.raises(RuntimeError, match=r"shape \[3\] doesn't match the broadcast shape"):
        x.add_(cp.ones(2, 3))
    with pytest.raises(RuntimeError, match="can't be cast"):
        cp.ones(3, dtype=cp.int64).add_(0.5)


def test_views_share_memory_and_versions():
    x = cp.zeros(2, 3)
    for view in (x[0], x.T, x.reshape(6), x.view(3, 2), x.detach(), x.unsqueeze(0), x[:, 1:]):
        before = x._version
        view.add_(1)
        assert x._version == before + 1 == view._version
    assert x.sum().item() > 0


def test_a_view_taken_under_no_grad_has_no_history_and_none_to_follow():
    x = leaf(3)
    with cp.no_grad():
        view = x[:2]
    assert view.requires_grad and view.is_leaf
    (view * x[:2]).sum().backward()
    assert view.grad is None and x.grad is not None
    with cp.no_grad():
        x.mul_(2)
    with pytest.raises(RuntimeError, match="created in no_grad mode"):
        view.sum()


@pytest.mark.parametrize(
    "change",
    [
        lambda y, x: y.mul_(x),
        lambda y, x: y.add_(x).mul_(2),
        lambda y, x: y.exp_(),
        lambda y, x: y.copy_(x * 3),
        lambda y, x: y.__setitem__(0, x[1] * x[0]),
        lambda y, x: y.t().mul_(x.t()),
        lambda y, x: y.masked_fill_(x > 0, 0.0),
    ],
)
def test_gradients_through_changes_in_place_are_those_of_finite_differences(change):
    def f(x: cp.Tensor) -> cp.Tensor:
        y = x * x
        change(y, x)
        return y

    x = leaf(2, 3)
    assert cp.autograd.gradcheck(f, x)
    assert cp.autograd.gradgradcheck(f, x)


def test_a_base_that_lies_in_memory_in_another_order_still_has_its_views():
    def f(x: cp.Tensor) -> cp.Tensor:
        base = x.T * 2
        base.T.view(-1).mul_(x.reshape(-1))
        return base

    assert not (leaf(2, 3).T * 2).is_contiguous()
    assert cp.autograd.gradcheck(f, leaf(2, 3))
    assert cp.autograd.gradgradcheck(f, leaf(2, 3))
