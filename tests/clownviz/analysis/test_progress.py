"""Norms, update ratios and effective rates, against the formulas and against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from support.patients import data, mlp, trained

import clownpiece
from clownpiece import nn, optim
from clownviz.analysis.progress import gradients_by_depth, layer_progress
from clownviz.recording import run
from clownviz.recording.tape import ABSENT


def test_the_effective_rate_of_plain_sgd_is_its_learning_rate():
    model = mlp()
    tape = trained(model, optim.SGD(model.parameters(), lr=0.05), steps=4)
    layers = layer_progress(tape)
    assert [layer.path for layer in layers] == ["0", "2"]
    assert layers[0].parameters == ("0.weight", "0.bias")
    for layer in layers:
        assert layer.effective_rate == pytest.approx([0.05] * 4, rel=1e-3)
        assert layer.update_ratio == pytest.approx(layer.update_norm / layer.weight_norm)


def test_adam_moves_each_weight_by_about_its_learning_rate():
    model = mlp(width=64)
    tape = trained(model, optim.Adam(model.parameters(), lr=1e-3), steps=1)
    layer = layer_progress(tape, matrices_only=True)[0]
    assert layer.parameters == ("0.weight",)
    assert layer.update_norm[0] == pytest.approx(1e-3 * np.sqrt(8 * 64), rel=0.01)


def test_norms_of_a_layer_are_those_of_all_its_parameters():
    model = mlp()
    tape = trained(model, steps=1)
    whole, (weight, bias) = layer_progress(tape)[0], tape.updates[0].weight_norm[:2]
    assert whole.weight_norm[0] == pytest.approx(np.hypot(weight, bias))


def test_a_layer_without_a_gradient_has_no_norm_and_no_effect_on_others():
    tape = trained(mlp(), steps=2)
    for update in tape.updates:
        update.grad_norm[:2] = ABSENT
    first, last = layer_progress(tape)
    assert np.isnan(first.grad_norm).all() and np.isfinite(last.grad_norm).all()


def test_without_steps_there_is_no_progress():
    assert layer_progress(run(mlp(), data()[0])) == []


def test_gradients_by_depth_are_the_norms_of_the_gradients_of_outputs():
    model = nn.Sequential(nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 4))
    x, _ = data()
    found = gradients_by_depth(run(model, x, gradients=True, keep="full"))
    hidden = model[0](x)
    hidden.retain_grad()
    output = model[2](model[1](hidden))
    output.backward(clownpiece.ones_like(output))
    assert [label for label, _ in found] == ["0", "2"]
    assert found[0][1] == pytest.approx(np.linalg.norm(hidden.grad.numpy()), rel=1e-5)
    assert found[1][1] == pytest.approx(np.sqrt(output.numel()))
