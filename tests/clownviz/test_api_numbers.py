"""The verbs of numbers: each takes what people have at hand, a model, a tape, an array, a watch."""

from __future__ import annotations

import json

import numpy as np
import pytest

import clownpiece
import clownviz
from clownpiece import nn, optim


class Net(nn.Module):
    """An image, a text of eight positions, a class: something for every verb."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        h = self.conv(x).flatten(1)[:, :32].unflatten(1, (8, 4))
        h, _ = self.attention(h, h, h)
        return self.head(h.mean(dim=1))


@pytest.fixture
def x():
    return clownpiece.randn(2, 1, 6, 6)


VERBS = {
    "array": lambda *source: clownviz.array(*source, path="conv"),
    "array of a weight": lambda *source: clownviz.array(*source, path="conv", of="weight"),
    "feature_maps": lambda *source: clownviz.feature_maps(*source, path="conv"),
    "attention": clownviz.attention,
    "histograms": lambda *source: clownviz.histograms(*source, path="conv"),
    "gradient_flow": clownviz.gradient_flow,
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_a_verb_answers_for_a_model_and_for_its_tape(verb, x):
    model = Net()
    tape = clownviz.run(model, x, keep="full", gradients=True)
    answer = verb(model, x)
    assert verb(tape).text() == answer.text() == verb(model, x).text()
    assert answer.svg().startswith("<svg") and "cv-asks" in answer.html()
    assert json.loads(json.dumps(answer.json(), allow_nan=False))
    bundle = answer._repr_mimebundle_()
    assert "<script" in bundle["text/html"] and bundle["text/plain"] == answer.text()
    answer.figure("dark").canvas.draw()


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_a_verb_leaves_the_model_as_it_was(verb, x):
    model = Net()
    state = clownpiece.get_rng_state()
    verb(model, x)
    assert (clownpiece.get_rng_state() == state).all()
    assert all(p.grad is None for p in model.parameters())
    assert not model._forward_hooks and not model.conv._forward_hooks


@pytest.mark.parametrize(
    "given",
    [clownpiece.eye(3), np.eye(3), np.ma.masked_equal(np.eye(3), 1), [[1.0, 2.0]], (1, 2), 3.5,
     nn.Parameter(clownpiece.ones(2))],
    ids=["tensor", "array", "masked", "list", "tuple", "number", "parameter"],
)  # fmt: skip
def test_array_takes_whatever_holds_numbers(given):
    assert clownviz.array(given).svg().startswith("<svg")


def test_array_says_what_it_cannot_show(x):
    with pytest.raises(TypeError, match=r'array\(…\) got Net: .*a tape together with path="…"'):
        clownviz.array(Net(), x)
    with pytest.raises(TypeError, match="array of complex128 has no picture"):
        clownviz.array(np.zeros(2, complex))


def test_gradients_are_computed_where_they_are_asked_for(x):
    shown = clownviz.array(Net(), x, path="head", of="weight.gradient")
    assert shown.text().startswith("Tensor(2, 4) float32")
    assert "step" in clownviz.histograms(Net(), x, path="conv", of="gradient").text()


def test_scales_of_the_model_reach_at_least_as_far_as_those_of_an_array(x):
    model = Net()
    whole = clownviz.array(model, x, path="head", of="weight", scale="model").view
    assert whole.limit_of() >= whole.limit


def test_curves_and_flow_are_drawn_of_a_watch_and_of_a_tape():
    model = nn.Linear(3, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with clownviz.watch(model, optimizer) as watch, clownviz.Capture(model, gradients=True) as tape:
        for step in range(4):
            optimizer.zero_grad()
            loss = model(clownpiece.ones(2, 3)).square().mean()
            loss.backward()
            optimizer.step()
            watch.log(loss=loss, accuracy=step / 4)
    assert "accuracy" in clownviz.curves(watch).text()
    assert "accuracy" not in clownviz.curves(watch, "loss").text()
    assert "curve" in clownviz.curves(tape).text()
    assert "4 steps" in clownviz.gradient_flow(watch).text()
    assert "weight" in clownviz.gradient_flow(watch, by="parameter").text()
    with pytest.raises(KeyError, match="no curve is named 'speed': expected some of lr, loss"):
        clownviz.curves(watch, "speed")
    with pytest.raises(TypeError, match=r"curves\(…\) got Linear"):
        clownviz.curves(model)
