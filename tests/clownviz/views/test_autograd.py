"""The autograd graph as a program, as a diagram and as data."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from support.goldens import check_golden

import clownpiece
import clownviz
from clownpiece import nn
from clownpiece.nn import functional as F
from clownviz.views.autograd import Autograd

GOLDENS = Path(__file__).with_name("goldens")


class Neuron(nn.Module):
    """o = tanh(w·x + b), in the steps in which it is taught."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(clownpiece.tensor(-3.0))
        self.b = nn.Parameter(clownpiece.tensor(6.88))

    def forward(self, x):
        e = ((x * self.w + self.b) * 2).exp()
        return (e - 1) / (e + 1)


def layers():
    clownpiece.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with clownpiece.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.25)
    return model


def loss(output):
    return F.mse_loss(output, clownpiece.ones(2, 2))


def test_a_neuron_as_a_program_and_its_source():
    view = clownviz.autograd(Neuron(), clownpiece.tensor(2.0))
    check_golden(GOLDENS / "autograd-neuron.txt", view.text())
    check_golden(GOLDENS / "autograd-neuron.dot", view.source)


def test_layers_and_their_loss_as_a_program():
    view = clownviz.autograd(layers(), clownpiece.ones(2, 3), loss=loss)
    check_golden(GOLDENS / "autograd-layers.txt", view.text())


def test_the_numbers_are_those_of_backward():
    model, x = Neuron(), clownpiece.tensor(2.0, requires_grad=True)
    model(x).backward()
    told = clownviz.autograd(model, clownpiece.tensor(2.0, requires_grad=True)).json()
    tape = clownviz.run(
        model, clownpiece.tensor(2.0, requires_grad=True), keep="full", gradients=True, inside=True
    )
    of = {term["name"]: term for term in told["terms"]}
    assert of["loss"]["value"] == pytest.approx(float(model(x).detach()))
    assert float(tape.values[of["x"]["gradient"]].array) == pytest.approx(float(x.grad))


def test_every_operation_has_a_card_and_every_leaf_a_tag():
    view = clownviz.autograd(layers(), clownpiece.ones(2, 3), loss=loss)
    groups = [
        (group.get("class") or "").split()
        for group in ElementTree.fromstring(view.svg()).iter("{http://www.w3.org/2000/svg}g")
    ]
    kinds = [kind for kinds in groups for kind in kinds if kind in ("card", "parameter", "edge")]
    count = len(view.graph.operations)
    assert kinds.count("card") == count and kinds.count("parameter") == 4
    assert kinds.count("edge") == count - 1 + 4 + 2


def test_a_graph_of_a_thousand_operations_is_drawn_on_a_few_cards_and_told_in_full():
    def chain(x):
        for _ in range(1000):
            x = x * 1.001
        return x.sum()

    view = clownviz.autograd(chain, clownpiece.ones(3, requires_grad=True))
    assert len(view.cards) == 1 and "1,001 operations" in view.source
    assert len(view.text().splitlines()) < 220
    assert "… 801 earlier operations" in view.text()
    assert len(view.json()["operations"]) == 1001


def test_names_from_a_model_are_escaped():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.add_module("<b>\\N&</b>", nn.Linear(2, 1))

        def forward(self, x):
            return next(self.children())(x)

    view = clownviz.autograd(Odd(), clownpiece.ones(1, 2))
    assert "<b>" not in view.svg()
    assert "&lt;b&gt;" in view.svg()
    json.dumps(view.json(), allow_nan=False)


def test_nan_is_said_and_not_crashed_on():
    view = clownviz.autograd(Neuron(), clownpiece.tensor(float("nan")))
    assert "NaN" in view.text()
    json.dumps(view.json(), allow_nan=False)


def test_wrong_input_is_an_error_that_says_what_to_do():
    with pytest.raises(ValueError, match="'TB' or 'LR'"):
        Autograd.of(clownviz.describe(Neuron()), direction="up")
    with pytest.raises(TypeError, match="no tensor"):
        clownviz.autograd(lambda x: x, 3)
    with pytest.raises(RuntimeError, match="requires a gradient"):
        clownviz.autograd(lambda x: x * 2, clownpiece.ones(2))
    said = Autograd.of(clownviz.describe(Neuron())).text()
    assert said == "Neuron: nothing that was computed requires a gradient."
