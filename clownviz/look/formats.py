"""Numbers as every view writes them: three significant digits, SI counts, IEC bytes.

The page formats with the same rules (``front/look.js``); ``tests/clownviz/look/golden.json`` holds
the cases that both must agree on, digit by digit. So rounding is decimal, ties away from zero,
which is what JavaScript's ``toPrecision`` does and Python's ``format`` does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from .data import LOOK

__all__ = [
    "format_bytes",
    "format_count",
    "format_number",
    "format_seconds",
    "format_shape",
]

_NUMBERS = LOOK["numbers"]
_DIGITS: int = _NUMBERS["digits"]
_SMALLEST_FIXED, _LARGEST_FIXED = _NUMBERS["fixed"]


def _rounded(value: float) -> Decimal:
    """``value`` (finite, not zero) rounded to the house's number of significant digits."""
    exact = Decimal(value)
    quantum = Decimal(1).scaleb(exact.adjusted() - _DIGITS + 1)
    return exact.quantize(quantum, rounding=ROUND_HALF_UP)


def _fixed(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_number(value: float) -> str:
    """A measured number with three significant digits.

    >>> [format_number(x) for x in (0.0, -0.39, 2.0, 1234.5, 0.00012, 6.02e23)]
    ['0', '-0.39', '2', '1230', '1.2e-4', '6.02e23']
    >>> format_number(float("nan")), format_number(float("-inf"))
    ('NaN', '-∞')
    """
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    rounded = _rounded(value)
    if _SMALLEST_FIXED <= abs(float(rounded)) < _LARGEST_FIXED:
        return _fixed(rounded)
    exponent = rounded.adjusted()
    return f"{_fixed(rounded.scaleb(-exponent))}e{exponent}"


def format_count(count: float) -> str:
    """A count with an SI suffix; below a thousand it is exact.

    >>> [format_count(n) for n in (0, 999, 1000, 61_706, 1_234_567, 999_999)]
    ['0', '999', '1 k', '61.7 k', '1.23 M', '1 M']
    """
    return _with_unit(count, 1000, _NUMBERS["counts"])


def format_bytes(count: float) -> str:
    """A number of bytes with an IEC suffix.

    >>> [format_bytes(n) for n in (12, 1024, 4_928_307, 1_048_575)]
    ['12 B', '1 KiB', '4.7 MiB', '1 MiB']
    """
    return _with_unit(count, 1024, _NUMBERS["bytes"])


def _with_unit(count: float, base: int, units: Sequence[str]) -> str:
    if count < 0:
        return "-" + _with_unit(-count, base, units)
    if count < base:
        return f"{_fixed(_short(float(count)))} {units[0]}".rstrip()
    value, power = count / base, 1
    while power + 1 < len(units) and _short(value) >= base:
        value, power = value / base, power + 1
    return f"{_fixed(_short(value))} {units[power]}"


def _short(value: float) -> Decimal:
    """Three significant digits, but never fewer digits than stand before the point."""
    if value >= 10**_DIGITS:
        return Decimal(value).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return _rounded(value) if value else Decimal(0)


def format_seconds(seconds: float) -> str:
    """A duration with the unit that keeps it above one.

    >>> [format_seconds(s) for s in (0, 12.3456, 0.0042, 1.5e-5)]
    ['0 s', '12.3 s', '4.2 ms', '15 µs']
    """
    units = _NUMBERS["seconds"]
    if seconds == 0:
        return f"0 {units[0][1]}"
    for factor, unit in units:
        if abs(seconds) >= factor:
            return f"{format_number(seconds / factor)} {unit}"
    factor, unit = units[-1]
    return f"{format_number(seconds / factor)} {unit}"


def format_shape(shape: Sequence[int]) -> str:
    """A shape as a tuple of plain ints, whatever the integers were.

    >>> format_shape((32, 1, 28, 28)), format_shape(())
    ('(32, 1, 28, 28)', '()')
    """
    return str(tuple(int(size) for size in shape))
