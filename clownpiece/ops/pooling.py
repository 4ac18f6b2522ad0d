"""Pooling in one, two and three dimensions: maxima and means over sliding windows.

Each kind of pooling differentiates into a pair of internal records that are each other's transpose
(`max_spread` and `max_gather`, `window_mean` and `window_share`, `scatter_cells` and
`gather_cells`), so gradients of every order are covered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels import pooling as kernel
from ..kernels.windows import Windows, ntuple, plan
from .activation import relu
from .arguments import Dtype, Ints
from .arithmetic import abs, sign
from .composition import composition
from .exponential import pow
from .record import Op, op
from .samples import S, drawn, floats, ints

__all__ = [
    "avg_pool",
    "lp_pool",
    "max_pool",
    "max_pool_with_indices",
    "max_unpool",
]

SPACE = {1: "L", 2: "H, W", 3: "D, H, W"}


def check_pooled(name: str, x: Any, n: int) -> None:
    """Raise RuntimeError unless `x` has `n` spatial dimensions, channels and perhaps a batch.

    Only the batch may be empty.
    """
    if x.ndim not in (n + 1, n + 2) or 0 in x.shape[-n - 1 :]:
        raise RuntimeError(
            f"{name}: Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch "
            f"size for input, (N, C, {SPACE[n]}) or (C, {SPACE[n]}); got shape {tuple(x.shape)}"
        )


def _check_volume(name: str, size: Sequence[int], kernel_size: Ints) -> None:
    """PyTorch's sums over volumes refuse windows that only padding would fill."""
    if len(size) == 3 and any(k > s for k, s in zip(ntuple(kernel_size, 3, "kernel_size"), size)):
        raise RuntimeError(
            f"{name}: input image {tuple(size)} smaller than kernel size {kernel_size}"
        )


def _windows(
    name: str,
    size: Sequence[int],
    kernel_size: Ints,
    stride: Ints | None,
    padding: Ints,
    dilation: Ints = 1,
    ceil_mode: bool = False,
) -> Windows:
    """PyTorch's arguments of a pooling as windows; without a stride they lie side by side."""
    n = len(size)
    if stride is None or (isinstance(stride, (tuple, list)) and not stride):
        stride = kernel_size
    cells, pads = ntuple(kernel_size, n, "kernel_size"), ntuple(padding, n, "padding")
    gaps = ntuple(dilation, n, "dilation")
    for k, p, d in zip(cells, pads, gaps, strict=True):
        if 2 * p > d * (k - 1) + 1:
            raise RuntimeError(
                f"{name}: pad should be at most half of effective kernel size, but got padding "
                f"{pads}, kernel_size {cells} and dilation {gaps}"
            )
    return plan(size, cells, stride, pads, gaps, ceil_mode, name)


# -- maxima ---------------------------------------------------------------------------------------

_EXAMPLE = plan((4, 5), 2, (2, 1))
_CELLS = (np.arange(40) * 7 % 40).reshape(2, 4, 5) / 8.0
_CELLS_SAMPLE = drawn((2, 4, 5), lambda rng: _CELLS)
_MAXIMA_SAMPLE = drawn((2, *_EXAMPLE.output), lambda rng: kernel.max_pool(_CELLS, _EXAMPLE))

max_spread = op(
    "max_spread",
    kernel.max_pool_spread,
    inputs="v x top",
    grad={"v": lambda g, x, top, windows: max_gather(g, x, top, windows)},
    latex=r"\sum_i v_i \, [\,j = \arg\max x_{window(i)}]",
    doc="The numbers `v`, each at the place where the window's maximum `top` stands in `x`.",
    samples=[S((2, *_EXAMPLE.output), _CELLS_SAMPLE, _MAXIMA_SAMPLE, windows=_EXAMPLE)],
    expose="",
)

max_gather = op(
    "max_gather",
    kernel.max_pool_gather,
    inputs="v x top",
    grad={"v": lambda g, x, top, windows: max_spread(g, x, top, windows)},
    latex=r"v_{\arg\max x_{window(i)}}",
    doc="From `v` the numbers at the places where the windows' maxima `top` stand in `x`.",
    samples=[S((2, 4, 5), _CELLS_SAMPLE, _MAXIMA_SAMPLE, windows=_EXAMPLE)],
    expose="",
)

scatter_cells = op(
    "scatter_cells",
    lambda x, indices, size: kernel.scatter_cells(x, indices, size),
    inputs="x indices",
    grad={"x": lambda g, indices, size: gather_cells(g, indices, ndim=len(size))},
    latex=r"\sum_i x_i \, [\,j = indices_i]",
    doc="Planes of `size` with the numbers of `x` added at their flat positions.",
    samples=[S((2, 3), ints((2, 3), 8), size=(8,)), S((2, 3, 2), ints((2, 3, 2), 8), size=(2, 4))],
    expose="",
)

