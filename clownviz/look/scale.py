"""From numbers to colours: the range that is shown, and the colour of every value in it.

Signed data is coloured symmetrically about zero, non-negative data from zero up, so zero is the
same light neutral in every picture. The range ends at ``min(max|x|, max(3σ, P99))``: three standard
deviations about zero by default, but never so short that more than one cell in a hundred is clipped
(a sparse activation would be, at 3σ).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .data import LOOK
from .palette import rgb

__all__ = ["Scale", "colormap", "colormap_table", "limits_of", "matplotlib_colormap", "scale_of"]

_RULE = LOOK["scale"]


@dataclass(frozen=True, slots=True)
class Scale:
    """The ends of a legend: colours run over ``[lo, hi]``, about zero where ``signed``."""

    lo: float
    hi: float
    signed: bool

    @property
    def limit(self) -> float:
        """The largest magnitude that has a colour of its own."""
        return max(abs(self.lo), abs(self.hi))

    @property
    def map(self) -> str:
        """The name of the colour map: ``"diverging"`` or ``"sequential"``."""
        return "diverging" if self.signed else "sequential"

    def position(self, values: np.ndarray) -> np.ndarray:
        """Where each value lies between the ends, 0…1, clipped; NaN stays NaN."""
        values = np.asarray(values, dtype=np.float64)
        # Dividing first: the whole width of float64's range overflows.
        with np.errstate(over="ignore"):
            share = values / self.limit if self.limit > 0 else np.sign(values)
        return np.clip((share + 1) / 2 if self.signed else share, 0.0, 1.0)


def scale_of(values: Any, limit: float | None = None) -> Scale:
    """The scale that fits ``values``; ``limit`` fixes its end, NaN and infinities have no say.

    >>> scale_of([-1.0, 0.5])
    Scale(lo=-1.0, hi=1.0, signed=True)
    >>> scale_of([0.0, 2.0, float("inf")])
    Scale(lo=0.0, hi=2.0, signed=False)
    """
    values = np.asarray(values)
    finite = values[np.isfinite(values)].astype(np.float64, copy=False)
    signed = bool(finite.size and finite.min() < 0)
    if limit is None:
        (limit,) = _limits(np.abs(finite).reshape(1, -1))
    return Scale(-float(limit) if signed else 0.0, float(limit), signed)


def limits_of(maps: np.ndarray) -> np.ndarray:
    """The limit of the scale that fits each map of `(maps, …)` by itself.

    >>> limits_of(np.array([[1.0, -2.0], [np.nan, 0.5]])).tolist()
    [2.0, 0.5]
    """
    rows = np.abs(maps.reshape(len(maps), math.prod(maps.shape[1:])), dtype=np.float64)
    finite = np.isfinite(rows)
    if finite.all():
        return _limits(rows)
    kept = [row[seen][None] for row, seen in zip(rows, finite)]
    return np.concatenate([_limits(row) for row in kept])


def _limits(magnitudes: np.ndarray) -> np.ndarray:
    """Of each row of `(rows, values)`."""
    if not magnitudes.size:
        return np.zeros(len(magnitudes))
    largest = magnitudes.max(axis=1)
    # Dividing first keeps the squares of values near the ends of float64 finite.
    shares = magnitudes / np.where(largest > 0, largest, 1.0)[:, None]
    sigma = largest * np.sqrt(np.mean(np.square(shares), axis=1))
    common = np.quantile(magnitudes, _RULE["quantile"], axis=1)
    with np.errstate(over="ignore"):
        return np.minimum(largest, np.maximum(_RULE["sigmas"] * sigma, common))


def colormap_table(name: str, size: int = 256) -> np.ndarray:
    """``(size, 3)`` uint8: the named map (``"diverging"``, ``"sequential"``) at even steps."""
    stops = np.array([rgb(stop) for stop in LOOK["maps"][name]], dtype=np.float64)
    places = np.linspace(0, len(stops) - 1, size)
    channels = [np.interp(places, np.arange(len(stops)), stops[:, c]) for c in range(3)]
    return np.floor(np.stack(channels, axis=1) + 0.5).astype(np.uint8)


def colormap(values: Any, limit: float | None = None) -> np.ndarray:
    """RGBA of every value, uint8 with one more dimension than ``values``.

    Diverging about zero where any value is negative, else sequential from zero; NaN is magenta.

    >>> colormap([-1.0, 0.0, 1.0]).tolist()[1]
    [243, 243, 243, 255]
    """
    values = np.asarray(values)
    scale = scale_of(values, limit)
    table = colormap_table(scale.map, 251)
    place = scale.position(values)
    missing = np.isnan(place)
    steps = np.floor(np.where(missing, 0.0, place) * 250 + 0.5).astype(np.intp)
    rgba = np.full((*values.shape, 4), 255, dtype=np.uint8)
    rgba[..., :3] = table[steps]
    rgba[missing, :3] = rgb(LOOK["themes"]["light"]["nan"])
    return rgba


def matplotlib_colormap(name: str = "diverging") -> Any:
    """The named map for matplotlib: ``ax.imshow(w, cmap=matplotlib_colormap(), norm=…)``."""
    from matplotlib.colors import LinearSegmentedColormap

    cmap = LinearSegmentedColormap.from_list(f"clownviz.{name}", LOOK["maps"][name])
    return cmap.with_extremes(bad=LOOK["themes"]["light"]["nan"])
