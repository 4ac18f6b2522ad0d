"""What every view answers: text, SVG, HTML and JSON, each complete by itself."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .svg import text_as_svg

__all__ = ["View"]

_LARGE = 200_000
_UNSAFE = re.compile(r"[^A-Za-z0-9/+=:;,!$()*._~ -]")
_DOCUMENT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
{}
</html>
"""


class View(ABC):
    """A picture of facts.

    `text` is the same on every run: no ids, times or addresses. `svg` and `html` need neither a
    kernel nor a network nor a script; everything in them that came from a model is escaped.

    Attributes:
        script: an ES module of the front that adds something to the HTML where scripts run.
    """

    script: str | None = None

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

    def image(self, alt: str, *, style: str = "max-width:100%", kind: str = "clownviz") -> str:
        """The picture as an `<img>`, data that nothing strips.

        It survives where inline SVG and styles do not: in untrusted notebooks, on GitHub.
        """
        svg = self.svg()
        data = f";base64,{base64.b64encode(svg.encode()).decode()}"
        if len(data) > _LARGE:
            # What is large are pictures within it: base64 already, and shorter as they are.
            data = min(data, f",{_UNSAFE.sub(_quoted, svg)}", key=len)
        return (
            f'<img class="{kind}" alt="{html.escape(alt, quote=True)}" style="{style}" '
            f'src="data:image/svg+xml{data}">'
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as the ending of the name says: .html, .svg, .json or .txt.

        Raises:
            ValueError: the name ends in something else.
        """
        target = Path(path)
        write = {
            ".html": lambda: _DOCUMENT.format(self.html()),
            ".svg": self.svg,
            ".json": lambda: json.dumps(self.json(), ensure_ascii=False, indent=1),
            ".txt": lambda: self.text() + "\n",
        }.get(target.suffix.lower())
        if write is None:
            raise ValueError(
                f"cannot save as {target.name!r}: expected a name that ends in .html, .svg, .json "
                "or .txt"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(write(), encoding="utf-8")
        return target

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()


def _quoted(letter: re.Match[str]) -> str:
    return quote(letter[0])
