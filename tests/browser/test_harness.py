"""The harness itself: a widget lives in JupyterLab, clicks arrive, and the guard sees."""

from __future__ import annotations

import pytest
from support.browser import take_pictures, take_pictures_in_both_themes

COUNTER = '''
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
        const button = document.createElement("button");
        button.className = "counter";
        const draw = () => { button.textContent = `clicked ${model.get("count")}`; };
        button.onclick = () => {
            model.set("count", model.get("count") + 1);
            model.save_changes();
        };
        model.on("change:count", draw);
        draw();
        el.append(button);
    } };
    """
    count = traitlets.Int(0).tag(sync=True)

counter = Counter()
counter
'''


def test_a_widget_lives_in_jupyterlab_and_the_kernel_hears_it(lab_page):
    path = lab_page.lab.write("counter.ipynb", COUNTER, "print('count is', counter.count)")
    lab_page.open(path)
    lab_page.run_all()
    button = lab_page.page.locator("button.counter")
    button.click()
    lab_page.page.locator("button.counter", has_text="clicked 1").wait_for()
    lab_page.run_cell(1)
    assert "count is 1" in lab_page.text(1)


def test_cells_run_and_themes_change(lab_page):
    path = lab_page.lab.write("plain.ipynb", "print(6 * 7)", "import clownpiece")
    lab_page.open(path)
    lab_page.run_all()
    assert lab_page.text(0).strip() == "42"
    assert lab_page.errors() == []
    colors = []
    for theme in ("light", "dark"):
        lab_page.theme(theme)
        script = "getComputedStyle(document.body).getPropertyValue('--jp-layout-color0')"
        colors.append(lab_page.page.evaluate(script))
    assert colors[0] != colors[1]


def test_an_error_in_a_cell_is_told(lab_page):
    lab_page.open(lab_page.lab.write("error.ipynb", "1 / 0"))
    lab_page.run_all()
    assert lab_page.errors() == ["ZeroDivisionError: division by zero"]


def test_pictures_are_taken_at_both_widths(page, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOWNVIZ_SHOTS", str(tmp_path))
    page.set_content("<h1>A page</h1>")
    taken = take_pictures(page, "small")
    assert [path.name for path in taken] == ["small-1200.png", "small-700.png"]
    assert all(path.stat().st_size > 0 for path in tmp_path.iterdir())


def test_a_page_is_pictured_in_the_light_and_the_dark_theme(page, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOWNVIZ_SHOTS", str(tmp_path))
    page.set_content("<style>@media (prefers-color-scheme: dark) { * { background: red } }</style>")
    take_pictures_in_both_themes(page, "small")
    light, dark = (tmp_path / f"small-{theme}-700.png" for theme in ("light", "dark"))
    assert light.read_bytes() != dark.read_bytes()


def test_each_output_of_a_notebook_is_pictured(lab_page, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOWNVIZ_SHOTS", str(tmp_path))
    lab_page.open(lab_page.lab.write("two.ipynb", "print('seen')", "silent = 1", COUNTER))
    lab_page.run_all()
    lab_page.pictures_of_outputs("two")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"two-{cell}-{theme}-{width}.png"
        for cell in ("00", "02")
        for theme in ("dark", "light")
        for width in (1200, 700)
    ]


def test_a_file_is_opened_from_the_disk(open_file, tmp_path):
    (tmp_path / "page.html").write_text("<title>Hello</title>")
    assert open_file(tmp_path / "page.html").title() == "Hello"


class TestTheGuard:
    def test_sees_a_request_that_leaves_the_machine(self, page):
        page.set_content("<img src='https://example.org/a.png'>")
        page.wait_for_load_state()
        seen = page.context.guard
        with pytest.raises(AssertionError, match=r"left the machine.*example\.org/a\.png"):
            seen.check()
        seen.requests.clear()

    def test_sees_an_error_in_the_page(self, page):
        page.set_content("<script>throw new Error('broken')</script>")
        page.wait_for_timeout(100)
        seen = page.context.guard
        with pytest.raises(AssertionError, match="broken"):
            seen.check()
        seen.errors.clear()

    def test_lets_data_and_loopback_pass(self, page, lab):
        page.set_content(f"<img src='data:image/png;base64,'><img src='{lab.url}/favicon.ico'>")
        page.wait_for_load_state()
        page.context.guard.check()
