"""Reading an array at places between its cells, and the gradients for the array and the places.

A place has one coordinate a dimension, from -1 to 1, the last dimension's first. Its value is a
weighted sum of the cells around it (Jaderberg et al. 2015). Along each dimension the weights are
polynomials of how far the place lies behind the cell at or before it:

    nearest    1
    linear     1 − t,  t
    cubic      Keys' four (1981, with a = −3/4)

Arrays are `(N, C, *space)`, grids of places `(N, *out, dimensions)`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from .pooling import scatter_cells

Polynomial = tuple[float, ...]

_A = -0.75

# For each mode the cells around a place, counted from the one at or before it, each with the
# coefficients of its weight, the constant first.
TAPS: dict[str, tuple[tuple[int, Polynomial], ...]] = {
    "nearest": ((0, (1.0,)),),
    "bilinear": ((0, (1.0, -1.0)), (1, (0.0, 1.0))),
    "bicubic": (
        (-1, (0.0, _A, -2 * _A, _A)),
        (0, (1.0, 0.0, -(_A + 3), _A + 2)),
        (1, (0.0, -_A, 2 * _A + 3, -(_A + 2))),
        (2, (0.0, 0.0, _A, -_A)),
    ),
}


@dataclass(frozen=True, slots=True)
class Axis:
    """Where the places lie along one dimension."""

    cell: np.ndarray
    """The cell at or before each place."""
    rest: np.ndarray
    """How far behind it the place lies."""
    slope: np.ndarray
    """How fast that grows with the place's coordinate."""


@dataclass(frozen=True, slots=True)
class Corner:
    """One of the cells around every place."""

    flat: np.ndarray
    """Its position in the flattened space, `(N, *out)`."""
    inside: np.ndarray
    """Whether there is such a cell."""
    weights: tuple[Polynomial, ...]
    """The polynomial of each dimension."""


def sample(
    x: np.ndarray, grid: np.ndarray, mode: str, padding: str, align_corners: bool
) -> np.ndarray:
    """The values `(N, C, *out)` of `x` at the places of `grid`."""
    sizes, cells = x.shape[2:], x.reshape(*x.shape[:2], -1)
    axes = places(grid, sizes, mode, padding, align_corners)
    y = np.zeros((*x.shape[:2], *grid.shape[1:-1]), x.dtype)
    for corner in corners(axes, sizes, mode, padding, align_corners):
        share = math.prod(evaluate(w, a.rest) for w, a in zip(corner.weights, axes, strict=True))
        y += _gather(cells, corner.flat) * (share * corner.inside)[:, None]
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
    axes = places(grid, sizes, mode, padding, align_corners)
    gx, ggrid = np.zeros_like(cells), np.zeros_like(grid)
    for corner in corners(axes, sizes, mode, padding, align_corners):
        shares = [evaluate(w, a.rest) for w, a in zip(corner.weights, axes, strict=True)]
        if needs[0]:
            gx += _scatter(gx, corner.flat, g * (math.prod(shares) * corner.inside)[:, None])
        if needs[1]:
            along = (_gather(cells, corner.flat) * g).sum(1) * corner.inside
            for dim, axis in enumerate(axes):
                others = math.prod(share for d, share in enumerate(shares) if d != dim)
                steepness = evaluate(derivative(corner.weights[dim]), axis.rest) * axis.slope
                ggrid[..., len(sizes) - 1 - dim] += along * others * steepness
    return gx.reshape(x.shape), ggrid


def evaluate(polynomial: Polynomial, t: np.ndarray) -> np.ndarray:
    """The value of a polynomial, by Horner's rule."""
    total = np.full_like(t, polynomial[-1])
    for coefficient in polynomial[-2::-1]:
        total = total * t + coefficient
    return total


def derivative(polynomial: Polynomial) -> Polynomial:
    """The coefficients of the derivative.

    >>> derivative((5.0, 1.0, 2.0))
    (1.0, 4.0)
    """
    return tuple(k * c for k, c in enumerate(polynomial) if k) or (0.0,)


def places(
    grid: np.ndarray, sizes: Sequence[int], mode: str, padding: str, align_corners: bool
) -> list[Axis]:
    """For each dimension where the places lie, in cells."""
    axes = []
    for dim, size in enumerate(sizes):
        at = grid[..., len(sizes) - 1 - dim] + 1
        at = at * ((size - 1) / 2) if align_corners else (at * size - 1) / 2
        slope = np.full_like(at, (size - 1) / 2 if align_corners else size / 2)
        # Cubic weights reach over the edge, so there it is the cells that are brought back.
        if mode != "bicubic":
            if padding == "reflection":
                at, sign = _reflected(at, size, align_corners)
                slope *= sign
            if padding != "zeros":
                slope *= (at > 0) & (at < size - 1)
                at = np.clip(at, 0, size - 1)
        cell = np.rint(at) if mode == "nearest" else np.floor(at)
        axes.append(Axis(cell.astype(np.int64), at - cell, slope))
    return axes


def corners(
    axes: list[Axis], sizes: Sequence[int], mode: str, padding: str, align_corners: bool
) -> Iterator[Corner]:
    """The cells that all places are made of, one corner of all places after the other."""
    for taps in product(TAPS[mode], repeat=len(axes)):
        flat, inside = np.zeros((), np.int64), np.ones((), bool)
        for (offset, _), axis, size in zip(taps, axes, sizes, strict=True):
            cell = axis.cell + offset
            if mode == "bicubic" and padding == "reflection":
                cell = np.rint(_reflected(cell * 1.0, size, align_corners)[0]).astype(np.int64)
            if padding == "zeros":
                inside = inside & (cell >= 0) & (cell < size)
            flat = flat * size + np.clip(cell, 0, size - 1)
        yield Corner(flat, inside, tuple(weights for _, weights in taps))


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


def _gather(x: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Cells `flat` `(N, *out)` of each channel of `x` `(N, C, cells)`: `(N, C, *out)`."""
    index = flat.reshape(len(flat), 1, -1)
    picked = np.take_along_axis(x, np.broadcast_to(index, (*x.shape[:2], index.shape[2])), 2)
    return picked.reshape(*x.shape[:2], *flat.shape[1:])


def _scatter(like: np.ndarray, flat: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`values` `(N, C, *out)` added into the cells `flat` `(N, *out)` of zeros `like`."""
    indices = np.broadcast_to(flat[:, None], values.shape).reshape(*like.shape[:2], -1)
    return scatter_cells(values.reshape(indices.shape), indices, like.shape[2:])
