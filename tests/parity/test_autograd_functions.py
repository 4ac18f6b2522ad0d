"""Custom Functions and checkpoints, told to both libraries and compared."""

from __future__ import annotations

import contextlib
import importlib

import pytest

pytest.importorskip("torch")

from support.stories import numbers, stories

story, test_both_tell_the_same = stories()


def made(library, forward, backward=None, **others):
    """A Function of two functions."""
    members = {"forward": staticmethod(forward), **others}
    if backward is not None:
        members["backward"] = staticmethod(backward)
    return type("Fn", (library.autograd.Function,), members)


def walk(log, y, *leaves):
    log.attempt(lambda: (y * y).sum().backward())
    log(*[leaf.grad for leaf in leaves])


@story
def what_a_backward_may_return(library, log):
    x = numbers(library, 2, requires_grad=True)
    for backward in (
        None,
        lambda ctx, g: 3.0,
        lambda ctx, g: library.ones(3),
        lambda ctx, g: library.ones(3, 2),
        lambda ctx, g: (g, None, None),
        lambda ctx, g: (g, g),
        lambda ctx, g: None,
        lambda ctx, g: g.float(),
    ):
        walk(log, made(library, lambda ctx, x: x * 2, backward).apply(x), x)
    constant = made(library, lambda ctx, x, k: x * k, lambda ctx, g: (g, g))
    walk(log, constant.apply(x, 2), x)
    two = made(library, lambda ctx, x, y: x * y, lambda ctx, g: g)
    walk(log, two.apply(x, x), x)


@story
def what_is_missing_or_there_twice(library, log):
    x = numbers(library, 2, requires_grad=True)
    log.attempt(lambda: type("Fn", (library.autograd.Function,), {}).apply(x))
    twice = made(
        library, lambda ctx, x: x * 2, lambda ctx, g: g, vjp=staticmethod(lambda ctx, g: g)
    )
    walk(log, twice.apply(x), x)
    only_vjp = made(library, lambda ctx, x: x * 2, vjp=staticmethod(lambda ctx, g: g * 2))
    walk(log, only_vjp.apply(x), x)
    log.attempt(lambda: made(library, lambda ctx, x: (ctx.save_for_backward(3), x)[1]).apply(x))
    log(made(library, lambda ctx, x: x * 2, lambda ctx, g: g).apply(x=x))


@story
def setup_context_apart(library, log):
    class Scale(library.autograd.Function):
        @staticmethod
        def forward(x, k):
            return x * k, x + k

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, ctx.k = inputs
            log(ctx.needs_input_grad, len(output))
            ctx.save_for_backward(x, output[0])

        @staticmethod
        def backward(ctx, g, h):
            log(*ctx.saved_tensors)
            return g * ctx.k + h, None

    x = numbers(library, 2, requires_grad=True)
    walk(log, Scale.apply(x, 3)[0], x)
    with library.no_grad():
        log(Scale.apply(x, 2))


@story
def marks_and_missing_gradients(library, log):
    def forward(ctx, x, materialize):
        fixed, y, z = x * 2, x * 3, x * 4
        ctx.mark_non_differentiable(fixed)
        ctx.set_materialize_grads(materialize)
        return fixed, y, z

    x = numbers(library, 2, requires_grad=True)
    for materialize in (True, False):
        fn = made(library, forward, lambda ctx, f, g, h: (log(f, g, h), g, None)[1:])
        fixed, y, z = fn.apply(x, materialize)
        log(fixed, y, z, fixed.grad_fn is None)
        walk(log, y, x)


