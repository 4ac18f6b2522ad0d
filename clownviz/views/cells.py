"""Cells as static SVG: no raster image, one path a colour, so a still is small and crisp."""

from __future__ import annotations

import numpy as np

from .. import look

__all__ = ["draw_bars", "draw_grid", "draw_maps"]

LEVELS = 33
MOST_CELLS = 6000
MOST_TILES = 24
GAP = 6


SMALLEST_SIGN = 8


def draw_grid(
    values: np.ndarray,
    signs: np.ndarray,
    limit: float,
    signed: bool,
    x: float,
    y: float,
    cell: float,
) -> list[str]:
    """One rectangle a run of equal colours in each row, gathered into one path a colour.

    `signs` holds a letter for every cell that is clipped or no number, else "".
    """
    levels = _levels(values, limit, signed)
    rows, columns = levels.shape
    if not rows or not columns:
        return []
    # A run ends where the next cell differs, and at every row's end.
    ends = np.ones((rows, columns), dtype=bool)
    ends[:, :-1] = levels[:, 1:] != levels[:, :-1]
    stops = np.flatnonzero(ends)
    starts = np.concatenate([[0], stops[:-1] + 1])
    paths: dict[int, list[str]] = {}
    for start, stop in zip(starts.tolist(), stops.tolist()):
        row, column = divmod(start, columns)
        wide = (stop - start + 1) * cell
        paths.setdefault(int(levels[row, column]), []).append(
            f"M{x + column * cell:g} {y + row * cell:g}h{wide:g}v{cell:g}h{-wide:g}z"
        )
    drawn = [
        f'<path shape-rendering="crispEdges" fill="{_colour(level, signed)}" d="{"".join(path)}"/>'
        for level, path in sorted(paths.items())
    ]
    if cell >= SMALLEST_SIGN:
        for row, column in zip(*np.nonzero(signs != "")):
            left, base = x + (column + 0.5) * cell, y + (row + 0.5) * cell + cell * 0.3
            pale = not signed and signs[row, column] == "-∞"
            drawn.append(
                f'<text x="{left:g}" y="{base:g}" text-anchor="middle" '
                f'fill="{"#000" if pale else "#fff"}" '
                f'font-size="{cell * 0.85:g}">{str(signs[row, column])[-1]}</text>'
            )
    return drawn


def _levels(values: np.ndarray, limit: float, signed: bool) -> np.ndarray:
    """The colour number of every value, −1 for NaN."""
    values = np.asarray(values, dtype=np.float64)
    missing = np.isnan(values)
    with np.errstate(over="ignore"):
        share = values / limit if limit > 0 else np.sign(values)
    share = np.clip(np.where(missing, 0.0, share), -1.0 if signed else 0.0, 1.0)
    place = (share + 1) / 2 if signed else share
    return np.where(missing, -1, np.floor(place * (LEVELS - 1) + 0.5)).astype(np.intp)


def _colour(level: int, signed: bool) -> str:
    if level < 0:
        return look.color("nan")
    table = look.colormap_table("diverging" if signed else "sequential", LEVELS)
    return "#{:02x}{:02x}{:02x}".format(*table[level].tolist())


def draw_maps(
    maps: np.ndarray,
    signs: np.ndarray,
    limit: float,
    signed: bool,
    x: float,
    y: float,
    wide: float,
    high: float,
) -> tuple[list[str], float, float]:
    """Tiles in rows, as many as fit the box; also the width and height that they take."""
    step = max(1, -(-max(maps.shape[1:]) // 48))
    maps, signs = maps[:, ::step, ::step], signs[:, ::step, ::step]
    count, rows, columns = maps.shape
    tiles = min(count, MOST_TILES, max(4, MOST_CELLS // max(1, rows * columns)))
    cell = _tile_cell(tiles, rows, columns, wide, high)
    across = max(1, int((wide + GAP) // (columns * cell + GAP)))
    tiles = min(tiles, across * max(1, int((high + GAP) // (rows * cell + GAP))))
    parts: list[str] = []
    for number in range(tiles):
        row, column = divmod(number, across)
        left, top = x + column * (columns * cell + GAP), y + row * (rows * cell + GAP)
        parts += draw_grid(maps[number], signs[number], limit, signed, left, top, cell)
    down, shown = -(-tiles // across), min(tiles, across)
    return parts, shown * (columns * cell + GAP) - GAP, down * (rows * cell + GAP) - GAP


def _tile_cell(tiles: int, rows: int, columns: int, wide: float, high: float) -> int:
    """The largest whole cell with which all tiles fit the box, at least 1."""
    for cell in range(16, 1, -1):
        across = int((wide + GAP) // (columns * cell + GAP))
        if across and -(-tiles // across) * (rows * cell + GAP) - GAP <= high:
            return cell
    return 1


def draw_bars(
    values: np.ndarray, limit: float, signed: bool, x: float, y: float, wide: float, high: float
) -> tuple[list[str], float, float]:
    """A vector as bars from zero, each in the colour of its value."""
    count = max(1, len(values))
    slot = max(2, min(28, int(wide // count)))
    high = min(high, 90.0)
    zero = y + (high / 2 if signed else high)
    reach = high / 2 if signed else high
    levels = _levels(values[None], limit, signed)[0]
    parts = [
        f'<path d="M{x:g} {zero:g}h{slot * count:g}" '
        f'style="stroke:{look.variable("border")};stroke-width:1"/>'
    ]
    for at, (value, level) in enumerate(zip(values.tolist(), levels.tolist())):
        share = 0.0 if np.isnan(value) or not limit else max(-1.0, min(1.0, value / limit))
        tall = max(1.0, abs(share) * reach)
        top = zero - tall if share >= 0 else zero
        parts.append(
            f'<rect x="{x + at * slot + 0.5:g}" y="{top:.1f}" width="{slot - 1:g}" '
            f'height="{tall:.1f}" fill="{_colour(level, signed)}"/>'
        )
    return parts, slot * count, high
