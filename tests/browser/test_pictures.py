"""Pictures of numbers in a real browser: cells answer to the pointer and to keys, on any page."""

from __future__ import annotations

import numpy as np
import pytest
from support.browser import take_pictures_in_both_themes
from support.number_tapes import attending, trained

from clownviz.analysis.flow import flow_of
from clownviz.analysis.history import history_of
from clownviz.analysis.tensors import tensor_of
from clownviz.api.shown import Shown
from clownviz.views.array import ArrayView
from clownviz.views.attention import Attention
from clownviz.views.explorer import Explorer
from clownviz.views.feature_maps import FeatureMaps
from clownviz.views.gradient_flow import GradientFlow
from clownviz.views.histograms import Histograms
from clownviz.views.report import Report

TOKENS = ["<b>The", " cat", " sat", " on", " the", " mat", "\n"]
VIEWS = {
    "array": lambda: ArrayView(np.sin(np.arange(300 * 700.0) / 97).reshape(300, 700)),
    "feature-maps": lambda: FeatureMaps(tensor_of(trained(1), "relu")),
    "attention": lambda: Attention(attending(), tokens=TOKENS),
    "attention-head": lambda: Attention(attending(), layer=0, head=1, tokens=TOKENS),
    "histograms": lambda: Histograms(history_of(trained(40), "conv")),
    "ridges": lambda: Histograms(history_of(trained(5), "conv")),
    "gradient-flow": lambda: GradientFlow(flow_of(trained(12), "parameter")),
    "gradient-bars": lambda: GradientFlow(flow_of(trained(1), "parameter")),
}


@pytest.fixture
def shown(open_file, tmp_path):
    """Open a view saved as HTML, and wait until its pictures answer."""

    def opened(view):
        page = open_file(Shown(view).save(tmp_path / "view.html"))
        page.locator(".cv-asked svg").wait_for()
        return page

    return opened


@pytest.mark.parametrize("name", VIEWS)
def test_a_picture_is_drawn_in_both_themes_and_widths(shown, name):
    page = shown(VIEWS[name]())
    assert page.locator("img").count() == 0
    assert page.context.guard.console == []
    take_pictures_in_both_themes(page, f"picture-{name}")


def test_a_cell_says_its_index_and_value_under_the_pointer(shown):
    page = shown(ArrayView(np.array([[0.0, -1.0], [np.nan, 0.5]])))
    box = page.locator("image[data-cells]").bounding_box()
    said = []
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        x = box["x"] + box["width"] * (0.25 + column / 2)
        page.mouse.move(x, box["y"] + box["height"] * (0.25 + row / 2))
        page.locator(".cv-asked [role=status]", has_text=f"[{row}, {column}]").wait_for()
        said.append(page.locator(".cv-asked [role=status]").inner_text())
    assert said == ["[0, 0] ≈ 0", "[0, 1] ≤ -1", "[1, 0] NaN", "[1, 1] ≈ 0.504"]
    page.mouse.move(2, 2)
    page.locator(".cv-asked [role=status]").wait_for(state="hidden")


def test_cells_can_be_walked_by_keys_across_a_cut(shown):
    page = shown(ArrayView(np.arange(200 * 300.0).reshape(200, 300), role="weight"))
    images = page.locator("image[data-cells]")
    images.nth(3).focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    page.locator(".cv-asked [role=status]", has_text="[169, 237]").wait_for()


def test_tokens_are_named_and_stay_text(shown):
    page = shown(Attention(attending(), layer=0, head=1, tokens=TOKENS))
    box = page.locator("image[data-cells]").bounding_box()
    cell = box["width"] / 7
    page.mouse.move(box["x"] + cell / 2, box["y"] + cell * 1.5)
    page.locator(".cv-asked [role=status]", has_text="1 ␣cat → 0 <b>The").wait_for()
    assert page.locator(".cv-asked b").count() == 0


def test_an_exported_page_lets_its_pictures_answer_under_its_policy(open_file, tmp_path):
    tape = trained(1)
    sections = [("Maps", FeatureMaps(tensor_of(tape, "relu")))]
    page = open_file(Report(Explorer(tape), sections=sections).save(tmp_path / "page.html"))
    page.locator(".cv-asked svg").wait_for()
    image = page.locator(".cv-asked image[data-cells]").first
    image.scroll_into_view_if_needed()
    image.hover()
    page.locator(".cv-asked [role=status]", has_text="[0, 0, ").wait_for()
    assert page.context.guard.console == []


def test_without_scripts_the_picture_stands_as_an_image(chromium, tmp_path):
    path = Shown(VIEWS["attention"]()).save(tmp_path / "view.html")
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.resolve().as_uri())
    assert page.locator("img.cv-asks").bounding_box()["height"] > 200
    context.close()
