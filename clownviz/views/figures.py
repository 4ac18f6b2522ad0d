"""Cells for papers and slides: matplotlib figures in the colours of the SVG.

Figures are made as objects: nothing is drawn on, or left in, `matplotlib.pyplot`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import look
from .cells import Block
from .codes import decode
from .raster import colors_of
from .text import fit, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    Axes = Figure = Any

MOST_ACROSS = 8

__all__ = [
    "Figure",
    "cell_figure",
    "color_scale",
    "draw_block",
    "letters",
    "new_figure",
    "plain_axes",
]


def new_figure(title: str, size: tuple[float, float], theme: str = "light") -> Figure:
    """An empty figure on the theme's ground, `size` inches wide and high.

    Raises:
        ValueError: there is no such theme.
    """
    from matplotlib.figure import Figure

    ink = look.colors(theme)
    figure = Figure(figsize=size, layout="constrained", facecolor=ink["background"])
    text = fit(letters(title), 80)
    figure.suptitle(
        text, x=0.02, ha="left", color=ink["text"], fontsize=11, parse_math=False
    )
    return figure


def letters(text: str) -> str:
    """A text without what the fonts that come with matplotlib cannot draw, which warns.

    >>> letters("norm \\u5c64")
    'norm ?'
    """
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known = get_font(findfont(FontProperties())).get_charmap()
    return "".join(c if ord(c) in known else "?" for c in printable(text))


def plain_axes(axes: Axes, theme: str) -> None:
    """Axes as quiet as those of the SVG: a floor, a grid, muted numbers."""
    ink = look.colors(theme)
    axes.set_facecolor(ink["background"])
    axes.tick_params(colors=ink["muted"], which="both", length=0, labelsize=8)
    axes.grid(color=ink["grid"], linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(ink["border"])


def color_scale(
    figure: Figure, axes: Any, name: str, norm: Any, theme: str, **options: Any
) -> Any:
    """The bar that says what colours mean, beside the axes."""
    from matplotlib.cm import ScalarMappable

    ink = look.colors(theme)
    scale = ScalarMappable(norm, look.matplotlib_colormap(name))
    bar = figure.colorbar(scale, ax=axes, fraction=0.03, pad=0.02, **options)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=ink["muted"], length=0, labelsize=8)
    return bar


def draw_block(axes: Axes, block: Block, theme: str) -> None:
    """One block of cells, with a gap where something is left out."""
    ink = look.colors(theme)
    rgba = colors_of(block.codes, block.map)
    if block.masked is not None:
        rgba[block.masked] = (*look.rgb(ink["masked"]), 255)
    for axis, cut in enumerate((block.rows, block.columns)):
        for piece in cut.pieces()[1:]:
            rgba = np.insert(rgba, piece.start, 0, axis=axis)
    axes.imshow(rgba, interpolation="nearest")
    axes.set_axis_off()


def cell_figure(
    title: str,
    blocks: Sequence[Block],
    names: Sequence[str],
    *,
    columns: int | None = None,
    bars: bool = False,
    theme: str = "light",
) -> Figure:
    """Blocks as small multiples with one colour scale, or one block of one row as bars."""
    from matplotlib.colors import Normalize

    across = columns or max(1, min(MOST_ACROSS, math.ceil(math.sqrt(2 * len(blocks)))))
    across = max(1, min(across, len(blocks)))
    down = max(1, -(-len(blocks) // across))
    size = _size(blocks, across, down, bars)
    figure = new_figure(title, size, theme)
    if not blocks or not blocks[0].codes.size:
        return figure
    grid = figure.subplots(down, across, squeeze=False)
    if bars:
        _draw_bars(grid[0, 0], blocks[0], theme)
        return figure
    for axes in grid.ravel()[len(blocks) :]:
        axes.set_axis_off()
    for axes, block, name in zip(grid.ravel(), blocks, names):
        draw_block(axes, block, theme)
        if name:
            axes.set_title(name, fontsize=6, pad=2, color=look.color("muted", theme))
    limits = {block.limit for block in blocks}
    if len(limits) == 1:
        limit = limits.pop() or 1.0
        norm = Normalize(-limit if blocks[0].signed else 0.0, limit)
        color_scale(figure, grid.ravel().tolist(), blocks[0].map, norm, theme)
    return figure


def _size(blocks: Sequence[Block], across: int, down: int, bars: bool) -> tuple[float, float]:
    """Inches that hold the tiles at their own proportions, beside the colour scale."""
    if bars or not blocks or not blocks[0].codes.size:
        return 6.4, 2.6
    high, wide = blocks[0].size(1.0)
    tile = min(5.4 / across, 2.0 if len(blocks) > 1 else 5.4)
    tall = min(tile * high / wide, 8.0 / down)
    return tile * across + 1.0, max(1.6, (tall + 0.22) * down + 0.6)


def _draw_bars(axes: Axes, block: Block, theme: str) -> None:
    codes = block.codes[0]
    values = np.nan_to_num(decode(codes, block.limit, block.signed), posinf=block.limit,
                           neginf=-block.limit)  # fmt: skip
    colors = colors_of(codes, block.map) / 255
    plain_axes(axes, theme)
    axes.bar(block.columns.kept.astype(float), values, width=0.9, color=colors)
    limit = block.limit or 1.0
    axes.set_ylim(-limit if block.signed else 0.0, limit)
