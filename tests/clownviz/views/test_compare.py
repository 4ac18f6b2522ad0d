"""The comparison as text, SVG, HTML and JSON."""

from __future__ import annotations

import copy
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from support.goldens import check_golden

import clownpiece
import clownviz
from clownpiece import nn

GOLDENS = Path(__file__).with_name("goldens")


def block(size):
    return nn.Sequential(nn.Linear(size, size, bias=False), nn.ReLU())


def two_models():
    clownpiece.manual_seed(0)
    a = nn.Sequential(nn.Linear(4, 8), block(8), block(8), nn.Linear(8, 2))
    with clownpiece.no_grad():
        for number, parameter in enumerate(a.parameters()):
            parameter.fill_(0.25 * (number + 1))
    b = copy.deepcopy(a)
    with clownpiece.no_grad():
        b[2][0].weight.mul_(2)
    b[3] = nn.Linear(8, 3)
    b.append(nn.Softmax(dim=-1))
    return a, b


def test_the_text_says_what_differs_and_where_it_begins():
    text = clownviz.compare(*two_models(), clownpiece.ones(1, 4)).text()
    check_golden(GOLDENS / "compare-blocks.txt", text)


def test_two_equal_models_are_said_not_to_differ():
    model, _ = two_models()
    said = clownviz.compare(model, copy.deepcopy(model), clownpiece.ones(1, 4)).text()
    assert said.splitlines()[0] == "Sequential and Sequential do not differ."
    assert "all 6 are equal to the bit" in said


def test_models_tapes_and_checkpoints_mix():
    model, other = two_models()
    x = clownpiece.ones(1, 4)
    tape = clownviz.run(other, x, keep="full", gradients=True)
    of_models = clownviz.compare(model, other, x).json()
    assert clownviz.compare(model, tape, x).json() == of_models
    weights = clownviz.compare(model.state_dict(), other).json()["parameters"]
    assert weights["2.0.weight"]["relative"] == of_models["parameters"]["2.0.weight"]["relative"]


def test_the_data_is_plain_json_even_where_something_is_not_finite():
    model, other = two_models()
    with clownpiece.no_grad():
        other[0].bias[0] = float("nan")
    view = clownviz.compare(model, other, clownpiece.ones(1, 4))
    told = json.loads(json.dumps(view.json(), allow_nan=False))
    assert told["parameters"]["0.bias"]["reason"] == "NaN or Inf"
    assert told["forward"] == "0"
    assert "NaN or Inf in one of them only" in view.text()


def test_names_from_a_model_are_escaped():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.add_module("<script>alert(1)</script>\n", nn.Linear(2, 2))

    view = clownviz.compare(Odd(), Odd())
    assert "<script" not in view.html() and "<script" not in view.svg()
    ElementTree.fromstring(view.svg())


def test_a_thousand_modules_take_a_screen_with_the_lines_that_differ():
    model = nn.Sequential(*[nn.Linear(1, 1) for _ in range(1000)])
    other = copy.deepcopy(model)
    with clownpiece.no_grad():
        other[700].weight.add_(1)
    view = clownviz.compare(model, other)
    assert "700 (Linear)" in view.text()
    assert "… 1,000 more modules without a difference" in view.text()
    assert len(view.html()) < 30_000 and len(view.svg()) < 30_000
