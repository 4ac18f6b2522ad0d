"""Helpers around modules, told to both libraries and compared."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from support.stories import numbers, stories  # noqa: E402

story, test_both_tell_the_same = stories()


@story
def gradients_are_clipped(library, log):
    utils = library.nn.utils
    a, b = (library.nn.Parameter(numbers(library, 3)) for _ in range(2))
    for norm_type in (2.0, 1.0, float("inf")):
        for limit in (0.5, 100.0):
            a.grad = library.tensor([3.0, -4.0, 0.5], dtype=library.float64)
            log(utils.clip_grad_norm_([a, b], limit, norm_type), a.grad)
    utils.clip_grad_value_([a, b], 0.01)
    log(a.grad, utils.clip_grad_norm_(a, 1.0), utils.get_total_norm([a.detach(), b.detach()]))
    a.grad = library.tensor([float("inf"), 1.0, 1.0], dtype=library.float64)
    log.attempt(lambda: utils.clip_grad_norm_([a], 1.0, error_if_nonfinite=True))


@story
def parameters_as_one_vector(library, log):
    utils = library.nn.utils
    a = library.nn.Parameter(numbers(library, 2, 2))
    b = library.nn.Parameter(numbers(library, 3))
    vector = utils.parameters_to_vector([a, b])
    log(vector, vector.requires_grad)
    utils.vector_to_parameters(library.ones(7), [a, b])
    log(a, b)
    log.attempt(lambda: utils.vector_to_parameters([1.0], [a]))


@story
def weights_in_length_and_direction(library, log):
    nn = library.nn
    for dim in (0, 1, -1, None):
        layer = nn.Linear(3, 2).double()
        with library.no_grad():
            layer.weight.copy_(numbers(library, 2, 3))
            layer.bias.copy_(numbers(library, 2))
        same = nn.utils.parametrizations.weight_norm(layer, dim=dim)
        log(same is layer, repr(layer), list(layer.state_dict()), layer.weight)
        log([tuple(p.shape) for p in layer.parameters()])
        layer(numbers(library, 4, 3)).sum().backward()
        log([p.grad for p in layer.parameters()])
        with library.no_grad():
            layer.parametrizations.weight.original0.mul_(2)
        log(layer.weight)
        layer.weight = numbers(library, 2, 3)
        log(layer.weight, list(layer.parameters()))
        nn.utils.parametrize.remove_parametrizations(layer, "weight")
        log(repr(layer), list(layer.state_dict()), layer.weight, layer.weight.requires_grad)
    log.attempt(lambda: nn.utils.parametrizations.weight_norm(layer, "nothing"))


@story
def weights_of_spectral_norm_one(library, log):
    nn = library.nn
    layer = nn.Conv2d(2, 3, 2).double()
    with library.no_grad():
        layer.weight.copy_(numbers(library, 3, 2, 2, 2))
        layer.bias.copy_(numbers(library, 3))
    nn.utils.parametrizations.spectral_norm(layer, n_power_iterations=200)
    log(repr(layer), list(layer.state_dict()))
    log(nn.utils.parametrize.is_parametrized(layer, "weight"), layer.weight)
    (layer(numbers(library, 1, 2, 4, 4)) ** 2).sum().backward()
    log(layer.parametrizations.weight.original.grad)
    twin = copy.deepcopy(layer).eval()
    log(twin.weight, str(twin.load_state_dict(layer.state_dict())))
    log.attempt(lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(1, 1), "weight", 0))


@story
def parametrizations_in_a_row(library, log):
    nn = library.nn

    class Times(nn.Module):
        def __init__(self, by):
            super().__init__()
            self.by = by

        def forward(self, x):
            return x * self.by

    class Cut(nn.Module):
        def forward(self, x):
            return x[:1]

    register = nn.utils.parametrize.register_parametrization
    layer = nn.Linear(2, 2).double()
    with library.no_grad():
        layer.weight.copy_(numbers(library, 2, 2))
    register(register(layer, "weight", Times(2.0)), "weight", Times(5.0))
    log(layer.weight, repr(layer), nn.utils.parametrize.is_parametrized(layer))
    log.attempt(lambda: setattr(layer, "weight", numbers(library, 2, 2)))
    nn.utils.parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    log(layer.weight, type(layer).__name__)
    log.attempt(lambda: register(layer, "bias", Cut()))
    log(type(layer).__name__, list(layer.state_dict()))
    log.attempt(lambda: nn.utils.parametrize.remove_parametrizations(layer, "weight"))
