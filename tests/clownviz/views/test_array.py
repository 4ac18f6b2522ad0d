"""One array as a picture: codes give values back, cells that are shown say which they are."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clownviz import look
from clownviz.capture.statistics import statistics
from clownviz.views.array import BUDGET, TOP, ArrayView, decode, encode, rms_limit

FINITE = st.floats(-1e6, 1e6)


@given(hnp.arrays(float, st.integers(1, 50), elements=FINITE), st.booleans())
def test_codes_give_values_back_to_half_a_step(values, signed):
    values = values if signed else np.abs(values)
    limit = float(np.abs(values).max())
    step = limit / (TOP / 2 if signed else TOP)
    back = decode(encode(values, limit, signed), limit, signed)
    assert np.abs(back - values).max() <= step / 2 * (1 + 1e-6) + 1e-300


def test_zero_is_exact_and_what_is_no_number_stays_so():
    values = np.array([0.0, np.nan, np.inf, -np.inf])
    for signed in (True, False):
        back = decode(encode(values, 3.0, signed), 3.0, signed)
        np.testing.assert_array_equal(back, values)


def test_values_beyond_the_range_are_coded_as_clipped():
    assert encode(np.array([2.0, -2.0, 1.0]), 1.0, True).tolist() == [252, 251, 250]
    assert encode(np.array([2.0, -2.0]), 1.0, False).tolist() == [252, 251]
    assert encode(np.zeros(3), 0.0, False).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "shape, role, image, layout, cells",
    [
        ((), "activation", False, "vector", (1,)),
        ((7,), "activation", False, "vector", (7,)),
        ((1, 10), "activation", False, "vector", (10,)),
        ((8, 10), "activation", False, "heatmap", (8, 10)),
        ((8, 12, 32), "activation", False, "heatmap", (12, 32)),
        ((8, 6, 24, 20), "activation", False, "maps", (6, 24, 20)),
        ((6, 24, 24), "activation", True, "maps", (6, 24, 24)),
        ((8, 16, 1, 1), "activation", False, "vector", (16,)),
        ((2, 3, 4, 5, 6), "activation", False, "maps", (12, 5, 6)),
        ((300, 784), "weight", False, "heatmap", (64, 128)),
        ((6, 1, 5, 5), "weight", False, "maps", (6, 5, 5)),
        ((4, 3, 5, 5), "weight", False, "maps", (12, 5, 5)),
        ((16, 8, 1, 1), "weight", False, "heatmap", (16, 8)),
        ((4, 3, 5), "weight", False, "maps", (4, 3, 5)),
        ((0, 4), "activation", False, "heatmap", (0, 4)),
        ((2, 0, 3, 3), "activation", False, "maps", (0, 3, 3)),
        ((1, 2000), "activation", False, "vector", (128,)),
        ((1, 3, 224, 224), "activation", False, "maps", (3, 112, 112)),
        ((1, 512, 7, 7), "activation", False, "maps", (64, 7, 7)),
    ],
)
def test_every_shape_has_its_layout(shape, role, image, layout, cells):
    view = ArrayView(np.ones(shape, dtype=np.float32), role=role, image=image)
    assert (view.layout, view.codes.shape) == (layout, cells)
    assert len(view.data) == math.prod(cells) == view.facts()["length"]


@example(np.array([[1e308, -1e308], [5e-324, 0.0]]), "weight", 500)
@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=5, max_side=40)),
    st.sampled_from(["activation", "weight", "gradient"]),
    st.integers(1, 500),
)
def test_no_array_takes_more_than_its_budget_and_none_is_lost(array, role, budget):
    view = ArrayView(array, role=role, budget=budget)
    facts = view.facts()
    # Below a few cells an axis there is no picture; that much every array gets.
    assert len(view.data) <= max(4 * budget, 1600)
    assert facts["shape"] == list(view.codes.shape)
    assert all(map(math.isfinite, (facts["lo"], facts["hi"], facts["limit"])))
    assert (
        len(facts["limits"])
        == len(facts["ranges"])
        == (view.codes.shape[0] if view.layout == "maps" else 1)
    )
    ElementTree.fromstring(view.svg())


def test_a_long_axis_keeps_both_ends_and_says_what_is_left_out():
    view = ArrayView(np.arange(300 * 700).reshape(300, 700), role="weight")
    rows, columns = view.facts()["index"]
    assert rows[:2] == [0, 1] and rows[-1] == 299 and len(rows) == 64
    assert columns[-1] == 699 and view.facts()["cuts"] == [32, 64]
    assert view.shown == "64 of 300 rows, 128 of 700 columns"


def test_an_axis_that_is_hardly_too_long_is_shown_whole():
    view = ArrayView(np.zeros((65, 64)), role="weight")
    assert (view.codes.shape, view.shown) == ((65, 64), "")


def test_an_image_is_thinned_evenly_and_not_cut():
    view = ArrayView(np.zeros((1, 3, 224, 224), dtype=np.float32))
    _, rows, _ = view.facts()["index"]
    assert set(np.diff(rows)) == {2}
    assert view.facts()["cuts"] == [None, None, None]
    assert view.shown == "every 2nd row, every 2nd column"


def test_kernels_stand_in_rows_by_output_and_are_named_by_both_channels():
    view = ArrayView(np.zeros((4, 3, 5, 5)), role="weight")
    assert view.columns == 3
    assert view.facts()["index"][0][:4] == ["0, 0", "0, 1", "0, 2", "1, 0"]
    many = ArrayView(np.zeros((32, 16, 3, 3)), role="weight")
    assert many.shown == "64 of 512 kernels"
    assert many.facts()["index"][0][-1] == "31, 15"


def test_the_cells_of_the_codes_are_those_the_index_names():
    rng = np.random.default_rng(0)
    array = rng.standard_normal((32, 16, 3, 3))
    view = ArrayView(array, role="weight")
    for place, name in enumerate(view.facts()["index"][0]):
        out, into = map(int, name.split(", "))
        back = decode(view.codes[place], view.ranges[place], view.signed)
        shown = np.clip(array[out, into], -view.ranges[place], view.ranges[place])
        assert np.abs(back - shown).max() < view.ranges[place] / 100


def test_every_map_has_its_own_range_so_that_a_quiet_one_keeps_its_detail():
    quiet, loud = np.linspace(0, 0.01, 16), np.linspace(0, 100, 16)
    view = ArrayView(np.stack([quiet, loud]).reshape(1, 2, 4, 4))
    assert len(np.unique(view.codes[0])) > 10
    assert view.limits[0] <= 0.01 < view.limit


def test_an_outlier_does_not_take_the_codes_from_the_rest():
    array = np.random.default_rng(0).standard_normal((1, 1, 32, 32)).astype(np.float32)
    array[0, 0, 0, 0] = 1e6
    view = ArrayView(array, stats=statistics(array))
    assert view.codes[0, 0, 0] in (TOP, 252)
    assert "clipped +" in view.legend()


def test_a_tensor_that_is_kept_in_part_is_described_whole():
    whole = np.arange(24.0).reshape(4, 6)
    view = ArrayView(whole[:1], shape=whole.shape, stats=statistics(whole))
    assert view.text().startswith("Tensor(4, 6) float64 x∈[0, 23]")
    assert view.shown == "example 0 of 4"
    assert view.facts()["prefix"] == [0]


def test_what_is_no_number_is_named_in_the_legend_and_drawn():
    view = ArrayView(np.array([[np.nan, np.inf], [-np.inf, 1.0]]))
    assert "1 NaN ×" in view.legend() and "1 ∞" in view.legend() and "1 -∞" in view.legend()
    assert look.color("nan") in view.svg()


def test_a_title_that_is_markup_is_text():
    svg = ArrayView(np.zeros(3), title="<script>\u202e").svg()
    assert "<script>" not in svg and "\u202e" not in svg
    ElementTree.fromstring(svg)


def test_an_array_without_order_is_refused_with_a_sentence():
    with pytest.raises(TypeError, match=r"complex128.*expected real numbers"):
        ArrayView(np.zeros(3, dtype=complex))


def test_the_limit_from_statistics_is_three_sigma_about_zero():
    values = np.random.default_rng(0).standard_normal(4000)
    assert rms_limit(statistics(values)) == pytest.approx(3.0, rel=0.05)
    assert rms_limit(statistics(np.array([np.nan]))) == 0.0
    assert BUDGET == 64 * 64 * 64
