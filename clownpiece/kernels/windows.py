"""Sliding windows: the index arithmetic that convolution, pooling and unfolding share.

A window of size `k` with dilation `d` spans `d * (k - 1) + 1` cells. Over `n` cells padded
by `lo` before and `hi` after, moving by `s`, it stands in

    out = (n + lo + hi - d * (k - 1) - 1) // s + 1

places, with the division rounded up under `ceil_mode` (as long as the last window still begins
inside the input or the padding before it).

Everything works for any number of spatial dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

Pads = tuple[tuple[int, int], ...]


def ntuple(value: int | Sequence[int], n: int, name: str) -> tuple[int, ...]:
    """`value` for each of `n` dimensions: one number is repeated, a sequence must have `n`.

    >>> ntuple(3, 2, "kernel_size"), ntuple((3, 5), 2, "kernel_size")
    ((3, 3), (3, 5))
    """
    if isinstance(value, (int, np.integer)):
        return (int(value),) * n
    numbers = tuple(int(v) for v in value)
    if len(numbers) == 1:
        return numbers * n
    if len(numbers) != n:
        raise RuntimeError(
            f"{name} is {tuple(value)}, with {len(numbers)} numbers, but there are {n} spatial "
            f"dimensions: give one number or {n}"
        )
    return numbers


@dataclass(frozen=True, slots=True)
class Windows:
    """Where a kernel stands over the trailing spatial dimensions of an array.

    All fields hold one entry for each spatial dimension; `padding` holds pairs (before, after).
    """

    input: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Pads
    dilation: tuple[int, ...]
    output: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """The number of spatial dimensions."""
        return len(self.kernel)

    @property
    def extent(self) -> tuple[int, ...]:
        """How many padded cells the windows reach over: the end of the last window."""
        return tuple(
            (o - 1) * s + d * (k - 1) + 1
            for o, s, d, k in zip(self.output, self.stride, self.dilation, self.kernel, strict=True)
        )

    def padded(self, x: np.ndarray, fill: float = 0) -> np.ndarray:
        """`x` with its padding, at least :attr:`extent` in size (`x` itself if that fits)."""
        extent = self.extent
        pairs = zip(self.padding, self.input, extent, strict=True)
        if all(lo == 0 and e <= n for (lo, _), n, e in pairs):
            return x
        lead = x.shape[: x.ndim - self.ndim]
        out = np.full(lead + extent, fill, x.dtype) if fill else np.zeros(lead + extent, x.dtype)
        inside, source = self.overlap
        out[inside] = x[source]
        return out

    @property
    def overlap(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The cells where the padded array and the input are the same: an index of each."""
        inside: list[Any] = [...]
        source: list[Any] = [...]
        for (lo, _), n, e in zip(self.padding, self.input, self.extent, strict=True):
            length = max(0, min(n, e - lo))
            inside.append(slice(lo, lo + length))
            source.append(slice(0, length))
        return tuple(inside), tuple(source)

    def unpadded(self, padded: np.ndarray) -> np.ndarray:
        """The input's cells of an array of size `extent`; those that no window reaches are zero."""
        if self.extent == self.input and not any(lo for lo, _ in self.padding):
            return padded
        out = np.zeros(padded.shape[: padded.ndim - self.ndim] + self.input, padded.dtype)
        inside, source = self.overlap
        out[source] = padded[inside]
        return out

    def view(self, padded: np.ndarray) -> np.ndarray:
        """A view `(…, *kernel, *output)` of every window of a padded array, without a copy."""
        lead = padded.ndim - self.ndim
        steps = padded.strides[lead:]
        return as_strided(
            padded,
            padded.shape[:lead] + self.kernel + self.output,
            padded.strides[:lead]
            + tuple(st * d for st, d in zip(steps, self.dilation, strict=True))
            + tuple(st * s for st, s in zip(steps, self.stride, strict=True)),
            writeable=False,
        )

    def tap(self, dim: int, k: int) -> slice:
        """The padded cells that offset `k` of the kernel meets along spatial dimension `dim`.

        >>> plan((6,), 3, 2).tap(0, 1)
        slice(1, 4, 2)
        """
        start = k * self.dilation[dim]
        stride = self.stride[dim]
        return slice(start, start + (self.output[dim] - 1) * stride + 1, stride)

    def taps(self) -> Iterator[tuple[tuple[int, ...], tuple[Any, ...]]]:
        """Each offset of the kernel in reading order, with the index of the cells it meets."""
        for offset in product(*map(range, self.kernel)):
            yield offset, (..., *(self.tap(dim, k) for dim, k in enumerate(offset)))


