"""Curves: axes as in the page, no lost spike, coarse text, figures in the same colours."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clownviz import look
from clownviz.views.axes import (
    Axes,
    Curve,
    _value_range,
    linear_ticks,
    log_ticks,
    smoothed,
    usual_span,
)
from clownviz.views.curves import Curves, coarse, trend
from clownviz.views.strip import norm_scale

GOLDEN = json.loads(Path(__file__).with_name("axes.json").read_text())
FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=32)


class TestTheGoldenCasesOfThePage:
    def test_ticks(self):
        for low, high, wanted, ticks in GOLDEN["linear"]:
            assert linear_ticks(low, high, wanted) == ticks
        for low, high, wanted, ticks in GOLDEN["log"]:
            assert log_ticks(low, high, wanted) == ticks

    def test_averages(self):
        for span, steps, values, expected in GOLDEN["smoothed"]:
            found = smoothed(np.array(steps), np.array(values, float), span)
            np.testing.assert_allclose(found, expected, rtol=1e-9)
        for first, last, span in GOLDEN["span"]:
            assert usual_span(first, last) == span

    def test_ranges(self):
        for (_, values), log, expected in GOLDEN["range"]:
            np.testing.assert_allclose(_value_range([np.array(values, float)], log), expected)
        for _, values, (low, high) in GOLDEN["heat"]:
            scale = norm_scale(np.array(values, float))
            np.testing.assert_allclose([scale.low, scale.high], [low, high])


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 12))
def test_ticks_are_even_within_the_range_and_about_as_many_as_wanted(low, span, wanted):
    ticks = linear_ticks(low, low + span, wanted)
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in ticks)
    assert len(ticks) <= 2 * wanted + 2
    if len(ticks) > 2:
        np.testing.assert_allclose(np.diff(ticks), ticks[1] - ticks[0], rtol=1e-3)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30), st.floats(0.1, 100))
def test_an_average_stays_between_the_lowest_and_the_highest(values, span):
    steps = np.arange(1, len(values) + 1)
    mean = smoothed(steps, np.array(values), span)
    assert mean.min() >= min(values) - 1e-9
    assert mean.max() <= max(values) + 1e-9
    assert mean[0] == pytest.approx(values[0])


def path_heights(svg: str) -> list[float]:
    return [float(y) for y in re.findall(r"[ML][\d.]+ (-?[\d.]+)", svg)]


def test_a_spike_among_many_points_is_drawn():
    values = np.ones(20_000)
    values[7_777] = 100
    curve = Curve("loss", np.arange(20_000), values)
    axes = Axes.around([curve], (0, 0, 400, 200))
    line = axes.line(curve, values, 1, 1)
    assert min(path_heights(line)) == pytest.approx(float(axes.up(100)), abs=0.1)
    assert line.count("L") < 4 * 400


@given(st.lists(FLOATS, max_size=12), st.booleans())
def test_any_numbers_make_a_well_formed_picture_and_text(values, log):
    view = Curves({"loss": np.array(values, float)}, log=log)
    ElementTree.fromstring(view.svg())
    for places in re.findall(r' (?:d|x|y)="([^"]*)"', view.svg()):
        assert not re.search("nan|inf", places)
    assert view.text().count("\n") == 1
    json.dumps(view.json(), allow_nan=False)


def test_what_is_not_finite_is_marked():
    svg = Curves({"loss": [1.0, math.nan, 2.0, math.inf]}).svg()
    assert svg.count(">×</text>") == 1
    assert svg.count(">∞</text>") == 1


def test_a_single_point_is_seen():
    assert "h0" in Curves({"loss": [1.0]}).svg()


def test_without_a_point_the_picture_says_so():
    assert "nothing recorded" in Curves({}).svg()
    assert Curves({"loss": []}).text().splitlines()[1].startswith("loss")


def test_text_is_the_same_for_what_differs_in_the_third_digit():
    one = Curves({"loss": np.array([2.301, 1.204, 0.5023])}).text()
    other = Curves({"loss": np.array([2.304, 1.196, 0.4991])}).text()
    assert one == other
    assert one == ("curve  first  last  lowest    trend\nloss     2.3   0.5  0.5 at 3  █▄▁")


@given(FLOATS)
def test_coarse_numbers_have_two_digits(value):
    digits = re.sub(r"e.*|[-.]", "", coarse(value)).lstrip("0").rstrip("0")
    assert len(digits) <= 2 or coarse(value).lstrip("-") in ("NaN", "∞")


def test_a_trend_is_as_long_as_it_may_be():
    assert len(trend(np.arange(1000.0))) == 24
    assert trend(np.array([])) == ""
    assert trend(np.full(3, 5.0)) == "▁▁▁"


def test_hostile_names_are_text():
    view = Curves({"<script>alert(1)</script>": [1, 2]}, title='"><img src=x onerror=y>')
    for element in ElementTree.fromstring(view.svg()).iter():
        assert element.tag.rpartition("}")[2] not in {"script", "img"}
    figure = Curves({"$x_{": [1, 2], "b": [1, 2]}, title="$broken").figure()
    figure.canvas.draw()


def test_lists_of_two_lengths():
    with pytest.raises(ValueError, match=r"'loss' has .*3.* steps and .*2.* values"):
        Curves({"loss": (np.arange(3), np.arange(2))})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_figure_has_the_colours_of_the_page(theme):
    figure = Curves({"loss": [3, 2, 1], "val_loss": [3, 2, 2]}, log=True).figure(theme)
    (axes,) = figure.axes
    named = [line for line in axes.lines if not line.get_label().startswith("_")]
    assert [line.get_color() for line in named] == [look.series(0, theme), look.series(1, theme)]
    assert axes.get_yscale() == "log"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["loss", "val_loss"]


def test_learning_rates_have_a_chart_of_their_own_below():
    both = Curves({"loss": [2.0, 1.0], "lr": [0.001, 0.0005]})
    one = Curves({"loss": [2.0, 1.0], "lru": [0.001, 0.0005]})
    heights = [float(re.search(r'height="([\d.]+)"', each.svg())[1]) for each in (both, one)]
    assert heights[0] > heights[1] and ">0.001<" in both.svg()
    assert len(both.figure().axes) == 2 and len(one.figure().axes) == 1
    assert len(Curves({"lr": [0.1, 0.2], "lr/1": [0.1, 0.3]}).figure().axes) == 1


def test_nothing_can_strip_the_picture():
    page = Curves({"<loss>": [2.0, 1.0]}).html()
    assert page.startswith("<img ") and "data:image/svg+xml" in page
    assert "Curves: &lt;loss&gt; 1" in page
