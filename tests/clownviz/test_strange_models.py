"""Models that nobody expects: every verb answers in every form, and nothing breaks a page."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ElementTree

import pytest
from support.patients import Made

import clownpiece
import clownviz
from clownpiece import nn
from clownviz.analysis.findings import CHECKS
from clownviz.views.text import pixels

SCRIPT, LONG, TURNED = "<script>alert(1)</script>", "n" * 200, "größe 層 🙂\u202e"


def named(name: str) -> nn.Module:
    return Made(lambda self, x: getattr(self, name)(x), **{name: nn.Linear(4, 4)})


def shared() -> nn.Module:
    block = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    return nn.Sequential(block, block, block)


def nested(self, x):
    return {"a": self.l(x), "b": [x, None, (x, 3, "text")], "c": iter(())}


def batch(*shape):
    return lambda: clownpiece.randn(*shape)


def of(forward):
    return lambda: Made(forward, l=nn.Linear(4, 4))


ROWS = batch(3, 4)
STRANGE = {
    "no module inside": (nn.Sequential, ROWS),
    "no parameters": (lambda: nn.Sequential(nn.ReLU(), nn.Tanh()), ROWS),
    "a single module": (lambda: nn.Linear(4, 3), ROWS),
    "frozen": (lambda: nn.Linear(4, 3).requires_grad_(False), ROWS),
    "a nested output": (of(nested), ROWS),
    "no output": (of(lambda self, x: None), ROWS),
    "whole numbers out": (of(lambda self, x: self.l(x).argmax(-1)), ROWS),
    "yes and no out": (of(lambda self, x: self.l(x) > 0), ROWS),
    "a number out": (of(lambda self, x: self.l(x).sum()), ROWS),
    "whole numbers in": (lambda: nn.Embedding(9, 4), lambda: clownpiece.arange(6).reshape(2, 3)),
    "markup": (lambda: named(SCRIPT), ROWS),
    "turned text": (lambda: named(TURNED), ROWS),
    "a long name": (lambda: named(LONG), ROWS),
    "NaN": (lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU()), lambda: ROWS() * math.nan),
    "Inf": (lambda: nn.Sequential(nn.Linear(4, 4), nn.Softmax(-1)), lambda: ROWS() / 0),
    "the largest numbers": (lambda: nn.Linear(4, 3), lambda: clownpiece.full((3, 4), 1e38)),
    "an empty batch": (lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU()), batch(0, 4)),
    "no images": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), batch(0, 1, 8, 8)),
    "no batch": (lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU()), batch(4)),
    "five dimensions": (lambda: nn.Conv3d(2, 3, 2), batch(2, 2, 3, 4, 5)),
    "one block at three places": (shared, ROWS),
}
VERBS = (
    clownviz.summary,
    clownviz.tree,
    clownviz.diagram,
    clownviz.explore,
    clownviz.findings,
    clownviz.report,
    lambda model, x: clownviz.compare(model, model, x),
    lambda model, x: clownviz.array(model, x, path="", of="input"),
    lambda model, x: clownviz.histograms(model, x, path="", of="input"),
)


@pytest.mark.parametrize("name", STRANGE)
def test_every_verb_answers_in_every_form(name):
    make, inputs = STRANGE[name]
    model, x = make(), inputs()
    for verb in VERBS:
        answer = verb(model, x)
        text, page = answer.text(), answer.html()
        assert text and "\u202e" not in text
        assert "<script>alert" not in page and "\u202e" not in page
        ElementTree.fromstring(answer.svg())
        json.dumps(answer.json(), allow_nan=False)


@pytest.mark.parametrize("name", ["a long name", "turned text", "a single module"])
def test_no_letter_leaves_its_picture(name):
    make, inputs = STRANGE[name]
    model, x = make(), inputs()
    (path, *_) = [path for path, _ in model.named_children()] or [""]
    shown = [
        *(verb(model, x) for verb in (clownviz.summary, clownviz.tree, clownviz.explore)),
        clownviz.array(model, x, path=path),
        clownviz.histograms(model, x, path=path),
        clownviz.gradient_flow(model, x),
        clownviz.compare(model, make(), x),
    ]
    for answer in shown:
        drawn = ElementTree.fromstring(answer.svg())
        wide = float(drawn.get("width"))
        for text in drawn.iter("{http://www.w3.org/2000/svg}text"):
            size = float(re.search(r"([\d.]+)px", text.get("style") or "12px")[1])
            long, at = pixels("".join(text.itertext()), size), float(text.get("x") or 0)
            anchor = text.get("text-anchor")
            start = at - long if anchor == "end" else at - long / 2 if anchor == "middle" else at
            assert start >= -4 and start + long <= wide + 4, (answer, "".join(text.itertext()))


@pytest.mark.parametrize("verb", [clownviz.summary, clownviz.tree, clownviz.diagram])
def test_a_failed_call_is_red_in_every_picture_of_how_far_it_came(verb):
    broken = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(6, 2))
    with pytest.raises(RuntimeError) as caught:
        clownviz.run(broken, ROWS())
    answer = verb(caught.value.tape)
    for made in (answer.text(), answer.svg()):
        assert "Linear expected (*, 6), got (3, 8)" in made
    assert "cv-error" in answer.svg()


def test_of_a_failed_run_no_findings_are_no_good_news():
    with pytest.raises(RuntimeError) as caught:
        clownviz.run(nn.Sequential(nn.Linear(4, 8), nn.Linear(6, 2)), ROWS(), keep="full")
    view = clownviz.findings(caught.value.tape)
    assert f"nothing found by {len(CHECKS)} checks before it failed" in view.text()
    assert "; ended in 1: RuntimeError: linear" in view.text()
    assert "✓" not in view.html() + view.svg()
    told = clownviz.explore(caught.value.tape).text()
    assert "failed: 1: Linear expected (*, 6), got (3, 8); it raised RuntimeError" in told


@pytest.mark.parametrize("name", ["NaN", "Inf", "the largest numbers", "an empty batch"])
def test_gradients_of_strange_numbers_have_their_views(name):
    make, inputs = STRANGE[name]
    report = clownviz.report(make(), inputs(), gradients=True)
    assert {"Gradient flow", "Autograd graph"} <= {title for title, _ in report.sections}
    json.dumps(report.json(), allow_nan=False)
    assert "\u202e" not in clownviz.autograd(named(TURNED), ROWS()).text()


def test_without_gradients_models_are_compared_by_what_they_answer():
    make, inputs = STRANGE["frozen"]
    model, other, x = make(), make(), inputs()
    assert clownviz.compare(model, other, x).view.difference.forward.label == "Linear"
    with pytest.raises(RuntimeError, match="output does not: is a parameter trainable"):
        clownviz.compare(model, other, x, gradients=True)


def test_a_model_in_the_middle_of_training_goes_on_as_if_nobody_had_looked():
    def train(look: bool) -> list:
        clownpiece.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
        optimizer = clownpiece.optim.Adam(model.parameters())
        x = clownpiece.randn(6, 4)
        for step in range(4):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            if look and step == 2:
                for verb in VERBS:
                    verb(model, x)
                clownviz.report(model, x, gradients=True)
            optimizer.step()
        return [*model.state_dict().values(), loss]

    assert all((a == b).all() for a, b in zip(train(True), train(False)))
