"""How a view shows itself: as HTML in a notebook, as text in a terminal."""

from __future__ import annotations

from typing import Any

from ..front.link import link
from ..views.view import View

__all__ = ["Figured", "Shown"]


class Shown(View):
    """A view as a notebook, a terminal or a file shows it.

    A notebook gets HTML, a terminal gets text; `save` writes whichever a file's name asks for.
    The HTML brings the view's script along, and is whole where no script runs.
    """

    def __init__(self, view: View) -> None:
        self.view = view

    def text(self) -> str:
        return self.view.text()

    def svg(self) -> str:
        return self.view.svg()

    def html(self) -> str:
        script = self.view.script
        live = f'<script type="module">\n{link(script)}</script>' if script else ""
        return self.view.html() + live

    def json(self) -> dict[str, Any]:
        return self.view.json()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.text()}


class Figured(Shown):
    """A view of numbers: also a matplotlib figure, for papers and slides."""

    def figure(self, theme: str = "light") -> Any:
        """The same picture as a `matplotlib.figure.Figure`, in the colours of a theme.

        ``.figure().savefig("heads.pdf")`` needs no backend and leaves nothing in `pyplot`.
        """
        return self.view.figure(theme)  # type: ignore[attr-defined]
