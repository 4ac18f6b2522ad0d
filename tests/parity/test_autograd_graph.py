"""Edges of graphs, hooks of several tensors, and what becomes of gradients in `.grad`."""

from __future__ import annotations

import gc
import warnings
import weakref

import pytest

pytest.importorskip("torch")

from support.stories import numbers, stories

import clownpiece as cp

story, test_both_tell_the_same = stories()


def backward_with_graph(value, *arguments):
    with warnings.catch_warnings():
        # PyTorch warns of a reference cycle.
        warnings.simplefilter("ignore")
        value.backward(*arguments, create_graph=True)


# -- where gradients go ----------------------------------------------------------------------


@story
def edges_in_the_place_of_tensors(library, log):
    graph, grad = library.autograd.graph, library.autograd.grad
    x, w = numbers(library, 3, requires_grad=True), numbers(library, 3, requires_grad=True)
    y = x * w
    total = y.sum()
    of_x, of_y, of_total = map(graph.get_gradient_edge, (x, y, total))
    log(of_y.node.name(), of_y.output_nr, graph.get_gradient_edge(y.unbind()[1]).output_nr)
    one = library.ones(3).double()
    del y
    for call in (
        lambda: grad(of_y, x, one, retain_graph=True),
        lambda: grad(of_y, x, library.ones(2).double(), retain_graph=True),
        lambda: grad(of_y, x, retain_graph=True),
        lambda: grad(of_y, x, library.eye(3).double(), retain_graph=True, is_grads_batched=True),
        lambda: grad(total, of_x, retain_graph=True),
        lambda: grad(total, [of_y, of_x, w], retain_graph=True),
        lambda: grad(of_total, graph.GradientEdge(of_y.node, 0), create_graph=True),
        lambda: graph.get_gradient_edge(library.ones(2)),
    ):
        log(log.attempt(call))
    for call in (
        lambda: library.autograd.backward(of_total, retain_graph=True),
        lambda: library.autograd.backward([of_total, of_y], [None, one], retain_graph=True),
        lambda: library.autograd.backward(total, inputs=of_x, retain_graph=True),
        lambda: library.autograd.backward(total, inputs=[of_x], retain_graph=True),
        lambda: library.autograd.backward(total, inputs=[of_y], retain_graph=True),
    ):
        log.attempt(call)
        log(x.grad, w.grad)


@story
def edges_that_a_walk_does_not_come_to(library, log):
    grad = library.autograd.grad
    x, alone = (numbers(library, 3, requires_grad=True) for _ in range(2))
    total = (x * x).sum()
    edge = library.autograd.graph.get_gradient_edge(alone)
    log.attempt(lambda: grad(total, edge, retain_graph=True))
    log(grad(total, edge, allow_unused=True, retain_graph=True))
    log.attempt(lambda: grad(total, edge, materialize_grads=True, retain_graph=True))
    log(grad(total, alone, materialize_grads=True, create_graph=True))


@story
def inputs_and_outputs_of_every_kind(library, log):
    grad, backward = library.autograd.grad, library.autograd.backward
    x, w = numbers(library, 3, requires_grad=True), numbers(library, 3, requires_grad=True)
    for call in (
        lambda y: grad(y.sum(), {"x": x, "w": w}),
        lambda y: grad(y.sum(), {}),
        lambda y: grad(y.sum(), [x, None]),
        lambda y: grad(y.sum(), [x, 3]),
        lambda y: grad(y.sum(), x, only_inputs=False),
        lambda y: grad(y.sum(), x, None, True, True, True, True, False, False),
        lambda y: grad(y, [x, x], library.ones(3)),
        lambda y: grad(y, x, library.ones(3).long()),
        lambda y: backward(y.sum(), inputs={"x": x}),
        lambda y: backward(y.sum(), inputs={}),
        lambda y: backward(y.sum(), inputs=[x, 3]),
        lambda y: backward(y, grad_variables=library.ones(3).double()),
        lambda y: backward(y, None, None, False, library.ones(3).double(), x),
        lambda y: backward(y, y.detach(), grad_variables=library.ones(3).double()),
    ):
        log(log.attempt(lambda call=call: call(x * w)))
        log(x.grad, w.grad)


def test_a_mapping_that_is_no_dict_is_refused_with_what_to_do():
    from types import MappingProxyType

    x = cp.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match="must be a dict, not mappingproxy"):
        cp.autograd.grad(x.sum(), MappingProxyType({"x": x}))


# -- hooks of several tensors ----------------------------------------------------------------


@story
def a_hook_of_several_tensors_waits_for_those_that_a_walk_comes_to(library, log):
    a, b = (numbers(library, 2, requires_grad=True) for _ in range(2))
    c, d = a * b, a * b
    hook = library.autograd.graph.register_multi_grad_hook((a, b, c, d), lambda g: log("all", g))
    for number, walk in enumerate(
        (
            lambda: c.sum().backward(retain_graph=True),
            lambda: c.sum().backward(inputs=(a,), retain_graph=True),
            lambda: (c.sum() + d.sum()).backward(retain_graph=True),
            lambda: library.autograd.grad(c.sum(), c, retain_graph=True),
            lambda: backward_with_graph((c * c).sum()),
            lambda: (hook.remove(), hook.remove(), c.sum().backward(retain_graph=True)),
        )
    ):
        log(number)
        walk()


@story
def a_hook_of_any_of_several_tensors_hears_the_first_gradient(library, log):
    a, b = (numbers(library, 2, requires_grad=True) for _ in range(2))
    c = a * b
    register = library.autograd.graph.register_multi_grad_hook
    tensors = (a, library.ones(2), b, c)
    with register(tensors, lambda g: log("any", g), mode="any"):
        for _ in range(2):
            c.sum().backward(retain_graph=True)
        (b * 2).sum().backward()
        log(library.autograd.grad((c * c).sum(), [a], create_graph=True))
    c.sum().backward()


