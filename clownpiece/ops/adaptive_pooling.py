"""Pooling into a given number of parts: equal ones (adaptive), or cut at random (fractional).

Means are `window_mean` where the parts are of one size, a matrix a dimension where they are not.
Maxima differentiate through the positions at which they were found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels import pooling as kernel
from ..kernels.windows import Windows, ntuple, plan
from .arguments import Ints
from .pooling import SIZES, SPACE, check_pooled, scatter_cells, window_mean, window_share
from .record import Op, op
from .resampling import area_matrices, resample, transposed
from .samples import S, drawn

__all__ = ["adaptive_avg_pool", "adaptive_max_pool", "fractional_max_pool"]


def _parts(name: str, x_shape: Sequence[int], output_size: Any, n: int) -> tuple[int, ...]:
    """The size of the output; None in a dimension keeps it as it is."""
    if output_size is None or isinstance(output_size, (int, np.integer)):
        output_size = (output_size,) * n
    if not isinstance(output_size, (tuple, list)) or not all(
        each is None or isinstance(each, (int, np.integer)) for each in output_size
    ):
        raise TypeError(
            f"{name}(): argument 'output_size' must be int, None or a tuple of these, not "
            f"{type(output_size).__name__}; got {output_size!r}"
        )
    if len(output_size) != n:
        raise RuntimeError(
            f"{name}: output_size must be one number or {n}; got {output_size!r}"
        )
    if 0 in x_shape[1:]:
        raise RuntimeError(
            f"{name}: expected input to have non-zero size for non-batch dimensions; got "
            f"{tuple(x_shape)}"
        )
    pairs = zip(output_size, x_shape[-n:], strict=True)
    size = tuple(given if want is None else int(want) for want, given in pairs)
    if min(size) < 0:
        raise RuntimeError(f"{name}: elements of output_size must be 0 or more; got {size}")
    return size


def _even(size: Sequence[int], out: Sequence[int]) -> Windows | None:
    """Windows side by side, if all parts are of one size."""
    if all(o and n and not n % o for n, o in zip(size, out, strict=True)):
        kernel_size = tuple(n // o for n, o in zip(size, out, strict=True))
        return plan(size, kernel_size, kernel_size)
    return None


_ADAPTIVE_DOC = """The {what} of each of `output_size` equal parts of `x` `(N, C, {space})`.

Parts overlap by a cell where the size cannot be divided evenly: part i of `out` reaches from
floor(i in / out) to ceil((i + 1) in / out).

Args:
    output_size: the number of parts; one number or {n}, where None keeps a dimension as it is.