gather_cells = op(
    "gather_cells",
    lambda x, indices, ndim: kernel.gather_cells(x, indices, ndim),
    inputs="x indices",
    grad={
        "x": lambda g, indices, x_shape, ndim: scatter_cells(g, indices, size=x_shape[-ndim:]),
    },
    latex=r"x_{indices}",
    doc="The numbers at flat positions of the last `ndim` dimensions.",
    samples=[S((2, 8), ints((2, 3), 8), ndim=1), S((2, 2, 4), ints((2, 3, 1), 8), ndim=2)],
    expose="",
)

SIZES = ((9,), (5, 6), (4, 5, 4))

_MAX_DOC = """The maximum of each window of `x` `(N, C, {space})` or `(C, {space})`.

    out = (in + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1

Args:
    kernel_size: the size of the window; one number or {n}, as for all that follow.
    stride: how far the window moves; by its own size if left out.
    padding: cells of -inf on both sides, at most half of the kernel.
    dilation: the distance of neighbouring cells of the window.
    ceil_mode: round the size of the output up, so that the last window may hang over the end.
"""


def _define_max_pool(n: int) -> tuple[Op, Op]:
    name = f"max_pool{n}d"

    def windows_of(
        shape: Sequence[int],
        kernel_size: Ints,
        stride: Ints | None,
        padding: Ints,
        dilation: Ints,
        ceil_mode: bool,
    ) -> Windows:
        return _windows(name, shape[-n:], kernel_size, stride, padding, dilation, ceil_mode)

    def forward(
        x: Any,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
    ) -> Any:
        check_pooled(name, x, n)
        windows = windows_of(x.shape, kernel_size, stride, padding, dilation, ceil_mode)
        return kernel.max_pool(x, windows)

    def forward_with_indices(
        x: Any,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
    ) -> Any:
        check_pooled(name, x, n)
        windows = windows_of(x.shape, kernel_size, stride, padding, dilation, ceil_mode)
        return kernel.max_pool_indices(x, windows)

    def grad_x(
        g: Any,
        x: Any,
        y_copy: Any,
        x_shape: Any,
        kernel_size: Ints,
        stride: Ints,
        padding: Ints,
        dilation: Ints,
        ceil_mode: bool,
    ) -> Any:
        windows = windows_of(x_shape, kernel_size, stride, padding, dilation, ceil_mode)
        return max_spread(g, x, y_copy, windows)

    size = SIZES[n - 1]
    samples = [
        S((2, 3, *size), kernel_size=2),
        S((3, *size), kernel_size=3, stride=2, padding=1, ceil_mode=True),
        S((2, 3, *size), kernel_size=2, stride=1, dilation=2),
    ]
    values = op(
        name,
        forward,
        grad={"x": grad_x},
        latex=r"\max_k x_{c,\, i s + k d}",
        doc=_MAX_DOC.format(n=n, space=SPACE[n]),
        flops=lambda y_shape, kernel_size: math.prod(y_shape) * _cells(kernel_size, n),
        samples=samples,
        torch=f"nn.functional.{name}",
        expose="functional",
    )
    both = op(
        f"{name}_with_indices",
        forward_with_indices,
        grad={"x": lambda g, y1, x_shape: scatter_cells(g[0], y1, size=x_shape[-n:])},
        outputs=2,
        latex=r"\max_k x_{c,\, i s + k d}",
        doc=f"`{name}` and where each maximum stands, as a position in the flattened plane.",
        flops=lambda y_shape, kernel_size: math.prod(y_shape[0]) * _cells(kernel_size, n),
        samples=samples,
        torch=f"nn.functional.{name}_with_indices",
        expose="functional",
    )
    return values, both


def _cells(kernel_size: Ints, n: int) -> int:
    return math.prod(ntuple(kernel_size, n, "kernel_size"))


_max_pools = {n: _define_max_pool(n) for n in (1, 2, 3)}
max_pool = {n: pair[0] for n, pair in _max_pools.items()}
"""The record of each number of dimensions."""
max_pool_with_indices = {n: pair[1] for n, pair in _max_pools.items()}


