"""The explorer's widget in a real JupyterLab: it lives, the kernel answers, the still stands in."""

from __future__ import annotations

IMPORTS = """
import sys
sys.path.insert(0, {tests!r})
from support.pictured import lenet, wide
from clownviz.views.diagram import Diagram
from clownviz.views.explorer import Explorer
from clownviz.widgets.explorer import Explore
"""
SHOW = """
tape = {tape}
explore = Explore(Explorer(tape, diagram=Diagram.of(tape).svg()))
explore
"""


def open_lab(lab_page, *more, tape="lenet(gradients=True)"):
    from support.tree import ROOT

    first = IMPORTS.format(tests=str(ROOT / "tests")) + SHOW.format(tape=tape)
    path = lab_page.lab.write("explorer.ipynb", first, *more)
    lab_page.open(path)
    lab_page.run_all()
    assert lab_page.errors() == []
    lab_page.page.locator(".cv-explorer .cv-detail h3").wait_for()
    return lab_page.page


def test_the_kernel_answers_a_click_and_hears_of_it(lab_page):
    page = open_lab(lab_page, "print('chosen:', explore.selection)")
    page.locator(".cv-row", has_text="Flatten").click()
    page.locator(".cv-detail .cv-array").first.wait_for()
    assert page.locator(".cv-detail h3", has_text="flatten").is_visible()
    lab_page.run_cell(1)
    assert "chosen: flatten" in lab_page.text(1)


def test_python_chooses_and_the_page_follows(lab_page):
    page = open_lab(lab_page, "explore.selection = 'classifier.4'")
    page.locator(".cv-detail h3", has_text="classifier.4").wait_for()
    assert page.locator(".cv-array").count() >= 4


def test_the_still_is_hidden_while_the_widget_lives(lab_page):
    page = open_lab(lab_page)
    still = page.locator("img.clownviz-still")
    assert still.count() == 1
    assert not still.is_visible()


def test_of_ten_thousand_modules_each_is_found_and_answered(lab_page):
    page = open_lab(lab_page, tape="wide(10_000)")
    page.locator(".cv-search").fill("layer9999")
    page.locator("[role=status]", has_text="1 module found").wait_for()
    page.keyboard.press("Enter")
    page.locator(".cv-detail", has_text="ReLU(width=9999)").wait_for()
    assert page.locator(".cv-row").count() < 80


def test_a_widget_that_was_saved_with_its_state_has_its_tree_without_a_kernel(lab_page):
    page = open_lab(lab_page, tape="wide(10_000)")
    lab_page.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")
    lab_page.save()
    lab_page.lab.end_kernels()
    lab_page.command("application:close-all")
    lab_page.open("explorer.ipynb")
    page.locator(".cv-search").fill("layer9999")
    page.locator("[role=status]", has_text="1 module found").wait_for()


def test_keys_in_the_tree_are_not_commands_of_jupyterlab(lab_page):
    page = open_lab(lab_page, "'a second cell'")
    cells = page.locator(".jp-Cell").count()
    page.locator(".cv-tree").focus()
    for key in ("ArrowDown", "a", "b", "d", "d", "ArrowDown"):
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells
    assert page.locator(".cv-detail h3").inner_text() == "features.2"


def test_it_takes_the_colours_of_the_theme(lab_page):
    page = open_lab(lab_page)
    grounds = []
    for theme in ("light", "dark"):
        lab_page.theme(theme)
        grounds.append(
            page.locator(".cv-explorer").evaluate("e => getComputedStyle(e).backgroundColor")
        )
    assert grounds[0] == "rgb(255, 255, 255)" and grounds[1] != grounds[0]
    lab_page.pictures("explorer", page.locator(".cv-explorer"))


def test_a_notebook_opened_again_shows_the_still(lab_page):
    page = open_lab(lab_page)
    lab_page.save()
    lab_page.command("docmanager:save")
    lab_page.lab.end_kernels()
    lab_page.command("application:close-all")
    lab_page.open("explorer.ipynb")
    page.locator("img.clownviz-still").wait_for()
    assert page.locator("img.clownviz-still").is_visible()
    assert page.locator("img.clownviz-still").evaluate("image => image.naturalWidth") > 500