"""


def _define_adaptive_avg_pool(n: int) -> Op:
    name = f"adaptive_avg_pool{n}d"

    def forward(x: Any, output_size: Any) -> Any:
        check_pooled(name, x, n)
        out = _parts(name, x.shape, output_size, n)
        even = _even(x.shape[-n:], out)
        if even is not None:
            return window_mean.forward(x, even)
        return resample.forward(x, area_matrices(x.shape[-n:], out, x.dtype.name))

    def grad_x(g: Any, x_shape: Any, output_size: Any) -> Any:
        out = _parts(name, x_shape, output_size, n)
        even = _even(x_shape[-n:], out)
        if even is not None:
            return window_share(g, even)
        return resample(g, transposed(area_matrices(x_shape[-n:], out, g.dtype.name)))

    size = SIZES[n - 1]
    return op(
        name,
        forward,
        grad={"x": grad_x},
        latex=r"\frac{1}{|P_i|} \sum_{j \in P_i} x_{c,j}",
        doc=_ADAPTIVE_DOC.format(what="mean", n=n, space=SPACE[n]),
        flops=lambda x_shape: math.prod(x_shape),
        samples=[
            S((2, 3, *size), output_size=2),
            S((3, *size), output_size=(3, None, 2)[:n]),
            S((2, 3, *size), output_size=1),
        ],
        torch=f"nn.functional.{name}",
        expose="functional",
    )


adaptive_avg_pool = {n: _define_adaptive_avg_pool(n) for n in (1, 2, 3)}


def _define_adaptive_max_pool(n: int) -> Op:
    name = f"adaptive_max_pool{n}d"

    def forward(x: Any, output_size: Any) -> Any:
        check_pooled(name, x, n)
        return kernel.adaptive_max_pool(x, _parts(name, x.shape, output_size, n))

    size = SIZES[n - 1]
    return op(
        f"{name}_with_indices",
        forward,
        grad={"x": lambda g, y1, x_shape: scatter_cells(g[0], y1, size=x_shape[-n:])},
        outputs=2,
        latex=r"\max_{j \in P_i} x_{c,j}",
        doc=_ADAPTIVE_DOC.format(what="maximum (and its position)", n=n, space=SPACE[n]),
        flops=lambda x_shape: math.prod(x_shape),
        samples=[S((2, 3, *size), output_size=2), S((3, *size), output_size=(3, None, 2)[:n])],
        torch=f"nn.functional.{name}_with_indices",
        expose="functional",
    )


adaptive_max_pool = {n: _define_adaptive_max_pool(n) for n in (1, 2, 3)}


# -- windows at random steps ----------------------------------------------------------------------


def _random_starts(size: int, out: int, cells: int, u: np.ndarray) -> np.ndarray:
    """Where the windows of one plane begin: steps of two sizes, in the order that `u` chooses."""
    if out == 1:
        return np.full((len(u), 1), size - cells)
    step = (size - cells) / (out - 1)
    places = np.arange(out)
    starts = np.floor((places + u[:, None]) * step) - np.floor(u[:, None] * step)
    starts[:, -1] = size - cells
    return starts.astype(np.int64)


def _define_fractional_max_pool(n: int) -> Op:
    name = f"fractional_max_pool{n}d"

    def forward(x: Any, samples: Any, kernel_size: Ints, output_size: Any) -> Any:
        check_pooled(name, x, n)
        cells = ntuple(kernel_size, n, "kernel_size")
        out = ntuple(output_size, n, "output_size")
        for size, k, o in zip(x.shape[-n:], cells, out, strict=True):
            if o + k - 1 > size:
                raise RuntimeError(
                    f"{name}: {o} windows of {k} cells do not fit into {size}: output_size "
                    f"{out} with kernel_size {cells} is too large for {tuple(x.shape[-n:])}"
                )
        planes = x.reshape(-1, *x.shape[-n:])
        drawn_for = samples.reshape(-1, n)
        values = np.empty((len(planes), *out), x.dtype)
        indices = np.empty((len(planes), *out), np.int64)
        # PyTorch's samples hold the last dimension first.
        starts = [
            _random_starts(size, o, k, drawn_for[:, n - 1 - dim])
            for dim, (size, o, k) in enumerate(zip(x.shape[-n:], out, cells, strict=True))
        ]
        for at, plane in enumerate(planes):
            reach = [s[at][:, None] + np.arange(k) for s, k in zip(starts, cells, strict=True)]
            values[at], indices[at] = kernel.windows_argmax(plane, reach)
        shape = (*x.shape[:-n], *out)
        return values.reshape(shape), indices.reshape(shape)

    size = SIZES[n - 1]
    return op(
        f"{name}_with_indices",
        forward,
        inputs="x samples",
        grad={"x": lambda g, y1, x_shape: scatter_cells(g[0], y1, size=x_shape[-n:])},
        outputs=2,
        latex=r"\max_{j \in P_i} x_{c,j}",
        doc=f"""The maximum of windows that move by random steps (Graham 2014), and its position.

        `samples` `(N, C, {n})` are uniform numbers from [0, 1), the chance in it.
        """,
        flops=lambda y_shape, kernel_size: (
            math.prod(y_shape[0]) * math.prod(ntuple(kernel_size, n, "kernel_size"))
        ),
        samples=[
            S(
                (2, 3, *size),
                drawn((2, 3, n), lambda rng: np.linspace(0.05, 0.9, 6 * n).reshape(2, 3, n)),
                kernel_size=2,
                output_size=3,
            )
        ],
        torch="",
        expose="functional",
    )


fractional_max_pool = {n: _define_fractional_max_pool(n) for n in (2, 3)}
