"""The dashboard in a real JupyterLab: alive while a cell runs, paused within an ordinary loop."""

from __future__ import annotations

import json
import re
import textwrap

import pytest

SETUP = """
import os, time
import numpy as np
import clownpiece as cp
from clownpiece import nn, optim
from clownpiece.nn import functional as F
import clownviz

cp.manual_seed(0)
rng = np.random.default_rng(0)
points = rng.normal(size=(256, 8)).astype(np.float32)
labels = (points.sum(1) > 0).astype(np.int64)
x, y = cp.tensor(points), cp.tensor(labels)

def make():
    wide = nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh()
    model = nn.Sequential(*wide, nn.Linear(32, 2))
    return model, optim.Adam(model.parameters(), lr=1e-3)

model, optimizer = make()
"""

# It ends when the test says so, since a slow machine opens a widget slowly.
LOOP = """
watch = clownviz.watch(model, optimizer)
steps = 0
began = time.monotonic()
while not os.path.exists("enough") and time.monotonic() - began < 60:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    watch.log(loss=loss)
    steps += 1
    time.sleep(0.002)
print("took", steps, "steps")
"""


class Board:
    """The dashboard on the page, as a test sees it."""

    def __init__(self, lab_page) -> None:
        self.lab_page = lab_page
        self.page = lab_page.page
        self.root = self.page.locator(".cv-dashboard")

    def step(self) -> int:
        """The number of steps that the head tells."""
        text = self.root.locator(".cv-dash-facts").inner_text()
        return int(re.search(r"step ([\d,]+)", text)[1].replace(",", ""))

    def state(self, text: str) -> None:
        """Wait until the state says this."""
        self.root.locator(".cv-dash-state", has_text=text).wait_for()

    def button(self, name: str):
        return self.root.get_by_role("button", name=name)

    def end(self) -> None:
        """Let the loop end, and wait for the cell."""
        (self.lab_page.lab.folder / "enough").touch()
        self.lab_page.wait_until_idle()

    def drawn(self) -> str:
        """What the canvas of the losses shows, as a data URI."""
        return self.root.locator(".cv-chart-canvas").first.evaluate("c => c.toDataURL()")


def busy(lab_page) -> bool:
    """Whether a cell runs; the kernel's status says "idle" whenever one of its threads is."""
    return lab_page.page.locator(".jp-InputPrompt", has_text="*").count() > 0


@pytest.fixture
def board(lab_page):
    def started(*cells: str) -> Board:
        (lab_page.lab.folder / "enough").unlink(missing_ok=True)
        lab_page.open(lab_page.lab.write("watch.ipynb", SETUP, *cells))
        lab_page.run_all(wait=False)
        made = Board(lab_page)
        made.root.wait_for()
        return made

    return started


def test_it_is_alive_while_the_cell_runs(board, lab_page):
    shown = board(LOOP)
    shown.state("running")
    first, picture = shown.step(), shown.drawn()
    lab_page.page.wait_for_timeout(700)
    assert busy(lab_page), "the cell must still run for this to say anything"
    assert shown.step() > first
    assert shown.drawn() != picture
    shown.end()
    shown.state("stopped at step")
    assert f"took {shown.step()} steps" in lab_page.text(1)


def test_pause_stops_an_ordinary_loop_at_once_and_resume_goes_on(board, lab_page):
    shown = board(LOOP)
    shown.state("running")
    shown.button("Pause").click()
    shown.state("paused at step")
    assert busy(lab_page), "paused while the cell runs, not after it"
    at = shown.step()
    lab_page.page.wait_for_timeout(600)
    assert shown.step() == at, "a paused loop takes no step"
    shown.root.get_by_role("button", name="Step").click()
    lab_page.page.wait_for_function(
        "at => document.querySelector('.cv-dash-facts').textContent.includes(`step ${at}`)",
        arg=f"{at + 1:,}",
    )
    assert busy(lab_page)
    shown.button("Resume").click()
    shown.state("running")
    lab_page.page.wait_for_timeout(400)
    assert shown.step() > at + 1
    shown.end()
    assert lab_page.errors() == []


def test_the_space_key_pauses_and_resumes(board, lab_page):
    shown = board(LOOP)
    shown.state("running")
    shown.root.locator(".cv-chart-canvas").first.focus()
    lab_page.page.keyboard.press("Space")
    shown.state("paused at step")
    lab_page.page.keyboard.press("Space")
    shown.state("running")
    assert busy(lab_page)
    shown.end()


def test_a_paused_loop_can_be_interrupted(board, lab_page):
    shown = board(LOOP)
    shown.state("running")
    shown.button("Pause").click()
    shown.state("paused at step")
    lab_page.command("notebook:interrupt-kernel")
    lab_page.wait_until_idle()
    assert [error.split(":")[0] for error in lab_page.errors()] == ["KeyboardInterrupt"]
    shown.state("stopped at step")


