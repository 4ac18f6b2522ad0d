"""Backward, its arguments, hooks and modes, told to both libraries and compared."""

from __future__ import annotations

import warnings

import pytest

pytest.importorskip("torch")

from support.stories import numbers, stories

story, test_both_tell_the_same = stories()


@story
def hooks_and_what_is_captured_on_the_way(library, log):
    """What `grad` gives of a tensor is changed by its hooks only where the walk ends with it."""

    def hooked(*kinds):
        x = numbers(library, 2, requires_grad=True)
        y = x * 2
        if "tensor" in kinds:
            y.register_hook(lambda g: (log("tensor", g), g * 2)[1])
        if "node" in kinds:
            y.grad_fn.register_prehook(lambda gs: (log("before", gs), (gs[0] * 3,))[1])
            y.grad_fn.register_hook(lambda made, gs: log("after", made, gs))
        return x, y

    for kinds in (("tensor",), ("node",), ("tensor", "node")):
        for both in (True, False):
            for create_graph in (True, False):
                x, y = hooked(*kinds)
                wanted = [x, y] if both else [y]
                log(library.autograd.grad((y * y).sum(), wanted, create_graph=create_graph))
            x, y = hooked(*kinds)
            (y * y).sum().backward(inputs=[x, y] if both else [y])
            log(x.grad, y.grad, y.retains_grad)


