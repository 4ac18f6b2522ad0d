"""What every view answers: text, SVG, HTML and JSON, each complete by itself."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from typing import Any

from .svg import text_as_svg

__all__ = ["View"]


class View(ABC):
    """A picture of facts.

    `text` is the same on every run: no ids, times or addresses. `svg` and `html` need neither a
    kernel nor a network nor a script; everything in them that came from a model is escaped.
    """

    @abstractmethod
    def text(self) -> str:
        """The facts as plain text."""

    @abstractmethod
    def json(self) -> dict[str, Any]:
        """The facts as data."""

    def svg(self) -> str:
        """A static picture that follows the reader's light or dark theme."""
        return text_as_svg(self.text())

    def html(self) -> str:
        """A fragment of HTML."""
        return f'<pre class="clownviz">{html.escape(self.text())}</pre>'

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()