@story
def inputs_changed_in_place(library, log):
    def change(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(3)

    def forget(ctx, x):
        ctx.mark_dirty(x)
        return x * 1

    def change_one_of_two(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(3), x * 1

    def mark_another(ctx, x):
        y = x * 1
        ctx.mark_dirty(y)
        return y

    x = numbers(library, 3, requires_grad=True)
    backward = lambda ctx, g: g * 3  # noqa: E731
    y = x * 2
    z = made(library, change, backward).apply(y)
    log(z is y, z, y._version)
    walk(log, y, x)
    y = x * 2
    view = y[1:]
    z = made(library, change, backward).apply(view)
    log(z is view, y, type(y.grad_fn).__name__)
    walk(log, y, x)
    for forward in (change, forget, mark_another):
        log.attempt(lambda forward=forward: made(library, forward, backward).apply(x))
    two = made(library, change_one_of_two, lambda ctx, g, h: g)
    log.attempt(lambda: two.apply((x * 2)[1:]))


@story
def outputs_that_are_inputs_or_views_of_them(library, log):
    x = numbers(library, 3, requires_grad=True)
    for forward in (lambda ctx, x: x, lambda ctx, x: x[:2], lambda ctx, x: x.detach()):
        y = made(library, forward, lambda ctx, g: library.ones(3).double()).apply(x)
        log(y is x, y, y.grad_fn is None)
        log.attempt(lambda y=y: y.add_(1))
        walk(log, y, x)
        with library.no_grad():
            log(made(library, forward).apply(x) is x)


@story
def what_was_saved_and_changed_or_freed(library, log):
    saves = made(
        library,
        lambda ctx, x: (ctx.save_for_backward(x), x * x)[1],
        lambda ctx, g: 2 * g * ctx.saved_tensors[0],
    )
    x = numbers(library, 3, requires_grad=True)
    a = x * 1
    y = saves.apply(a).sum()
    log(*y.grad_fn.next_functions[0][0].saved_tensors)
    y.backward()
    log.attempt(y.backward)
    y = saves.apply(a)
    a.add_(1)
    walk(log, y, x)
    blind = made(library, lambda ctx, x: (ctx.save_for_backward(x), x)[1], lambda ctx, g: g)
    y = blind.apply(x).sum()
    y.backward()
    log.attempt(y.backward)


@story
def twice_and_only_once_differentiable(library, log):
    once = importlib.import_module(f"{library.__name__}.autograd.function").once_differentiable
    x = numbers(library, 3, requires_grad=True)

    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(x, y)
        return y

    def backward(ctx, g):
        _, y = ctx.saved_tensors
        return g * y

    for wrapped in (backward, once(backward)):
        for reduce in (lambda y: y.sum(), lambda y: (y * y).sum()):
            y = made(library, forward, wrapped).apply(x)
            (slope,) = library.autograd.grad(reduce(y), x, create_graph=True)
            log(slope)
            log.attempt(lambda slope=slope: log(*library.autograd.grad(slope.sum(), x)))


# -- checkpoints -----------------------------------------------------------------------------


def checkpoint_of(library):
    return importlib.import_module(f"{library.__name__}.utils.checkpoint")


def block(log):
    def run(x, w, scale=1.0):
        log("run", x.requires_grad, w.requires_grad)
        return ((x * w).tanh() * w).sin() * scale

    return run


@story
def both_kinds_of_checkpoint(library, log):
    tools = checkpoint_of(library)
    for reentrant in (True, False, None):
        x = numbers(library, 3, requires_grad=True)
        w = numbers(library, 3, requires_grad=True)
        y = tools.checkpoint(block(log), x * 2, w, use_reentrant=reentrant)
        z = tools.checkpoint(block(log), y, w, use_reentrant=reentrant)
        log(y, z)
        walk(log, z, x, w)
        log.attempt(lambda z=z: z.sum().backward())


@story
def arguments_of_a_checkpoint(library, log):
    tools = checkpoint_of(library)
    x = numbers(library, 3, requires_grad=True)
    w = numbers(library, 3)
    run = block(log)
    y = tools.checkpoint(run, x, w, use_reentrant=False, scale=2.0)
    walk(log, y, x)
    log.attempt(lambda: tools.checkpoint(run, x, w, use_reentrant=True, scale=2.0))
    log.attempt(lambda: tools.checkpoint(run, x, w, use_reentrant=True, debug=True))
    log.attempt(
        lambda: tools.checkpoint(run, x, w, use_reentrant=False, determinism_check="no such")
    )

    @contextlib.contextmanager
    def heard(name):
        log("enter", name)
        yield
        log("leave", name)

    y = tools.checkpoint(
        run,
        x,
        w,
        use_reentrant=False,
        context_fn=lambda: (heard("forward"), heard("again")),
        early_stop=False,
    )
    walk(log, y, x)
    with library.no_grad():
        log(tools.checkpoint(run, x, w, use_reentrant=False))


@story
def checkpoints_of_what_requires_nothing(library, log):
    tools = checkpoint_of(library)
    x, w = numbers(library, 3), numbers(library, 3, requires_grad=True)
    log(tools.checkpoint(lambda x: x * w, x, use_reentrant=True))
    y = tools.checkpoint(lambda x: x * w, x, use_reentrant=False)
    walk(log, y, w)
    y = tools.checkpoint(lambda x: x.detach() * 2, w, use_reentrant=True)
    log.attempt(lambda: y.sum().backward())


@story
def walks_that_do_not_fill_all_leaves(library, log):
    tools = checkpoint_of(library)
    for reentrant in (True, False):
        x = numbers(library, 3, requires_grad=True)
        w = numbers(library, 3, requires_grad=True)
        y = tools.checkpoint(block(log), x, w, use_reentrant=reentrant).sum()
        for start in (
            lambda x=x, y=y: library.autograd.grad(y, x, retain_graph=True),
            lambda x=x, y=y: y.backward(inputs=[x], retain_graph=True),
            lambda x=x, y=y: y.backward(retain_graph=True),
            lambda x=x, y=y: y.backward(),
        ):
            log(log.attempt(start), x.grad, w.grad)


@story
def functions_that_do_not_repeat_themselves(library, log):
    tools = checkpoint_of(library)
    for change in ("fewer", "more", "another shape"):
        for check in ("default", "none"):
            for early in (True, False):
                calls = []

                def run(x, change=change, calls=calls):
                    calls.append(1)
                    again = len(calls) > 1
                    y = x.sin()
                    if (change == "fewer") != again and change != "another shape":
                        y = y.exp()
                    if change == "another shape" and again:
                        y = y[:1]
                    return y.tanh()

                x = numbers(library, 3, requires_grad=True)
                y = tools.checkpoint(
                    run, x, use_reentrant=False, determinism_check=check, early_stop=early
                )
                log(change, check, early)
                if change == "another shape" and check == "default":
                    # PyTorch's message is a dump of dictionaries.
                    with pytest.raises(RuntimeError, match="different metadata"):
                        y.sum().backward()
                elif change != "another shape":
                    walk(log, y, x)


@story
def nested_checkpoints_and_gradients_of_gradients(library, log):
    tools = checkpoint_of(library)
    for reentrant in (True, False):
        x = numbers(library, 3, requires_grad=True)
        w = numbers(library, 3, requires_grad=True)

        def inner(x, w):
            log("inner")
            return (x * w).tanh()

        def outer(x, w, inner=inner, reentrant=reentrant):
            log("outer")
            y = tools.checkpoint(inner, x.sin(), w, use_reentrant=reentrant)
            return tools.checkpoint(inner, y.exp(), w, use_reentrant=reentrant).cos()

        y = tools.checkpoint(outer, x * 1, w, use_reentrant=reentrant)
        walk(log, y, x, w)
    y = tools.checkpoint(outer, x, w, use_reentrant=False)
    slopes = library.autograd.grad(y.sum(), (x, w), create_graph=True)
    log(*slopes)
    log(*library.autograd.grad(sum(slope.sum() for slope in slopes), (x, w)))


@story
def segments_of_a_sequential(library, log):
    tools = checkpoint_of(library)
    w = numbers(library, 4, 4)
    layers = [library.nn.Linear(4, 4).double() for _ in range(5)]
    for at, layer in enumerate(layers):
        layer.weight.data, layer.bias.data = w * (at + 1) / 4, w[at % 4]
        layer.register_forward_hook(lambda m, args, out, at=at: log("hook", at, out))
    model = library.nn.Sequential(*layers)
    for reentrant in (True, False):
        for segments in (1, 2, 5):
            x = numbers(library, 2, 4, requires_grad=True)
            y = tools.checkpoint_sequential(model, segments, x, use_reentrant=reentrant)
            walk(log, y, x, *model.parameters())


@story
def saved_tensors_through_hooks(library, log):
    graph = library.autograd.graph
    x = numbers(library, 3, requires_grad=True)

    def pack(t):
        log("pack", t.detach())
        return t.detach() * 2

    def unpack(t):
        log("unpack", t)
        return t / 2

    with graph.saved_tensors_hooks(pack, unpack):
        y = (x * x).sin().exp()
        with graph.saved_tensors_hooks(lambda t: t.detach(), lambda t: t * 0 + 1):
            z = (y * 3).tanh()
    walk(log, z * y, x)
    with graph.saved_tensors_hooks(lambda t: t.mul_(2), lambda t: t):
        log.attempt(lambda: (x * 2).sin())
    with graph.saved_tensors_hooks(lambda t: "text", lambda t: t):
        y = x.sin()
    log.attempt(lambda: y.sum().backward())
