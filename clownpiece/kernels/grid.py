"""Reading an array at places between its cells, and the gradients for the array and the places.

A place has one coordinate a dimension, from -1 to 1, the last dimension's first. Its value is the
mean of the cells around it, each weighted by how near it is (Jaderberg et al. 2015).

Arrays are `(N, C, *space)`, grids of places `(N, *out, dimensions)`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from .pooling import scatter_cells

Places = list[tuple[np.ndarray, np.ndarray]]


def sample(
    x: np.ndarray, grid: np.ndarray, mode: str, padding: str, align_corners: bool
) -> np.ndarray:
    """The values `(N, C, *out)` of `x` at the places of `grid`."""
    sizes, cells = x.shape[2:], x.reshape(*x.shape[:2], -1)
    y = np.zeros((*x.shape[:2], *grid.shape[1:-1]), x.dtype)
    for flat, valid, shares, _ in corners(grid, sizes, mode, padding, align_corners):
        y += _gather(cells, flat) * (math.prod(shares) * valid)[:, None]
    return y


def sample_backward(
    g: np.ndarray,
    x: np.ndarray,
    grid: np.ndarray,
    mode: str,
    padding: str,
    align_corners: bool,
    needs: tuple[bool, bool],
) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of `sample` for `x` and for `grid`; zeros where none is needed."""
    sizes, cells = x.shape[2:], x.reshape(*x.shape[:2], -1)
    gx, ggrid = np.zeros_like(cells), np.zeros_like(grid)
    for flat, valid, shares, slopes in corners(grid, sizes, mode, padding, align_corners):
        if needs[0]:
            gx += _scatter(gx, flat, g * (math.prod(shares) * valid)[:, None])
        if needs[1]:
            along = (_gather(cells, flat) * g).sum(1) * valid
            for dim in range(len(sizes)):
                rest = math.prod(share for d, share in enumerate(shares) if d != dim)
                ggrid[..., len(sizes) - 1 - dim] += along * rest * slopes[dim]
    return gx.reshape(x.shape), ggrid


def corners(
    grid: np.ndarray, sizes: Sequence[int], mode: str, padding: str, align_corners: bool
) -> Iterator[tuple[np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]]:
    """The cells that each place of a grid is made of, one corner of all places after the other.

    Yields flat positions `(N, *out)`, whether they are inside, and for each dimension the share
    of the cell and the slope of that share in the coordinate.
    """
    places = _places(grid, sizes, padding, align_corners)
    if mode != "nearest":
        yield from _corners(places, sizes)
        return
    flat, valid = _nearest(places, sizes)
    shares = [np.ones_like(at) for at, _ in places]
    yield flat, valid, shares, [np.zeros_like(at) for at, _ in places]


def _places(grid: np.ndarray, sizes: Sequence[int], padding: str, align: bool) -> Places:
    """For each dimension where the places lie, in cells, and the slope of that in the grid."""
    found = []
    for dim, size in enumerate(sizes):
        at = grid[..., len(sizes) - 1 - dim] + 1
        at = at * ((size - 1) / 2) if align else (at * size - 1) / 2
        slope = np.full_like(at, (size - 1) / 2 if align else size / 2)
        if padding == "reflection":
            at, sign = _reflected(at, size, align)
            slope *= sign
        if padding != "zeros":
            slope *= (at > 0) & (at < size - 1)
            at = np.clip(at, 0, size - 1)
        found.append((at, slope))
    return found


def _reflected(at: np.ndarray, size: int, align: bool) -> tuple[np.ndarray, np.ndarray]:
    """Places outside thrown back inside, as often as it takes, and which way they then move."""
    low, span = (0.0, size - 1.0) if align else (-0.5, float(size))
    if span == 0:
        return np.zeros_like(at), np.zeros_like(at)
    away = np.abs(at - low)
    turns = np.floor(away / span)
    rest = away - turns * span
    back = turns % 2 == 1
    sign = np.where(at < low, -1.0, 1.0) * np.where(back, -1.0, 1.0)
    return np.where(back, span - rest, rest) + low, sign.astype(at.dtype)


def _corners(
    places: Places, sizes: Sequence[int]
) -> Iterator[tuple[np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]]:
    """The cells around each place: flat position, whether it is one, shares and their slopes."""
    below = [np.floor(at) for at, _ in places]
    for corner in range(1 << len(sizes)):
        flat, valid = np.zeros((), np.int64), np.ones((), bool)
        shares, slopes = [], []
        for dim, size in enumerate(sizes):
            up = corner >> dim & 1
            near = places[dim][0] - below[dim]
            shares.append(near if up else 1 - near)
            slopes.append(places[dim][1] if up else -places[dim][1])
            flat, valid = _step_into(flat, valid, below[dim].astype(np.int64) + up, size)
        yield flat, valid, shares, slopes


def _nearest(places: Places, sizes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The one cell nearest to each place: flat position, and whether there is such a cell."""
    flat, valid = np.zeros((), np.int64), np.ones((), bool)
    for (at, _), size in zip(places, sizes, strict=True):
        flat, valid = _step_into(flat, valid, np.rint(at).astype(np.int64), size)
    return flat, valid


def _step_into(
    flat: np.ndarray, valid: np.ndarray, cell: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """A flat position made longer by one dimension."""
    return flat * size + np.clip(cell, 0, size - 1), valid & (cell >= 0) & (cell < size)


def _gather(x: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Cells `flat` `(N, *out)` of each channel of `x` `(N, C, cells)`: `(N, C, *out)`."""
    index = flat.reshape(len(flat), 1, -1)
    picked = np.take_along_axis(x, np.broadcast_to(index, (*x.shape[:2], index.shape[2])), 2)
    return picked.reshape(*x.shape[:2], *flat.shape[1:])


def _scatter(like: np.ndarray, flat: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`values` `(N, C, *out)` added into the cells `flat` `(N, *out)` of zeros `like`."""
    indices = np.broadcast_to(flat[:, None], values.shape).reshape(*like.shape[:2], -1)
    return scatter_cells(values.reshape(indices.shape), indices, like.shape[2:])