def test_a_thread_that_trains_is_paused_too(board, lab_page):
    start = "\nimport threading\nthreading.Thread(target=train).start()"
    shown = board("def train():" + textwrap.indent(LOOP, "    ") + start)
    shown.state("running")
    shown.button("Pause").click()
    shown.state("paused at step")
    at = shown.step()
    lab_page.page.wait_for_timeout(400)
    assert shown.step() == at
    shown.button("Resume").click()
    shown.state("running")
    shown.end()
    shown.state("stopped at step")


def test_where_a_comm_is_not_heard_an_interrupt_pauses_and_resumes(board, lab_page):
    deaf = "from clownviz.widgets import control\ncontrol._register_target = lambda: None"
    shown = board(deaf + LOOP)
    shown.state("running")
    shown.button("Pause").click()
    shown.state("interrupt again to go on, twice to stop")
    assert busy(lab_page)
    at = shown.step()
    lab_page.page.wait_for_timeout(1200)
    assert shown.step() == at
    shown.button("Resume").click()
    shown.state("running")
    shown.end()
    assert lab_page.errors() == []


def test_a_layer_is_chosen_and_a_range_of_steps(board, lab_page):
    shown = board(LOOP.replace('not os.path.exists("enough")', "steps < 60"))
    lab_page.wait_until_idle()
    strip = shown.root.get_by_role("listbox", name="Layers")
    strip.focus()
    lab_page.page.keyboard.press("ArrowDown")
    lab_page.page.keyboard.press("ArrowDown")
    # The label follows the keys in the next frame.
    strip.get_by_role("option", name=re.compile(r"^2 ")).wait_for(state="attached")
    shown.root.get_by_role("radio", name="Update ratio").click()
    losses = shown.root.get_by_role("img").first
    shown.root.get_by_role("img", name="steps 1 to 60: loss").wait_for()
    losses.scroll_into_view_if_needed()
    box = losses.bounding_box()
    middle = box["y"] + box["height"] / 2
    lab_page.page.mouse.move(box["x"] + box["width"] * 0.4, middle)
    lab_page.page.mouse.down()
    lab_page.page.mouse.move(box["x"] + box["width"] * 0.7, middle, steps=3)
    lab_page.page.mouse.up()
    everything = shown.button("All steps")
    everything.wait_for()
    # The canvas, and with it its label, follows in the next frame.
    shown.root.get_by_role("img", name=re.compile(r"steps (?!1 to)\d+ to")).first.wait_for()
    first, last = re.search(r"steps (\d+) to (\d+)", losses.get_attribute("aria-label")).groups()
    assert 1 < int(first) < int(last) < 60
    lab_page.pictures("watch-range", shown.root)
    everything.click()
    everything.wait_for(state="hidden")


def test_running_the_cell_again_replaces_the_watch(board, lab_page):
    few = LOOP.replace('not os.path.exists("enough")', "steps < 30")
    shown = board(few)
    lab_page.wait_until_idle()
    lab_page.run_cell(1)
    shown.state("stopped at step 30")
    assert shown.root.count() == 1
    path = lab_page.lab.folder / "hooks.txt"
    lab_page.page.evaluate(
        """code => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
            .requestExecute({ code }).done""",
        f"open({str(path)!r}, 'w').write(str(len(optimizer._step_post_hooks)))",
    )
    assert path.read_text() == "1"


def test_without_a_kernel_the_still_remains(board, lab_page):
    shown = board(LOOP)
    lab_page.page.wait_for_timeout(500)
    shown.end()
    still = lab_page.output(1).locator("img.clownviz-still")
    assert still.count() == 1
    assert not still.is_visible(), "the live widget hides its still"
    shown.state("stopped at step")
    lab_page.save()
    notebook = json.loads((lab_page.lab.folder / "watch.ipynb").read_text())
    notebook["metadata"].pop("widgets", None)
    (lab_page.lab.folder / "later.ipynb").write_text(json.dumps(notebook))
    lab_page.open("later.ipynb")
    again = lab_page.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) img.clownviz-still")
    assert again.is_visible()
    assert again.evaluate("image => image.naturalWidth") > 500
    html = notebook["cells"][1]["outputs"][0]["data"]["text/plain"]
    assert "Training Sequential with Adam" in "".join(html)


def test_pictures_in_both_themes(board, lab_page):
    shown = board(LOOP)
    lab_page.page.wait_for_timeout(3000)
    lab_page.pictures("watch-running", shown.root)
    shown.end()
    lab_page.pictures("watch", shown.root)
