"""Text that views share: the one line that says all of a tensor, sparklines, aligned tables."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence

import numpy as np

from ..look import format_number, format_shape
from ..recording.statistics import Stats, statistics

__all__ = [
    "cross", "fit", "fit_end", "fit_pixels", "pixels", "printable", "sparkline", "stats_line",
    "table", "tensor_line", "width", "with_code",
]  # fmt: skip

_BARS = "▁▂▃▄▅▆▇█"
_SPARK_CELLS = 6


def tensor_line(array: np.ndarray, stats: Stats | None = None, *, name: str = "Tensor") -> str:
    """One line that says what an array is and what is in it.

    >>> tensor_line(np.array([[0.5, -1.0], [2.0, np.nan]], dtype=np.float32))
    'Tensor(2, 2) float32 x∈[-1, 2] μ=0.5 σ=1.22 |█▁▁█▁█| NaN!'
    >>> tensor_line(np.zeros(3)), tensor_line(np.ones((0, 2)))
    ('Tensor(3,) float64 all 0', 'Tensor(0, 2) float64 empty')
    """
    stats = statistics(array) if stats is None else stats
    return f"{name}{format_shape(array.shape)} {array.dtype.name} {stats_line(stats)}"


def stats_line(stats: Stats) -> str:
    """The second half of `tensor_line`: range, mean, deviation, distribution, warnings."""
    warnings = "".join(
        f" {text}!"
        for text, count in (("NaN", stats.nan), ("+Inf", stats.posinf), ("-Inf", stats.neginf))
        if count
    )
    if stats.count == 0:
        return "empty"
    if not np.isfinite(stats.min):
        return "no finite value" + warnings
    low, high = format_number(stats.min), format_number(stats.max)
    if stats.count == 1:
        return low + warnings
    if stats.min == stats.max:
        return f"all {low}{warnings}"
    mean, std = format_number(stats.mean), format_number(stats.std)
    return f"x∈[{low}, {high}] μ={mean} σ={std} |{sparkline(stats.histogram)}|{warnings}"


def sparkline(counts: np.ndarray, cells: int = _SPARK_CELLS) -> str:
    """Bars for a histogram, joined to a few cells.

    >>> sparkline(np.array([0, 1, 2, 3, 4, 8]))
    '▁▂▃▄▅█'
    """
    edges = np.linspace(0, len(counts), min(cells, len(counts)) + 1).astype(int)
    joined = np.add.reduceat(counts, edges[:-1]) if len(counts) else np.zeros(1)
    top = float(np.max(joined, initial=0)) or 1.0
    # A bar that is not empty never looks as low as one that is.
    levels = [0 if c == 0 else max(1, round(float(c) / top * 7)) for c in joined]
    return "".join(_BARS[level] for level in levels)


def printable(text: str) -> str:
    """Text from a model on one line: control and direction characters become `�`.

    >>> printable("a\\nb\\u202ec")
    'a�b�c'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "�" for c in text)


def with_code(text: str) -> str:
    """A sentence as HTML; what stands between backticks is code.

    >>> with_code("Call `a < b` first.")
    'Call <code>a &lt; b</code> first.'
    """
    parts = html.escape(printable(text)).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))


def cross(error: str) -> str:
    """An error as a view marks it: `✗ ValueError: …`."""
    return "✗ " + printable(error) if error != "✗" else error


def width(text: str) -> int:
    """How many columns of a terminal a text takes; wide characters take two.

    >>> width("fc1"), width("層")
    (3, 2)
    """
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    combining = sum(unicodedata.combining(c) != 0 for c in text)
    return len(text) + wide - combining


def fit(text: str, columns: int) -> str:
    """The text, or its beginning and `…`, in at most this many columns.

    >>> fit("convolution", 6)
    'convo…'
    """
    if width(text) <= columns:
        return text
    while text and width(text) > columns - 1:
        text = text[:-1]
    return text + "…"


def fit_end(path: str, columns: int) -> str:
    """The path, or `…` and its end, which tells what it is, in at most this many columns.

    >>> fit_end("encoder.attn.weight", 12)
    '…attn.weight'
    """
    if width(path) <= columns:
        return path
    while path and width(path) > columns - 1:
        path = path[1:]
    return "…" + path


_NARROW, _BROAD = frozenset("fijlrtI.,:;'|!()[]{}/ -`"), frozenset("mwMW%@…—→")


def pixels(text: str, size: float) -> float:
    """About how wide a text is in letters of `size` pixels, rather too wide than too narrow.

    >>> pixels("conv1", 10), pixels("WWW", 10)
    (32.5, 29.4)
    """
    ems = 0.0
    for letter in text:
        if letter in _NARROW:
            ems += 0.4
        elif letter in _BROAD:
            ems += 0.98
        elif letter.isascii():
            ems += 0.72 if letter.isupper() else 0.65
        else:
            ems += 0.65 * width(letter)
    return round(ems * size, 1)


def fit_pixels(text: str, room: float, size: float) -> str:
    """The text, or its beginning and `…`, in at most so many pixels.

    >>> fit_pixels("convolution", 40, 10)
    'conv…'
    """
    if pixels(text, size) <= room:
        return text
    while text and pixels(text + "…", size) > room:
        text = text[:-1]
    return text + "…"


def table(
    header: Sequence[str], body: Sequence[Sequence[str]], right: Sequence[bool], gap: str = "  "
) -> tuple[str, list[str]]:
    """The header line and the body lines, in aligned columns; `right` says which are numbers."""
    widths = [max(map(width, column)) for column in zip(header, *body)]
    lines = []
    for cells in (header, *body):
        parts = [
            " " * (size - width(cell)) + cell if to_right else cell + " " * (size - width(cell))
            for cell, size, to_right in zip(cells, widths, right)
        ]
        lines.append(gap.join(parts).rstrip())
    return lines[0], lines[1:]
