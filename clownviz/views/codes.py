"""A byte a cell: what its value is, or why it is none.

A byte is cheap to send and enough to colour with: codes 0…250 run over the range of a cell's map,
about zero where data is signed, and the five codes above say what no number says: clipped, NaN,
±Inf. ``front/codes.js`` reads the same codes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .. import look

__all__ = ["CODES", "TOP", "decode", "encode", "marks", "recode"]

CODES: dict[str, int] = look.LOOK["codes"]
TOP: int = CODES["top"]

_LETTERS = {"high": "+", "low": "−", "nan": "×", "posinf": "∞", "neginf": "-∞"}


def encode(values: np.ndarray, limit: float | np.ndarray, signed: bool) -> np.ndarray:
    """Codes of values whose range ends at `limit`, or at limits that broadcast to them.

    >>> encode(np.array([-1.0, 0.0, 1.0, 3.0, np.nan]), 1.0, signed=True).tolist()
    [0, 125, 250, 252, 253]
    """
    values = np.asarray(values, dtype=np.float64)
    middle = TOP / 2 if signed else 0.0
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        share = np.where(np.asarray(limit) > 0, values / limit, np.sign(values))
        steps = np.floor(share * (TOP - middle) + middle + 0.5)
        # Rounding may put the end of the range itself just outside.
        slack = 1 + 1e-6
        codes = np.clip(np.nan_to_num(steps), 0, TOP).astype(np.uint8)
        codes[share > slack] = CODES["high"]
        codes[share < (-slack if signed else -1e-6)] = CODES["low"]
    codes[np.isnan(values)] = CODES["nan"]
    codes[values == np.inf] = CODES["posinf"]
    codes[values == -np.inf] = CODES["neginf"]
    return codes


def decode(codes: np.ndarray, limit: float, signed: bool) -> np.ndarray:
    """The values that codes stand for, to half a step; a clipped one is the end of the range.

    >>> decode(np.array([0, 125, 250, 253], np.uint8), 2.0, signed=True).tolist()
    [-2.0, 0.0, 2.0, nan]
    """
    codes = np.asarray(codes)
    middle = TOP / 2 if signed else 0.0
    values = (codes.astype(np.float64) - middle) / (TOP - middle) * limit
    for name, value in (
        ("low", -limit if signed else 0.0),
        ("high", limit),
        ("nan", np.nan),
        ("posinf", np.inf),
        ("neginf", -np.inf),
    ):
        values[codes == CODES[name]] = value
    return values


def recode(codes: np.ndarray, end: float, limit: float, signed: bool) -> np.ndarray:
    """Codes of a range that ends at `end`, as those of one that ends at `limit`.

    >>> recode(np.array([0, 125, 200, 250, 252], np.uint8), 2.0, 1.0, signed=True).tolist()
    [251, 125, 252, 252, 252]
    """
    values = decode(np.arange(256), end, signed)
    table = encode(values, limit, signed)
    # A value within half a step of the limit may well lie below it.
    edge = limit + end / TOP / 2
    with np.errstate(invalid="ignore"):
        near = (np.abs(values) <= edge) & np.isin(table, (CODES["low"], CODES["high"]))
    table[near] = np.where(values[near] < 0, 0, TOP)
    for name in ("low", "high"):
        table[CODES[name]] = CODES[name]
    return table[np.asarray(codes)]


def marks(codes: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The sign of each kind of cell that no colour tells, and where such cells are.

    >>> [(sign, where.tolist()) for sign, where in marks(np.array([0, 252, 253], np.uint8))]
    [('+', [False, True, False]), ('×', [False, False, True])]
    """
    for name, letter in _LETTERS.items():
        where = codes == CODES[name]
        if where.any():
            yield letter, where
