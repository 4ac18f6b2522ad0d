"""A real JupyterLab and a real Chromium, once a session; a guarded page for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.browser import FLAGS, HEIGHT, WIDTHS, Guard, LabPage, chromium_path
from support.lab import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The server; skips with a reason where JupyterLab is not installed."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed (the extra `lab`)")
    running = Lab(tmp_path_factory.mktemp("lab"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser; a test takes `page` or `lab_page`, which are fresh profiles in it."""
    path = chromium_path()
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A tab with an empty profile; errors in it and requests off the machine fail the test."""
    page = _new_tab(chromium)
    yield page
    page.context.close()
    page.context.guard.check()


def _new_tab(chromium: Any) -> Any:
    context = chromium.new_context(viewport={"width": WIDTHS[0], "height": HEIGHT})
    context.set_default_timeout(60_000)
    context.guard = Guard(context)
    return context.new_page()


@pytest.fixture
def open_file(page: Any) -> Callable[[Path | str], Any]:
    """Open an HTML file from the disk, as a reader of an exported page does."""

    def opened(path: Path | str) -> Any:
        page.goto(Path(path).resolve().as_uri())
        return page

    return opened


@pytest.fixture(scope="session")
def lab_tabs() -> list[LabPage]:
    """The tab that the last test left, if one did: loading JupyterLab in a new one is slow."""
    return []


@pytest.fixture
def lab_page(
    chromium: Any, lab: Lab, lab_tabs: list[LabPage], request: pytest.FixtureRequest
) -> Iterator[LabPage]:
    """JupyterLab in a tab, nothing open; the kernels that the test starts end with it.

    A test that passes leaves its tab to the next one. One that fails takes it along.
    """
    if not lab_tabs:
        lab.reset_settings()
        lab_tabs.append(LabPage(_new_tab(chromium), lab))
    tab = lab_tabs.pop()
    failed = request.session.testsfailed
    yield tab
    lab.end_kernels()
    if request.session.testsfailed == failed:
        tab.close_all()
        tab.page.context.guard.check()
        lab_tabs.append(tab)
    else:
        tab.page.context.close()
