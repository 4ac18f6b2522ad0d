"""Convolutions, their transposes, padding, and windows as a tensor (Fold, Unfold)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..creation import empty
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Fold",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "Unfold",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]

Sizes = int | Sequence[int]
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def one_each(value: Any, dims: int) -> tuple[int, ...]:
    """One number for each dimension: `3` stands for `(3, 3)`."""
    if isinstance(value, (tuple, list)):
        return tuple(value)
    return (value,) * dims


class _Conv(Module):
    """What all six convolutions share: their arguments, weight and bias."""

    dims: int
    transposed = False

    def _setup(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes,
        padding: Sizes | str,
        dilation: Sizes,
        output_padding: Sizes,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: Any,
    ) -> None:
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = one_each(kernel_size, self.dims)
        self.stride = one_each(stride, self.dims)
        # A tuple of numbers, or the word that stands for them.
        self.padding: Any = padding if isinstance(padding, str) else one_each(padding, self.dims)
        self.dilation = one_each(dilation, self.dims)
        self.output_padding = one_each(output_padding, self.dims)
        self.groups = groups
        self.padding_mode = padding_mode
        self._check_arguments()
        self.weight = Parameter(empty(self._weight_shape(), device=device, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        return (first, second // self.groups, *self.kernel_size)

    def _check_arguments(self) -> None:
        if self.groups <= 0:
            raise ValueError(f"groups must be a positive integer; got {self.groups}")
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                raise ValueError(
                    f"{name} must be divisible by groups; "
                    f"got {name}={getattr(self, name)}, groups={self.groups}"
                )
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ValueError(
                    f"Invalid padding string {self.padding!r}, should be one of 'same', 'valid'"
                )
            if self.padding == "same" and any(step != 1 for step in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if self.padding_mode not in PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {PADDING_MODES}, but got {self.padding_mode!r}"
            )

    def reset_parameters(self) -> None:
        """Draw the first values again: U(-1/√fan_in, 1/√fan_in) for weight and bias."""
        if not self.weight.numel():
            return
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init.fans(self.weight)
            bound = 1 / math.sqrt(fan_in) if fan_in else 0
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        ones, zeros = (1,) * self.dims, (0,) * self.dims
        facts = [
            f"{self.in_channels}, {self.out_channels}",
            f"kernel_size={self.kernel_size}",
            f"stride={self.stride}",
        ]
        if self.padding != zeros:
            facts.append(f"padding={self.padding}")
        if self.dilation != ones:
            facts.append(f"dilation={self.dilation}")
        if self.output_padding != zeros:
            facts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            facts.append(f"groups={self.groups}")
        if self.bias is None:
            facts.append("bias=False")
        if self.padding_mode != "zeros":
            facts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(facts)


class _Forward(_Conv):
    """A convolution: a window slides over the input, and each output is one place of it."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self._setup(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            0,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._edges(), mode=self.padding_mode)
            padding = (0,) * self.dims
        convolve = getattr(F, f"conv{self.dims}d")
        return convolve(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )

    def _edges(self) -> tuple[int, ...]:
        """The padding as `F.pad` takes it: two sides a dimension, the last one first."""
        if self.padding == "valid":
            return (0, 0) * self.dims
        sides: list[int] = []
        for i in reversed(range(self.dims)):
            if self.padding == "same":
                total = self.dilation[i] * (self.kernel_size[i] - 1)
                sides += [total // 2, total - total // 2]
            else:
                sides += [self.padding[i]] * 2
        return tuple(sides)


class Conv1d(_Forward):
    """Convolution along a sequence.

    y[n, o, t] = b[o] + Σ_c Σ_k W[o, c, k] · x[n, c, stride·t + dilation·k - padding]

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: K, size of the window.
        stride: step of the window.
        padding: cells added at both ends, or "same", or "valid" for none.
        dilation: distance of the cells in the window.
        groups: independent groups of channels; C_in for a depthwise convolution.
        bias: whether there is a b.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Shape: (N, C_in, L) or (C_in, L) → (N, C_out, L'), with
    L' = ⌊(L + 2·padding - dilation·(K - 1) - 1) / stride⌋ + 1 and weight (C_out, C_in/groups, K).
    """

    dims = 1


class Conv2d(_Forward):
    """Convolution over an image; arguments as in `Conv1d`, one number or (height, width).

    y[n, o, i, j] = b[o] + Σ_c Σ_k Σ_l W[o, c, k, l] · x[n, c, i + k, j + l]   (stride 1)

    Shape: (N, C_in, H, W) or (C_in, H, W) → (N, C_out, H', W'), with
    H' = ⌊(H + 2·padding - dilation·(K - 1) - 1) / stride⌋ + 1.

    >>> import clownpiece
    >>> Conv2d(1, 6, kernel_size=5, padding=2)(clownpiece.zeros(32, 1, 28, 28)).shape
    clownpiece.Size([32, 6, 28, 28])
    """

    dims = 2


class Conv3d(_Forward):
    """Convolution over a volume: (N, C_in, D, H, W) → (N, C_out, D', H', W'); see `Conv1d`."""

    dims = 3


class _Transpose(_Conv):
    """The transpose of a convolution: each input cell adds a copy of the kernel to the output."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if padding_mode != "zeros":
            raise ValueError(
                f'Only "zeros" padding mode is supported for {type(self).__name__}; '
                f"got {padding_mode!r}"
            )
        self._setup(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            output_padding,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Enlarge `input`; `output_size` chooses among the sizes that have the same input."""
        output_padding = self.output_padding
        if output_size is not None:
            output_padding = self._padding_for(input, tuple(output_size))
        convolve = getattr(F, f"conv_transpose{self.dims}d")
        return convolve(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            output_padding,
            self.groups,
            self.dilation,
        )

    def _padding_for(self, input: Tensor, output_size: tuple[int, ...]) -> tuple[int, ...]:
        wanted = output_size[-self.dims :]
        spatial = tuple(input.shape)[-self.dims :]
        extra = []
        for i in range(self.dims):
            least = (
                (spatial[i] - 1) * self.stride[i]
                - 2 * self.padding[i]
                + self.dilation[i] * (self.kernel_size[i] - 1)
                + 1
            )
            if not least <= wanted[i] < least + self.stride[i]:
                raise ValueError(
                    f"requested an output size of {wanted}, but dimension {i} can be "
                    f"{least} to {least + self.stride[i] - 1} for an input of size {spatial}"
                )
            extra.append(wanted[i] - least)
        return tuple(extra)


class ConvTranspose1d(_Transpose):
    """The gradient of `Conv1d` with respect to its input, as a layer that enlarges.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: K.
        stride: how far apart the copies of the kernel are laid.
        padding: cells cut off at both ends.
        output_padding: cells added at one end, since several sizes have the same input.
        groups: independent groups of channels.
        bias: whether a bias is added.
        dilation: distance of the cells in the kernel.

    Shape: (N, C_in, L) → (N, C_out, L'), with
    L' = (L - 1)·stride - 2·padding + dilation·(K - 1) + output_padding + 1 and weight
    (C_in, C_out/groups, K).
    """

    dims = 1


class ConvTranspose2d(_Transpose):
    """The transpose of `Conv2d`: (N, C_in, H, W) → (N, C_out, H', W'); see `ConvTranspose1d`."""

    dims = 2


class ConvTranspose3d(_Transpose):
    """The transpose of `Conv3d`: (N, C_in, D, H, W); see `ConvTranspose1d`."""

    dims = 3


# -- padding --------------------------------------------------------------------------------


class _Pad(Module):
    """Cells added around the input: one number, or two a dimension, the last dimension first."""

    dims: int
    mode = "constant"
    value = 0.0

    def __init__(self, padding: Sizes) -> None:
        super().__init__()
        self.padding = one_each(padding, 2 * self.dims)

    def forward(self, input: Tensor) -> Tensor:
        value = self.value if self.mode == "constant" else None
        return F.pad(input, self.padding, mode=self.mode, value=value)

    def extra_repr(self) -> str:
        return str(self.padding)


class ZeroPad1d(_Pad):
    """Add zeros around (N, C, L)."""

    dims = 1


class ZeroPad2d(_Pad):
    """Add zeros around (N, C, H, W): left, right, top, bottom."""

    dims = 2


class ZeroPad3d(_Pad):
    """Add zeros around (N, C, D, H, W)."""

    dims = 3


class _ConstantPad(_Pad):
    def __init__(self, padding: Sizes, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """Add cells of one value around (N, C, L)."""

    dims = 1


class ConstantPad2d(_ConstantPad):
    """Add cells of one value around (N, C, H, W)."""

    dims = 2


class ConstantPad3d(_ConstantPad):
    """Add cells of one value around (N, C, D, H, W)."""

    dims = 3


class ReflectionPad1d(_Pad):
    """Continue (N, C, L) as in a mirror at its last cell: `c b [a b c] b a`."""

    dims = 1
    mode = "reflect"


class ReflectionPad2d(ReflectionPad1d):
    """Continue (N, C, H, W) as in a mirror at its last cells."""

    dims = 2


class ReflectionPad3d(ReflectionPad1d):
    """Continue (N, C, D, H, W) as in a mirror at its last cells."""

    dims = 3


class ReplicationPad1d(_Pad):
    """Continue (N, C, L) with its last cell: `a a [a b c] c c`."""

    dims = 1
    mode = "replicate"


class ReplicationPad2d(ReplicationPad1d):
    """Continue (N, C, H, W) with its last cells."""

    dims = 2


class ReplicationPad3d(ReplicationPad1d):
    """Continue (N, C, D, H, W) with its last cells."""

    dims = 3


class CircularPad1d(_Pad):
    """Continue (N, C, L) from its other end: `b c [a b c] a b`."""

    dims = 1
    mode = "circular"


class CircularPad2d(CircularPad1d):
    """Continue (N, C, H, W) from its other ends."""

    dims = 2


class CircularPad3d(CircularPad1d):
    """Continue (N, C, D, H, W) from its other ends."""

    dims = 3


# -- windows --------------------------------------------------------------------------------


class Unfold(Module):
    """Every window of an image as a column: (N, C, H, W) → (N, C·|K|, L), L windows.

    A convolution is a matrix product with this.
    """

    def __init__(
        self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )


class Fold(Unfold):
    """Columns back into an image, overlapping windows added: (N, C·|K|, L) → (N, C, H, W)."""

    def __init__(
        self,
        output_size: Sizes,
        kernel_size: Sizes,
        dilation: Sizes = 1,
        padding: Sizes = 0,
        stride: Sizes = 1,
    ) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(
            input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, {super().extra_repr()}"
