"""Histograms over steps and gradient flow: right numbers, any length, marks for what is missing."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.number_tapes import trained

import clownpiece
import clownviz
from clownpiece import nn, optim
from clownviz import look
from clownviz.analysis.flow import Flow, flow_of, training_of
from clownviz.analysis.history import History, counts_between, history_of
from clownviz.recording.statistics import statistics
from clownviz.recording.tape import ABSENT
from clownviz.views.gradient_flow import GradientFlow, heat_codes, remark, typical
from clownviz.views.histograms import BINS, COLUMNS, Histograms
from clownviz.views.raster import MASKED
from clownviz.views.strip import norm_scale

ROLES = ("output", "gradient", "weight", "weight.gradient")


def normal(steps: int) -> History:
    rng = np.random.default_rng(0)
    stats = [statistics(rng.standard_normal(500) * (1 + step)) for step in range(steps)]
    return History("fc weight", "weight", list(range(steps)), stats)


# -- histograms ------------------------------------------------------------------------------


@given(
    hnp.arrays(np.float32, st.integers(1, 200), elements=st.floats(-1e3, 1e3, width=32)),
    st.integers(1, 30),
)
def test_every_value_is_counted_in_some_bin(values, bins):
    stats = statistics(values)
    low, high = float(values.min()) - 1, float(values.max()) + 1
    counts = counts_between(stats, np.linspace(low, high, bins + 1))
    assert counts.sum() == pytest.approx(len(values))
    assert (counts >= -1e-9).all()


def test_bins_hold_what_numpy_says_to_the_width_of_a_cell():
    values = np.random.default_rng(0).standard_normal(4000)
    edges = np.linspace(-3, 3, 13)
    counts = counts_between(statistics(values), edges)
    expected, _ = np.histogram(values, edges)
    assert np.abs(counts - expected).max() < 4000 * 0.01


@pytest.mark.parametrize("of", ROLES)
def test_a_tape_gives_the_history_of_each_role(of):
    history = history_of(trained(5), "conv", of)
    assert history.steps == [0, 1, 2, 3, 4]
    assert history.role == ("gradient" if "gradient" in of else of.replace("output", "activation"))


def test_weights_and_gradients_of_a_real_training_are_those_of_their_steps():
    clownpiece.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    weights, gradients = [], []
    x = clownpiece.randn(8, 3)
    with clownviz.Capture(model, gradients=True) as tape:
        for _ in range(3):
            weights.append(model[0].weight.numpy(force=True).copy())
            optimizer.zero_grad()
            model(x).square().mean().backward()
            gradients.append(model[0].weight.grad.numpy().copy())
            optimizer.step()
    for of, arrays in (("weight", weights), ("weight.gradient", gradients)):
        history = history_of(tape, "0", of)
        assert history.steps == [0, 1, 2]
        for stats, array in zip(history.stats, arrays):
            assert stats.mean == pytest.approx(array.mean(), rel=1e-5)
            assert stats.max == pytest.approx(array.max(), rel=1e-6)


def test_any_number_of_steps_fits():
    view = Histograms(normal(1000))
    assert len(view.shown.steps) == COLUMNS
    assert "1,000 steps, 7 merged in a column" in view.note
    assert sum(stats.count for stats in view.shown.stats) == 1000 * 500
    assert len(view.html()) < 300_000
    assert len(view.text().splitlines()) < 30


def test_few_steps_are_ridges_and_many_a_heat_map():
    ridges, heat = Histograms(normal(4)).svg(), Histograms(normal(40)).svg()
    assert "data-cells" not in ridges and ">step 3</text>" in ridges
    assert "data-cells" in heat and "median; dashed 5% and 95%" in heat


def test_the_quantiles_that_are_told_are_those_of_the_values():
    view = Histograms(normal(2))
    first = view.json()["steps"][0]
    values = np.random.default_rng(0).standard_normal(500)
    assert first["q50"] == pytest.approx(np.quantile(values, 0.5), abs=0.05)
    assert first["q95"] == pytest.approx(np.quantile(values, 0.95), rel=0.05)
    assert len(first["counts"]) == BINS


def decades(steps: int) -> History:
    """Gradients between 1e-8 and 1, of both signs."""
    rng = np.random.default_rng(0)
    drawn = [10 ** rng.uniform(-8, 0, 800) * rng.choice([-1, 1], 800) for _ in range(steps)]
    return History("fc gradient", "gradient", list(range(steps)), [statistics(d) for d in drawn])


@pytest.mark.parametrize("steps", [4, 40])
def test_a_logarithmic_axis_has_room_for_all_decades_of_both_signs(steps):
    view, linear = Histograms(decades(steps), log=True), Histograms(decades(steps))
    assert view.counts.sum() == pytest.approx(800 * steps) and not view.odd
    filled = [(one.shares > 0.002).sum() for one in (view, linear)]
    assert filled[0] > 1.5 * filled[1]
    assert np.all(np.diff(view.edges) > 0) and np.allclose(view.edges, -view.edges[::-1], rtol=0.1)
    svg = view.svg()
    assert {"-0.1", "0", "0.1"} <= set(re.findall(r">([^<>]*)</text>", svg))
    assert view.figure().savefig


@pytest.mark.parametrize(
    "values", [[np.nan] * 3, [0.0] * 3, [1e308, -1e308], [], [5e-324], [np.inf, 1.0], [-2.0]]
)
@pytest.mark.parametrize("steps", [1, 20])
@pytest.mark.parametrize("log", [False, True])
def test_histories_at_the_edge(values, steps, log):
    stats = statistics(np.array(values))
    view = Histograms(
        History("<b>\u202e", "activation", list(range(steps)), [stats] * steps), log=log
    )
    ElementTree.fromstring(view.svg())
    assert not re.search(r'[" ,]nan|[" ]inf', view.svg())
    json.dumps(view.json(), allow_nan=False)
    assert view.text()
    view.figure().canvas.draw()


def test_the_figure_of_a_heat_map_has_the_limits_of_the_picture():
    view = Histograms(normal(30))
    axes = view.figure().axes[0]
    assert axes.get_ylim() == (view.edges[0], view.edges[-1])
    low, high = axes.collections[0].get_clim()
    assert low == 0 and f"{100 * high:.3g}% of a step" in view.svg()


def test_a_history_that_is_not_there():
    tape = trained(2)
    with pytest.raises(KeyError, match="no module 'fc9' in ConvNet"):
        history_of(tape, "fc9")
    with pytest.raises(KeyError, match=r"conv has no 'scale': expected one of output.*bias"):
        history_of(tape, "conv", "scale")
    with pytest.raises(ValueError, match=r"no statistics of conv bias gradient.*gradients=True"):
        history_of(tape, "conv", "bias.gradient")


# -- gradient flow ---------------------------------------------------------------------------


def test_layers_stand_in_forward_order_and_their_norms_are_of_all_their_parameters():
    tape = trained(2)
    tape.trained = ("fc.weight", "fc.bias", "conv.weight", "conv.bias")
    flow = flow_of(tape)
    assert flow.paths == ["conv", "fc"]
    np.testing.assert_allclose(flow.gradient[0, 0], 2.0)
    assert flow_of(tape, "parameter").paths[0] == "conv.weight"


def test_one_backward_gives_the_norms_of_the_gradients():
    clownpiece.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x = clownpiece.randn(8, 3)
    tape = clownviz.run(model, x, gradients=True)
    model(x).sum().backward()
    flow = flow_of(tape, "parameter")
    expected = [float(np.linalg.norm(p.grad.numpy())) for p in model.parameters()]
    np.testing.assert_allclose(flow.gradient[0], expected, rtol=1e-5)
    assert flow.ratio is None and "‖update‖" not in GradientFlow(flow).svg()


def test_a_watch_and_a_tape_of_the_same_training_tell_the_same():
    tape = trained(4)
    training = training_of(tape)
    np.testing.assert_array_equal(training.layer_grad_norm(), flow_of(tape).gradient)
    assert training.scalars["loss"][1].tolist() == [2.0, 1.0, 2 / 3, 0.5]
    assert GradientFlow(flow_of(training)).text() == GradientFlow(flow_of(tape)).text()


def test_optimizers_that_take_turns_are_in_one_row():
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    often, rarely = (optim.SGD(model[at].parameters(), lr=0.1) for at in (0, 2))
    with clownviz.capture(model, gradients=True) as tape:
        for step in range(4):
            model.zero_grad()
            model(clownpiece.randn(5, 4)).square().mean().backward()
            often.step()
            if step % 2:
                rarely.step()
    flow = flow_of(tape)
    assert flow.paths == ["0", "2"] and flow.steps.tolist() == [1, 3, 4, 6]
    first, last = flow.gradient.T
    assert (first > 0).all() and last[0] == ABSENT
    assert last[1] == last[2] > 0 and last[3] != last[2]
    assert flow.ratio is not None and flow.ratio[0, 1] == ABSENT
    assert "no gradient" not in GradientFlow(flow).text()


def test_the_curves_of_a_tape_have_the_learning_rates():
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    groups = [{"params": model[0].parameters()}, {"params": model[1].parameters(), "lr": 0.01}]
    optimizer = optim.SGD(groups, lr=0.1)
    with clownviz.capture(model, every=2) as tape:
        for step in range(5):
            optimizer.zero_grad()
            model(clownpiece.randn(5, 4)).square().mean().backward()
            optimizer.param_groups[0]["lr"] = 0.1 / (step + 1)
            optimizer.step()
    curves = training_of(tape).scalars
    assert list(curves) == ["loss", "lr", "lr/1"]
    assert curves["lr"][0].tolist() == [0, 2, 4]
    assert curves["lr"][1] == pytest.approx([0.1, 0.1 / 3, 0.02])
    assert curves["lr/1"][1] == pytest.approx([0.01] * 3)


def test_what_is_missing_is_marked_and_told():
    view = GradientFlow(flow_of(trained(6), "parameter"))
    scale = norm_scale(view.flow.gradient)
    codes = heat_codes(view.flow.gradient, scale)
    assert (codes[3] == MASKED).all()
    assert codes[0, 3] == look.LOOK["codes"]["nan"]
    assert re.search(r"fc\.bias +– .*no gradient", view.text())
    assert ">no gradient<" in view.svg() and ">NaN<" in view.svg()


def test_infinity_is_seen_in_a_heat_map_and_in_its_figure():
    gradient = np.ones((5, 2), np.float32)
    gradient[2, 1] = np.inf
    view = GradientFlow(Flow("Net", ["a", "b"], np.arange(1, 6), gradient, None))
    assert f"fill:{look.variable('infinite')}" in view.svg() and ">∞<" in view.svg()
    (picture,) = view.figure().axes[0].images
    assert tuple(picture.get_array()[1, 2, :3]) == look.rgb(look.color("infinite"))
    assert "Inf" not in view.text().splitlines()[3]


def test_remarks():
    steady = np.full(10, 0.1)
    assert remark(steady, np.full(10, 1e-3)) == ""
    assert remark(steady, np.full(10, 0.5)) == "large steps"
    assert remark(steady, np.full(10, 1e-7)) == "hardly moves"
    assert remark(steady, np.full(10, math.inf)) == "weights not finite"
    assert remark(np.zeros(10), None) == "zero gradient"
    assert remark(np.full(10, ABSENT), None) == "no gradient"
    assert remark(np.array([1.0, math.nan]), None) == "NaN!"
    assert remark(np.array([1.0, math.inf]), None) == "Inf!"
    assert typical(np.array([9.0, ABSENT])) == ABSENT


def test_few_steps_are_bars_and_many_a_heat_map():
    assert "data-cells" not in GradientFlow(flow_of(trained(2))).svg()
    many = GradientFlow(flow_of(trained(6)))
    assert many.svg().count("data-cells") == 2
    figure = many.figure("dark")
    figure.canvas.draw()
    scale = norm_scale(many.flow.gradient)
    assert figure.axes[2].get_ylim() == pytest.approx((scale.low, scale.high))


def test_a_thousand_layers_show_both_ends():
    rng = np.random.default_rng(0)
    gradient = np.exp(rng.standard_normal((500, 1000))).astype(np.float32)
    paths = [f"layers.{n}" for n in range(1000)]
    view = GradientFlow(Flow("Deep", paths, np.arange(500), gradient, gradient / 1000))
    assert "… 952 more" in view.text() and "layers.999" in view.text()
    assert "48 of 1,000 rows" in view.note
    assert len(view.html()) < 1_000_000


@given(hnp.arrays(np.float32, (4, 3), elements=st.floats(-1, 2.0**100, width=32)))
def test_any_norms_make_a_well_formed_picture(gradient):
    flow = Flow("<b>", ["a", "<script>", "\u202e"], np.arange(1, 5), gradient, None)
    for steps in (slice(None), slice(0, 1)):
        part = Flow(flow.model, flow.paths, flow.steps[steps], gradient[steps], None)
        root = ElementTree.fromstring(GradientFlow(part).svg())
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not names & {"script", "b"}


def test_what_no_gradient_was_recorded_of_is_refused():
    with pytest.raises(ValueError, match="no gradient of Linear was recorded"):
        flow_of(clownviz.run(nn.Linear(2, 2), clownpiece.ones(1, 2)))
    with pytest.raises(ValueError, match="by='module'"):
        flow_of(trained(1), "module")
