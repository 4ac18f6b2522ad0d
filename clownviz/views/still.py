"""The explorer as one static SVG: what a reader sees where nothing can run."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence

import numpy as np

from .. import look
from ..analysis.modules import Row
from .array import ArrayView
from .svg import document, rect, text_element
from .text import fit, fit_pixels, pixels, printable, width

__all__ = ["draw_still"]

WIDE = 920
LEFT = 300
PAD = 16
ROW = 22
MOST_ROWS = 26
MOST_PICTURES = 4
PICTURE = 190
_LETTER = 6.7  # the mean width of a letter at 12.5 px


def draw_still(
    *,
    title: str,
    headline: str,
    table: Sequence[Row],
    selected: Row,
    facts: Sequence[tuple[str, str]],
    pictures: Sequence[ArrayView],
    error: str | None = None,
) -> str:
    """The picture: the tree on the left; on the right the chosen module, facts and arrays."""
    parts = [
        text_element(PAD, 27, fit(printable(title), 60), size=15, weight=600),
        text_element(PAD, 46, fit(printable(headline), 130), fill="muted", size=12),
    ]
    top = 60.0
    if error:
        parts.append(text_element(PAD, 66, fit(f"✗ {printable(error)}", 120), fill="error"))
        top = 78.0
    tree, left = _tree(table, selected, top + 8)
    body, right = _module(selected, facts, pictures, LEFT + PAD, top + 4)
    high = max(left, right) + PAD
    ground = [
        f'<rect x="0.5" y="0.5" width="{WIDE - 1}" height="{high - 1:.0f}" rx="8" '
        f'style="fill:{look.variable("background")};stroke:{look.variable("border")}"/>',
        rect(1, top, LEFT - 1, high - top - 1, "surface"),
        _line(0, top, WIDE, top),
        _line(LEFT, top, LEFT, high),
    ]
    name = f"Explorer of {printable(title)}: {printable(headline)}"
    return document(WIDE, high, [*ground, *parts, *tree, *body], name)


def _spans(x: float, y: float, spans: Sequence[tuple[str, str, int]], size: float) -> str:
    """Texts after one another: only the reader's font knows where each begins."""
    inside = "".join(
        f'<tspan dx="{0 if n == 0 else 7}" style="fill:{look.variable(fill)};font-weight:{weight}">'
        f"{html.escape(text)}</tspan>"
        for n, (text, fill, weight) in enumerate(spans)
    )
    font = f"font:{size:g}px var(--cv-font-text, sans-serif)"
    return f'<text x="{x:g}" y="{y:g}" style="{font}">{inside}</text>'


def _line(x: float, y: float, to_x: float, to_y: float) -> str:
    place = f'd="M{x:g} {y:g}L{to_x:g} {to_y:g}"'
    return f'<path {place} style="stroke:{look.variable("border")}" shape-rendering="crispEdges"/>'


