"""A recorded run as text, picture and data: the same every time, NaN shown, names escaped."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from clownviz import look
from clownviz.recording.probe import NonFinite
from clownviz.recording.training import ABSENT, Training
from clownviz.views.dashboard import Dashboard
from clownviz.views.strip import HeatScale, binned, ratio_scale


def run(steps=40, parameters=("conv.weight", "conv.bias", "head.weight"), **changes) -> Training:
    """A made-up run whose numbers fall, the deeper the faster."""
    at = np.arange(1, steps + 1)
    fall = np.exp(-at / 20)[:, None]
    depth = np.arange(1, len(parameters) + 1)
    fields = {
        "scalars": {
            "lr": (at, np.full(steps, 1e-3)),
            "loss": (at, 2.3 * fall[:, 0] + 0.1),
            "accuracy": (at[::10], np.linspace(0.1, 0.9, len(at[::10]))),
        },
        "parameters": tuple(parameters),
        "norm_steps": at,
        "grad_norm": (fall / depth).astype(np.float32),
        "update_norm": (fall * 1e-2 / depth).astype(np.float32),
        "weight_norm": np.full((steps, len(parameters)), 5, np.float32),
        "events": (),
    }
    return Training("LeNet", "Adam", steps=steps, **(fields | changes))


def test_text_is_one_screen_of_facts():
    assert Dashboard(run()).text() == (
        "Training LeNet with Adam: 40 steps\n"
        "\n"
        "curve     first   last  lowest      trend\n"
        "loss        2.3   0.41  0.41 at 40  █▇▇▆▅▅▄▄▃▃▃▃▂▂▂▂▂▁▁▁▁▁▁▁\n"
        "accuracy    0.1    0.9  0.1 at 1    ▁▃▆█\n"
        "lr        0.001  0.001  0.001 at 1  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁\n"
        "\n"
        "layer  ‖gradient‖  ‖update‖/‖w‖  ‖gradient‖ trend\n"
        "conv         0.16        2.3e-4  █▇▆▆▅▄▄▃▃▂▂▁\n"
        "head        0.049        9.7e-5  █▇▆▆▅▄▄▃▃▂▂▁"
    )


def test_the_same_run_is_the_same_text_and_picture():
    assert Dashboard(run()).text() == Dashboard(run()).text()
    assert Dashboard(run()).svg() == Dashboard(run()).svg()


@pytest.mark.parametrize(
    "grad, ratio, told",
    [
        (ABSENT, 1e-3, "no gradient"),
        (0.0, 0.0, "zero gradient"),
        (math.nan, 1e-3, "NaN!"),
        (math.inf, 1e-3, "Inf!"),
        (1.0, 0.5, "large steps"),
        (1.0, 1e-7, "hardly moves"),
        (1.0, math.nan, "weights not finite"),
        (1.0, 1e-3, ""),
    ],
)
def test_remarks(grad, ratio, told):
    one = np.ones((5, 1), np.float32)
    training = run(5, ["w.weight"], grad_norm=one * grad, update_norm=one * ratio, weight_norm=one)
    assert Dashboard(training).remark(0) == told
    assert Dashboard(training).text().splitlines()[-1].endswith(told)
    ElementTree.fromstring(Dashboard(training).svg())


def test_events_are_told_and_many_are_counted():
    events = tuple(NonFinite(n, f"layer{n}.weight", "gradient", n, 0, 64) for n in range(1, 9))
    lines = Dashboard(run(events=events)).text().splitlines()
    assert lines[-6] == "× step 1: the gradient of layer1.weight has 1 NaN among 64"
    assert lines[-1] == "× and 3 more places"
    assert "step 5: the gradient" in Dashboard(run(events=events)).svg()


def test_nan_absence_and_infinity_have_their_colours():
    grad = np.ones((4, 1), np.float32)
    grad[:3, 0] = [math.nan, ABSENT, math.inf]
    svg = Dashboard(run(4, ["w.weight"], grad_norm=grad)).svg()
    for color in ("nan", "masked", "infinite"):
        # Once in the strip's cells, beside the key of each legend.
        assert svg.count(f'style="fill:{look.variable(color)}" d=') >= 1


@pytest.mark.parametrize("empty", [Training("Net", "SGD"), run(0), run(1)])
def test_before_the_first_step_and_after_one(empty):
    view = Dashboard(empty)
    assert view.text().startswith(f"Training {empty.model} with {empty.optimizer}:")
    ElementTree.fromstring(view.svg())
    json.dumps(view.json(), allow_nan=False)
    view.figure()


def test_hostile_names_are_text():
    name = '<script>alert("x")</script>'
    training = run(
        5, [f"{name}.weight", "a&b\n\u202e.weight"], scalars={name: (np.ones(1), np.ones(1))}
    )
    training.model = name
    view = Dashboard(training)
    root = ElementTree.fromstring(view.svg())
    assert not [e for e in root.iter() if e.tag.endswith("script")]
    assert "\u202e" not in view.text()
    assert "<script" not in view.html()


def test_a_deep_model_folds_its_middle():
    deep = run(3, [f"blocks.{n}.weight" for n in range(200)])
    lines = Dashboard(deep).text().splitlines()
    assert len(lines) < 60
    assert "… 152 more" in lines[-25]
    assert "blocks.199" in lines[-1]
    assert "176 more layers" in Dashboard(deep).svg()


def test_a_model_with_parameters_of_its_own():
    assert Dashboard(run(3, ["weight"])).layers == ["(model)"]


def test_data_is_complete_and_speaks_json():
    grad = run().grad_norm.copy()
    grad[0, :2], grad[1, :2] = ABSENT, math.nan
    data = json.loads(json.dumps(Dashboard(run(grad_norm=grad)).json(), allow_nan=False))
    assert data["steps"] == 40
    assert [curve["name"] for curve in data["curves"]] == ["loss", "accuracy", "lr"]
    assert data["layers"][0]["path"] == "conv"
    assert data["layers"][0]["grad_norm"][:2] == [None, "NaN"]
    assert len(data["layers"][1]["update_ratio"]) == 40


def test_the_figure_is_of_the_losses():
    (axes,) = Dashboard(run()).figure().axes
    assert axes.get_title(loc="left") == "Training LeNet with Adam"
    assert {line.get_label() for line in axes.lines} >= {"loss"}


class TestHeatStrips:
    def test_a_usual_ratio_is_in_the_middle_of_the_colours(self):
        assert ratio_scale().level(1e-3) == 16
        assert ratio_scale().level(0.0) == ratio_scale().level(1e-9) == 0
        assert ratio_scale().level(7.0) == 32

    def test_a_cell_is_a_geometric_mean_unless_something_is_not_finite(self):
        assert binned(np.array([1.0, 100.0]), columns=1) == pytest.approx([10.0])
        assert binned(np.array([ABSENT, 4.0]), columns=1) == pytest.approx([4.0])
        assert binned(np.array([ABSENT, ABSENT]), columns=1) == [ABSENT]
        assert binned(np.array([ABSENT, 0.0]), columns=1) == [0.0]
        assert math.isnan(binned(np.array([math.nan, math.inf]), columns=1)[0])

    def test_equal_neighbours_are_one_path(self):
        rows = HeatScale("sequential", 0.1, 1.0).rows(np.ones((50, 2)), (0, 0, 100, 10))
        assert len(rows) == 2
