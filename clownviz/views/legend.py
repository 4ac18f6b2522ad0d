"""What colours mean: the bar of a colour map with its ends, and swatches with their words."""

from __future__ import annotations

from collections.abc import Iterable

from .. import look
from .raster import map_image
from .svg import rect, text_element
from .text import width

__all__ = ["LETTER", "color_bar", "swatches"]

LETTER = 6.3
"""The mean width of a letter at 11 px."""

_BAR = 112


def color_bar(
    x: float, y: float, name: str, ends: tuple[str, str], middle: str = ""
) -> tuple[list[str], float]:
    """The bar of a colour map between the texts of its ends, and how wide that is.

    `middle` stands below the middle of the bar, which is zero where data is signed.
    """
    low, high = ends
    start = x + width(low) * LETTER + 6
    parts = [text_element(start - 6, y + 9, low, fill="muted", size=11, anchor="end")]
    # A picture of one row needs no identifier, as a gradient would, which pages would repeat.
    parts.append(map_image(name, (start, y, _BAR, 10)))
    if middle:
        at = start + _BAR / 2
        parts.append(f'<path d="M{at:g} {y + 10:g}v3" style="stroke:{look.variable("muted")}"/>')
        parts.append(text_element(at, y + 23, middle, fill="muted", size=10, anchor="middle"))
    parts.append(text_element(start + _BAR + 6, y + 9, high, fill="muted", size=11))
    return parts, start + _BAR + 6 + width(high) * LETTER - x


def swatches(x: float, y: float, entries: Iterable[tuple[str, str]]) -> tuple[list[str], float]:
    """Words in a line, each behind a square in its named colour if it has one; and their width."""
    parts: list[str] = []
    start = x
    for color, text in entries:
        if color:
            parts.append(rect(x, y, 10, 10, color, ' rx="2"'))
            x += 15
        parts.append(text_element(x, y + 9, text, fill="muted", size=11))
        x += width(text) * LETTER + 14
    return parts, max(0.0, x - 14 - start)
