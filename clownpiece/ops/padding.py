"""Cells added around a tensor, or taken away: constants, reflections, repetitions, circles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .composition import composition
from .record import op
from .resampling import take_cells
from .samples import S

__all__ = ["constant_pad_nd", "pad"]


def _pairs(pad: Sequence[int], ndim: int) -> list[tuple[int, int]]:
    """PyTorch's padding, last dimension first, as a pair for each dimension in order."""
    pairs = [(0, 0)] * (ndim - len(pad) // 2)
    return pairs + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]


def _constant(x: Any, pad: Sequence[int], value: float = 0.0) -> Any:
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise RuntimeError(
            "Padding length must be divisible by 2 and at most twice the number of dimensions of "
            f"the input; got {tuple(pad)} for shape {tuple(x.shape)}"
        )
    pairs = _pairs(pad, x.ndim)
    shape = tuple(n + lo + hi for n, (lo, hi) in zip(x.shape, pairs, strict=True))
    left = [n + min(lo, 0) + min(hi, 0) for n, (lo, hi) in zip(x.shape, pairs, strict=True)]
    if min((*shape, *left), default=0) < 0:
        raise RuntimeError(
            f"pad: the input size {tuple(x.shape)} plus negative padding {tuple(pad)} would be "
            f"{shape}, which is less than nothing"
        )
    out = np.zeros(shape, x.dtype) if value == 0 else np.full(shape, value, x.dtype)
    lows = [lo for lo, _ in pairs]
    inside = tuple(slice(max(lo, 0), max(lo, 0) + n) for lo, n in zip(lows, left, strict=True))
    source = tuple(slice(max(-lo, 0), max(-lo, 0) + n) for lo, n in zip(lows, left, strict=True))
    out[inside] = x[source]
    return out


constant_pad_nd = op(
    "constant_pad_nd",
    _constant,
    grad={"x": lambda g, pad: constant_pad_nd(g, tuple([-cells for cells in pad]))},
    latex=r"\mathrm{pad}(x)",
    doc="""`x` with cells of `value` around it; negative numbers cut cells off.

    `pad` holds a pair (before, after) for each dimension, the last dimension first. Its gradient
    is the opposite padding.
    """,
    samples=[S((3, 4), pad=(1, 2)), S((2, 3, 4), pad=(-1, 2, 1, -1), value=1.5)],
    expose="function",
)


def _reflected(n: int, lo: int, hi: int) -> np.ndarray:
    if max(lo, hi) >= n:
        raise RuntimeError(
            "Padding size should be less than the corresponding input dimension, but got: padding "
            f"({lo}, {hi}) at a dimension of size {n}"
        )
    return np.abs(n - 1 - np.abs(n - 1 - np.arange(-lo, n + hi)))


def _replicated(n: int, lo: int, hi: int) -> np.ndarray:
    return np.clip(np.arange(-lo, n + hi), 0, n - 1)


def _circular(n: int, lo: int, hi: int) -> np.ndarray:
    if max(lo, hi) > n:
        raise RuntimeError(
            "Padding value causes wrapping around more than once: padding "
            f"({lo}, {hi}) at a dimension of size {n}"
        )
    return np.arange(-lo, n + hi) % n


_CELLS = {"reflect": _reflected, "replicate": _replicated, "circular": _circular}


def _pad(x: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    pad = tuple(int(cells) for cells in pad)
    if mode == "constant":
        return constant_pad_nd(x, pad, 0.0 if value is None else value)
    if mode not in _CELLS:
        raise NotImplementedError(
            f"Unrecognised padding mode {mode!r}; the modes are 'constant', 'reflect', "
            "'replicate' and 'circular'"
        )
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument; got {value}')
    n = len(pad) // 2
    if n not in (1, 2, 3) or x.ndim not in (n + 1, n + 2):
        raise NotImplementedError(
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: the last "
            f"1, 2 or 3 dimensions of (N, C, *) or (C, *); got {pad} for shape {tuple(x.shape)}"
        )
    return _pad_by_cells(x, _pairs(pad, n), mode)


def _pad_by_cells(x: Any, pairs: list[tuple[int, int]], mode: str) -> Any:
    sizes = x.shape[-len(pairs) :]
    cells = []
    for n, (lo, hi) in zip(sizes, pairs, strict=True):
        before, after = max(-lo, 0), max(-hi, 0)
        if mode == "circular":
            # A circle closes around what is left.
            cells.append(before + _circular(n - before - after, max(lo, 0), max(hi, 0)))
            continue
        index = _CELLS[mode](n, max(lo, 0), max(hi, 0))
        cells.append(index[before : len(index) - after])
    return take_cells(x, tuple(cells))


pad = composition(
    "pad",
    _pad,
    latex=r"\mathrm{pad}(x)",
    doc="""`x` with cells around its last dimensions.

    Args:
        pad: (before, after) for each dimension, the last one first; negative numbers cut off.
        mode: what to fill with: a "constant" `value`, or the tensor itself, mirrored without
            its edge ("reflect"), its edge ("replicate"), or its other end ("circular").
        value: the constant, 0 if left out.

    >>> import clownpiece as cp
    >>> from clownpiece.nn import functional as F
    >>> F.pad(cp.tensor([[1.0, 2.0, 3.0]]), (2, 0), mode="reflect")
    tensor([[3., 2., 1., 2., 3.]])
    """,
    samples=[
        S((3, 4), pad=(1, 2), value=2.0),
        S((2, 3, 4), pad=(2, 1), mode="reflect"),
        S((2, 3, 4, 5), pad=(1, 2, 0, 3), mode="replicate"),
        S((2, 3, 4, 5), pad=(1, -1, 2, 1), mode="circular"),
    ],
    torch="nn.functional.pad",
    expose="functional",
)
