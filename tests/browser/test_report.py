"""The exported page in a real browser: what one can do in it with a mouse and with keys alone."""

from __future__ import annotations

import nbformat
import pytest
from support.browser import take_pictures
from support.pictured import HOSTILE, hostile, lenet, reused, transformer, wide
from support.tree import ROOT

from clownviz.analysis.findings import CHECKS
from clownviz.views.diagram import Diagram
from clownviz.views.explorer import Explorer
from clownviz.views.report import Report
from clownviz.views.summary import Summary

TAPES = {
    "lenet": lambda: lenet(gradients=True),
    "transformer": transformer,
    "reused": reused,
    "hostile": hostile,
}


@pytest.fixture
def open_page(open_file, tmp_path):
    """Open the page of a tape and wait until its explorer lives."""

    def opened(tape, **options):
        diagram = Diagram.of(tape).svg() if len(tape.modules) < 500 else None
        explorer = Explorer(tape, diagram=diagram, **options)
        sections = [("Summary", Summary(tape))] if diagram else []
        page = open_file(Report(explorer, sections=sections).save(tmp_path / "page.html"))
        page.locator(".cv-explorer .cv-detail h3").wait_for()
        return page

    return opened


def crumbs(page) -> list[str]:
    return page.locator(".cv-crumb").all_inner_texts()


def selected(page) -> str:
    return page.locator(".cv-row[aria-selected=true] .cv-row-name").inner_text()


@pytest.mark.parametrize("name", TAPES)
def test_the_page_runs_under_its_own_policy_without_an_error(open_page, name):
    page = open_page(TAPES[name]())
    assert page.context.guard.console == []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        take_pictures(page, f"page-{name}-{theme}")


def test_a_module_chosen_in_the_tree_is_chosen_everywhere(open_page):
    page = open_page(lenet())
    page.locator(".cv-row", has_text="30.8 k").click()
    assert page.locator("h3").inner_text() == "classifier.0"
    assert crumbs(page) == ["LeNet", "classifier", "0"]
    assert "Linear" in page.locator(".cv-node.cv-selected").text_content()


def test_a_module_chosen_in_the_diagram_is_chosen_everywhere(open_page):
    page = open_page(lenet())
    node = page.locator(".cv-node", has_text="Flatten").last
    node.evaluate("node => node.dispatchEvent(new MouseEvent('click', { bubbles: true }))")
    assert page.locator("h3").inner_text() == "flatten"
    assert selected(page) == "flatten"


def test_the_tree_is_walked_with_keys_alone(open_page):
    page = open_page(lenet())
    page.locator(".cv-tree").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("h3").inner_text() == "features.1"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    rows = page.locator(".cv-row").count()
    page.keyboard.press("ArrowRight")
    assert page.locator(".cv-row").count() == rows + 6
    page.keyboard.press("End")
    assert page.locator("h3").inner_text() == "classifier.4"
    active = page.locator(".cv-tree").get_attribute("aria-activedescendant")
    assert page.locator(f"#{active}").get_attribute("aria-selected") == "true"


def test_search_finds_and_goes_and_escape_clears(open_page):
    page = open_page(transformer())
    page.locator(".cv-tree").focus()
    page.keyboard.press("/")
    page.keyboard.type("4 attn")
    assert page.locator("[role=status]", has_text="2 modules found").is_visible()
    page.keyboard.press("Enter")
    assert page.locator("h3").inner_text() == "blocks.4.attn"
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert page.locator(".cv-search").input_value() == ""
    assert selected(page) == "attn"


def test_a_map_is_opened_read_cell_by_cell_and_left_with_escape(open_page):
    page = open_page(lenet())
    output = page.locator("section[aria-label='Output, activation']")
    output.locator(".cv-tile").nth(2).click()
    assert crumbs(page)[-1] == "Output, map 2"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.locator(".cv-tip").inner_text().startswith("[0, 2, 1, 1] ≈ ")
    page.keyboard.press("Escape")
    assert crumbs(page)[-1] == "0"
    assert output.locator(".cv-tile").nth(2).evaluate("tile => tile === document.activeElement")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert crumbs(page) == ["LeNet"]
    page.keyboard.press("/")
    assert page.locator(".cv-search").evaluate("field => field === document.activeElement")


def test_the_scale_switch_changes_colours_and_the_legend_says_so(open_page):
    page = open_page(lenet())
    legend = page.locator("section[aria-label='Output, activation'] .cv-legend")
    canvas = page.locator("section[aria-label='Output, activation'] canvas").first
    pixels = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.join()"
    seen = {}
    for name in ("Unit", "Module", "Model"):
        page.get_by_role("radio", name=name).click()
        seen[name] = (legend.inner_text(), canvas.evaluate(pixels))
    assert "own limit" in seen["Unit"][0]
    assert len({text for text, _ in seen.values()}) == 3
    assert len({data for _, data in seen.values()}) == 3


