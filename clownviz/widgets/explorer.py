"""The explorer as a widget: the page asks for a module, the kernel answers from the tape."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from .. import look
from ..front.link import link, stylesheet
from ..recording.collector import collector_paused
from ..views.explorer import Explorer
from ..views.packed import packed
from ..views.text import printable
from ..views.view import View
from .base import bundle_of, show, still

__all__ = ["Explore", "ExplorerWidget"]


class ExplorerWidget(anywidget.AnyWidget):
    """The live half of `Explore`.

    Attributes:
        scene: what there is: modules, diagram, notes; packed.
        selection: the path of the chosen module; both sides may set it.
        detail: facts of the chosen module, as `Explorer.detail` gives them.
        detail_bytes: the codes of its arrays.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    scene = traitlets.Bytes().tag(sync=True)
    selection = traitlets.Unicode().tag(sync=True)
    detail = traitlets.Dict().tag(sync=True)
    detail_bytes = traitlets.Bytes(b"").tag(sync=True)

    @collector_paused()
    def __init__(self, explorer: Explorer, **kwargs: Any) -> None:
        self._explorer = explorer
        detail, data = explorer.detail(explorer.selection)
        super().__init__(
            scene=packed(explorer.scene()),
            selection=explorer.selection,
            detail=detail,
            detail_bytes=data,
            **kwargs,
        )
        self.observe(self._answer, names="selection")

    @traitlets.default("_esm")
    def _script(self) -> str:
        return link("explorer.js")

    @traitlets.default("_css")
    def _style(self) -> str:
        return look.css(".clownviz") + stylesheet("explorer.css", "detail.css")

    @traitlets.validate("selection")
    def _known(self, proposal: Any) -> str:
        self._explorer.row(proposal["value"])
        return str(proposal["value"])

    def _answer(self, change: Any) -> None:
        detail, data = self._explorer.detail(change["new"])
        # One message for both, so that the page never sees facts with another module's bytes.
        with self.hold_sync():
            self.detail_bytes = data
            self.detail = detail


class Explore(View):
    """A model to walk through: live in a notebook, a picture where nothing runs, text elsewhere.

    `widget` is the live view; several cells that show it share one selection. `selection` can be
    read, and set from Python.

    Args:
        explorer: what is shown.
    """

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer
        self._widget: ExplorerWidget | None = None

    @property
    def widget(self) -> ExplorerWidget:
        """The live view, made when it is first asked for."""
        if self._widget is None:
            self._widget = ExplorerWidget(self.explorer)
            self._widget.observe(self._follow, names="selection")
        return self._widget

    def _follow(self, change: Any) -> None:
        self.explorer.selection = change["new"]

    @property
    def selection(self) -> str:
        """The path of the chosen module."""
        return self.explorer.selection

    @selection.setter
    def selection(self, path: str) -> None:
        self.explorer.row(path)
        self.explorer.selection = path
        if self._widget is not None:
            self._widget.selection = path

    def text(self) -> str:
        return self.explorer.text()

    def svg(self) -> str:
        return self.explorer.svg()

    def html(self) -> str:
        """An image of the still; inline SVG would be stripped where a notebook is not trusted."""
        return still(self.explorer, self._title())["text/html"]

    def json(self) -> dict[str, Any]:
        return self.explorer.json()

    def _title(self) -> str:
        return f"Explorer of {printable(self.explorer.tape.model)}"

    def _ipython_display_(self) -> None:
        show(self.explorer, self.widget, self._title(), self.explorer.outline())

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return {**bundle_of(self.widget, self._title()), **still(self.explorer, self._title())}
