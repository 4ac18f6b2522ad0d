"""`gradcheck` with PyTorch's arguments: what it accepts, what it finds, and what is not there."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from support.stories import assert_told_alike, numbers

import clownpiece as cp

KINDS = ("right", "wrong", "never the same", "takes no missing gradient")


def function_of(library, kind):
    class Twice(library.autograd.Function):
        calls = 0

        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(kind != "takes no missing gradient")
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g, h):
            Twice.calls += 1
            noise = 1e-7 * Twice.calls if kind == "never the same" else 0
            return g * (2.5 if kind == "wrong" else 2) + h * 3 + noise

    return Twice.apply


@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_what_pytorch_s_finds(kind):
    def tell(library, log):
        f = function_of(library, kind)
        x = numbers(library, 3, requires_grad=True)
        for more in ({}, {"nondet_tol": 1e-3}, {"check_undefined_grad": False}, {"eps": 1e-4}):
            for fast in (False, True):
                arguments = {"fast_mode": fast, "raise_exception": False, **more}
                log(more, fast)
                log.attempt(lambda a=arguments: log(library.autograd.gradcheck(f, (x,), **a)))

    assert_told_alike(tell)


@pytest.mark.parametrize("fast", (False, True))
def test_second_derivatives_take_the_same_arguments(fast):
    def tell(library, log):
        x = numbers(library, 2, 3, requires_grad=True)
        check = library.autograd.gradgradcheck
        log(check(lambda x: (x.exp(), x.tanh() * x.sum()), (x,), fast_mode=fast, nondet_tol=1e-9))
        log(check(lambda x: x.detach() * x * x, (x,), fast_mode=fast, raise_exception=False))

    assert_told_alike(tell)


@pytest.mark.parametrize("fast", (False, True))
def test_it_looks_at_more_than_jacobians_where_pytorch_s_does(fast):
    def tell(library, log):
        class Ignoring(library.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return (x * x).sum()

            @staticmethod
            def backward(ctx, g):
                return 2 * ctx.saved_tensors[0]

        x, y = numbers(library, 3, requires_grad=True), numbers(library, 2, requires_grad=True)
        for f in (
            Ignoring.apply,
            lambda x: x.exp(),
            lambda x: (x.exp(), x.detach() * 3),
            lambda x: x.detach() * 2,
            lambda x: library.ones(2).double(),
            lambda x: (x * y.sum()).unbind(),
            lambda x: x[:0],
        ):
            for more in (
                {},
                {"check_grad_dtypes": True},
                {"check_batched_grad": True},
                {"check_undefined_grad": False, "raise_exception": False},
            ):
                call = lambda f=f, more=more: library.autograd.gradcheck(  # noqa: E731
                    f, [x], fast_mode=fast, **more
                )
                log(log.attempt(call))
        log.attempt(lambda: library.autograd.gradcheck(lambda x: x * 2, x.detach()))
        log.attempt(lambda: library.autograd.gradcheck(lambda x: x * 2, y[:1].expand(3)))
        single = x.detach().float().requires_grad_()
        log.attempt(lambda: library.autograd.gradcheck(lambda x: x * 2, single, eps=1e-2))

    assert_told_alike(tell)


def test_second_derivatives_at_given_gradients():
    def tell(library, log):
        check = library.autograd.gradgradcheck
        x = numbers(library, 3, requires_grad=True)
        for g in (numbers(library, 3), numbers(library, 3, requires_grad=True)):
            log(check(lambda x: x.sin(), x, g), g.requires_grad)
        more = {"gen_non_contig_grad_outputs": True, "check_grad_dtypes": True}
        log(check(lambda x: (x.sin(), x * x), x, check_batched_grad=True, **more))

    assert_told_alike(tell)


@pytest.mark.parametrize("name", ("masked", "check_forward_ad", "check_batched_forward_grad"))
def test_checks_that_there_are_not_are_refused_by_name(name):
    x = cp.ones(2, dtype=cp.float64, requires_grad=True)
    with pytest.raises(ValueError, match=f"no {name}=True"):
        cp.autograd.gradcheck(lambda x: x * 2, x, **{name: True})
    with pytest.raises(ValueError, match="no check_fwd_over_rev=True"):
        cp.autograd.gradgradcheck(lambda x: x * 2, x, check_fwd_over_rev=True)
    with pytest.raises(ValueError, match="leave check_backward_ad out"):
        cp.autograd.gradcheck(lambda x: x * 2, x, check_backward_ad=False)


def test_what_is_to_be_saved_on_the_cpu_stays_there():
    def tell(library, log):
        x = numbers(library, 2, requires_grad=True)
        with library.autograd.graph.save_on_cpu():
            y = x * x
        y.sum().backward()
        log(x.grad)

    assert_told_alike(tell)
