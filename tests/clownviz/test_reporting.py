"""What a report holds: each section where the tape has what it shows, and only there."""

from __future__ import annotations

import pytest
from support.example_tapes import EXAMPLES

import clownpiece
import clownviz
from clownpiece import nn, optim
from clownpiece.nn import functional as F


def titles(*arguments, **options):
    return [title for title, _ in clownviz.report(*arguments, **options).sections]


def cnn():
    return nn.Sequential(
        *[nn.Conv2d(1 if n == 0 else 2, 2, 3, padding=1) for n in range(6)],
        nn.Flatten(),
        nn.Linear(128, 3),
    )


class Attends(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.attn(x, x, x)[0]


def test_a_model_that_did_not_run_has_its_structure():
    assert titles(cnn()) == ["Diagram", "Summary"]


def test_of_many_convolutions_some_have_their_maps_shown():
    assert titles(cnn(), clownpiece.randn(2, 1, 8, 8)) == [
        "Findings", "Diagram", "Summary",
        *(f"Feature maps of {n}" for n in (0, 1, 3, 5)),
    ]  # fmt: skip
    assert "receptive field" in clownviz.report(cnn(), clownpiece.randn(2, 1, 8, 8)).html()


def test_attention_and_gradients_have_sections_where_they_are():
    x = clownpiece.randn(2, 5, 8)
    assert titles(Attends(), x) == ["Findings", "Diagram", "Summary", "Attention"]
    assert titles(Attends(), x, gradients=True)[-2:] == ["Gradient flow", "Autograd graph"]


def step(model, optimizer, x, target):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), target)
    loss.backward()
    optimizer.step()
    return loss.item()


def test_a_training_has_curves_and_its_tape_has_histograms():
    model, x, target = cnn(), clownpiece.randn(4, 1, 8, 8), clownpiece.tensor([0, 1, 2, 0])
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with clownviz.watch(model, optimizer) as watch:
        for _ in range(3):
            watch.log(loss=step(model, optimizer, x, target))
    told = titles(model, x, training=watch)
    assert told[:2] == ["Findings", "Training"] and told[-1] == "Gradient flow"
    with clownviz.capture(model, keep="sample", gradients=True) as tape:
        for _ in range(3):
            step(model, optimizer, x, target)
    assert "Gradient flow" in titles(tape) and "Histograms of 0" in titles(tape)
    assert clownviz.report(tape).html().startswith("<!doctype html>")


@pytest.mark.parametrize("example", EXAMPLES)
def test_any_tape_has_a_report_that_is_the_same_every_time(example):
    made = [clownviz.report(EXAMPLES[example]()) for _ in range(2)]
    assert made[0].html() == made[1].html()
    assert made[0].text() and "sections" in made[0].json()


def test_a_failed_forward_is_reported_as_far_as_it_came():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(7, 2))
    with pytest.raises(RuntimeError) as caught:
        clownviz.run(model, clownpiece.ones(1, 1, 8, 8), keep="sample")
    report = clownviz.report(caught.value.tape)
    assert "Linear expected (*, 7), got (1, 2, 6, 6)" in report.html()
    assert "Feature maps of 0" in [title for title, _ in report.sections]
