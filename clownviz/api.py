"""The verbs people type: `summary`, `tree`, `diagram`, `explore`, `watch`, `page`.

Each runs the model once if it is given inputs, leaves it as it was, and answers as text, as a
static picture and, where there is a front end for it, as a live widget.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from .capture.capture import Capture, capture, describe, run
from .capture.tape import Tape
from .capture.tape_file import load, save
from .views.dashboard import Dashboard
from .views.diagram import Diagram
from .views.explorer import Explorer
from .views.page import Page
from .views.summary import DEFAULT_COLUMNS, Summary
from .views.tree import Tree
from .views.view import View
from .widgets.explorer import Explore
from .widgets.watch import Watch

__all__ = [
    "Capture",
    "Shown",
    "Watch",
    "capture",
    "describe",
    "diagram",
    "explore",
    "load",
    "page",
    "run",
    "save",
    "summary",
    "tree",
    "watch",
]


class Shown(View):
    """A view as a notebook, a terminal or a file shows it.

    A notebook gets HTML, a terminal gets text; `save` writes whichever a file's name asks for.
    """

    def __init__(self, view: View) -> None:
        self.view = view

    def text(self) -> str:
        return self.view.text()

    def svg(self) -> str:
        return self.view.svg()

    def html(self) -> str:
        return self.view.html()

    def json(self) -> dict[str, Any]:
        return self.view.json()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.text()}


def summary(
    model: Any,
    *inputs: Any,
    columns: Sequence[str] = DEFAULT_COLUMNS,
    depth: int | None = None,
    fold: bool = True,
    kwargs: dict[str, Any] | None = None,
) -> Shown:
    """The table of a model's modules: shapes, parameters, multiply-adds.

    Args:
        model: a Module.
        inputs: what the model is called with; without any the table is of what is known before.
        columns: names from `clownviz.views.summary.COLUMNS`.
        depth: how many levels to show; None shows as many as stay readable.
        fold: show equal blocks once.
        kwargs: keyword arguments for the model.

    >>> import clownpiece, clownviz
    >>> from clownpiece import nn
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    >>> "15" in clownviz.summary(model, clownpiece.ones(2, 4)).text()
    True
    """
    tape = _look(model, inputs, kwargs, keep="shapes")
    return Shown(Summary(tape, columns=columns, depth=depth, fold=fold))


def tree(
    model: Any,
    *inputs: Any,
    depth: int | None = None,
    fold: bool = True,
    kwargs: dict[str, Any] | None = None,
) -> Shown:
    """The tree of a model's modules; arguments as for `summary`."""
    return Shown(Tree(_look(model, inputs, kwargs, keep="shapes"), depth=depth, fold=fold))


def diagram(
    model: Any, *inputs: Any, kwargs: dict[str, Any] | None = None, **options: Any
) -> Diagram:
    """The diagram of a model as a `graphviz.Digraph` that can be edited and rendered.

    Args:
        model: a Module.
        inputs: what the model is called with; without any the tree of modules is drawn.
        kwargs: keyword arguments for the model.
        options: `depth`, `closed`, `fold`, `unfolded`, `direction`, `selected`, `budget`: see
            `Diagram.of`.
    """
    return Diagram.of(_look(model, inputs, kwargs, keep="shapes"), **options)


def explore(
    model: Any,
    *inputs: Any,
    gradients: bool = False,
    loss: Callable[[Any], Any] | None = None,
    selection: str | None = None,
    kwargs: dict[str, Any] | None = None,
) -> Explore:
    """A widget to walk through a model: activations, weights and gradients of any module.

    Args:
        model: a Module.
        inputs: what the model is called with, a batch; the first example is shown.
        gradients: run a backward too and show its gradients.
        loss: what to run it from, given the model's output; by default the sum of the output.
        selection: the path of the module to show first.
        kwargs: keyword arguments for the model.
    """
    tape = _look(model, inputs, kwargs, keep="sample", gradients=gradients, loss=loss)
    return Explore(_explorer(tape, selection))


def watch(model: Any, optimizer: Any, **options: Any) -> Watch:
    """A live dashboard of loss, gradient norms and update sizes while a loop trains.

    Log the loss in the loop, with `watch.log(loss=loss)`; the rest is read around
    `optimizer.step()`. Options: `every`, `budget`; see `Watch`.
    """
    return Watch(model, optimizer, **options)


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
        model: a Module.
        inputs: what the model is called with.
        training: a `watch` whose curves the page shows.
        title: the heading; the model's class by default.
        subtitle: a line below it.
        gradients, loss, selection, kwargs: as for `explore`.

    Returns:
        The page; `save("model.html")` writes it.
    """
    tape = _look(model, inputs, kwargs, keep="sample", gradients=gradients, loss=loss)
    sections: list[tuple[str, View]] = [("Summary", Summary(tape))]
    if training is not None:
        sections.insert(0, ("Training", Dashboard(training.training)))
    return Page(_explorer(tape, selection), title=title, subtitle=subtitle, sections=sections)


def _explorer(tape: Tape, selection: str | None) -> Explorer:
    return Explorer(tape, selection=selection, diagram=Diagram.of(tape).svg())


def _look(
    model: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any] | None, **options: Any
) -> Tape:
    """Run the model, or describe it where there is nothing to run it on."""
    if not inputs and not kwargs:
        return describe(model, keep=options["keep"])
    try:
        return run(model, *inputs, **options, **(kwargs or {}))
    except Exception as error:
        tape = getattr(error, "tape", None)
        if isinstance(tape, Tape):
            _show_partial(tape, error)
        raise


def _show_partial(tape: Tape, error: Exception) -> None:
    """How far the forward came: above the error in a notebook, below it elsewhere."""
    partial = Tree(tape)
    display = getattr(sys.modules.get("IPython.display"), "display", None)
    if display is not None and hasattr(sys.modules["IPython"].get_ipython(), "kernel"):
        display(Shown(partial))
    else:
        error.add_note(partial.text())
