"""Normalization: over the features of a sample (layer, RMS, group) or over a batch (batch).

Forward and backward are kernels; under `create_graph` the same is computed by the `composed` form
of each record.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels import normalization as kernel
from ..kernels.windows import plan
from .arguments import Ints
from .composition import composition
from .exponential import rsqrt
from .pooling import window_mean
from .record import op
from .reductions import mean
from .samples import S, floats
from .shape import reshape

__all__ = ["batch_norm", "group_norm", "layer_norm", "local_response_norm", "rms_norm"]

Needs = tuple[bool, bool, bool]


def _check_dtypes(name: str, x: Any, *others: Any) -> None:
    if x.dtype.kind != "f":
        raise NotImplementedError(
            f'"{name}" not implemented for {x.dtype}; give a floating tensor, as .float() makes it'
        )
    for each in others:
        if each is not None and each.dtype != x.dtype:
            raise RuntimeError(
                f"{name}: mixed dtype: all inputs must share same datatype, but the input is "
                f"{x.dtype} and a weight, bias or statistic {each.dtype}; convert one of them with "
                ".to()"
            )


def _check_row(name: str, x: Any, weight: Any, bias: Any, normalized_shape: Sequence[int]) -> Any:
    """The normalized shape as a tuple, checked against everything else."""
    _check_dtypes(name, x, *(() if name == "rms_norm" else (weight, bias)))
    if isinstance(normalized_shape, (int, np.integer)):
        normalized_shape = (int(normalized_shape),)
    shape = tuple(normalized_shape)
    if not shape:
        raise RuntimeError(f"{name}: expected normalized_shape to be at least 1-dimensional")
    if tuple(x.shape[-len(shape) :]) != shape or x.ndim < len(shape):
        raise RuntimeError(
            f"{name}: given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size {list(x.shape)}"
        )
    for label, given in (("weight", weight), ("bias", bias)):
        if given is not None and tuple(given.shape) != shape:
            raise RuntimeError(
                f"{name}: expected {label} to be of the same shape as normalized_shape, but got "
                f"{label} of shape {list(given.shape)} and normalized_shape = {list(shape)}"
            )
    return shape


def _standardized(x: Any, dims: Ints, eps: float) -> Any:
    centered = x - mean(x, dims, keepdim=True)
    return centered * rsqrt(mean(centered * centered, dims, keepdim=True) + eps)


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    if weight is not None:
        x = x * weight
    return x if bias is None else x + bias


# -- layer and RMS --------------------------------------------------------------------------------


def _flat(a: Any, size: int) -> Any:
    return None if a is None else a.reshape(size)


def _layer_norm(
    x: Any, weight: Any, bias: Any, normalized_shape: Sequence[int], eps: float = 1e-5
) -> Any:
    size = math.prod(_check_row("layer_norm", x, weight, bias, normalized_shape))
    rows = x.reshape(-1, size)
    y = kernel.normalize_rows(rows, _flat(weight, size), _flat(bias, size), eps)
    return y.reshape(x.shape)


def _layer_norm_gradients(
    g: Any,
    x: Any,
    weight: Any,
    bias: Any,
    normalized_shape: Sequence[int],
    eps: float,
    needs: Needs,
) -> Any:
    # The bias is asked for because PyTorch saves it too (here, not in the other normalizations),
    # and then refuses to go back once it was changed.
    shape = x.shape[-_length(normalized_shape) :]
    size = math.prod(shape)
    gx, gw, gb = kernel.normalize_rows_backward(
        g.reshape(-1, size), x.reshape(-1, size), _flat(weight, size), eps, needs
    )
    return _shaped(gx, x.shape), _shaped(gw, shape), _shaped(gb, shape)


def _shaped(a: Any, shape: Ints) -> Any:
    return None if a is None else a.reshape(shape)


def _length(normalized_shape: Sequence[int]) -> int:
    return len(normalized_shape) if isinstance(normalized_shape, Sequence) else 1


def _last(x: Any, normalized_shape: Sequence[int]) -> tuple[int, ...]:
    """The trailing dimensions that are normalized together."""
    return tuple(range(x.ndim - _length(normalized_shape), x.ndim))


layer_norm = op(
    "layer_norm",
    _layer_norm,
    inputs="x weight bias",
    grad=_layer_norm_gradients,
    composed=lambda x, weight, bias, normalized_shape, eps=1e-5: _affine(
        _standardized(x, _last(x, normalized_shape), eps), weight, bias
    ),
    latex=r"\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \, w + b",
    doc="""Mean 0 and variance 1 over the trailing `normalized_shape` (Ba et al. 2016).

    Then times `weight`, plus `bias`, both of shape `normalized_shape` or None.
    """,
    flops=lambda x_shape: 8 * math.prod(x_shape),
    samples=[
        S((3, 4), (4,), (4,), normalized_shape=(4,)),
        S((2, 3, 4), None, None, normalized_shape=(3, 4), eps=1e-3),
    ],
    torch="nn.functional.layer_norm",
    expose="",
)


def _epsilon(eps: float | None, x: Any) -> float:
    """PyTorch's default: the spacing of the dtype's numbers around one."""
    return float(np.finfo(x.dtype.name).eps) if eps is None else eps


def _rms_norm(
    x: Any, weight: Any, normalized_shape: Sequence[int], eps: float | None = None
) -> Any:
    size = math.prod(_check_row("rms_norm", x, weight, None, normalized_shape))
    rows = x.reshape(-1, size)
    y = kernel.normalize_rows(rows, _flat(weight, size), None, _epsilon(eps, x), center=False)
    return y.reshape(x.shape)


def _rms_norm_gradients(
    g: Any,
    x: Any,
    weight: Any,
    normalized_shape: Sequence[int],
    eps: float | None,
    needs: tuple[bool, bool],
) -> Any:
    shape = x.shape[-_length(normalized_shape) :]
    size = math.prod(shape)
    gx, gw, _ = kernel.normalize_rows_backward(
        g.reshape(-1, size),
        x.reshape(-1, size),
        _flat(weight, size),
        _epsilon(eps, x),
        (*needs, False),
        center=False,
    )
    return _shaped(gx, x.shape), _shaped(gw, shape)


def _rms_norm_in_ops(
    x: Any, weight: Any, normalized_shape: Sequence[int], eps: float | None = None
) -> Any:
    square = mean(x * x, _last(x, normalized_shape), keepdim=True)
    return _affine(x * rsqrt(square + _epsilon(eps, x)), weight, None)


rms_norm = op(
    "rms_norm",
    _rms_norm,
    inputs="x weight",
    grad=_rms_norm_gradients,
    composed=_rms_norm_in_ops,
    latex=r"\frac{x}{\sqrt{\overline{x^2} + \epsilon}} \, w",
    doc="""Mean square 1 over the trailing `normalized_shape` (Zhang and Sennrich 2019).

    Then times `weight`. Without `eps` it is the spacing of the dtype's numbers around one.
    """,
    flops=lambda x_shape: 4 * math.prod(x_shape),
    samples=[
        S((3, 4), (4,), normalized_shape=(4,)),
        S((2, 3, 4), None, normalized_shape=(3, 4), eps=1e-3),
    ],
    torch="nn.functional.rms_norm",
    expose="",
)


# -- group ----------------------------------------------------------------------------------------


def _channels(name: str, x: Any, *given: Any) -> int:
    """The number of channels, which is that of every parameter given."""
    _check_dtypes(name, x, *given)
    if x.ndim < 2:
        raise RuntimeError(f"{name}: expected at least 2 dimensions (N, C, *); got {x.ndim}")
    for each in given:
        if each is not None and each.shape != (x.shape[1],):
            raise RuntimeError(
                f"{name}: expected one number for each of the {x.shape[1]} channels of x "
                f"{tuple(x.shape)}; got shape {tuple(each.shape)}"
            )
    return int(x.shape[1])


def _column(a: Any) -> Any:
    return None if a is None else a[:, None]


def _group_norm(x: Any, weight: Any, bias: Any, num_groups: int, eps: float = 1e-5) -> Any:
    channels = _channels("group_norm", x, weight, bias)
    if num_groups <= 0 or channels % num_groups:
        raise RuntimeError(
            "group_norm: expected number of channels in input to be divisible by num_groups, but "
            f"got input of shape {list(x.shape)} and num_groups={num_groups}"
        )
    cells = x.reshape(*x.shape[:2], -1)
    y = kernel.normalize_rows(cells, _column(weight), _column(bias), eps, groups=num_groups)
    return y.reshape(x.shape)


def _group_norm_gradients(
    g: Any, x: Any, weight: Any, num_groups: int, eps: float, needs: Needs
) -> Any:
    shape = (*x.shape[:2], math.prod(x.shape[2:]))
    gx, gw, gb = kernel.normalize_rows_backward(
        g.reshape(shape), x.reshape(shape), _column(weight), eps, needs, groups=num_groups
    )
    return (
        _shaped(gx, x.shape),
        None if gw is None else gw.sum(1),
        None if gb is None else gb.sum(1),
    )


def _per_channel(a: Any, ndim: int) -> Any:
    """Numbers of channels in a shape that broadcasts against `(N, C, *)`."""
    return None if a is None else reshape(a, (-1,) + (1,) * (ndim - 2))


def _group_norm_in_ops(x: Any, weight: Any, bias: Any, num_groups: int, eps: float = 1e-5) -> Any:
    groups = reshape(x, (x.shape[0], num_groups, -1))
    y = reshape(_standardized(groups, -1, eps), x.shape)
    return _affine(y, _per_channel(weight, x.ndim), _per_channel(bias, x.ndim))


group_norm = op(
    "group_norm",
    _group_norm,
    inputs="x weight bias",
    grad=_group_norm_gradients,
    composed=_group_norm_in_ops,
    latex=r"\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \, w + b",
    doc="""Mean 0 and variance 1 over each of `num_groups` groups of channels (Wu and He 2018).

    Then times `weight`, plus `bias`, one number a channel or None. With as many groups as
    channels it is instance normalization.
    """,
    flops=lambda x_shape: 8 * math.prod(x_shape),
    samples=[
        S((2, 4, 3), (4,), (4,), num_groups=2),
        S((2, 4, 3, 2), None, None, num_groups=4, eps=1e-3),
        S((3, 6), (6,), None, num_groups=3),
    ],
    torch="nn.functional.group_norm",
    expose="",
)


# -- batch ----------------------------------------------------------------------------------------


def _statistics(x: Any, mean: Any, var: Any, training: bool) -> Any:
    return kernel.channel_statistics(x) if training and mean is None else (mean, var)


def _batch_norm(
    x: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    var: Any,
    training: bool = False,
    eps: float = 1e-5,
) -> Any:
    _channels("batch_norm", x, weight, bias, mean, var)
    mean, var = _statistics(x, mean, var, training)
    return kernel.normalize_channels(x, mean, var, weight, bias, eps)


def _batch_norm_gradients(
    g: Any,
    x: Any,
    weight: Any,
    mean: Any,
    var: Any,
    training: bool,
    eps: float,
    needs: tuple[bool, ...],
) -> Any:
    mean, var = _statistics(x, mean, var, training)
    given = needs[3] or needs[4]
    wanted = (needs[0], needs[1] or given, needs[2] or given)
    found: Any = kernel.normalize_channels_backward(g, x, mean, var, weight, eps, wanted, training)
    gx, gw, gb = found
    if not given or training:
        return gx, gw, gb, None, None
    factor = 1 / np.sqrt(var + eps) if weight is None else weight / np.sqrt(var + eps)
    half = 0.5 if weight is None else 0.5 * weight
    return gx, gw, gb, -gb * factor, -gw * half / (var + eps)


def _batch_norm_in_ops(
    x: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    var: Any,
    training: bool = False,
    eps: float = 1e-5,
) -> Any:
    if training:
        y = _standardized(x, (0, *range(2, x.ndim)), eps)
    else:
        center, spread = _per_channel(mean, x.ndim), _per_channel(var, x.ndim)
        y = (x - center) * rsqrt(spread + eps)
    return _affine(y, _per_channel(weight, x.ndim), _per_channel(bias, x.ndim))


batch_norm = op(
    "batch_norm",
    _batch_norm,
    inputs="x weight bias mean var",
    grad=_batch_norm_gradients,
    composed=_batch_norm_in_ops,
    latex=r"\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \, w + b",
    doc="""Each channel of `x` `(N, C, *)` by its mean and variance (Ioffe and Szegedy 2015).

    In `training` they are those of the batch (`mean` and `var`, if given, have been computed from
    `x` already), else constants. Then times `weight`, plus `bias`.
    """,
    flops=lambda x_shape: 8 * math.prod(x_shape),
    samples=[
        S((4, 3), (3,), (3,), None, None, training=True),
        S((2, 3, 4, 2), None, None, None, None, training=True, eps=1e-3),
        S((4, 3, 2), (3,), (3,), floats((3,), -1, 1), floats((3,), 0.5, 2)),
    ],
    torch="",
    expose="",
)


def _local_response_norm(
    x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    if x.ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {x.ndim} dimensions) for "
            "local_response_norm"
        )
    if not math.prod(x.shape):
        return x
    cells = reshape(x, (x.shape[0], x.shape[1], -1))
    windows = _across_channels(cells.shape[1:], size)
    around = reshape(window_mean(cells * cells, windows), x.shape)
    return x / (around * alpha + k) ** beta


def _across_channels(shape: Sequence[int], size: int) -> Any:
    pads = ((size // 2, (size - 1) // 2), (0, 0))
    return plan(shape, (size, 1), padding=pads, name="local_response_norm")


local_response_norm = composition(
    "local_response_norm",
    _local_response_norm,
    latex=r"x \left(k + \alpha \overline{x^2}\right)^{-\beta}",
    doc="""Each number divided by what its neighbours in other channels have (Krizhevsky 2012).

    `size` channels around it count, with zeros beyond the first and the last.
    """,
    samples=[S((2, 5, 3), size=3), S((2, 4, 3, 2), size=2, alpha=0.5, beta=0.5, k=2.0)],
    torch="nn.functional.local_response_norm",
    expose="functional",
)
