"""Findings and views of PyTorch's models: each patient is found there as it is here."""

from __future__ import annotations

import re

import pytest
from support.giants import giants
from support.patients import PATIENTS, Ward
from support.routines import routines

torch = pytest.importorskip("torch")

import clownviz  # noqa: E402
from clownviz.analysis.findings import examine  # noqa: E402
from clownviz.recording import run  # noqa: E402

WARD = Ward(torch)
SICK = WARD.patients()
HEALTHY = WARD.healthy()
NUMBER = re.compile(r"[\d.e-]+")


@pytest.mark.parametrize("name", SICK)
def test_a_patient_of_pytorch_has_the_findings_of_its_twin(name):
    check, patient, also = SICK[name]
    found = examine(patient(False))
    assert {finding.check for finding in found} == {check, *also}, found
    first, twin = (
        next(f for f in examine(tape, checks=[check]))
        for tape in (patient(False), PATIENTS[name][1](False))
    )
    assert (first.severity, first.path, first.phase) == (twin.severity, twin.path, twin.phase)
    assert NUMBER.sub("…", first.fix) == NUMBER.sub("…", twin.fix)


@pytest.mark.parametrize("name", SICK)
def test_on_the_healthy_twin_of_a_patient_of_pytorch_all_checks_are_silent(name):
    assert examine(SICK[name][1](True)) == []


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_models_of_pytorch_are_healthy(name):
    make, batch, loss = HEALTHY[name]
    model, (x, target) = make(), batch()
    tape = run(model, x, keep="full", gradients=True, loss=lambda y: loss(y, target))
    assert examine(tape) == []
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    assert examine(WARD.trained(model, optimizer, batch=(x, target), loss=loss)) == []
    model.eval()
    with torch.no_grad():
        assert examine(run(model, x)) == []


ROUTINES = routines(WARD)


@pytest.mark.parametrize("name", ROUTINES)
def test_healthy_trainings_of_pytorch_that_are_no_plain_loop_are_healthy(name):
    assert examine(ROUTINES[name]()) == []


@pytest.mark.parametrize("name", HEALTHY)
def test_every_view_answers_for_a_model_of_pytorch(name):
    make, batch, loss = HEALTHY[name]
    model, (x, target) = make(), batch()
    judged = {"loss": lambda y: loss(y, target)}
    shown = [
        clownviz.summary(model, x),
        clownviz.tree(model, x),
        clownviz.findings(model, x, **judged),
        clownviz.gradient_flow(model, x, **judged),
        clownviz.compare(model, make(), x, **judged),
        clownviz.report(model, x, gradients=True, **judged),
    ]
    if name == "transformer":
        shown.append(clownviz.attention(model, x))
    for view in shown:
        assert view.text() and view.html() and view.svg() and view.json()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_training_of_pytorch_has_all_views_of_a_training():
    tape = WARD.trained(WARD.mlp(), keep="statistics", steps=3)
    for view in (
        clownviz.findings(tape),
        clownviz.gradient_flow(tape),
        clownviz.curves(tape),
        clownviz.histograms(tape, path="0", of="weight"),
        clownviz.report(tape),
    ):
        assert view.text() and view.html()


@pytest.mark.parametrize("name", ["a GPT of 48 layers", "a DenseNet with 120 skips"])
def test_giants_of_pytorch_have_first_pictures(name):
    model, x = giants(torch.nn, torch)[name]()
    tape = run(model, x, keep="shapes")
    for verb in (clownviz.summary, clownviz.tree, clownviz.diagram):
        assert 3 <= len(verb(tape).text().splitlines()) <= 210
