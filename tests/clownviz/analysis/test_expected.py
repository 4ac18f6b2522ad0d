"""Why a call failed, in shapes: for each kind of layer, and silent where the shape was right."""

from __future__ import annotations

import pytest

import clownpiece
import clownviz
from clownpiece import nn
from clownviz.analysis.expected import mismatch

WRONG = {
    "Linear expected (*, 64), got (32, 48)": (nn.Linear(64, 8), (32, 48)),
    "Conv1d expected (N, 3, L), got (2, 4, 9)": (nn.Conv1d(3, 2, 3), (2, 4, 9)),
    "Conv2d expected (N, 4, H, W), got (2, 3, 9, 9)":
        (nn.Conv2d(4, 2, 3, groups=2), (2, 3, 9, 9)),
    "Conv2d expected (N, 3, H, W), got (9, 9)": (nn.Conv2d(3, 2, 3), (9, 9)),
    "ConvTranspose2d expected (N, 4, H, W), got (2, 3, 9, 9)":
        (nn.ConvTranspose2d(4, 2, 3), (2, 3, 9, 9)),
    "LayerNorm expected (*, 4, 8), got (2, 8, 4)": (nn.LayerNorm((4, 8)), (2, 8, 4)),
    "BatchNorm2d expected (N, 4, H, W), got (2, 3, 5, 5)": (nn.BatchNorm2d(4), (2, 3, 5, 5)),
    "BatchNorm1d expected (N, 4, *), got (2, 3)": (nn.BatchNorm1d(4), (2, 3)),
    "GroupNorm expected (N, 4, *), got (2, 3, 5)": (nn.GroupNorm(2, 4), (2, 3, 5)),
    "LSTM expected (*, 8), got (2, 5, 7)": (nn.LSTM(8, 4), (2, 5, 7)),
    "GRUCell expected (*, 8), got (2, 7)": (nn.GRUCell(8, 4), (2, 7)),
}  # fmt: skip


def tape_of(model, *inputs):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        clownviz.run(model, *inputs)
    return caught.value.tape


@pytest.mark.parametrize("sentence", WRONG)
def test_a_layer_says_what_it_expected_and_what_it_got(sentence):
    layer, shape = WRONG[sentence]
    assert mismatch(tape_of(nn.Sequential(layer), clownpiece.randn(*shape))) == sentence


class Adds(nn.Module):
    def forward(self, x):
        return x + clownpiece.ones(3)


@pytest.mark.parametrize("model, x", [
    (nn.Linear(4, 3), clownpiece.ones(2, 4, dtype=clownpiece.int64)),
    (Adds(), clownpiece.ones(2, 4)),
])  # fmt: skip
def test_where_the_shape_is_right_or_unknown_nothing_is_said(model, x):
    assert mismatch(tape_of(model, x)) == ""


def test_a_run_that_went_well_has_no_mismatch():
    assert mismatch(clownviz.run(nn.Linear(4, 3), clownpiece.ones(2, 4))) == ""


@pytest.mark.parametrize("verb", [clownviz.summary, clownviz.tree, clownviz.diagram])
def test_the_partial_picture_shows_it(verb):
    tape = tape_of(nn.Sequential(nn.ReLU(), nn.Linear(64, 8)), clownpiece.ones(32, 48))
    shown = verb(tape)
    assert "Linear expected (*, 64), got (32, 48)" in shown.text()
    assert "(*, 64)" in shown.svg() and "var(--cv-error" in shown.svg()
