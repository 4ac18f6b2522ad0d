"""Convolutions and their transposes in one, two and three dimensions; unfolding into windows.

Three internal records, `correlate`, `spread` and `weigh`, are a closed family: each is linear in
both of its inputs, and its gradients are the other two. The public records sort out PyTorch's
arguments, and differentiate into that family, so gradients of every order are covered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..kernels import convolution as kernel
from ..kernels.windows import Windows, ntuple, plan
from .arguments import Ints
from .record import Op, op
from .reductions import sum
from .samples import S

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "fold",
    "unfold",
]

_EXAMPLE = plan((5, 6), (3, 2), (2, 1), (1, 0), (1, 2))


correlate = op(
    "correlate",
    kernel.correlate,
    inputs="x weight",
    grad={
        "x": lambda g, weight, windows, groups: spread(g, weight, windows, groups),
        "weight": lambda g, x, windows, groups: weigh(x, g, windows, groups),
    },
    latex=r"\sum_{c,k} w_{o,c,k} \, x_{c, i s + k d}",
    doc="The weighted sum of each window: convolution, with the windows given.",
    samples=[S((2, 3, 5, 6), (4, 3, 3, 2), windows=_EXAMPLE)],
    expose="",
)

spread = op(
    "spread",
    kernel.spread,
    inputs="x weight",
    grad={
        "x": lambda g, weight, windows, groups: correlate(g, weight, windows, groups),
        "weight": lambda g, x, windows, groups: weigh(g, x, windows, groups),
    },
    latex=r"\sum_{o,k} w_{o,c,k} \, y_{o,i}",
    doc="The transpose of `correlate` in its input: each number spread over its window.",
    samples=[S((2, 4, *_EXAMPLE.output), (4, 3, 3, 2), windows=_EXAMPLE)],
    expose="",
)

weigh = op(
    "weigh",
    kernel.weigh,
    inputs="x v",
    grad={
        "x": lambda g, v, windows, groups: spread(v, g, windows, groups),
        "v": lambda g, x, windows, groups: correlate(x, g, windows, groups),
    },
    latex=r"\sum_i v_{o,i} \, x_{c, i s + k d}",
    doc="The transpose of `correlate` in its weight: how the windows of `x` go with `v`.",
    samples=[S((2, 3, 5, 6), (2, 4, *_EXAMPLE.output), windows=_EXAMPLE)],
    expose="",
)


def _check(name: str, x: Any, weight: Any, bias: Any, n: int) -> None:
    """What no convolution can go without, said before NumPy would say it less clearly."""
    if weight.ndim != n + 2:
        raise RuntimeError(
            f"{name} expects a weight of {n + 2} dimensions; got one of shape {weight.shape}"
        )
    if x.ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input "
            f"of size: {list(x.shape)}"
        )
    if 0 in x.shape[-n:]:
        raise RuntimeError(
            f"{name}: Only zero batch or zero channel inputs are supported, but got input shape: "
            f"{list(x.shape)}"
        )
    if 0 in weight.shape[-n:]:
        raise RuntimeError(
            f"{name}: kernel size should be greater than zero, but the weight has shape "
            f"{list(weight.shape)}"
        )
    for other, given in (("weight", weight), ("bias", bias)):
        if given is not None and given.dtype != x.dtype:
            raise RuntimeError(
                f"{name}: the input is {x.dtype} and the {other} {given.dtype}; both must be of "
                "one dtype: convert one of them with .to()"
            )


def _check_groups(name: str, groups: int, out_channels: int, channels: int) -> None:
    if groups <= 0:
        raise RuntimeError(f"{name}: non-positive groups is not supported; got {groups}")
    if out_channels % groups:
        raise RuntimeError(
            f"{name}: the number of filters must be divisible by groups, but weight has "
            f"{out_channels} and groups is {groups}"
        )
    if channels % groups:
        raise RuntimeError(f"{name}: {channels} channels cannot be divided into {groups} groups")


def _check_bias(name: str, bias: Any, channels: int) -> None:
    if bias is not None and bias.shape != (channels,):
        raise RuntimeError(
            f"{name}: bias must have one number for each of the {channels} output channels; got "
            f"shape {bias.shape}"
        )


def _add_bias(y: Any, bias: Any, n: int) -> Any:
    if bias is not None:
        y += bias.reshape(-1, *(1,) * n)
    return y


def _bias_grad(g: Any, n: int) -> Any:
    """Everything but the channels added up."""
    batch = g.ndim - n - 1
    return sum(g, (*range(batch), *range(batch + 1, g.ndim)))


def _windows(
    x_shape: Sequence[int],
    weight_shape: Sequence[int],
    stride: Ints,
    padding: Ints | str,
    dilation: Ints,
    name: str = "conv",
) -> Windows:
    n = len(weight_shape) - 2
    return plan(x_shape[-n:], weight_shape[2:], stride, padding, dilation, name=name)


def _define_conv(n: int) -> Op:
    name = f"conv{n}d"

    def forward(
        x: Any,
        weight: Any,
        bias: Any,
        stride: Ints = 1,
        padding: Ints | str = 0,
        dilation: Ints = 1,
        groups: int = 1,
    ) -> Any:
        _check(name, x, weight, bias, n)
        out_channels, per_group = weight.shape[:2]
        channels = x.shape[-n - 1]
        _check_groups(name, groups, out_channels, channels)
        if channels != per_group * groups:
            raise RuntimeError(
                f"Given groups={groups}, weight of size {list(weight.shape)}, expected input "
                f"{list(x.shape)} to have {per_group * groups} channels, but got {channels} "
                "channels instead"
            )
        _check_bias(name, bias, out_channels)
        windows = _windows(x.shape, weight.shape, stride, padding, dilation, name)
        return _add_bias(kernel.correlate(x, weight, windows, groups), bias, n)

    def grad_x(
        g: Any,
        weight: Any,
        x_shape: Any,
        weight_shape: Any,
        stride: Ints,
        padding: Ints | str,
        dilation: Ints,
        groups: int,
    ) -> Any:
        windows = _windows(x_shape, weight_shape, stride, padding, dilation)
        return spread(g, weight, windows, groups)

    def grad_weight(
        g: Any,
        x: Any,
        x_shape: Any,
        weight_shape: Any,
        stride: Ints,
        padding: Ints | str,
        dilation: Ints,
        groups: int,
    ) -> Any:
        windows = _windows(x_shape, weight_shape, stride, padding, dilation)
        return weigh(x, g, windows, groups)

    size, kernel_size = (7, 6, 5)[:n], (3, 2, 2)[:n]
    return op(
        name,
        forward,
        inputs="x weight bias",
        grad={"x": grad_x, "weight": grad_weight, "bias": lambda g: _bias_grad(g, n)},
        latex=r"b_o + \sum_{c,k} w_{o,c,k} \, x_{c,\, i s + k d}",
        doc=_CONV_DOC.format(n=n, space=_SPACE[n]),
        flops=lambda y_shape, weight_shape: 2 * math.prod(y_shape) * math.prod(weight_shape[1:]),
        samples=[
            S((2, 4, *size), (6, 4, *kernel_size), (6,)),
            S((2, 4, *size), (6, 2, *kernel_size), None, stride=2, padding=1, groups=2),
            S((4, *size), (2, 4, *kernel_size), (2,), padding="same", dilation=2),
        ],
        torch=f"nn.functional.{name}",
        expose="function",
    )


_SPACE = {1: "L", 2: "H, W", 3: "D, H, W"}

_CONV_DOC = """Convolution in {n} dimension(s) of `x` `(N, C, {space})` or `(C, {space})`.

