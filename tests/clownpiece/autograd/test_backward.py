"""The backward walk: what it computes, in which order, and what it leaves behind."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import clownpiece as cp


def leaf(*values: float) -> cp.Tensor:
    return cp.tensor(list(values), dtype=cp.float64, requires_grad=True)


def test_a_tensor_used_twice_receives_both_gradients():
    x = leaf(3.0)
    (x * x + x).sum().backward()
    assert x.grad.tolist() == [7.0]


def test_gradients_accumulate_over_walks_until_they_are_reset():
    x = leaf(1.0, 2.0)
    (2 * x).sum().backward()
    (3 * x).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]
    x.grad = None
    (3 * x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_the_gradients_of_two_leaves_never_share_memory():
    x, y = leaf(1.0), leaf(2.0)
    (x + y).sum().backward()
    x.grad.zero_()
    assert y.grad.tolist() == [1.0]


def test_broadcast_inputs_receive_gradients_of_their_own_shape_and_dtype():
    x = cp.ones(3, 1, requires_grad=True)
    y = cp.ones(4, dtype=cp.float64, requires_grad=True)
    (x * y).sum().backward()
    assert x.grad.shape == (3, 1) and x.grad.dtype is cp.float32
    assert y.grad.shape == (4,) and y.grad.dtype is cp.float64
    assert x.grad.tolist() == [[4.0]] * 3


def test_a_chain_of_100_000_operations_on_one_leaf_neither_recurses_nor_leaks():
    gc.disable()
    try:
        x = leaf(1.0)
        y = x * 1.0
        middle = None
        for step in range(100_000):
            y = y + x
            if step == 50_000:
                middle = weakref.ref(y)
        y.sum().backward()
        del y
        assert x.grad.tolist() == [100_001.0]
        assert middle is not None and middle() is None
    finally:
        gc.enable()


def test_a_graph_dies_with_its_loss_even_without_the_collector():
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        hidden = (x * 2).exp()
        hidden.register_hook(lambda g: g * 1)
        hidden.retain_grad()
        loss = hidden.sum()
        loss.backward(create_graph=True)
        x.grad = hidden.grad = None
        watched = [weakref.ref(hidden), weakref.ref(loss), weakref.ref(loss.grad_fn)]
        del hidden, loss
        assert [each() for each in watched] == [None, None, None]
    finally:
        gc.enable()


def test_hooks_run_in_the_order_of_the_walk_and_may_replace_the_gradient():
    events: list[str] = []
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: events.append("y") or g * 10)
    y.retain_grad()
    x.register_hook(lambda g: events.append("x"))
    x.register_post_accumulate_grad_hook(lambda t: events.append(f"accumulated {t.grad.item()}"))
    y.sum().backward()
    assert events == ["y", "x", "accumulated 20.0"]
    assert y.grad.tolist() == [10.0]


def test_a_removed_hook_is_gone_and_removing_twice_does_no_harm():
    x = leaf(1.0)
    handle = x.register_hook(lambda g: g * 100)
    handle.remove()
    handle.remove()
    x.sum().backward()
    assert x.grad.tolist() == [1.0]


def test_grad_leaves_the_leaves_untouched_and_stops_at_what_was_asked():
    x = leaf(2.0)
    y = x * x
    z = (y * 3).sum()
    (wrt_y,) = cp.autograd.grad(z, y)
    assert wrt_y.tolist() == [3.0] and x.grad is None


def test_grad_of_an_unused_input_is_an_error_or_what_was_asked_for():
    x, unused = leaf(1.0), leaf(1.0)
    with pytest.raises(RuntimeError, match="appears to not have been used"):
        cp.autograd.grad((x * 2).sum(), unused)
    assert cp.autograd.grad((x * 2).sum(), unused, allow_unused=True) == (None,)
    (zeros,) = cp.autograd.grad((x * 2).sum(), unused, materialize_grads=True)
    assert zeros.tolist() == [0.0]


def test_gradients_of_any_order():
    x = leaf(0.7)
    value = (x**4).sum()
    slopes = []
    for _ in range(5):
        (slope,) = cp.autograd.grad(value, x, create_graph=True)
        slopes.append(slope.item())
        value = slope.sum()
    assert slopes == pytest.approx([4 * 0.7**3, 12 * 0.7**2, 24 * 0.7, 24.0, 0.0])


def test_a_second_walk_over_a_freed_graph_says_how_to_keep_it():
    x = leaf(1.0)
    y = x.exp().sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()


def test_what_cannot_be_differentiated_says_why():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="only for scalar outputs; got shape"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match="does not require grad"):
        cp.ones(1).backward()
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        (x * 2).backward(cp.ones(3))
    with pytest.raises(RuntimeError, match="floating point dtype"):
        cp.tensor([1, 2], requires_grad=True)


def test_backward_into_chosen_inputs_leaves_the_others_alone():
    x, y = leaf(1.0), leaf(2.0)
    (x * y).sum().backward(inputs=[x])
    assert x.grad.tolist() == [2.0] and y.grad is None


def test_no_grad_records_nothing_and_the_mode_comes_back_after_an_error():
    x = leaf(1.0)
    with pytest.raises(KeyError), cp.no_grad():
        assert not (x * 2).requires_grad
        raise KeyError
    assert (x * 2).requires_grad

    @cp.no_grad()
    def evaluate() -> cp.Tensor:
        return x * 2

    @cp.no_grad
    def evaluate_too() -> cp.Tensor:
        return x * 2

    assert not evaluate().requires_grad and not evaluate_too().requires_grad
    with cp.no_grad(), cp.enable_grad():
        assert (x * 2).requires_grad


def test_threads_have_grad_modes_of_their_own():
    import threading

    seen = []
    with cp.no_grad():
        thread = threading.Thread(target=lambda: seen.append(cp.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_inference_tensors_cannot_enter_a_graph():
    with cp.inference_mode():
        fixed = cp.ones(2) * 2
    assert fixed.is_inference()
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        x * fixed
    assert (x * fixed.clone()).requires_grad


def test_anomaly_mode_names_the_forward_line():
    with cp.autograd.detect_anomaly():
        x = cp.tensor([-1.0], requires_grad=True)
        with np.errstate(invalid="ignore"):
            y = x.sqrt()  # the line to be named
            with pytest.raises(RuntimeError, match="SqrtBackward0") as caught:
                y.sum().backward()
    assert "the line to be named" in str(caught.value)
    assert not cp.autograd.is_anomaly_enabled()


def test_observers_see_every_operation_and_nest():
    outer, inner = [], []
    x = cp.ones(2, 3)
    with cp.autograd.observe_ops(lambda op, *rest: outer.append(op.name)):
        x + 1
        with cp.autograd.observe_ops(lambda op, *rest: inner.append(op.name)):
            x.sum()
        x *= 2
    x.exp()
    assert outer == ["add", "sum", "mul"] and inner == ["sum"]


def test_observers_may_end_in_any_order():
    told = []
    first, second = (
        cp.autograd.observe_ops(lambda op, *rest, name=name: told.append(name)) for name in "ab"
    )
    x = cp.ones(2)
    first.__enter__()
    second.__enter__()
    x + 1
    first.__exit__()
    x + 1
    second.__exit__()
    x + 1
    assert told == ["b", "a", "b"]


class TestFunction:
    def test_its_backward_can_be_differentiated_again(self):
        class Square(cp.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return 2 * x * g

        assert cp.autograd.gradcheck(Square.apply, leaf(1.0, -2.0))
        assert cp.autograd.gradgradcheck(Square.apply, leaf(1.0, -2.0))

    def test_a_saved_output_is_kept_without_a_cycle(self):
        class Exp(cp.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                y = x.exp()
                ctx.save_for_backward(y)
                return y

            @staticmethod
            def backward(ctx, g):
                (y,) = ctx.saved_tensors
                return g * y

        gc.collect()
        gc.disable()
        try:
            y = Exp.apply(leaf(1.0))
            alive = weakref.ref(y.grad_fn)
            del y
            assert alive() is None
        finally:
            gc.enable()
        assert cp.autograd.gradgradcheck(Exp.apply, leaf(0.5))

    def test_a_wrong_number_of_gradients_names_the_function(self):
        class Two(cp.autograd.Function):
            @staticmethod
            def forward(ctx, a, b):
                return a + b

            @staticmethod
            def backward(ctx, g):
                return g

        with pytest.raises(RuntimeError, match="TwoBackward returned an incorrect number"):
            Two.apply(leaf(1.0), leaf(1.0)).sum().backward()

    def test_missing_gradients_arrive_as_zeros_or_as_none(self):
        seen = []

        class Split(cp.autograd.Function):
            materialize = True

            @staticmethod
            def forward(ctx, x):
                ctx.set_materialize_grads(Split.materialize)
                return x * 1, x * 2

            @staticmethod
            def backward(ctx, g, h):
                seen.append((g, h))
                return g

        Split.apply(leaf(1.0))[0].sum().backward()
        assert seen[-1][1].tolist() == [0.0]
        Split.materialize = False
        Split.apply(leaf(1.0))[0].sum().backward()
        assert seen[-1][1] is None


class TestFunctionalDerivatives:
    def test_jacobian_and_products_agree(self):
        a = cp.tensor(np.random.default_rng(0).standard_normal((3, 2)))

        def f(x):
            return (a @ x).tanh()

        x = cp.tensor([0.3, -0.4], dtype=cp.float64)
        v, w = cp.tensor([1.0, 2.0]).double(), cp.tensor([1.0, 0.0, -1.0]).double()
        jacobian = cp.autograd.functional.jacobian(f, x).numpy()
        np.testing.assert_allclose(
            cp.autograd.functional.jvp(f, x, v)[1].numpy(), jacobian @ v.numpy()
        )
        np.testing.assert_allclose(
            cp.autograd.functional.vjp(f, x, w)[1].numpy(), w.numpy() @ jacobian
        )

    def test_hessian_and_its_products_agree(self):
        def f(x):
            return (x[0] ** 2 * x[1] + x[1].exp()).sum()

        x = cp.tensor([0.5, 0.2], dtype=cp.float64)
        hessian = cp.autograd.functional.hessian(f, x).numpy()
        expected = [[2 * 0.2, 2 * 0.5], [2 * 0.5, np.exp(0.2)]]
        np.testing.assert_allclose(hessian, expected)
        v = cp.tensor([1.0, -1.0], dtype=cp.float64)
        np.testing.assert_allclose(
            cp.autograd.functional.hvp(f, x, v)[1].numpy(), hessian @ v.numpy()
        )


def test_gradcheck_catches_a_wrong_gradient():
    class Wrong(cp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 3

    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        cp.autograd.gradcheck(Wrong.apply, leaf(1.0))
    assert not cp.autograd.gradcheck(Wrong.apply, leaf(1.0), raise_exception=False)
    single = cp.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match=r"\.double\(\)"):
        assert not cp.autograd.gradcheck(lambda x: x * 2, single, raise_exception=False)