@story
def hooks_of_several_tensors_that_raise_or_do_not_fit(library, log):
    a, b = (numbers(library, 2, requires_grad=True) for _ in range(2))
    register = library.autograd.graph.register_multi_grad_hook
    log.attempt(lambda: register((a, b), log, mode="some"))

    def raising(grads):
        raise ValueError("mine")

    with register((a, b), raising):
        log.attempt(lambda: (a * b).sum().backward())
    with register((a, a, b), lambda grads: log("once", grads)):
        (a * b).sum().backward()
        (a * a).sum().backward()


def test_a_hook_of_several_tensors_is_registered_on_all_or_on_none():
    x, plain = cp.ones(2, requires_grad=True), cp.ones(2)
    heard = []
    with pytest.raises(RuntimeError, match="does not require gradients"):
        cp.autograd.graph.register_multi_grad_hook((x, plain), heard.append)
    (x * plain).sum().backward()
    assert heard == []


@pytest.mark.parametrize("mode", ["all", "any"])
def test_a_hook_of_several_tensors_keeps_no_graph_alive(mode):
    gc.collect()
    gc.disable()
    try:
        x = cp.ones(2, requires_grad=True)
        y = x * 2
        cp.autograd.graph.register_multi_grad_hook((x, y), lambda grads: None, mode=mode)
        y.sum().backward()
        watched = [weakref.ref(x), weakref.ref(y), weakref.ref(y.grad_fn)]
        del x, y
        assert [each() for each in watched] == [None, None, None]
    finally:
        gc.enable()


# -- in `.grad` ------------------------------------------------------------------------------


@story
def a_first_gradient_with_a_graph_is_a_copy(library, log):
    x = numbers(library, 2, requires_grad=True)
    upstream = library.ones(2).double().requires_grad_()
    backward_with_graph(x, upstream)
    log(x.grad is upstream, x.grad, x.grad._version)
    x.grad.sum().backward()
    log(upstream.grad)
    w = numbers(library, 2, requires_grad=True)
    x.grad = None
    backward_with_graph(x + w, library.ones(2).double())
    with library.no_grad():
        x.grad.zero_()
    log(x.grad, w.grad)


@story
def further_gradients_with_and_without_a_graph(library, log):
    x = numbers(library, 3, requires_grad=True)
    backward_with_graph((x * x).sum())
    first = x.grad
    backward_with_graph((x * 3).sum())
    second = x.grad
    log(first is second, first, second, second.grad_fn.name(), second._version)
    (x * 3).sum().backward()
    log(second is x.grad, x.grad, x.grad._version, x.grad.requires_grad)
    y = x * 2
    y.retain_grad()
    upstream = library.ones(3).double().requires_grad_()
    backward_with_graph(y, upstream)
    log(y.grad is upstream, y.grad, y.grad.grad_fn.name())
    kept = y.grad
    (y * y).sum().backward()
    log(y.grad is kept, y.grad, kept, y.grad._version)


@story
def a_gradient_lies_in_memory_as_its_leaf(library, log):
    for leaf in (
        numbers(library, 3, 4).t(),
        numbers(library, 2, 3, 4).permute(2, 0, 1),
        numbers(library, 3, 8)[:, ::2],
        numbers(library, 3, 1),
    ):
        leaf.requires_grad_()
        (leaf * 2).sum().backward()
        log(leaf.grad.stride())
        leaf.grad = None
        backward_with_graph((leaf * leaf).sum())
        log(leaf.grad.stride())


@story
def a_gradient_that_was_given(library, log):
    x = numbers(library, 3, requires_grad=True)
    x.grad = library.zeros(1).double().expand(3)
    log.attempt(lambda: (x * 2).sum().backward())
    x.grad = given = library.zeros(3).double()
    (x * 2).sum().backward()
    log(given is x.grad, given, given._version)
    x.grad = given = numbers(library, 3, requires_grad=True) * 1
    (x * 2).sum().backward()
    log(given is x.grad, given, given.grad_fn.name())


@story
def hooks_after_accumulation(library, log):
    x = numbers(library, 3, requires_grad=True)

    def take(leaf):
        log("taken", leaf is x, leaf.grad, library.is_grad_enabled())
        leaf.grad = None

    def step(leaf):
        with library.no_grad():
            return leaf.sub_(leaf.grad)

    def fail(leaf):
        raise ValueError("mine")

    for hooks in (
        (take,),
        (step, take),
        (fail, take),
        (lambda leaf: 3, take),
        (lambda leaf: leaf[:1], take),
    ):
        handles = [x.register_post_accumulate_grad_hook(each) for each in hooks]
        log.attempt(lambda: (x * 2).sum().backward())
        log.attempt(lambda: backward_with_graph((x * x).sum()))
        log(x, x.grad, library.autograd.grad((x * 2).sum(), x))
        for handle in handles:
            handle.remove()
        x.grad = None


@story
def what_was_written_over_or_is_flat_gets_zeros_without_a_graph(library, log):
    x, w = (numbers(library, 3, requires_grad=True) for _ in range(2))
    for change in (
        lambda y: y.fill_(2.0),
        lambda y: y.zero_(),
        lambda y: y.copy_(w),
        lambda y: y.floor(),
        lambda y: y.sign(),
        lambda y: y.round(),
        lambda y: y.trunc(),
        lambda y: y.ceil(),
    ):
        y = change(x * 1)
        y.register_hook(lambda g: log("hook", g))
        log(*library.autograd.grad((y * y).sum(), [x, w], create_graph=True, allow_unused=True))
