"""Findings as text, SVG, HTML and JSON, and the verb that people type."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from support.goldens import check_golden
from support.patients import PATIENTS, WARD, data, mlp, trained

import clownpiece
import clownviz
from clownpiece import nn
from clownpiece.nn import functional as F
from clownviz.analysis.findings import CHECKS, Finding
from clownviz.recording.tape import Tape
from clownviz.views.findings import MOST, Findings

GOLDENS = Path(__file__).with_name("goldens")


def several() -> Findings:
    """One finding of each severity, with numbers that do not depend on the machine."""
    return Findings(
        [
            Finding(
                "gradients_kept", "error",
                "Gradients of earlier steps are still there: SGD steps along their sum.",
                ("7 of 8 updates began with old gradients, first update 2, e.g. of fc.weight",),
                "Call `optimizer.zero_grad()` before `loss.backward()`.",
                path="fc.weight", phase="update", step=1,
            ),
            Finding(
                "dead_units", "warning", "12 of 16 units of features.1 are dead.",
                ("0 for each of 2.05 k values a unit", "no gradient passes them"),
                "Lower the learning rate, initialize with `nn.init.kaiming_normal_` and zero "
                "biases, or use `nn.LeakyReLU`.",
                path="features.1", call="features.1",
            ),
            Finding(
                "squashed_twice", "note",
                "`log_softmax` before `F.cross_entropy`, which takes the log_softmax itself.",
                ("log_softmax in head, shape (32, 4)",),
                "Take away the log_softmax: `F.cross_entropy(logits, target)`.", path="head",
            ),
        ],
        Tape("Net"),
        checks=15,
    )  # fmt: skip


def hostile() -> Findings:
    evil = '<script>alert("1")</script>\n&'
    finding = Finding("dead_units", "error", f"{evil} is `dead.", (evil,), evil, path=evil)
    return Findings([finding], Tape(evil), checks=1)


def test_the_text_fits_a_screen_and_says_sentence_evidence_and_fix():
    text = several().text()
    check_golden(GOLDENS / "findings.txt", text)
    assert max(map(len, text.splitlines())) <= 100


def test_the_picture_says_the_same():
    root = ElementTree.fromstring(several().svg())
    told = " ".join("".join(element.itertext()) for element in root.iter() if "text" in element.tag)
    for part in ("Net: 1 error, 1 warning, 1 note", "✗", "▲", "●", "features.1 are dead", "→ Call"):
        assert part in told


def test_a_card_is_labelled_for_those_who_do_not_see_its_colour():
    page = several().html()
    for severity in ("error", "warning", "note"):
        assert f'aria-label="{severity}"' in page
    assert "<code>optimizer.zero_grad()</code>" in page


def test_nothing_from_a_model_is_markup():
    view = hostile()
    assert "<script>" not in view.html() and "<script>" not in view.svg()
    ElementTree.fromstring(view.svg())
    assert "\n&" not in view.text()


def test_many_findings_are_counted():
    view = Findings(several().found * 5, Tape("Net"), checks=15)
    for shown in (view.text(), view.svg(), view.html()):
        assert f"… {15 - MOST} more findings" in shown
    assert len(view.json()["findings"]) == 15


def test_a_healthy_model_is_told_so_and_what_was_looked_at():
    x, target = data()
    view = clownviz.findings(mlp(), x, loss=lambda y: F.cross_entropy(y, target))
    assert view.text() == (
        f"Sequential: nothing found by {len(CHECKS)} checks\n"
        "looked at: 1 run, 1 with backward, no optimizer step"
    )
    assert "✓" in view.svg() and "✓" in view.html()
    assert "nothing was run" in clownviz.findings(mlp()).text()


@pytest.mark.parametrize("name", PATIENTS)
def test_every_patient_can_be_shown(name):
    view = clownviz.findings(PATIENTS[name][1](False))
    assert json.loads(json.dumps(view.json()))["findings"]
    ElementTree.fromstring(view.svg())
    assert view.text() and view.html()


def test_a_training_is_only_read():
    tape = WARD.kept_gradients(False)
    assert "Gradients of earlier steps" in clownviz.findings(tape).text()
    with pytest.raises(TypeError, match="a tape holds a run that is over"):
        clownviz.findings(tape, data()[0])


def test_a_run_leaves_the_model_as_it_was():
    model, (x, target) = mlp(nn.BatchNorm1d(16), nn.Dropout(0.5)), data()
    before = {name: value.numpy().tobytes() for name, value in model.state_dict().items()}
    clownviz.findings(model, x, loss=lambda y: F.cross_entropy(y, target))
    assert before == {name: value.numpy().tobytes() for name, value in model.state_dict().items()}
    assert all(p.grad is None for p in model.parameters())


def test_checks_and_thresholds_are_chosen_by_name():
    model, x = mlp(), 5 * clownpiece.randn(32, 8)
    assert not clownviz.findings(model, x).json()["findings"]
    assert clownviz.findings(model, x, input_size=3.0).json()["findings"]
    assert not clownviz.findings(model, x, checks=["dead_units"], input_size=3.0).json()["findings"]
    with pytest.raises(TypeError, match=r"findings\(\) got headache=…: it has loss, .*input_size"):
        clownviz.findings(model, x, headache=1)
    with pytest.raises(ValueError, match="expected names from"):
        clownviz.findings(model, x, checks=["headache"])


def test_training_on_a_healthy_model_is_healthy():
    assert clownviz.findings(trained(mlp())).json()["findings"] == []