Each output channel is the weighted sum of a window over all input channels of its group.

    out = (in + 2 padding - dilation (kernel - 1) - 1) // stride + 1

Args:
    weight: `(out_channels, C / groups, *kernel)`.
    bias: `(out_channels,)`, or None.
    stride: how far the window moves; one number or {n}, as for `padding` and `dilation`.
    padding: zeros on both sides; or "valid" (none), or "same" (output as large as the input).
    dilation: the distance of neighbouring cells of the window.
    groups: into how many groups, independent of each other, the channels are divided.

Raises:
    RuntimeError: shapes or dtypes do not fit together, or the kernel is larger than the input.
"""

conv1d = _define_conv(1)
conv2d = _define_conv(2)
conv3d = _define_conv(3)


def _transpose_windows(
    y_size: Sequence[int],
    kernel_size: Sequence[int],
    stride: Ints,
    padding: Ints,
    output_padding: Ints,
    dilation: Ints,
    name: str,
) -> Windows:
    """The windows of the convolution from the transpose's output to its input."""
    n = len(kernel_size)
    stride, padding = ntuple(stride, n, "stride"), ntuple(padding, n, "padding")
    dilation = ntuple(dilation, n, "dilation")
    extra = ntuple(output_padding, n, "output_padding")
    if min(stride) < 1 or min(dilation) < 1 or min(padding) < 0:
        raise RuntimeError(
            f"{name}: stride and dilation must be 1 or more, padding 0 or more; got stride "
            f"{stride}, dilation {dilation} and padding {padding}"
        )
    for e, s, d in zip(extra, stride, dilation, strict=True):
        if not 0 <= e < max(s, d):
            raise RuntimeError(
                f"{name}: output padding must be smaller than either stride or dilation, but got "
                f"output_padding {extra}, stride {stride}, dilation {dilation}"
            )
    size = tuple(
        (m - 1) * s - 2 * p + d * (k - 1) + 1 + e
        for m, s, p, d, k, e in zip(
            y_size, stride, padding, dilation, kernel_size, extra, strict=True
        )
    )
    if min(size) <= 0:
        raise RuntimeError(
            f"{name}: an input of size {tuple(y_size)} would give an output of size {size}; use "
            "less padding or a larger kernel"
        )
    pads = tuple((p, p) for p in padding)
    return Windows(size, tuple(kernel_size), stride, pads, dilation, tuple(y_size))