def _unpooled_size(
    name: str,
    y_size: Sequence[int],
    kernel_size: Ints,
    stride: Ints | None,
    padding: Ints,
    output_size: Sequence[int] | None,
) -> tuple[int, ...]:
    n = len(y_size)
    cells = ntuple(kernel_size, n, "kernel_size")
    steps = cells if stride is None else ntuple(stride, n, "stride")
    pads = ntuple(padding, n, "padding")
    natural = tuple(
        (m - 1) * s - 2 * p + k for m, s, p, k in zip(y_size, steps, pads, cells, strict=True)
    )
    if output_size is None:
        if min(natural) < 0:
            raise ValueError(
                f"{name}: output_size must contain non-negative spatial dimensions, but kernel, "
                f"stride and padding give {natural}"
            )
        return natural
    wanted = tuple(output_size)[-n:]
    for size, at, step in zip(wanted, natural, steps, strict=False):
        if len(wanted) != n or not at - step < size < at + step:
            raise ValueError(
                f"{name}: invalid output_size {tuple(output_size)}: each of its last {n} numbers "
                f"must be less than stride {steps} away from {natural}"
            )
    return wanted


def _define_max_unpool(n: int) -> Op:
    name = f"max_unpool{n}d"

    def forward(
        x: Any,
        indices: Any,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        output_size: Sequence[int] | None = None,
    ) -> Any:
        check_pooled(name, x, n)
        if indices.shape != x.shape:
            raise RuntimeError(
                f"{name}: Expected shape of indices to be the same as that of the input tensor "
                f"{list(x.shape)}, but got {list(indices.shape)}"
            )
        if indices.dtype != np.int64:
            raise RuntimeError(
                f"{name}: elements in indices should be type int64; got {indices.dtype}"
            )
        size = _unpooled_size(name, x.shape[-n:], kernel_size, stride, padding, output_size)
        if indices.size and not 0 <= indices.min() <= indices.max() < math.prod(size):
            raise RuntimeError(
                f"{name}: found an invalid max index: they lie between {indices.min()} and "
                f"{indices.max()}, but the output of size {size} has {math.prod(size)} cells"
            )
        return kernel.place_cells(x, indices, size)

    size = ((4,), (2, 2), (1, 2, 2))[n - 1]
    places = np.arange(24).reshape(2, 3, 4)[:, :, :4] % 4 * 2**n
    return op(
        name,
        forward,
        inputs="x indices",
        grad={"x": lambda g, indices: gather_cells(g, indices, ndim=n)},
        latex=r"y_{indices_i} = x_i",
        doc=f"""Zeros, with each number of `x` put where `max_pool{n}d` said it had found it.

        `output_size` chooses among the sizes that the pooling maps to that of `x`.
        """,
        samples=[
            S((2, 3, *size), drawn((), lambda rng: places.reshape(2, 3, *size)), kernel_size=2)
        ],
        torch=f"nn.functional.{name}",
        expose="functional",
    )


max_unpool = {n: _define_max_unpool(n) for n in (1, 2, 3)}


# -- means ----------------------------------------------------------------------------------------


def _divisor(windows: Windows, include_pad: bool, override: int | None, dtype: Dtype) -> Any:
    if override is not None:
        if not override:
            raise RuntimeError("avg_pool: divisor_override is 0; divisor must be not zero")
        return override
    whole = all(
        (include_pad or not lo + hi) and lo + n + hi >= extent
        for (lo, hi), n, extent in zip(windows.padding, windows.input, windows.extent, strict=True)
    )
    if whole:
        return math.prod(windows.kernel)
    return kernel.window_counts(windows, include_pad).astype(dtype)


def _window_mean(
    x: Any, windows: Windows, include_pad: bool = True, override: int | None = None
) -> Any:
    total = kernel.window_sum(x, windows)
    divisor = _divisor(windows, include_pad, override, x.dtype)
    if total.dtype.kind == "i":  # Whole numbers stay whole, rounded towards 0.
        return np.trunc(total / divisor).astype(total.dtype)
    total /= divisor
    return total


def _window_share(
    x: Any, windows: Windows, include_pad: bool = True, override: int | None = None
) -> Any:
    return kernel.window_spread(x / _divisor(windows, include_pad, override, x.dtype), windows)


window_mean = op(
    "window_mean",
    _window_mean,
    grad={
        "x": lambda g, windows, include_pad, override: window_share(
            g, windows, include_pad, override
        )
    },
    latex=r"\frac{1}{K} \sum_k x_{i s + k d}",
    doc="The mean over each window.",
    samples=[S((2, 4, 5), windows=_EXAMPLE), S((2, 3, 5), windows=plan((3, 5), 2, 2, 1))],
    expose="",
)

window_share = op(
    "window_share",
    _window_share,
    grad={
        "x": lambda g, windows, include_pad, override: window_mean(
            g, windows, include_pad, override
        )
    },
    latex=r"\frac{1}{K} \sum_{i s + k d = j} x_i",
    doc="Each number divided among the cells of its window: the transpose of `window_mean`.",
    samples=[S((2, *_EXAMPLE.output), windows=_EXAMPLE, include_pad=False, override=3)],
    expose="",
)

