"""Normalization: values brought to mean 0 and variance 1 over some of their dimensions.

| layer | mean and variance over, for (N, C, H, W) | one pair for each |
|---|---|---|
| BatchNorm | N, H, W | channel |
| InstanceNorm | H, W | sample and channel |
| LayerNorm | the last dimensions | what is left |
| GroupNorm | H, W and the channels of a group | sample and group |
| RMSNorm | as LayerNorm, without the mean | what is left |
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from ..creation import empty, ones, tensor, zeros
from ..dtypes import int64
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LayerNorm",
    "LocalResponseNorm",
    "RMSNorm",
]


class _RunningNorm(Module):
    """What batch and instance normalization share: affine parameters and running statistics."""

    _version = 2

    dims: tuple[int, ...]
    """How many dimensions an input may have."""

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        device: Any,
        dtype: Any,
        bias: bool,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        place = {"device": device, "dtype": dtype}
        weight = Parameter(empty(num_features, **place)) if affine else None
        self.register_parameter("weight", weight)
        shift = Parameter(empty(num_features, **place)) if affine and bias else None
        self.register_parameter("bias", shift)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **place) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **place) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=int64) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget what was seen: mean 0, variance 1."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and no statistics."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in self.dims:
            wanted = " or ".join(f"{dims}D" for dims in self.dims)
            raise ValueError(
                f"expected {wanted} input (got {input.ndim}D input of shape {tuple(input.shape)})"
            )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        # Before version 2 the batches were not counted, and a state_dict had no place for them.
        key = f"{prefix}num_batches_tracked"
        version = local_metadata.get("version")
        if (version is None or version < 2) and self.num_batches_tracked is not None:
            state_dict.setdefault(key, self.num_batches_tracked)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_RunningNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        )

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        momentum = self._count_batch()
        kept = not self.training and not (self.running_mean is None and self.running_var is None)
        track = not self.training or self.track_running_stats
        return F.batch_norm(
            input,
            self.running_mean if track else None,
            self.running_var if track else None,
            self.weight,
            self.bias,
            not kept,
            momentum,
            self.eps,
        )

    def _count_batch(self) -> float:
        """Count this batch while training; how much it weighs in the running statistics."""
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                return 1.0 / float(self.num_batches_tracked)
        return 0.0 if self.momentum is None else self.momentum


class BatchNorm1d(_BatchNorm):
    """y = (x - mean) / √(var + eps) · weight + bias, mean and variance of the batch.

    While training the statistics are those of the batch, and running ones follow them:
    running ← (1 - momentum) · running + momentum · batch, with the unbiased variance. While
    evaluating the running ones are used.

    Ioffe and Szegedy, *Batch normalization*, 2015.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: the weight of the newest batch; None for the mean of all batches.
        affine: whether weight and bias are learned.
        track_running_stats: False uses the batch's statistics while evaluating too.
        bias: False leaves the bias out.

    Shape: (N, C) or (N, C, L) → the same.

    Raises:
        ValueError: another number of dimensions, or a batch of a single value per channel.
    """

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalization of images: (N, C, H, W) → the same; see `BatchNorm1d`."""

    dims = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalization of volumes: (N, C, D, H, W) → the same; see `BatchNorm1d`."""

    dims = (5,)


class _InstanceNorm(_RunningNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        )

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        self._check_channels(input)
        single = input.ndim == self.dims[0]
        out = F.instance_norm(
            input.unsqueeze(0) if single else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return out.squeeze(0) if single else out

    def _check_channels(self, input: Tensor) -> None:
        channels = input.shape[input.ndim - self.dims[1] + 1]
        if channels == self.num_features:
            return
        if self.affine:
            raise ValueError(
                f"expected input's size at dim={input.ndim - self.dims[1] + 1} to match "
                f"num_features ({self.num_features}), but got: {channels}"
            )
        warnings.warn(
            f"input has {channels} channels, not num_features ({self.num_features}); without "
            "affine parameters num_features is not used",
            stacklevel=3,
        )


class InstanceNorm1d(_InstanceNorm):
    """Normalize each channel of each sample by its own mean and variance.

    Ulyanov et al., *Instance normalization: the missing ingredient for fast stylization*, 2016.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: the weight of the newest batch in running statistics.
        affine: whether weight and bias are learned.
        track_running_stats: whether to keep running statistics and evaluate with them.
        bias: False leaves the bias out.

    Shape: (N, C, L) or (C, L) → the same.
    """

    dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalization of (N, C, H, W) or (C, H, W); see `InstanceNorm1d`."""

    dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalization of (N, C, D, H, W) or (C, D, H, W); see `InstanceNorm1d`."""

    dims = (4, 5)


class LayerNorm(Module):
    """y = (x - mean) / √(var + eps) · weight + bias over the last dimensions of each sample.

    Ba et al., *Layer normalization*, 2016.

    Args:
        normalized_shape: the sizes of the dimensions to normalize over; a number for the last.
        eps: added to the variance.
        elementwise_affine: whether weight and bias are learned, one for each element.
        bias: False leaves the bias out.

    Shape: (*, *normalized_shape) → the same.

    >>> import clownpiece
    >>> LayerNorm(2)(clownpiece.tensor([[1.0, 3.0], [10.0, 30.0]])).round(decimals=3)
    tensor([[-1.,  1.],
            [-1.,  1.]], grad_fn=<RoundBackward0>)
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        _affine(self, self.normalized_shape, elementwise_affine, bias, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1 and bias 0."""
        _reset_affine(self)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """y = x / √(mean(x²) + eps) · weight over the last dimensions of each sample.

    Zhang and Sennrich, *Root mean square layer normalization*, 2019.

    Args:
        normalized_shape: the sizes of the dimensions to normalize over; a number for the last.
        eps: added to the mean square; the dtype's epsilon unless given.
        elementwise_affine: whether a weight is learned for each element.

    Shape: (*, *normalized_shape) → the same.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        weight = empty(self.normalized_shape, device=device, dtype=dtype)
        self.register_parameter("weight", Parameter(weight) if elementwise_affine else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(Module):
    """Normalize over groups of channels of each sample, whatever the size of the batch.

    Wu and He, *Group normalization*, 2018.

    Args:
        num_groups: how many groups.
        num_channels: C, divisible by it.
        eps: added to the variance.
        affine: whether weight and bias are learned, one a channel.
        bias: False leaves the bias out.

    Shape: (N, C, *) → the same.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        _affine(self, (num_channels,), affine, bias, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1 and bias 0."""
        _reset_affine(self)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """x / (k + α/size · Σ x²)^β, the sum over `size` neighbouring channels.

    Krizhevsky et al., *ImageNet classification with deep convolutional neural networks*, 2012.

    Shape: (N, C, *) → the same.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


def _shape(given: int | Sequence[int]) -> tuple[int, ...]:
    shape = (given,) if isinstance(given, int) else tuple(given)
    if not shape or math.prod(shape) < 0:
        raise ValueError(f"normalized_shape names at least one size; got {given!r}")
    return shape


def _affine(
    module: Module, shape: tuple[int, ...], affine: bool, bias: bool, device: Any, dtype: Any
) -> None:
    """Register a weight, and a bias if wanted, of this shape."""
    for name, wanted in (("weight", affine), ("bias", affine and bias)):
        value = Parameter(empty(shape, device=device, dtype=dtype)) if wanted else None
        module.register_parameter(name, value)


def _reset_affine(module: Any) -> None:
    if module.weight is not None:
        init.ones_(module.weight)
    if module.bias is not None:
        init.zeros_(module.bias)
