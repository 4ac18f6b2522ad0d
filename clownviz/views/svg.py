"""Small pieces of static SVG whose colours follow the reader's light or dark theme."""

from __future__ import annotations

import html
from collections.abc import Iterable

from .. import look
from .text import width

__all__ = ["document", "rect", "style", "text_as_svg", "text_element"]

_LETTER = 7.23  # width of a monospaced letter at 12px
_LINE = 18


def style() -> str:
    """The colours as custom properties, for an SVG that may stand alone in an `<img>`."""
    return look.css("svg.clownviz", jupyter=False)


def document(width: float, height: float, parts: Iterable[str], title: str = "") -> str:
    """A whole SVG; `parts` are elements, `title` is what a screen reader says."""
    label = html.escape(title, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="clownviz" role="img" '
        f'aria-label="{label}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">'
        f"<title>{label}</title><style>{style()}</style>{''.join(parts)}</svg>"
    )


def rect(x: float, y: float, wide: float, high: float, fill: str, extra: str = "") -> str:
    """A rectangle filled with a named colour."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" '
        f'style="fill:{look.variable(fill)}"{extra}/>'
    )


def text_element(
    x: float,
    y: float,
    text: str,
    *,
    fill: str = "text",
    anchor: str = "start",
    size: float = 12,
    code: bool = False,
    weight: int = 400,
) -> str:
    """A line of text, escaped."""
    font = "var(--cv-font-code, monospace)" if code else "var(--cv-font-text, sans-serif)"
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" xml:space="preserve" '
        f'style="fill:{look.variable(fill)};font:{weight} {size:g}px {font}">'
        f"{html.escape(text)}</text>"
    )


def text_as_svg(text: str, title: str = "") -> str:
    """Lines of text as a picture, letter under letter."""
    lines = text.splitlines() or [""]
    wide = max(width(line) for line in lines) * _LETTER + 24
    high = len(lines) * _LINE + 20
    parts = [rect(0, 0, wide, high, "background")]
    parts += [
        text_element(12, 22 + at * _LINE, line, code=True) for at, line in enumerate(lines) if line
    ]
    return document(wide, high, parts, title or lines[0])