def _visible(table: Sequence[Row], selected: Row) -> tuple[list[tuple[Row, str]], int]:
    """Rows with what stands for the folded ones, around the chosen row; and how many are left."""
    shown: list[tuple[Row, str]] = []
    hidden: set[str] = set()
    for row in table:
        if row.parent in hidden or row.like is not None:
            hidden.add(row.path)
            continue
        times = f"{row.repeat.count} × " if row.repeat and len(row.repeat.first) == 1 else ""
        shown.append((row, times))
    at = next((n for n, (row, _) in enumerate(shown) if row is selected), 0)
    first = max(0, min(at - MOST_ROWS // 2, len(shown) - MOST_ROWS))
    return shown[first : first + MOST_ROWS], len(shown) - MOST_ROWS


def _tree(table: Sequence[Row], selected: Row, top: float) -> tuple[list[str], float]:
    rows, left = _visible(table, selected)
    parts: list[str] = []
    for number, (row, times) in enumerate(rows):
        y = top + number * ROW
        if row is selected:
            parts.append(rect(1, y, LEFT - 1, ROW, "selection"))
            parts.append(rect(1, y, 3, ROW, "accent"))
        x = PAD + min(row.depth, 8) * 13.0
        parts.append(rect(x, y + 7, 8, 8, f"family.{look.family(row.family)}.text", ' rx="2"'))
        params = look.format_count(row.params) if row.params else "–"
        room = LEFT - x - 38 - width(params) * _LETTER
        name = fit_pixels(printable(row.name), max(30.0, room), 12.5)
        left_over = room - pixels(name, 12.5)
        kind = fit(times + printable(row.kind), max(1, int(left_over / _LETTER) - 1))
        spans = [(name, "text", 500)] if name else []
        if not name or left_over > 4 * _LETTER:
            spans.append((kind, f"family.{look.family(row.family)}.text", 400))
        parts.append(_spans(x + 15, y + 15, spans, 12.5))
        parts.append(text_element(LEFT - 12, y + 15, params, size=12, fill="muted", anchor="end"))
    high = top + len(rows) * ROW
    if left > 0:
        parts.append(text_element(PAD, high + 15, f"{left:,} more rows", fill="muted", size=12))
        high += ROW
    return parts, high


def _module(
    row: Row, facts: Sequence[tuple[str, str]], pictures: Sequence[ArrayView], x: float, y: float
) -> tuple[list[str], float]:
    wide = WIDE - x - PAD
    spans = [(fit_pixels(printable(row.path), 380, 17), "text", 600)] if row.path else []
    ink = f"family.{look.family(row.family)}.text"
    parts = [_spans(x, y + 24, [*spans, (fit(printable(row.kind), 30), ink, 600)], 16)]
    y += 44
    for number, (name, text) in enumerate(facts[:8]):
        column, line = number % 4, number // 4
        left, down = x + column * wide / 4, y + line * 38
        parts.append(text_element(left, down + 10, name, size=11, fill="muted"))
        parts.append(text_element(left, down + 26, fit(printable(text), 22), size=12))
    y += (min(len(facts), 8) + 3) // 4 * 38 + 8
    return _cards(parts, pictures, x, y, wide)


def _cards(
    parts: list[str], pictures: Sequence[ArrayView], x: float, y: float, wide: float
) -> tuple[list[str], float]:
    """Two cards side by side, as high as the higher one needs."""
    half = (wide - 12) / 2
    shown = pictures[:MOST_PICTURES]
    if not shown:
        parts.append(text_element(x, y + 16, "No arrays were kept for this module.", fill="muted"))
        return parts, y + 24
    for pair in (shown[at : at + 2] for at in range(0, len(shown), 2)):
        drawn = [_card(view, x + n * (half + 12), y, half) for n, view in enumerate(pair)]
        high = max(bottom for _, bottom in drawn) - y
        for n, (inside, _) in enumerate(drawn):
            left = x + n * (half + 12)
            parts.append(
                f'<rect x="{left:.1f}" y="{y:.1f}" width="{half:.1f}" height="{high:.1f}" rx="5" '
                f'style="fill:none;stroke:{look.variable("border")}"/>'
            )
            parts.append(rect(left, y, half, 3, f"role.{pair[n].role}.mark", ' rx="1.5"'))
            parts += inside
        y += high + 12
    return parts, y - 12


def _card(view: ArrayView, x: float, y: float, wide: float) -> tuple[list[str], float]:
    shape = look.format_shape(view.full_shape)
    title = fit(printable(view.title), 18)
    role = [] if view.role in title else [(view.role, f"role.{view.role}.text", 400)]
    inner = wide - 24
    picture, _, high = view.drawing(x + 12, y + 36, inner, PICTURE)
    below = y + 36 + high + 18
    parts = [
        _spans(x + 12, y + 24, [(title, "text", 600), *role], 12.5),
        text_element(
            x + wide - 12, y + 24, shape, size=11.5, fill="muted", anchor="end", code=True
        ),
        *picture,
    ]
    # A line may break between the parts of a legend, not inside one.
    unbroken = view.legend().replace(" ", "\u00a0").replace(",\u00a0", ", ")
    for line in textwrap.wrap(unbroken, int(inner / 5.9)):
        parts.append(text_element(x + 12, below, line, size=11, fill="muted"))
        below += 15
    below -= 15
    counts = view.stats.histogram
    if counts.sum():
        parts += _histogram(counts, view.stats.edges, view.role, x + 12, below + 10, inner)
        below += 62
    return parts, below + 12


def _histogram(
    counts: np.ndarray, edges: np.ndarray, role: str, x: float, y: float, wide: float
) -> list[str]:
    high, bins = 36.0, len(counts)
    step = wide / bins
    bars = "".join(
        f"M{x + at * step + 0.5:.1f} {y + high:g}v{-max(1.0, high * count / counts.max()):.1f}"
        f"h{step - 1:.1f}V{y + high:g}z"
        for at, count in enumerate(counts.tolist())
        if count
    )
    low, top = look.format_number(float(edges[0])), look.format_number(float(edges[-1]))
    return [
        f'<path d="{bars}" style="fill:{look.variable(f"role.{role}.mark")}"/>',
        _line(x, y + high, x + wide, y + high),
        text_element(x, y + high + 13, low, size=10.5, fill="muted"),
        text_element(x + wide, y + high + 13, top, size=10.5, fill="muted", anchor="end"),
    ]
