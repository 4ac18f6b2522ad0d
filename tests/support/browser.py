"""Chromium under guard, and what a test does in it: notebooks, themes, pictures.

Every page is watched: an error in the page or a request that leaves the machine fails the test.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.lab import Lab

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--no-proxy-server",
    # Names resolve to nothing, so that what the guard records has not left either.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
]  # fmt: skip
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
WIDTHS = (1200, 700)
HEIGHT = 900


def chromium_path() -> str:
    """The system's Chromium; skips with a reason where there is none."""
    if found := shutil.which("chromium") or shutil.which("chromium-browser"):
        return found
    pytest.skip("there is no chromium on this machine (Debian: apt install chromium)")


class Guard:
    """What went wrong in the pages of one test."""

    def __init__(self, context: Any) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.console: list[str] = []
        context.on("weberror", lambda error: self.errors.append(_with_stack(error.error)))
        context.on("request", lambda request: self._see(request.url))
        context.on("console", self._hear)
        context.on("page", lambda page: page.on("websocket", lambda socket: self._see(socket.url)))

    def _see(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in LOOPBACK:
            self.requests.append(url)

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.console.append(message.text)

    def check(self) -> None:
        """Fail if a page raised or asked for something off the machine."""
        assert not self.requests, f"requests that left the machine: {self.requests}"
        assert not self.errors, "errors in the page:\n" + "\n".join(self.errors)


def _with_stack(error: Any) -> str:
    """Where in the page it happened, if the browser says so."""
    return getattr(error, "stack", None) or str(error)


def take_pictures(page: Any, name: str, element: Any = None) -> list[Path]:
    """Save `name-<width>.png` of the page (or a locator in it) where $CLOWNVIZ_SHOTS says.

    Without the variable nothing is saved, but a page is walked through the widths all the same,
    so that what a narrow window breaks is found.
    """
    folder = os.environ.get("CLOWNVIZ_SHOTS")
    saved: list[Path] = []
    if element and not folder:
        return saved
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        _settle(page)
        if folder:
            path = Path(folder) / f"{name}-{width}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            if element:
                _make_room(page, element, width)
            (element or page).screenshot(path=path)
            saved.append(path)
    page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
    return saved


def _make_room(page: Any, element: Any, width: int) -> None:
    """A window that an element fits into: what a notebook scrolls out of sight is not drawn."""
    box = element.bounding_box()
    if box and box["height"] > HEIGHT / 2:
        page.set_viewport_size({"width": width, "height": int(box["height"]) + HEIGHT // 2})
        _settle(page)


def _settle(page: Any) -> None:
    """Wait until the page is laid out and drawn, and what moves has arrived."""
    page.evaluate(
        """async () => {
            const frame = () => new Promise(requestAnimationFrame);
            await frame();
            await frame();
            const moving = document.getAnimations().filter(motion =>
                motion.playState === 'running'
                && Number.isFinite(motion.effect.getComputedTiming().endTime));
            await Promise.allSettled(moving.map(motion => motion.finished));
        }"""
    )


def take_pictures_in_both_themes(page: Any, name: str) -> None:
    """Pictures of an exported page as a reader's system shows it: light, then dark."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        take_pictures(page, f"{name}-{theme}")
    page.emulate_media(color_scheme="light")


class LabPage:
    """JupyterLab in a tab, driven by its own commands."""

    def __init__(self, page: Any, lab: Lab) -> None:
        self.page = page
        self.lab = lab

    def open(self, path: str) -> None:
        """Open a notebook of the lab's folder and wait for its kernel."""
        if not self.page.url.startswith(self.lab.url):
            self.page.goto(f"{self.lab.url}/lab?reset&token={self.lab.token}")
            self.page.wait_for_function("() => window.jupyterapp !== undefined")
            self.page.evaluate("() => window.jupyterapp.restored")
            self.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        self.command("docmanager:open", path=path, factory="Notebook")
        self.page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell")
        self.page.evaluate(
            """async () => {
                const panel = window.jupyterapp.shell.currentWidget;
                await panel.revealed;
                await panel.sessionContext.ready;
            }"""
        )
        self.wait_until_idle()

    def command(self, name: str, **arguments: Any) -> None:
        """Run a command of JupyterLab and wait for its promise."""
        self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args) }",
            [name, arguments],
        )

    def run_all(self, wait: bool = True, timeout: float = 60) -> None:
        """Run every cell; with `wait`, until the kernel has done them and is idle."""
        self.page.evaluate(
            "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
        )
        if wait:
            self.wait_until_idle(timeout)

    def run_cell(self, cell: int, timeout: float = 60) -> None:
        """Run the cell with this number, from 0, and wait for it."""
        self.page.evaluate(
            "cell => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = cell }", cell
        )
        self.command("notebook:run-cell")
        self.wait_until_idle(timeout)

    def wait_until_idle(self, timeout: float = 60) -> None:
        """Wait until no cell waits or runs and the kernel says that it is idle."""
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp.shell.currentWidget;
                const kernel = panel?.sessionContext?.session?.kernel;
                const cells = [...panel.node.querySelectorAll('.jp-InputPrompt')];
                return kernel?.status === 'idle'
                    && cells.every(prompt => !prompt.textContent.includes('*'));
            }""",
            timeout=timeout * 1000,
        )

    def output(self, cell: int) -> Any:
        """The output area of the cell with this number, from 0, as a Playwright locator."""
        cells = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell")
        return cells.nth(cell).locator(".jp-Cell-outputArea")

    def text(self, cell: int) -> str:
        """What a cell printed or answered, as text."""
        return self.output(cell).inner_text()

    def errors(self) -> list[str]:
        """`name: sentence` of every error that the notebook's cells hold."""
        return self.page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.content.widgets
                .flatMap(cell => cell.model.outputs?.toJSON() ?? [])
                .filter(output => output.output_type === 'error')
                .map(error => `${error.ename}: ${error.evalue}`)"""
        )

    def theme(self, name: str) -> None:
        """Switch to the `light` or the `dark` theme."""
        full = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}[name]
        self.command("apputils:change-theme", theme=full)
        light = "true" if name == "light" else "false"
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")
        # JupyterLab veils the change, and stumbles if the next one comes before the veil is gone.
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def close_all(self) -> None:
        """Close every notebook, saved or not, and go back to the light theme."""
        self.page.evaluate(
            """() => {
                for (const panel of [...window.jupyterapp.shell.widgets('main')]) {
                    if (panel.context) panel.context.model.dirty = false;
                    panel.close();
                }
            }"""
        )
        self.page.wait_for_selector(".jp-NotebookPanel", state="detached")
        self.theme("light")

    def save(self) -> None:
        """Write the notebook with its outputs to the lab's folder."""
        self.command("docmanager:save")

    def pictures(self, name: str, element: Any = None) -> None:
        """Pictures in both themes and both widths: `name-light-1200.png` and so on."""
        for theme in ("light", "dark"):
            self.theme(theme)
            take_pictures(self.page, f"{name}-{theme}", element)
        self.theme("light")

    def pictures_of_outputs(self, name: str) -> None:
        """A picture of each cell's output, in both themes and both widths."""
        count = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").count()
        for theme in ("light", "dark"):
            self.theme(theme)
            for cell in range(count):
                if self.output(cell).locator(".jp-OutputArea-child").count():
                    take_pictures(self.page, f"{name}-{cell:02}-{theme}", self.output(cell))
        self.theme("light")
