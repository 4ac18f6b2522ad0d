"""Take the README's pictures again, after the explorer's looks have changed.

`.venv/bin/python docs/take_pictures.py` trains LeNet for a moment on Fashion-MNIST, opens it in
JupyterLab in the light and the dark theme, and writes docs/images. It needs what the browser
tests need (`make test` says what is missing) and Debian's `dataset-fashion-mnist`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from playwright.sync_api import sync_playwright  # noqa: E402
from support.browser import FLAGS, Guard, LabPage, chromium_path  # noqa: E402
from support.lab import Lab  # noqa: E402

TRAIN = """
import clownpiece, clownviz
from clownpiece import nn, optim
from clownpiece.utils.data import DataLoader, FashionMNIST
from models.lenet import LeNet

clownpiece.manual_seed(0)
model = LeNet()
optimizer = optim.Adam(model.parameters(), lr=2e-3)
for (images, labels), _ in zip(DataLoader(FashionMNIST("train"), 64, shuffle=True), range(400)):
    loss = nn.functional.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
EXPLORE = "clownviz.explore(model.eval(), images[:8])"
CHOSEN = "Conv2d"


def main() -> None:
    """Write explorer-light.png and explorer-dark.png."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Lab(Path(folder) / "lab")
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        try:
            size = {"width": 1200, "height": 1000}
            context = browser.new_context(viewport=size, device_scale_factor=2)
            guard = Guard(context)
            picture(LabPage(context.new_page(), lab))
            guard.check()
        finally:
            browser.close()
            lab.stop()


def picture(shown: LabPage) -> None:
    """Open the explorer, choose a convolution, and save it in both themes."""
    shown.open(shown.lab.write("picture.ipynb", TRAIN, EXPLORE))
    shown.run_all(timeout=300)
    if shown.errors():
        raise RuntimeError("; ".join(shown.errors()))
    explorer = shown.page.locator(".cv-explorer")
    explorer.locator(".cv-row", has_text=CHOSEN).first.click()
    shown.page.mouse.move(0, 0)
    shown.page.wait_for_timeout(1000)
    for theme in ("light", "dark"):
        shown.theme(theme)
        shown.page.wait_for_timeout(500)
        path = DOCS / "images" / f"explorer-{theme}.png"
        explorer.screenshot(path=path)
        print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