def _define_conv_transpose(n: int) -> Op:
    name = f"conv_transpose{n}d"

    def forward(
        x: Any,
        weight: Any,
        bias: Any,
        stride: Ints = 1,
        padding: Ints = 0,
        output_padding: Ints = 0,
        groups: int = 1,
        dilation: Ints = 1,
    ) -> Any:
        _check(name, x, weight, bias, n)
        channels = x.shape[-n - 1]
        _check_groups(name, groups, len(weight), channels)
        if channels != len(weight):
            raise RuntimeError(
                f"Given transposed=1, weight of size {list(weight.shape)}, expected input "
                f"{list(x.shape)} to have {len(weight)} channels, but got {channels} channels "
                "instead"
            )
        _check_bias(name, bias, weight.shape[1] * groups)
        windows = _transpose_windows(
            x.shape[-n:], weight.shape[2:], stride, padding, output_padding, dilation, name
        )
        return _add_bias(kernel.spread(x, weight, windows, groups), bias, n)

    def grad_x(
        g: Any,
        weight: Any,
        x_shape: Any,
        weight_shape: Any,
        stride: Ints,
        padding: Ints,
        output_padding: Ints,
        groups: int,
        dilation: Ints,
    ) -> Any:
        windows = _transpose_windows(
            x_shape[-n:], weight_shape[2:], stride, padding, output_padding, dilation, name
        )
        return correlate(g, weight, windows, groups)

    def grad_weight(
        g: Any,
        x: Any,
        x_shape: Any,
        weight_shape: Any,
        stride: Ints,
        padding: Ints,
        output_padding: Ints,
        groups: int,
        dilation: Ints,
    ) -> Any:
        windows = _transpose_windows(
            x_shape[-n:], weight_shape[2:], stride, padding, output_padding, dilation, name
        )
        return weigh(g, x, windows, groups)

    size, kernel_size = (4, 3, 3)[:n], (3, 2, 2)[:n]
    return op(
        name,
        forward,
        inputs="x weight bias",
        grad={"x": grad_x, "weight": grad_weight, "bias": lambda g: _bias_grad(g, n)},
        latex=r"b_c + \sum_{o,\, i s + k d = j} w_{o,c,k} \, x_{o,i}",
        doc=_TRANSPOSE_DOC.format(n=n, space=_SPACE[n]),
        flops=lambda x_shape, weight_shape: 2 * math.prod(x_shape) * math.prod(weight_shape[1:]),
        samples=[
            S((2, 4, *size), (4, 3, *kernel_size), (3,)),
            S(
                (2, 4, *size),
                (4, 2, *kernel_size),
                None,
                stride=3,
                padding=1,
                output_padding=2,
                groups=2,
            ),
            S((4, *size), (4, 2, *kernel_size), (2,), dilation=2),
        ],
        torch=f"nn.functional.{name}",
        expose="function",
    )