window_sum = op(
    "window_sum",
    kernel.window_sum,
    grad={"x": lambda g, windows: window_spread(g, windows)},
    latex=r"\sum_k x_{i s + k d}",
    doc="The sum over each window.",
    samples=[S((2, 4, 5), windows=_EXAMPLE)],
    expose="",
)

window_spread = op(
    "window_spread",
    kernel.window_spread,
    grad={"x": lambda g, windows: window_sum(g, windows)},
    latex=r"\sum_{i s + k d = j} x_i",
    doc="Each number added to all cells of its window: the transpose of `window_sum`.",
    samples=[S((2, *_EXAMPLE.output), windows=_EXAMPLE)],
    expose="",
)

_AVG_DOC = """The mean of each window of `x` `(N, C, {space})` or `(C, {space})`.

Args:
    kernel_size: the size of the window; one number or {n}, as for stride and padding.
    stride: how far the window moves; by its own size if left out.
    padding: zeros on both sides, at most half of the kernel.
    ceil_mode: round the size of the output up, so that the last window may hang over the end.
    count_include_pad: whether cells of the padding count in the mean.
    divisor_override: divide the sum by this instead of by the number of cells.
"""


def _define_avg_pool(n: int) -> Op:
    name = f"avg_pool{n}d"

    def windows_of(
        shape: Sequence[int], kernel_size: Ints, stride: Ints | None, padding: Ints, ceil_mode: bool
    ) -> Windows:
        return _windows(name, shape[-n:], kernel_size, stride, padding, 1, ceil_mode)

    def forward(
        x: Any,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        check_pooled(name, x, n)
        _check_volume(name, x.shape[-n:], kernel_size)
        windows = windows_of(x.shape, kernel_size, stride, padding, ceil_mode)
        return _window_mean(x, windows, count_include_pad, divisor_override)

    def grad_x(
        g: Any,
        x_shape: Any,
        kernel_size: Ints,
        stride: Ints,
        padding: Ints,
        ceil_mode: bool,
        count_include_pad: bool,
        divisor_override: int | None,
    ) -> Any:
        windows = windows_of(x_shape, kernel_size, stride, padding, ceil_mode)
        return window_share(g, windows, count_include_pad, divisor_override)

    size = SIZES[n - 1]
    samples = [
        S((2, 3, *size), kernel_size=2),
        S((3, *size), kernel_size=3, stride=2, padding=1, ceil_mode=True),
        S((2, 3, *size), kernel_size=2, padding=1, count_include_pad=False),
    ]
    if n > 1:
        samples.append(S((2, 3, *size), kernel_size=2, divisor_override=3))
    return op(
        name,
        forward,
        grad={"x": grad_x},
        latex=r"\frac{1}{K} \sum_k x_{c,\, i s + k}",
        doc=_AVG_DOC.format(n=n, space=SPACE[n]),
        flops=lambda y_shape, kernel_size: math.prod(y_shape) * _cells(kernel_size, n),
        samples=samples,
        torch=f"nn.functional.{name}",
        expose="functional",
    )


avg_pool = {n: _define_avg_pool(n) for n in (1, 2, 3)}


def _define_lp_pool(n: int) -> Op:
    name = f"lp_pool{n}d"

    def forward(
        x: Any,
        norm_type: float,
        kernel_size: Ints,
        stride: Ints | None = None,
        ceil_mode: bool = False,
    ) -> Any:
        check_pooled(name, x, n)
        _check_volume(name, x.shape[-n:], kernel_size)
        windows = _windows(name, tuple(x.shape[-n:]), kernel_size, stride, 0, 1, ceil_mode)
        # PyTorch's sum is the mean times the whole kernel, also where a window hangs over.
        if not norm_type:
            raise ValueError(f"{name}: norm_type must not be 0")
        total = window_mean(pow(x, norm_type), windows) * float(_cells(kernel_size, n))
        return pow(sign(total) * relu(abs(total)), 1.0 / norm_type)

    return composition(
        name,
        forward,
        latex=r"\left(\sum_k x_{c,\, i s + k}^p\right)^{1/p}",
        doc=f"""The p-norm of each window of `x` `(N, C, {SPACE[n]})`, with p = `norm_type`.

        p = 1 gives sums, a large p nearly maxima. As in PyTorch it is the p-th root of the sum of
        powers: signs are kept for an odd p.
        """,
        samples=[
            S(floats((2, 3, *SIZES[n - 1]), 0.2, 2), norm_type=2, kernel_size=2),
            S(floats((2, 3, *SIZES[n - 1]), 0.2, 2), norm_type=3, kernel_size=2, ceil_mode=True),
        ],
        torch=f"nn.functional.{name}",
        expose="functional",
    )


lp_pool = {n: _define_lp_pool(n) for n in (1, 2, 3)}
