"""What is handed on: `page`, one HTML file with everything in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..views.dashboard import Dashboard
from ..views.page import Page
from ..views.summary import Summary
from ..views.view import View
from .live import Watch, explorer_of
from .tapes import tape_of

__all__ = ["page"]


def page(
    model: Any,
    *inputs: Any,
    training: Watch | None = None,
    title: str | None = None,
    subtitle: str = "",
    gradients: bool = False,
    loss: Callable[[Any], Any] | None = None,
    selection: str | None = None,
    kwargs: dict[str, Any] | None = None,
) -> Page:
    """Everything about a model in one HTML file that needs neither a kernel nor a network.

    Args:
        model: a Module, or the tape of a run.
        inputs: what the model is called with.
        training: a `watch` whose curves the page shows.
        title: the heading; the model's class by default.
        subtitle: a line below it.
        gradients, loss, selection, kwargs: as for `explore`.

    Returns:
        The page; `save("model.html")` writes it.
    """
    tape = tape_of(model, inputs, kwargs, keep="sample", gradients=gradients, loss=loss)
    sections: list[tuple[str, View]] = [("Summary", Summary(tape))]
    if training is not None:
        sections.insert(0, ("Training", Dashboard(training.training)))
    return Page(explorer_of(tape, selection), title=title, subtitle=subtitle, sections=sections)
