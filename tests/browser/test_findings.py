"""Findings in a real browser: both themes, and a window too narrow for a card."""

from __future__ import annotations

from support.browser import take_pictures_in_both_themes
from support.patients import Made, data, looked_at, mlp

import clownviz
from clownpiece import nn


def test_cards_fit_a_narrow_window(open_file, tmp_path):
    model = nn.Sequential(*mlp(Made(lambda self, x: x.detach())), nn.Softmax(-1))
    nn.init.normal_(model[0].weight, std=20.0)
    view = clownviz.findings(looked_at(model, 100 * data()[0]))
    page = open_file(view.save(tmp_path / "findings.html"))
    take_pictures_in_both_themes(page, "findings")
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.locator(".cv-findings li").count() == len(view.json()["findings"]) > 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".cv-findings li > b").first.get_attribute("aria-label") == "error"
