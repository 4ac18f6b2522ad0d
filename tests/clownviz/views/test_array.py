"""One array as a picture: codes give values back, cells that are shown say which they are."""

from __future__ import annotations

import base64
import html
import io
import json
import math
import re
import sys
import xml.etree.ElementTree as ElementTree

import matplotlib.colors
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from clownviz import look
from clownviz.recording.statistics import statistics
from clownviz.views.array import ArrayView, rms_limit
from clownviz.views.codes import TOP, decode, encode
from clownviz.views.layout import BUDGET
from clownviz.views.raster import palette, png

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


@settings(max_examples=40)
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


def test_the_part_that_a_tape_kept_is_said():
    view = ArrayView(np.zeros((1, 3, 4)), shape=(8, 12, 4), part="batch 0, every 4th position")
    assert view.shown == "batch 0, every 4th position"
    assert ArrayView(np.zeros((1, 3, 4)), shape=(8, 3, 4), part="batch 0").shown == (
        "example 0 of 8"
    )


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


# -- pictures --------------------------------------------------------------------------------


def pixels(svg: str) -> list[np.ndarray]:
    """The RGBA of each picture of cells, in order."""
    found = re.findall(r'<image [^>]*data-cells[^>]*href="data:image/png;base64,([^"]+)"', svg)
    opened = [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]
    return [np.asarray(picture.convert("RGBA")) for picture in opened]


def test_every_code_has_a_colour_of_its_own_so_that_a_page_reads_it_back():
    for name in ("diverging", "sequential"):
        shown = [code for code in range(256) if code not in (251, 252)]
        colors = {tuple(palette(name)[code].tolist()) for code in shown}
        assert len(colors) == len(shown)


@settings(max_examples=40)
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)))
def test_a_png_holds_its_pixels(codes):
    table = palette("diverging")
    picture = Image.open(io.BytesIO(png(codes, table)))
    np.testing.assert_array_equal(np.asarray(picture.convert("RGBA")), table[codes])


def test_the_colours_of_a_picture_are_those_of_the_values():
    array = np.array([[-2.0, 0.0], [1.0, np.nan]])
    (picture,) = pixels(ArrayView(array, limit=2.0).svg())
    table = look.colormap_table("diverging", 251)
    for place, code in (((0, 0), 0), ((0, 1), 125), ((1, 0), 188)):
        assert tuple(picture[place][:3]) == tuple(table[code])
    assert tuple(picture[1, 1, :3]) == look.rgb(look.color("nan"))


def test_a_cut_is_a_gap_with_the_numbers_of_its_sides():
    svg = ArrayView(np.arange(300 * 700.0).reshape(300, 700), role="weight").svg()
    assert [picture.shape[:2] for picture in pixels(svg)] == [(32, 64)] * 4
    assert svg.count("stroke-dasharray:2 4") == 2
    for number in ("0", "31", "268", "299", "63", "636", "699"):
        assert f">{number}</text>" in svg
    facts = [json.loads(html.unescape(f)) for f in re.findall(r'data-cells="([^"]*)"', svg)]
    assert [fact["rows"][0] for fact in facts] == [0, 0, 268, 268]
    assert [fact["columns"][0] for fact in facts] == [0, 636, 0, 636]


def test_several_leading_dimensions_are_rows_and_columns_of_maps():
    view = ArrayView(np.random.default_rng(0).standard_normal((2, 3, 4, 5, 6)))
    assert view.columns == 4
    assert view.unit_names[:5] == ["0, 0", "0, 1", "0, 2", "0, 3", "1, 0"]
    assert "[0, 2, 3, {r}, {c}]" in html.unescape(view.svg())


def test_what_a_mask_hides_is_grey_and_counts_in_no_statistic():
    array = np.ma.masked_array([[1.0, 2.0], [3.0, 1e9]], mask=[[0, 0], [0, 1]])
    view = ArrayView(array)
    assert view.stats.max == 3 and view.limit == 3
    assert "1 masked" in view.legend() and "NaN" not in view.legend()
    (picture,) = pixels(view.svg())
    assert picture[1, 1, 3] == 0 and picture[0, 0, 3] == 255
    assert look.variable("masked") in view.svg()
    assert "masked" in ArrayView(np.ma.masked_array([1.0, 2.0], mask=[0, 1])).svg()


def test_scales_reach_as_far_as_they_say():
    quiet, loud = np.linspace(-0.01, 0.01, 16), np.linspace(-100, 100, 16)
    maps = np.stack([quiet, loud]).reshape(1, 2, 4, 4)
    unit = ArrayView(maps, scale="unit").blocks()
    assert unit[0].limit <= 0.01 < 90 < unit[1].limit
    assert {b.limit for b in ArrayView(maps, scale="model", model_limit=500.0).blocks()} == {500}
    assert {b.limit for b in ArrayView(maps, limit=7.0).blocks()} == {7.0}
    assert "of each map" in ArrayView(maps, scale="unit").svg()


@pytest.mark.parametrize(
    "array",
    [np.array(3.5), np.zeros((0, 4)), np.full((4, 5), np.nan), np.full(3, -np.inf),
     np.zeros((1,) * 64), np.array([], np.float32), np.array(True), np.zeros((2, 0, 3, 3))],
    ids=lambda array: f"{array.ndim}d",
)  # fmt: skip
def test_arrays_at_the_edge_are_text_pictures_data_and_figures(array):
    view = ArrayView(array, title="<b>&\u202e\u5c64")
    ElementTree.fromstring(view.svg())
    json.dumps(view.json(), allow_nan=False)
    assert view.text()
    view.figure().canvas.draw()


@pytest.mark.parametrize("shape", [(5000, 5000), (4096, 3, 3), (3, 2000, 2000), (8, 256, 64, 64)])
def test_a_huge_array_is_a_small_page(shape):
    rng = np.random.default_rng(0)
    array = np.broadcast_to(rng.standard_normal(shape[1:], dtype=np.float32), shape)
    view = ArrayView(array, stats=statistics(array[:2]))
    assert len(view.html()) < 1_000_000


def test_the_figure_has_the_limits_and_colours_of_the_picture():
    array = np.random.default_rng(0).standard_normal((8, 12))
    array[0, 0] = np.nan
    view = ArrayView(array)
    for theme in ("light", "dark"):
        figure = view.figure(theme)
        figure.canvas.draw()
        axes, bar = figure.axes
        assert bar.get_ylim() == (-view.limit, view.limit)
        np.testing.assert_array_equal(axes.images[0].get_array(), pixels(view.svg())[0])
        assert matplotlib.colors.to_hex(figure.get_facecolor()) == look.color("background", theme)
    bars = ArrayView(np.array([-1.0, 0.5, 2.0])).figure().axes[0]
    assert bars.get_ylim() == (-2.0, 2.0)
    assert len(bars.patches) == 3


def test_figures_leave_nothing_in_pyplot():
    ArrayView(np.eye(3)).figure()
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


def test_options_that_make_no_sense():
    with pytest.raises(ValueError, match="scale='loud' is not known: expected one of unit, array"):
        ArrayView(np.eye(2), scale="loud")
    with pytest.raises(ValueError, match=r"limit=-1: expected a positive number"):
        ArrayView(np.eye(2), limit=-1)
