"""Units that pass no gradient, unit by unit, over all captured steps."""

from __future__ import annotations

import numpy as np
import pytest

import clownpiece
from clownpiece import nn
from clownpiece.nn import functional as F
from clownviz.analysis.units import activities
from clownviz.recording.capture import capture, run


def fixed(bias: list[float], *rest: nn.Module) -> nn.Sequential:
    """A layer whose unit u gives x + bias[u]."""
    model = nn.Sequential(nn.Linear(1, len(bias)), *rest)
    nn.init.ones_(model[0].weight)
    with clownpiece.no_grad():
        model[0].bias.copy_(clownpiece.tensor(bias))
    return model


def test_a_unit_is_dead_if_it_is_zero_for_every_example():
    (relu,) = activities(run(fixed([-9, -1.5, 1], nn.ReLU()), clownpiece.tensor([[1.0], [2.0]]),
                             keep="full"))
    assert relu.label == "1" and relu.operation == "relu"
    assert relu.flat.tolist() == [1.0, 0.5, 0.0]
    assert (relu.always_flat, relu.examples, relu.share) == (1, 2, 0.5)


def test_a_unit_that_fires_in_one_step_is_not_dead():
    model = fixed([-9, -1.5], nn.ReLU(), nn.Linear(2, 1))
    with capture(model, keep="full") as tape:
        model(clownpiece.tensor([[1.0]]))
        model(clownpiece.tensor([[2.0], [1.0], [0.0]]))
    (relu,) = activities(tape)
    assert relu.examples == 4 and relu.flat.tolist() == [1.0, 0.75]


@pytest.mark.parametrize("between", [[], [nn.BatchNorm2d(3)]])
def test_the_units_of_a_convolution_are_its_channels(between):
    model = nn.Sequential(nn.Conv2d(1, 3, 3), *between, nn.ReLU(), nn.Flatten())
    (relu,) = activities(run(model, clownpiece.randn(2, 1, 6, 6), keep="full"))
    assert relu.flat.shape == (3,) and relu.examples == 2 * 16


def test_the_units_of_a_transformer_are_its_features():
    model = nn.Sequential(nn.Linear(4, 7), nn.ReLU())
    (relu,) = activities(run(model, clownpiece.randn(2, 5, 3, 4), keep="full"))
    assert relu.flat.shape == (7,) and relu.examples == 2 * 5 * 3


@pytest.mark.parametrize("kind, expected", [
    (nn.Tanh, [1.0, 0.0, 1.0]), (nn.Sigmoid, [1.0, 0.0, 1.0]), (nn.ReLU6, [1.0, 0.0, 1.0]),
])  # fmt: skip
def test_what_is_at_its_limits_is_flat(kind, expected):
    model = fixed([-30, 0.5, 30], kind(), nn.Linear(3, 2))
    (found,) = activities(run(model, clownpiece.zeros(4, 1), keep="full"))
    assert found.flat.tolist() == expected and not found.final


@pytest.mark.parametrize("kind", [nn.ReLU, nn.Tanh, nn.Sigmoid])
def test_statistics_tell_the_share_that_arrays_tell(kind):
    model = nn.Sequential(nn.Linear(4, 32), kind(), nn.Linear(32, 2))
    nn.init.normal_(model[0].weight, std=2.0)
    x = clownpiece.randn(50, 4)
    (exact,), (told,) = (activities(run(model, x, keep=keep)) for keep in ("full", "statistics"))
    assert told.flat is None and told.always_flat == 0
    assert told.share == pytest.approx(exact.share, abs=0.02)


def test_what_leaves_the_model_is_final_even_after_a_reshape():
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.act, self.b = nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)

        def forward(self, x):
            return self.act(self.b(F.relu(self.act(self.a(x))))).reshape(-1)

    found = activities(run(Net(), clownpiece.randn(3, 2), keep="full"))
    assert [(each.label, each.final) for each in found] == [
        ("act", False), ("Net (relu)", False), ("act#2", True),
    ]


def test_an_activation_inside_of_a_forward_is_named_by_its_place():
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(2, 3), nn.Linear(3, 3), nn.Linear(3, 1)

        def forward(self, x):
            return self.c(F.relu(self.b(F.tanh(self.a(x)))))

    found = activities(run(Net(), clownpiece.randn(3, 2), keep="full"))
    assert [each.label for each in found] == ["Net (tanh)", "Net (relu 2)"]
    assert all(np.isfinite(each.flat).all() for each in found)
