"""A summary in a real browser: a click on a header sorts it, further clicks bring the tree back."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from support.browser import take_pictures_in_both_themes
from support.example_tapes import transformer

import clownpiece
import clownviz
from clownpiece import nn

COLUMNS = ["output", "params", "macs", "moved", "activations", "calls"]


@pytest.fixture
def page(open_file, tmp_path):
    shown = clownviz.summary(transformer(), columns=COLUMNS)
    return open_file(shown.save(tmp_path / "summary.html"))


def first(page) -> list[str]:
    return [text.strip() for text in page.locator("tbody td:first-child").all_inner_texts()]


def column(page, name: str) -> list[str]:
    at = 2 + COLUMNS.index(name)
    return page.locator(f"tbody td:nth-child({at})").all_inner_texts()


def test_a_click_sorts_by_number_with_whole_paths_and_the_third_restores_the_tree(page):
    tree = first(page)
    header = page.locator("th", has_text="parameters")
    header.click()
    numbers = [int(text.replace(",", "")) for text in column(page, "params") if text.isdigit()]
    assert numbers == sorted(numbers, reverse=True)
    assert header.get_attribute("aria-sort") == "descending"
    assert "blocks.0.ffn.0 (Linear)" in first(page)
    header.click()
    assert column(page, "params")[0] == "tied"  # it adds none
    header.click()
    assert first(page) == tree and header.get_attribute("aria-sort") == "none"


def test_a_header_can_be_pressed(page):
    page.locator("th", has_text="mult-adds").press("Enter")
    assert column(page, "macs")[0] == "1.81 M"
    page.locator("th", has_text="layer").press("Space")
    assert first(page)[:2] == ["Transformer", "head (Linear)"]


@pytest.mark.parametrize("width", [700, 1200])
def test_long_names_leave_the_numbers_in_sight(page, tmp_path, width):
    name = "a_projection_of_the_decoder_with_a_name_of_sixty_letters_all"
    deep = nn.Sequential(OrderedDict({name: nn.Linear(64, 64), "head": nn.Linear(64, 10)}))
    model = nn.Sequential(OrderedDict({name: deep}))
    shown = clownviz.summary(model, clownpiece.ones(8, 64))
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(shown.save(tmp_path / "long.html").as_uri())
    table = page.locator(".cv-rows")
    assert table.evaluate("e => e.scrollWidth <= e.clientWidth")
    assert any(f"{name} (Linear)" in text for text in first(page))
    heights = table.locator("tbody tr").evaluate_all("rows => rows.map(r => r.offsetHeight)")
    lines = [round(height / heights[0]) for height in heights]
    assert lines == ([1, 2, 2, 1] if width == 700 else [1, 1, 1, 1])
    page.locator("th", has_text="mult-adds").click()
    assert table.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_it_looks_as_it_should(page):
    take_pictures_in_both_themes(page, "summary-tree")
    page.locator("th", has_text="parameters").click()
    take_pictures_in_both_themes(page, "summary-sorted")
