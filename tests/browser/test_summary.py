"""A summary in a real browser: a click on a header sorts it, further clicks bring the tree back."""

from __future__ import annotations

import pytest
from support.browser import take_pictures_in_both_themes
from support.example_tapes import transformer

import clownviz

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


def test_it_looks_as_it_should(page):
    take_pictures_in_both_themes(page, "summary-tree")
    page.locator("th", has_text="parameters").click()
    take_pictures_in_both_themes(page, "summary-sorted")