def test_each_call_of_a_reused_module_can_be_seen(open_page):
    page = open_page(reused(3), selection="act")
    legend = page.locator("section[aria-label='Output, activation'] .cv-stats")
    seen = set()
    for call in ("1", "2", "3"):
        page.get_by_role("radio", name=call, exact=True).click()
        seen.add(legend.inner_text())
    assert len(seen) == 3
    assert page.locator(".cv-array").count() == 2


def test_cells_are_whole_pixels_of_the_colours_of_the_look(open_page):
    page = open_page(lenet())
    canvas = page.locator("section[aria-label='Input, activation'] canvas").first
    width, colours = canvas.evaluate(
        """c => {
            const data = new Uint32Array(
                c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer);
            return [c.width, new Set(data).size];
        }"""
    )
    assert width % 28 == 0
    assert colours <= 251, "colours between those of the map would be blurred cells"


def test_hostile_names_are_shown_as_text(open_page):
    page = open_page(hostile())
    assert page.locator(".cv-explorer script, .cv-explorer img").count() == 0
    row = page.locator(".cv-row", has_text="<script>alert")
    row.click()
    assert page.locator("h3").inner_text() == HOSTILE
    box, holder = page.locator("h3").bounding_box(), page.locator(".cv-detail").bounding_box()
    assert box["width"] <= holder["width"]


def test_what_is_no_number_is_shown_and_said(open_page):
    page = open_page(hostile(), selection="broken")
    legend = page.locator(".cv-legend").inner_text()
    assert "1 NaN ×" in legend and "1 ∞" in legend and "1 -∞" in legend
    assert page.locator(".cv-detail .cv-error").inner_text() == "ValueError: </script> no"


def test_ten_thousand_modules_scroll_with_few_rows_in_the_page(open_page):
    page = open_page(wide(10_000))
    tree = page.locator(".cv-tree")
    tree.focus()
    page.keyboard.press("End")
    assert selected(page) == "layer9999"
    assert page.locator(".cv-row").count() < 80
    page.keyboard.press("Home")
    assert selected(page) == "Wide" or page.locator("h3").inner_text() == "Wide"


@pytest.mark.parametrize("width", [1400, 1200, 900, 700, 420])
def test_nothing_is_wider_than_the_window(open_page, width):
    page = open_page(lenet(gradients=True))
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_timeout(100)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wider = page.evaluate(
        """() => [...document.querySelectorAll('.cv-detail *')]
            .filter(e => !e.closest('pre, svg') && e.getBoundingClientRect().right >
                document.querySelector('.cv-detail').getBoundingClientRect().right + 1)
            .map(e => e.className)"""
    )
    assert wider == []


def test_every_control_has_a_name_and_every_picture_a_label(open_page):
    page = open_page(lenet(gradients=True))
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(
                '.cv-explorer :is(button, input, [role=img], [role=tree], [role=radiogroup])')]
            .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim()))
            .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert nameless == []


def test_nothing_moves_where_motion_is_not_wanted(open_page):
    page = open_page(lenet())
    page.emulate_media(reduced_motion="reduce")
    assert page.locator(".cv-twist").first.evaluate(
        "e => getComputedStyle(e).transitionDuration"
    ) in (
        "0s",
        "",
    )


def test_without_scripts_the_picture_is_there(chromium, tmp_path):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(Report(Explorer(lenet())).save(tmp_path / "page.html").as_uri())
    assert page.locator("#clownviz-explorer > svg").is_visible()
    context.close()


CELL = """
import sys
sys.path.insert(0, {tests!r})
from support.pictured import lenet
import clownviz
clownviz.report(lenet(gradients=True), title="Digits", subtitle="98% on the test set")
"""


def test_a_report_in_a_notebook_is_a_card_that_also_a_reader_without_trust_can_read(lab_page):
    lab_page.open(lab_page.lab.write("report.ipynb", CELL.format(tests=str(ROOT / "tests"))))
    lab_page.run_all()
    assert lab_page.errors() == []
    card = lab_page.output(0)
    grounds = []
    for theme in ("light", "dark"):
        lab_page.theme(theme)
        held = card.locator(".cv-report")
        grounds.append(held.evaluate("card => getComputedStyle(card).backgroundColor"))
    assert grounds[0] == "rgb(255, 255, 255)" and grounds[1] != grounds[0]
    lab_page.pictures("report-card", card)
    lab_page.save()
    lab_page.lab.end_kernels()
    lab_page.command("application:close-all")
    saved = lab_page.lab.folder / "report.ipynb"
    assert saved.stat().st_size < 200_000
    # A notebook that somebody else wrote is not trusted.
    lab_page.open(lab_page.lab.write("foreign.ipynb", nbformat.read(saved, 4).cells[0]))
    lab_page.page.locator(".jp-RenderedHTML img").wait_for()
    assert card.locator("img").evaluate("image => image.naturalWidth") > 500
    healthy = f"nothing found by {len(CHECKS)} checks"
    for said in ("Report of Digits", healthy, 'report.save("digits.html")'):
        assert said in lab_page.text(0)
