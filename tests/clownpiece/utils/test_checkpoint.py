"""Checkpoints: the same gradients bit by bit, from less memory."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import clownpiece as cp
from clownpiece.utils.checkpoint import checkpoint, checkpoint_sequential, set_checkpoint_early_stop


def network(depth: int = 6) -> cp.nn.Sequential:
    cp.manual_seed(1)
    layers = []
    for _ in range(depth):
        layers += [cp.nn.Linear(8, 8), cp.nn.Tanh(), cp.nn.Dropout(0.3)]
    return cp.nn.Sequential(*layers)


def gradients(model: cp.nn.Module, run) -> list[np.ndarray]:
    cp.manual_seed(7)
    model.zero_grad()
    x = cp.randn(5, 8, requires_grad=True)
    run(x).square().sum().backward()
    return [x.grad.numpy(), *[parameter.grad.numpy() for parameter in model.parameters()]]


@pytest.mark.parametrize("use_reentrant", [True, False])
@pytest.mark.parametrize("segments", [1, 3, 6])
def test_gradients_are_the_same_bit_by_bit_dropout_included(use_reentrant, segments):
    model = network()
    plain = gradients(model, model)
    again = gradients(
        model,
        lambda x: checkpoint_sequential(model, segments, x, use_reentrant=use_reentrant),
    )
    for expected, got in zip(plain, again, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_random_numbers_after_backward_go_on_as_without_a_checkpoint(use_reentrant):
    x = cp.ones(4, requires_grad=True)
    drop = cp.nn.Dropout(0.5)
    cp.manual_seed(0)
    drop(x)
    expected = cp.rand(3)
    cp.manual_seed(0)
    checkpoint(drop, x, use_reentrant=use_reentrant).sum().backward()
    assert cp.rand(3).tolist() == expected.tolist()


@pytest.mark.parametrize("use_reentrant", [True, False])
@pytest.mark.parametrize("nested", [True, False])
# Under the outer one's no_grad nothing requires a gradient, which PyTorch warns of too.
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_inner_activations_are_dead_before_backward(use_reentrant, nested):
    alive: list[weakref.ref] = []

    def watched(x):
        for _ in range(3):
            x = x.exp().sin()
            alive.append(weakref.ref(x))
            alive.append(weakref.ref(x.array))
        return x.sum()

    def outer(x):
        return checkpoint(watched, x.tanh(), use_reentrant=use_reentrant) * 2

    x = cp.ones(3, requires_grad=True)
    gc.collect()
    gc.disable()
    try:
        loss = checkpoint(outer if nested else watched, x, use_reentrant=use_reentrant)
        assert [each() for each in alive] == [None] * len(alive)
        loss.backward()
        del loss
        assert [each() for each in alive] == [None] * len(alive)
    finally:
        gc.enable()
    assert x.grad is not None


def test_the_input_of_a_checkpoint_inside_of_another_is_not_kept_either():
    alive = []

    def outer(x):
        between = x.exp()
        alive.append(weakref.ref(between))
        alive.append(weakref.ref(between.array))
        return checkpoint(lambda t: t.sin().cos(), between, use_reentrant=False)

    x = cp.ones(3, requires_grad=True)
    y = checkpoint(outer, x, use_reentrant=False)
    assert [each() for each in alive] == [None, None]
    (slope,) = cp.autograd.grad(y.sum(), x, create_graph=True)
    (curve,) = cp.autograd.grad(slope.sum(), x)
    plain = x.exp().sin().cos()
    (expected,) = cp.autograd.grad(plain.sum(), x, create_graph=True)
    np.testing.assert_array_equal(slope.numpy(force=True), expected.numpy(force=True))
    assert curve.tolist() == cp.autograd.grad(expected.sum(), x)[0].tolist()


def test_early_stop_leaves_out_what_backward_does_not_need():
    calls = []

    def run(x):
        y = x.exp()
        calls.append("after what is saved")
        return y + 1

    for early, expected in ((True, 1), (False, 2)):
        calls.clear()
        with set_checkpoint_early_stop(early):
            y = checkpoint(run, cp.ones(2, requires_grad=True), use_reentrant=False)
        y.sum().backward()
        assert len(calls) == expected


def test_a_change_in_place_of_what_the_function_saved_is_an_error_here_too():
    def run(x):
        y = x.exp()
        y.add_(1)
        return y.sin()

    y = checkpoint(run, cp.ones(2, requires_grad=True), use_reentrant=False)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_an_input_changed_in_place_after_the_forward_is_an_error():
    x = cp.ones(2, requires_grad=True)
    given = x * 1
    y = checkpoint(lambda t: t.exp().sin(), given, use_reentrant=False)
    given.add_(1)
    with pytest.raises(RuntimeError, match="an input of a checkpoint is at version 1"):
        y.sum().backward()


def test_debug_lists_the_operations_of_both_runs():
    runs = []

    def run(x):
        runs.append(1)
        return x.exp() if len(runs) == 1 else x * 2

    y = checkpoint(run, cp.ones(2, requires_grad=True), use_reentrant=False, debug=True)
    with pytest.raises(RuntimeError, match=r"forward: exp\nOperations of the repetition: mul"):
        y.sum().backward()


def test_a_checkpoint_inside_of_a_module_with_hooks():
    events = []

    class Block(cp.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = cp.nn.Linear(2, 2)

        def forward(self, x):
            return checkpoint(self.inner, x, use_reentrant=False, early_stop=False).tanh()

    block = Block()
    block.register_full_backward_hook(lambda m, gi, go: events.append("block"))
    block.inner.register_forward_hook(lambda m, args, out: events.append("inner"))
    loss = block(cp.ones(1, 2, requires_grad=True)).sum()
    died = weakref.ref(loss.grad_fn)
    loss.backward()
    del loss
    assert events == ["inner", "inner", "block"] and died() is None


def test_a_failure_in_the_function_leaves_no_hooks_behind():
    def fail(x):
        raise KeyError("in the function")

    with pytest.raises(KeyError):
        checkpoint(fail, cp.ones(2, requires_grad=True), use_reentrant=False)
    x = cp.ones(2, requires_grad=True)
    x.exp().sum().backward()
    assert x.grad is not None
