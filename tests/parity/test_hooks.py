"""The order of events in both libraries: the same story is told to each, and the logs compared."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from support.stories import numbers, stories  # noqa: E402

import clownpiece  # noqa: E402

story, test_both_tell_the_same = stories()


def doubling(library):
    """y = 2x, and a tuple of it and of its negative for two inputs."""

    class Doubling(library.nn.Module):
        def forward(self, x, y=None, scale=1.0):
            return x * 2 * scale if y is None else (x * 2, y * -1)

    return Doubling()


def chain(library):
    """A parent with two children, the first of which is used twice."""

    class Scale(library.nn.Module):
        def __init__(self, by):
            super().__init__()
            self.weight = library.nn.Parameter(library.tensor([by], dtype=library.float64))

        def forward(self, x):
            return x * self.weight

    class Chain(library.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = Scale(2.0)
            self.b = Scale(3.0)

        def forward(self, x):
            return self.b(self.a(self.a(x)))

    return Chain()


@story
def four_kinds_of_hooks_on_a_tree(library, log):
    model = chain(library)
    for name, module in model.named_modules():
        module.register_forward_pre_hook(lambda m, x, n=name: log("pre", n, x))
        module.register_forward_hook(lambda m, x, y, n=name: log("forward", n, x, y))
        module.register_full_backward_pre_hook(lambda m, g, n=name: log("back pre", n, g))
        module.register_full_backward_hook(lambda m, i, o, n=name: log("back", n, i, o))
    x = numbers(library, 3, requires_grad=True)
    x.register_hook(lambda g: log("tensor", g))
    model.a.weight.register_hook(lambda g: log("weight", g))
    model(x).sum().backward()
    log(x.grad, model.a.weight.grad, model.b.weight.grad)


@story
def no_input_requires_a_gradient(library, log):
    model = chain(library)
    for name, module in model.named_modules():
        module.register_full_backward_pre_hook(lambda m, g, n=name: log("back pre", n, g))
        module.register_full_backward_hook(lambda m, i, o, n=name: log("back", n, i, o))
    model(numbers(library, 3)).sum().backward()
    log(model.a.weight.grad)


@story
def order_with_prepend(library, log):
    module = doubling(library)
    for at, prepend in ((1, False), (2, True), (3, False), (4, True)):
        module.register_forward_pre_hook(lambda m, x, n=at: log("pre", n), prepend=prepend)
        module.register_forward_hook(lambda m, x, y, n=at: log("forward", n), prepend=prepend)
        module.register_full_backward_pre_hook(lambda m, g, n=at: log("bp", n), prepend=prepend)
        module.register_full_backward_hook(lambda m, i, o, n=at: log("b", n), prepend=prepend)
    module(numbers(library, 2, requires_grad=True)).sum().backward()


@story
def hooks_replace_what_passes(library, log):
    module = doubling(library)
    module.register_forward_pre_hook(lambda m, x: x[0] + 1)
    module.register_forward_pre_hook(lambda m, x: (x[0] * 10,))
    module.register_forward_hook(lambda m, x, y: y + x[0])
    module.register_full_backward_pre_hook(lambda m, g: (g[0] * 5,))
    module.register_full_backward_hook(lambda m, i, o: (i[0] * 7,))
    x = numbers(library, 2, requires_grad=True)
    y = module(x)
    log(y)
    y.sum().backward()
    log(x.grad)


@story
def keywords_reach_the_hooks_that_ask(library, log):
    module = doubling(library)

    def pre(m, args, kwargs):
        log("pre", args, kwargs)
        return args, {"scale": 3.0}

    module.register_forward_pre_hook(pre, with_kwargs=True)
    module.register_forward_pre_hook(lambda m, args: log("plain pre", args))
    module.register_forward_hook(lambda m, a, k, y: log("hook", a, k, y), with_kwargs=True)
    module.register_forward_hook(lambda m, a, y: log("plain hook", a, y))
    log(module(numbers(library, 2), scale=2.0))


@story
def a_pre_hook_with_keywords_returns_nonsense(library, log):
    module = doubling(library)
    module.register_forward_pre_hook(lambda m, a, k: a, with_kwargs=True)
    log.attempt(lambda: module(numbers(library, 2)))


@story
def inputs_by_keyword_have_no_gradient_in_the_hook(library, log):
    module = doubling(library)
    module.register_full_backward_hook(lambda m, i, o: log("back", i, o))
    x = numbers(library, 2, requires_grad=True)
    module(x=x).sum().backward()
    log(x.grad)
    module.register_forward_pre_hook(lambda m, a, k: log("pre", a, k), with_kwargs=True)
    log(module(x=x))


@story
def several_inputs_and_outputs(library, log):
    module = doubling(library)
    module.register_full_backward_pre_hook(lambda m, g: log("bp", g))
    module.register_full_backward_hook(lambda m, i, o: log("b", i, o))
    x, y = numbers(library, 2, requires_grad=True), numbers(library, 3, requires_grad=True)
    first, second = module(x, y)
    (first.sum() + second.sum()).backward()
    log(x.grad, y.grad)
    first, second = module(x, numbers(library, 3))
    first.sum().backward()
    log(x.grad)
    first, second = module(x, y)
    second.sum().backward()
    log(x.grad, y.grad)


@story
def wrong_numbers_of_gradients(library, log):
    module = doubling(library)
    x = numbers(library, 2, requires_grad=True)
    with module.register_full_backward_hook(lambda m, i, o: (i[0], i[0])):
        log.attempt(lambda: module(x).sum().backward())
    with module.register_full_backward_pre_hook(lambda m, o: (o[0], o[0])):
        log.attempt(lambda: module(x).sum().backward())


@story
def a_gradient_for_an_input_that_wants_none(library, log):
    module = chain(library).a
    module.register_full_backward_hook(lambda m, i, o: (o[0],))
    log.attempt(lambda: module(numbers(library, 1)).sum().backward())


@story
def outputs_that_are_no_tensors(library, log):
    class Dictionary(library.nn.Module):
        def forward(self, x):
            return {"y": x * 2}

    module = Dictionary()
    module.register_full_backward_hook(lambda m, i, o: log("back"))
    module(numbers(library, 2, requires_grad=True))["y"].sum().backward()


@story
def without_gradients_the_backward_hooks_are_silent(library, log):
    module = chain(library)
    module.register_full_backward_hook(lambda m, i, o: log("back"))
    with library.no_grad():
        log(module(numbers(library, 2)).requires_grad)


@story
def changes_in_place_behind_a_hook_are_refused(library, log):
    class InPlace(library.nn.Module):
        def forward(self, x):
            x += 1
            return x * 2

    module = InPlace()
    module.register_full_backward_hook(lambda m, i, o: None)
    x = numbers(library, 2, requires_grad=True)
    log.attempt(lambda: module(x * 1))
    outer = doubling(library)
    outer.register_full_backward_hook(lambda m, i, o: None)

    def change_output():
        y = outer(x)
        y += 1

    log.attempt(change_output)


@story
def gradients_of_gradients_through_hooks(library, log):
    module = chain(library)
    for name, each in module.named_modules():
        each.register_full_backward_hook(lambda m, i, o, n=name: log("back", n, i, o))
    x = numbers(library, 2, requires_grad=True)
    (g,) = library.autograd.grad((module(x) ** 3).sum(), x, create_graph=True)
    log(g)
    log(library.autograd.grad(g.sum(), x)[0])


@story
def handles_remove_once_and_for_all(library, log):
    module = doubling(library)
    first = module.register_forward_hook(lambda m, x, y: log("first"))
    with module.register_forward_hook(lambda m, x, y: log("second")):
        module(numbers(library, 1))
    first.remove()
    first.remove()
    module(numbers(library, 1))
    log(len(module._forward_hooks))


@story
def a_hook_may_remove_itself(library, log):
    module = doubling(library)
    handles = []

    def once(m, x, y):
        log("once")
        handles[0].remove()

    handles.append(module.register_forward_hook(once))
    module.register_forward_hook(lambda m, x, y: log("always"))
    module(numbers(library, 1))
    module(numbers(library, 1))


def failing(library):
    class Failing(library.nn.Module):
        def forward(self, x):
            raise ValueError("broken")

    return Failing()


@story
def hooks_that_are_always_called(library, log):
    module = failing(library)
    module.register_forward_hook(lambda m, x, y: log("plain"))
    module.register_forward_hook(lambda m, x, y: log("always", x, y), always_call=True)
    module.register_forward_hook(
        lambda m, a, k, y: log("with keywords", a, k, y), always_call=True, with_kwargs=True
    )
    log.attempt(lambda: module(numbers(library, 2)))
    log.attempt(lambda: module(numbers(library, 2)))


@story
def an_always_called_hook_is_not_called_twice(library, log):
    module = doubling(library)

    def breaks(m, x, y):
        log("breaks", y)
        raise KeyError("hook")

    module.register_forward_hook(lambda m, x, y: log("before", y), always_call=True)
    module.register_forward_hook(breaks, always_call=True)
    module.register_forward_hook(lambda m, x, y: log("after", y), always_call=True)
    log.attempt(lambda: module(numbers(library, 2)))


@story
def an_always_called_hook_that_fails_is_only_a_warning(library, log):
    module = failing(library)

    def breaks(m, x, y):
        raise KeyError("hook")

    module.register_forward_hook(breaks, always_call=True)
    module.register_forward_hook(lambda m, x, y: log("always"), always_call=True)
    log.attempt(lambda: module(numbers(library, 2)))


@story
def a_failing_pre_hook(library, log):
    module = doubling(library)

    def breaks(m, x):
        raise KeyError("pre")

    module.register_forward_pre_hook(breaks)
    module.register_forward_hook(lambda m, x, y: log("always", y), always_call=True)
    log.attempt(lambda: module(numbers(library, 2)))


@story
def hooks_for_all_modules(library, log):
    if library is torch:
        hooks = torch.nn.modules.module
    else:
        hooks = clownpiece.nn
    model = chain(library)
    kinds = {id(model): "chain", id(model.a): "a", id(model.b): "b"}
    handles = [
        hooks.register_module_forward_pre_hook(lambda m, x: log("pre", kinds[id(m)])),
        hooks.register_module_forward_hook(lambda m, x, y: log("forward", kinds[id(m)])),
        hooks.register_module_full_backward_pre_hook(lambda m, g: log("bp", kinds[id(m)])),
        hooks.register_module_full_backward_hook(lambda m, i, o: log("b", kinds[id(m)])),
    ]
    model.a.register_forward_pre_hook(lambda m, x: log("own pre"))
    model.a.register_forward_hook(lambda m, x, y: log("own forward"))
    model.a.register_full_backward_hook(lambda m, i, o: log("own b"))
    model(numbers(library, 2, requires_grad=True)).sum().backward()
    for handle in handles:
        handle.remove()
    model(numbers(library, 2, requires_grad=True)).sum().backward()


@story
def registrations_are_told(library, log):
    if library is torch:
        hooks = torch.nn.modules.module
    else:
        hooks = clownpiece.nn
    nn = library.nn
    handles = [
        hooks.register_module_parameter_registration_hook(lambda m, n, p: log("p", n, p)),
        hooks.register_module_buffer_registration_hook(lambda m, n, b: log("b", n, b)),
        hooks.register_module_module_registration_hook(lambda m, n, c: log("m", n, c)),
    ]
    try:
        module = nn.Module()
        module.weight = nn.Parameter(library.zeros(1))
        module.register_parameter("none", None)
        module.register_buffer("mean", library.zeros(2))
        module.mean = library.ones(2)
        module.child = nn.Identity()
        module.add_module("other", nn.Identity())
    finally:
        for handle in handles:
            handle.remove()


@story
def state_dict_hooks(library, log):
    model = chain(library)

    def post(module, state, prefix, metadata):
        log("post", prefix, list(state), metadata)
        state[prefix + "extra"] = library.zeros(1)

    for module in model.modules():
        module.register_state_dict_pre_hook(lambda m, prefix, keep: log("pre", prefix, keep))
        module.register_state_dict_post_hook(post)
    state = model.state_dict(prefix="net.", keep_vars=True)
    log(list(state), {name: dict(value) for name, value in state._metadata.items()})
    model.register_state_dict_post_hook(lambda *given: 3)
    log.attempt(model.state_dict)


@story
def load_state_dict_hooks(library, log):
    model = chain(library)

    def pre(module, state, prefix, metadata, strict, missing, unexpected, errors):
        log("pre", prefix, sorted(state), metadata, strict, missing, unexpected, errors)
        if prefix == "b.":
            state.pop("b.weight")

    def post(module, keys):
        log("post", keys.missing_keys, keys.unexpected_keys)
        keys.unexpected_keys.clear()

    for module in model.modules():
        module.register_load_state_dict_pre_hook(pre)
        module.register_load_state_dict_post_hook(post)
    state = {**model.state_dict(), "more": library.zeros(1)}
    log.attempt(lambda: model.load_state_dict(state))
    result = model.load_state_dict(state, strict=False)
    log(result.missing_keys, result.unexpected_keys)


@story
def copies_have_hooks_of_their_own(library, log):
    model = chain(library)
    model.handle = model.register_forward_hook(lambda m, x, y: log("forward", m is model))
    twin = copy.deepcopy(model)
    twin(numbers(library, 1))
    twin.handle.remove()
    twin(numbers(library, 1))
    model(numbers(library, 1))


@story
def what_a_named_tuple_becomes(library, log):
    from collections import namedtuple

    pair = namedtuple("pair", "left right")

    class Pairs(library.nn.Module):
        def forward(self, x):
            return pair(x * 2, x * 3)

    module = Pairs()
    module.register_full_backward_hook(lambda m, i, o: log("back", i, o))
    x = numbers(library, 2, requires_grad=True)
    result = module(x)
    log(type(result).__name__, result.left, result.right)
    result.right.sum().backward()
    log(x.grad)


@story
def the_same_module_called_twice_in_one_graph(library, log):
    module = doubling(library)
    module.register_full_backward_hook(lambda m, i, o: log("back", i, o))
    x = numbers(library, 2, requires_grad=True)
    (module(x) * module(x * 3)).sum().backward()
    log(x.grad)


@story
def a_module_that_returns_its_input(library, log):
    module = library.nn.Identity()
    module.register_full_backward_pre_hook(lambda m, g: log("bp", g))
    module.register_full_backward_hook(lambda m, i, o: log("back", i, o))
    x = numbers(library, 2, requires_grad=True)
    y = module(x)
    log(y is x, y.is_leaf)
    y.sum().backward()
    log(x.grad)


@story
def inputs_that_are_not_tensors(library, log):
    class Mixed(library.nn.Module):
        def forward(self, name, x, numbers):
            return x * numbers[0], name

    module = Mixed()
    module.register_full_backward_hook(lambda m, i, o: log("back", i, o))
    x = numbers(library, 2, requires_grad=True)
    y, name = module("n", x, [2.0])
    y.sum().backward()
    log(name, x.grad)


@story
def hooks_on_the_way_out_change_what_the_parent_sees(library, log):
    model = chain(library)
    model.a.register_forward_hook(lambda m, x, y: y.detach())
    x = numbers(library, 2, requires_grad=True)
    y = model(x)
    y.sum().backward()
    log(x.grad, model.a.weight.grad, model.b.weight.grad)