_TRANSPOSE_DOC = """The transpose of a convolution in {n} dimension(s), for `x` `(N, C, {space})`.

Each number of `x` adds a copy of the kernel, times itself, to the output: the gradient of a
convolution for its input, and the way back up from a strided one.

    out = (in - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1

Args:
    weight: `(C, out_channels / groups, *kernel)`.
    bias: `(out_channels,)`, or None.
    stride: how far apart neighbours land; one number or {n}, as for all that follow but groups.
    padding: how much is cut off on both sides.
    output_padding: how much is added at the end, to reach one of the sizes that a strided
        convolution maps to the same.
    groups: into how many groups, independent of each other, the channels are divided.
    dilation: the distance of neighbouring cells of the kernel.

Raises:
    RuntimeError: shapes or dtypes do not fit together, or output_padding is too large.
"""

conv_transpose1d = _define_conv_transpose(1)
conv_transpose2d = _define_conv_transpose(2)
conv_transpose3d = _define_conv_transpose(3)


# -- windows as columns ---------------------------------------------------------------------------


def _unfold(
    x: Any, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
) -> Any:
    if x.ndim not in (3, 4) or 0 in x.shape[-3:]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input to unfold; got shape {tuple(x.shape)}"
        )
    windows = plan(x.shape[-2:], kernel_size, stride, padding, dilation, name="unfold")
    return kernel.unfold(x, windows) if x.ndim == 4 else kernel.unfold(x[None], windows)[0]


def _fold(
    x: Any,
    output_size: Ints,
    kernel_size: Ints,
    dilation: Ints = 1,
    padding: Ints = 0,
    stride: Ints = 1,
) -> Any:
    if x.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2D or 3D (batch mode) tensor for input to fold; got shape {tuple(x.shape)}"
        )
    size = ntuple(output_size, 2, "output_size")
    windows = plan(size, kernel_size, stride, padding, dilation, name="fold")
    cells, places = math.prod(windows.kernel), math.prod(windows.output)
    if x.shape[-2] % cells:
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={x.shape[-2]} and kernel_size={windows.kernel}"
        )
    if x.shape[-1] != places:
        raise RuntimeError(
            f"fold: an output of size {size} has {windows.output} windows, {places} in all; "
            f"expected so many columns in the input's last dimension, but it has {x.shape[-1]}"
        )
    return kernel.fold(x, windows) if x.ndim == 3 else kernel.fold(x[None], windows)[0]


unfold = op(
    "unfold_windows",
    _unfold,
    grad={
        "x": lambda g, x_shape, kernel_size, dilation, padding, stride: fold(
            g, x_shape[-2:], kernel_size, dilation, padding, stride
        )
    },
    latex=r"x_{c, i s + k d}",
    doc="""The windows of `x` `(N, C, H, W)` as columns: `(N, C * kernel cells, windows)`.

    With them a convolution is a matrix product, `weight.flatten(1) @ unfold(x, kernel_size)`.
    """,
    samples=[S((2, 3, 5, 6), kernel_size=(3, 2)), S((3, 5, 6), kernel_size=2, stride=2, padding=1)],
    torch="nn.functional.unfold",
    expose="",
)

fold = op(
    "fold",
    _fold,
    grad={
        "x": lambda g, kernel_size, dilation, padding, stride: unfold(
            g, kernel_size, dilation, padding, stride
        )
    },
    latex=r"\sum_{i s + k d = j} x_{c, k, i}",
    doc="""Columns `(N, C * kernel cells, windows)` added up into `(N, C, *output_size)`.

    The transpose of `unfold`; where windows overlap, their numbers are summed.
    """,
    samples=[
        S((2, 18, 15), output_size=(5, 6), kernel_size=(3, 2)),
        S((12, 12), output_size=(5, 6), kernel_size=2, stride=2, padding=1),
    ],
    torch="nn.functional.fold",
    expose="functional",
)
