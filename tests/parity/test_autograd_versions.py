"""Changes in place of what a graph of gradients saved: an error at once, as PyTorch's, or no harm.

Each story derives, changes something in place before or after, and derives again. What is saved
for the second derivative came out of the graph of the first, and is the same memory.
"""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from support.stories import assert_told_alike, numbers

from clownpiece.utils import checkpoint as checkpoint_here


def saving_hooks(library, kept):
    """`saved_tensors_hooks` that keep the tensor itself, or a copy of it."""
    pack = (lambda t: t) if kept == "itself" else (lambda t: t.clone())
    return library.autograd.graph.saved_tensors_hooks(pack, lambda t: t)


def checkpointed(library, function):
    if library.__name__ == "clownpiece":
        return lambda *args: checkpoint_here.checkpoint(function, *args, use_reentrant=False)
    from torch.utils.checkpoint import checkpoint

    return lambda *args: checkpoint(function, *args, use_reentrant=False)


def plain(library, function):
    return function


def hooked_itself(library, function):
    def run(*args):
        with saving_hooks(library, "itself"):
            return function(*args)

    return run


def hooked_copy(library, function):
    def run(*args):
        with saving_hooks(library, "a copy"):
            return function(*args)

    return run


def custom(library, function):
    """The function behind a Function that saves its input and its output."""

    class Cube(library.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x * x * x
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return 3 * y / x * g

    return lambda x, w: function(Cube.apply(x), Cube.apply(w))


def product(library, x, w):
    hidden = x * w
    return hidden, hidden * hidden * w


def outputs(library, x, w):
    hidden = (x * w).exp()
    return hidden, hidden.tanh() * hidden


def layer(library, x, w):
    hidden = library.nn.functional.linear(x.reshape(1, -1), w.reshape(1, -1))
    return hidden, hidden.sigmoid() * x


def views(library, x, w):
    hidden = x * 1
    return hidden, (hidden[1:] * w[1:] * hidden[:-1]).pow(3)


def several_outputs(library, x, w):
    values, _ = (x * w).sort()
    return values, (values * x.flip(0)).pow(2)


def composed(library, x, w):
    hidden = (x * w).reshape(1, 1, -1)
    attention = library.nn.functional.scaled_dot_product_attention
    return hidden, attention(hidden, hidden * w, hidden).pow(2)


FUNCTIONS = (product, outputs, layer, views, several_outputs, composed)
CHANGED = ("nothing", "w", "x", "hidden", "a view of w", "a view of hidden", "a gradient")
WRAPPED = (hooked_itself, hooked_copy, checkpointed, custom)


CASES = [(function, plain) for function in FUNCTIONS]
CASES += [(function, wrapped) for function in (product, outputs) for wrapped in WRAPPED]


@pytest.mark.parametrize("function, wrapped", CASES, ids=lambda each: each.__name__)
def test_a_change_in_place_is_noticed_by_the_derivative_that_it_hurts(function, wrapped):
    def tell(library, log):
        for changed in CHANGED:
            for before in (3, 2, 1):
                log(changed, before)
                try:
                    derive(library, log, changed, before)
                except RuntimeError as error:
                    log("modified by an inplace operation" in str(error))

    def derive(library, log, changed, before):
        x = numbers(library, 4, requires_grad=True)
        w = numbers(library, 4, requires_grad=True)
        hidden, y = wrapped(library, lambda x, w: function(library, x, w))(x, w)
        seed = library.ones_like(y).detach().requires_grad_()
        found = (y * seed).sum()
        # Towards the seed no walk comes by the first graph, which knows of the change by itself.
        for order, inputs in ((1, [x, w]), (2, [seed]), (3, [x, w])):
            if before == order:
                with library.no_grad():
                    change(changed, x, w, hidden, found)
            gradients = library.autograd.grad(
                found, inputs, create_graph=True, allow_unused=True
            )
            log(*[each if each is None else each.detach() for each in gradients])
            found = sum((each * each).sum() for each in gradients if each is not None)

    def change(changed, x, w, hidden, found):
        targets = {"x": x, "w": w, "hidden": hidden, "a gradient": found}
        name = changed.removeprefix("a view of ")
        if name in targets:
            target = targets[name]
            (target if name == changed else target[:1]).mul_(1.5)

    assert_told_alike(tell)


def normalization(library, kind):
    """A layer of this kind with two channels, and the tensors that it keeps."""
    nn, f64 = library.nn, library.float64
    layer = {
        "batch": lambda: nn.BatchNorm1d(2, dtype=f64),
        "layer": lambda: nn.LayerNorm((2, 3), dtype=f64),
        "group": lambda: nn.GroupNorm(1, 2, dtype=f64),
    }[kind]()
    return layer, {**dict(layer.named_parameters()), **dict(layer.named_buffers())}


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluating"])
@pytest.mark.parametrize("kind", ["batch", "layer", "group"])
def test_a_normalization_minds_changes_of_what_pytorch_saves(kind, training):
    def tell(library, log):
        for name in normalization(library, kind)[1]:
            for create_graph in (False, True):
                layer, kept = normalization(library, kind)
                x = numbers(library, 4, 2, 3, requires_grad=True)
                y = layer.train(training)(x)
                with library.no_grad():
                    kept[name].mul_(2)
                log(name, create_graph)
                log.attempt(
                    lambda x=x, y=y, c=create_graph: log(
                        library.autograd.grad((y * y.detach()).sum(), x, create_graph=c)
                    )
                )

    assert_told_alike(tell)