def plan(
    input: Sequence[int],
    kernel: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] | Pads = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    name: str = "window",
) -> Windows:
    """The :class:`Windows` of a kernel over an input of spatial size `input`.

    `padding` is a number, one number a dimension, pairs (before, after), `"valid"` (none) or
    `"same"` (as many outputs as inputs, the odd cell after; stride 1 only).

    Raises `RuntimeError` for sizes that cannot be, for a kernel larger than its padded input and
    for an unknown padding word.

    >>> plan((28, 28), 5, padding=2).output, plan((7,), 2, 2, ceil_mode=True).output
    ((28, 28), (4,))
    """
    n = len(input)
    pads: Any = padding
    if not isinstance(padding, (int, str)):
        pads = tuple(p if isinstance(p, int) else tuple(p) for p in padding)
    return _plan(
        tuple(input),
        ntuple(kernel, n, "kernel_size"),
        ntuple(stride, n, "stride"),
        pads,
        ntuple(dilation, n, "dilation"),
        bool(ceil_mode),
        name,
    )


@lru_cache(maxsize=4096)
def _plan(
    input: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Any,
    dilation: tuple[int, ...],
    ceil_mode: bool,
    name: str,
) -> Windows:
    for label, values in (("kernel_size", kernel), ("stride", stride), ("dilation", dilation)):
        if min(values) <= 0:
            raise RuntimeError(f"{name}: {label} is {values}; every number must be positive")
    pads = _pads(padding, kernel, stride, dilation, name)
    output = []
    for size, k, s, d, (lo, hi) in zip(input, kernel, stride, dilation, pads, strict=True):
        span = d * (k - 1) + 1
        free = size + lo + hi - span
        if free < 0 and not (ceil_mode and free > -s):
            raise RuntimeError(
                f"{name}: a kernel spanning {span} cells does not fit into {size} cells padded by "
                f"{lo} and {hi}: kernel_size {kernel} with dilation {dilation} is larger than the "
                f"input {input}"
            )
        places = (-(-free // s) if ceil_mode else free // s) + 1
        if ceil_mode and (places - 1) * s >= size + lo:
            places -= 1
        output.append(places)
    if min(output) < 1:
        raise RuntimeError(f"{name}: the output of input {input} would have the size {output}")
    return Windows(input, kernel, stride, pads, dilation, tuple(output))


def _pads(
    padding: Any,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    name: str,
) -> Pads:
    """Every spelling of padding as pairs (before, after)."""
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * len(kernel)
        if padding != "same":
            raise RuntimeError(f"{name}: padding is {padding!r}; the words are 'same' and 'valid'")
        if max(stride) > 1:
            raise RuntimeError(f"{name}: padding='same' needs stride 1, and stride is {stride}")
        totals = (d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
        return tuple((total // 2, total - total // 2) for total in totals)
    if not isinstance(padding, int) and padding and isinstance(padding[0], tuple):
        return padding
    amounts = ntuple(padding, len(kernel), "padding")
    if min(amounts) < 0:
        raise RuntimeError(f"{name}: padding is {amounts}; negative padding is not supported")
    return tuple((p, p) for p in amounts)