@story
def a_walk_is_over_what_no_gradient_reached_too(library, log):
    class Stop(library.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return None

    for retain in (True, False):
        x = numbers(library, 2, requires_grad=True)
        y = x * x
        Stop.apply(y).sum().backward(retain_graph=retain)
        log(x.grad)
        log.attempt(lambda y=y: y.sum().backward())
        log(x.grad)


@story
def arguments_of_backward(library, log):
    x = numbers(library, 2, requires_grad=True)
    w = numbers(library, 2, requires_grad=True)

    def attempt(start):
        y = x * w
        log.attempt(lambda: start(y, y.sum()))
        log(x.grad, w.grad)

    one = library.ones(2).double()
    for start in (
        lambda y, s: y.backward(),
        lambda y, s: y.backward(one),
        lambda y, s: y.backward(one.float()),
        lambda y, s: y.backward(library.ones(3)),
        lambda y, s: y.backward(2.0),
        lambda y, s: s.backward(library.ones(1).double()),
        lambda y, s: s.backward(inputs=[]),
        lambda y, s: s.backward(inputs=x),
        lambda y, s: s.backward(inputs=[library.ones(2)]),
        lambda y, s: s.backward(inputs=(x, w)),
        lambda y, s: library.ones(1).backward(),
        lambda y, s: library.ones(1).long().backward(),
        lambda y, s: (s.backward(), s.backward()),
        lambda y, s: (s.backward(retain_graph=True), s.backward()),
        lambda y, s: s.backward(create_graph=False, retain_graph=True),
        lambda y, s: library.autograd.backward([s, y], [None, one]),
        lambda y, s: library.autograd.backward([s, s]),
        lambda y, s: library.autograd.backward([y, s], [one]),
        lambda y, s: library.autograd.backward((y, s)),
        lambda y, s: library.autograd.backward([s, x], [None, one]),
    ):
        attempt(start)


@story
def arguments_of_grad(library, log):
    x = numbers(library, 2, requires_grad=True)
    w = numbers(library, 2, requires_grad=True)
    alone = numbers(library, 2, requires_grad=True)
    grad = library.autograd.grad
    one = library.ones(2).double()
    for start in (
        lambda y, s: grad(s, x),
        lambda y, s: grad(s, [x, w, y]),
        lambda y, s: grad(y, x),
        lambda y, s: grad(y, x, one),
        lambda y, s: grad(y, [x], [one]),
        lambda y, s: grad([y, s], x, [one, None]),
        lambda y, s: grad([y, s], x, [one]),
        lambda y, s: grad(s, alone),
        lambda y, s: grad(s, [x, alone], allow_unused=True),
        lambda y, s: grad(s, [x, alone], materialize_grads=True),
        lambda y, s: grad(s, [x, alone], allow_unused=False, materialize_grads=True),
        lambda y, s: grad(s, library.ones(2)),
        lambda y, s: grad(library.ones(2), x),
        lambda y, s: grad(s, x, create_graph=True)[0].requires_grad,
        lambda y, s: grad(y, x, library.eye(2).double(), is_grads_batched=True),
        lambda y, s: grad(
            y, [x, alone], library.eye(2).double(), is_grads_batched=True, allow_unused=True
        ),
        lambda y, s: grad([y, s], [x, w], [library.eye(2).double(), one], is_grads_batched=True),
        lambda y, s: grad(y, x, library.ones(3).double(), is_grads_batched=True),
        lambda y, s: grad(y, x, is_grads_batched=True),
        lambda y, s: grad(y, x, library.ones(0, 2).double(), is_grads_batched=True),
        lambda y, s: grad(
            grad(y * y, x, library.eye(2).double(), create_graph=True, is_grads_batched=True)[
                0
            ].sum(),
            [x, w],
        ),
        lambda y, s: (grad(s, x), grad(s, x)),
        lambda y, s: (grad(s, x, retain_graph=True), grad(s, x)),
    ):
        y = x * w
        log(log.attempt(lambda start=start, y=y: start(y, y.sum())))
    log(x.grad, w.grad)


@story
def tensor_hooks(library, log):
    x = numbers(library, 3, requires_grad=True)
    y = x * 2

    def hear(name, answer=lambda g: None):
        return lambda g: (log(name, g), answer(g))[1]

    handles = [
        x.register_hook(hear("x")),
        y.register_hook(hear("y doubles", lambda g: g * 2)),
        y.register_hook(hear("y again")),
        y.register_hook(lambda g: handles[1].remove()),
        y.register_hook(lambda g: log("late", y.register_hook(hear("late")) is not None)),
    ]
    y.retain_grad()
    x.register_post_accumulate_grad_hook(lambda t: log("accumulated", t.grad))
    for _ in range(2):
        (y * y).sum().backward(retain_graph=True)
        log(x.grad, y.grad)
    handles[0].remove()
    handles[0].remove()
    log(library.autograd.grad((y * 3).sum(), [x, y]))
    log(library.autograd.grad((y * 3).sum(), y))


@story
def hooks_of_a_leaf_and_of_its_node(library, log):
    for frozen, inputs in ((False, False), (False, True), (True, False)):
        x, w = (numbers(library, 3, requires_grad=True) for _ in range(2))
        x.register_hook(lambda g: log("tensor", g))
        x.register_post_accumulate_grad_hook(lambda t: log("accumulated", t.grad))
        loss = (x * w).sum()
        node = loss.grad_fn.next_functions[0][0].next_functions[0][0]
        node.register_prehook(lambda grads: log("before its node", grads))
        node.register_hook(lambda grads, given: log("after its node", grads, given))
        if frozen:
            x.requires_grad_(False)
        loss.backward(inputs=[x, w] if inputs else None)
        log(x.grad, w.grad)
    log.attempt(lambda: library.autograd.grad(numbers(library, requires_grad=True), []))


@story
def hooks_that_do_not_fit(library, log):
    for answer in (lambda g: 3, lambda g: g[:1], lambda g: g.float(), lambda g: g.sum()):
        x = numbers(library, 3, requires_grad=True)
        y = x * 2
        y.register_hook(answer)
        log.attempt(lambda y=y: y.sum().backward())
        log(x.grad)
    log.attempt(lambda: library.ones(2).register_hook(log))
    log.attempt(lambda: library.ones(2).register_post_accumulate_grad_hook(log))
    log.attempt(lambda: (x * 2).register_post_accumulate_grad_hook(log))
    log.attempt(lambda: library.ones(2).retain_grad())


@story
def hooks_before_and_after_a_change_in_place(library, log):
    for take in (lambda y: y, lambda y: y[1:], lambda y: y.t()):
        x = numbers(library, 2, 2, requires_grad=True)
        y = x * 2
        part = take(y)
        part.register_hook(lambda g: log("before", g))
        y.register_hook(lambda g: log("base before", g))
        part.retain_grad()
        y.retain_grad()
        part.mul_(3)
        part.register_hook(lambda g: log("after", g))
        y.register_hook(lambda g: log("base after", g))
        (y * y).sum().backward()
        log(x.grad, y.grad, part.grad)
        ((take(x) * 2) * part.detach()).sum().backward()


@story
def hooks_of_nodes(library, log):
    x = numbers(library, 3, requires_grad=True)
    y = (x * 2).exp()
    node = y.grad_fn
    log(node.name(), [(n.name(), slot) for n, slot in node.next_functions])
    node.metadata["note"] = "mine"
    log(y.grad_fn.metadata)
    first = node.register_prehook(lambda out: log("pre", *out))
    node.register_prehook(lambda out: (out[0] * 2,))
    node.register_hook(lambda into, out: log("post", *into, *out))
    node.register_hook(lambda into, out: (into[0] * 10,))
    y.register_hook(lambda g: log("tensor", g))
    y.retain_grad()
    y.sum().backward(retain_graph=True)
    log(x.grad, y.grad)
    first.remove()
    leaf_node = node.next_functions[0][0].next_functions[0][0]
    log(leaf_node.variable is x, leaf_node.next_functions)
    leaf_node.register_prehook(lambda out: (log("leaf pre", *out), (out[0] * 3,))[1])
    leaf_node.register_hook(lambda into, out: log("leaf post", len(into), *out))
    y.sum().backward()
    log(x.grad)


@story
def leaves_and_flags(library, log):
    x = numbers(library, 2, 2, requires_grad=True)
    plain = numbers(library, 2, 2)
    y = x * 2

    def told(t):
        log(t.requires_grad, t.is_leaf, t.grad_fn is None, t.retains_grad, t._version)

    for t in (x, plain, y, y[0], plain[0], x.detach(), y.detach(), x.data):
        told(t)
        log.attempt(lambda t=t: told(t.requires_grad_()))
        log.attempt(lambda t=t: told(t.requires_grad_(False)))
        log.attempt(lambda t=t: t.detach_().is_leaf)
    view = numbers(library, 4)[1:]
    view.requires_grad_()
    log.attempt(lambda: view.add_(1))
    view.sum().backward()
    log(view.grad)
    log.attempt(lambda: library.ones(2).long().requires_grad_())
    log.attempt(lambda: setattr(x, "grad", library.ones(3).double()))
    log.attempt(lambda: setattr(x, "grad", 3))
    log.attempt(lambda: setattr(x, "data", 3))
    log.attempt(lambda: setattr(x, "data", library.ones(2).long()))
    y = numbers(library, 2, requires_grad=True) * 1
    log.attempt(lambda: setattr(y, "requires_grad", True))
    log(y.grad)


@story
def data_and_detached_twins(library, log):
    x = numbers(library, 3, requires_grad=True)
    y = x.exp()
    y.data.mul_(2)
    log(y._version, x._version)
    y.sum().backward()
    log(x.grad)
    y = x.exp()
    twin = y.detach()
    twin.zero_()
    log(y._version, twin._version, y)
    log.attempt(lambda: y.sum().backward())
    x.data = library.ones(2).double()
    log(x, x.grad is None, x._version)


@story
def inference_tensors(library, log):
    x = numbers(library, 3, requires_grad=True)
    plain = numbers(library, 3)
    with library.inference_mode():
        log(library.is_inference_mode_enabled(), library.is_grad_enabled())
        made = plain * 2
        view = plain[1:]
        leaf_view = x[1:]
        own = library.ones(3).double()
        log(made.is_inference(), view.is_inference(), own.is_inference(), (x * 2).is_inference())
        log(made.requires_grad, leaf_view.is_inference(), (x * 2).requires_grad)
        made.add_(1)
        plain.add_(1)
        own.requires_grad_()
        with library.inference_mode(False):
            log((plain * 2).is_inference(), (x * 2).requires_grad)
    log(plain._version)
    log.attempt(lambda: made._version)
    log.attempt(lambda: made.add_(1))
    log.attempt(lambda: made.requires_grad_())
    log.attempt(lambda: x * made)
    log((made * 2).is_inference(), made[1:].is_inference(), made.clone().is_inference())
    log((x + made).requires_grad, made.detach().is_inference())
    log.attempt(lambda: view.add_(x[1:]))
    log.attempt(lambda: leaf_view.add_(x[1:]))
    with library.no_grad():
        log.attempt(lambda: made.add_(1))
        view.add_(1)
    log(len(library.autograd.grad((x * made.clone()).sum(), x)))

    @library.inference_mode()
    def evaluate():
        return x * 2

    log(evaluate().is_inference(), library.is_inference_mode_enabled())


@story
def inference_mode_in_the_company_of_other_modes(library, log):
    x = numbers(library, 2, requires_grad=True)
    with library.inference_mode():
        own = library.ones(2, requires_grad=True)
        plain = library.ones(2)
        log(own.requires_grad, (own * 2).requires_grad, library.nn.Parameter(own).requires_grad)
        log.attempt(lambda: (own * 2).sum().backward())
        for enter in (
            library.enable_grad,
            library.no_grad,
            lambda: library.set_grad_enabled(True),
            lambda: library.inference_mode(False),
        ):
            with enter():
                log((x * 2).requires_grad, (x * 2).is_inference(), (own * 2).is_inference())
    log(library.is_grad_enabled(), own.detach().is_inference())
    log.attempt(lambda: library.nn.Parameter(own))
    log(library.nn.Parameter(own, requires_grad=False).is_inference())
    for change in ("zero_", "exp_", "t_"):
        log.attempt(lambda change=change: getattr(plain, change)())


@story
def generators_and_classes_under_a_mode(library, log):
    def generate():
        try:
            log("told", (yield library.is_grad_enabled()))
        except ValueError:
            log("caught", library.is_grad_enabled())
        try:
            yield library.is_grad_enabled()
        finally:
            log("closed", library.is_grad_enabled())

    for enter in (library.no_grad(), library.set_grad_enabled(False), library.inference_mode()):
        decorated = enter(generate)
        running = decorated()
        log(next(running), library.is_grad_enabled(), running.send("hello"))
        running.close()
        running = decorated()
        log(next(running), running.throw(ValueError()), library.is_grad_enabled(), *running)
    library.no_grad()(list)
    library.no_grad(list)
    for mode in (1, "yes", None):
        log.attempt(lambda mode=mode: library.set_grad_enabled(mode))


@story
def modes(library, log):
    x = numbers(library, 2, requires_grad=True)

    def told():
        log(library.is_grad_enabled(), (x * 2).requires_grad)

    for enter in (
        library.no_grad,
        library.enable_grad,
        lambda: library.set_grad_enabled(False),
        lambda: library.set_grad_enabled(True),
    ):
        with enter():
            told()
            with library.no_grad():
                with library.enable_grad():
                    told()
            told()
        enter()(told)()
        told()
        with library.set_grad_enabled(True):
            told()
        library.set_grad_enabled(True)


@story
def accumulated_gradients_and_who_owns_them(library, log):
    x = numbers(library, 2, requires_grad=True)
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    log(first is x.grad, first)
    x.grad.zero_()
    with warnings.catch_warnings():
        # Of a reference cycle, which there is none of here.
        warnings.simplefilter("ignore")
        (x * x).sum().backward(create_graph=True)
    log(x.grad, x.grad.requires_grad)
    x.grad.sum().backward()
    log(x.grad)
    x.grad = None
    given = library.ones(2).double()
    x.backward(given)
    x.grad.add_(5)
    log(given, x.grad)


@story
def higher_orders(library, log):
    x = numbers(library, 2, 3, requires_grad=True)
    w = numbers(library, 3, 3, requires_grad=True)
    for f in (
        lambda x: ((x @ w).tanh() * x.exp()).sum(),
        lambda x: (x.softmax(-1) * x.sin()).sum(),
        lambda x: library.logsumexp(x @ w, -1).prod() + (x**3).mean(),
        lambda x: (x.var(0) * x.std(0)).sum() + x.norm(),
        lambda x: ((x.sigmoid() * x).cumsum(0) / (1 + x * x)).sum(),
    ):
        value = f(x)
        for _ in range(4):
            (slope,) = library.autograd.grad(value, x, create_graph=True)
            log(slope)
            value = (slope * slope.detach().cos()).sum()


# -- derivatives of functions ----------------------------------------------------------------


def one(x):
    return x.exp() * x.sum()


def two(x, y):
    return (x * y).sin(), (x + y * y).sum()


def scalar(x):
    return (x.exp() * x.sin()).sum()


def scalar_of_two(x, y):
    return (x * y * y).sum() + (x**3).sum()


def part(x, y):
    return x.sum() * x.exp()


def linear(x):
    return (x * 2).sum()


@story
def derivatives_of_functions(library, log):
    F = library.autograd.functional
    x, y, v, u = (numbers(library, 3) for _ in range(4))
    for strict in (False, True):
        for create in (False, True):
            x.requires_grad_(create)
            more = {"strict": strict, "create_graph": create}
            for call in (
                lambda more=more: F.vjp(one, x, v, **more),
                lambda more=more: F.vjp(one, x, **more),
                lambda more=more: F.vjp(two, (x, y), (v, x.sum()), **more),
                lambda more=more: F.vjp(part, (x, y), v, **more),
                lambda more=more: F.vjp(scalar, x, **more),
                lambda more=more: F.jvp(one, x, v, **more),
                lambda more=more: F.jvp(one, x, **more),
                lambda more=more: F.jvp(two, (x, y), (v, u), **more),
                lambda more=more: F.jvp(part, (x, y), (v, u), **more),
                lambda more=more: F.jacobian(one, x, **more),
                lambda more=more: F.jacobian(two, (x, y), **more),
                lambda more=more: F.jacobian(part, (x, y), **more),
                lambda more=more: F.hessian(scalar, x, **more),
                lambda more=more: F.hessian(scalar_of_two, (x, y), **more),
                lambda more=more: F.hessian(linear, x, **more),
                lambda more=more: F.hessian(one, x, **more),
                lambda more=more: F.vhp(scalar, x, v, **more),
                lambda more=more: F.vhp(scalar_of_two, (x, y), (v, u), **more),
                lambda more=more: F.vhp(linear, x, v, **more),
                lambda more=more: F.hvp(scalar, x, v, **more),
                lambda more=more: F.hvp(scalar_of_two, (x, y), (v, u), **more),
                lambda more=more: F.hvp(linear, x, v, **more),
                lambda more=more: F.hvp(one, x, v, **more),
            ):
                log(log.attempt(call))


@story
def derivatives_with_a_graph_where_none_is_recorded(library, log):
    F = library.autograd.functional
    x, w = (numbers(library, 3, requires_grad=True) for _ in range(2))
    with library.no_grad():
        results = (
            F.jacobian(lambda x: x * x * w, x, create_graph=True),
            F.hessian(lambda x: (x**3 * w).sum(), x, create_graph=True),
            *F.vjp(lambda x: x**3 * w, x, w, create_graph=True),
            *F.hvp(lambda x: (x**3 * w).sum(), x, w, create_graph=True),
        )
    for found in results:
        log(found)
        log(library.autograd.grad(found.sum(), [x, w], retain_graph=True))


@story
def vectorized_derivatives(library, log):
    F = library.autograd.functional
    x, y = numbers(library, 3), numbers(library, 3)
    log(F.jacobian(one, x, vectorize=True))
    log(F.jacobian(two, (x, y), vectorize=True))
    log(F.jacobian(part, (x, y), vectorize=True))
    log(F.hessian(scalar_of_two, (x, y), vectorize=True))
    for more in (
        {"strict": True, "vectorize": True},
        {"strategy": "forward-mode"},
        {"strategy": "no such"},
        {"strategy": "forward-mode", "vectorize": True, "create_graph": True},
    ):
        log.attempt(lambda more=more: F.jacobian(one, x, **more))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log(F.jacobian(one, x, vectorize=True, strategy="forward-mode"))
        found = F.hessian(scalar, x, vectorize=True, outer_jacobian_strategy="forward-mode")
        log(found.detach())
    log.attempt(lambda: F.hessian(scalar, x, outer_jacobian_strategy="no such"))


@story
def what_is_no_input_or_output_of_a_function(library, log):
    F = library.autograd.functional
    x, v = numbers(library, 3), numbers(library, 2)
    for name in ("vjp", "jvp", "hvp", "vhp"):
        call = getattr(F, name)
        log.attempt(lambda call=call: call(scalar, x, v))
        log.attempt(lambda call=call: call(scalar, 3, v))
        log.attempt(lambda call=call: call(lambda x: 3, x, x))
        log.attempt(lambda call=call: call(scalar, (x, 3), x))
    log.attempt(lambda: F.jacobian(lambda x: 3, x))
    log.attempt(lambda: F.jacobian(one, [3]))
    for call in (F.jacobian, F.vjp, F.jvp):
        log.attempt(lambda call=call: call(lambda x: x.sum(), [x]))
        log.attempt(lambda call=call: call(lambda x: [x.sum()], x))
    log.attempt(lambda: F.vjp(lambda x: x * 2, x, [x]))
    log.attempt(lambda: F.hessian(lambda x: (x, x), x))
