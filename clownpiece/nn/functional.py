"""The functions behind the modules, with PyTorch's names, argument names and defaults.

Most are operation records (`clownpiece.ops`); what stands here as a function sorts out arguments
(`inplace`, `training`, running statistics) and hands on to one.

>>> import clownpiece as cp
>>> from clownpiece.nn import functional as F
>>> x = cp.tensor([[1.0, -2.0, 3.0]])
>>> F.relu(x)
tensor([[1., 0., 3.]])
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops import REGISTRY, Op
from ..ops import activation as _activation
from ..ops import normalization as _normalization
from ..ops import softmax as _softmax
from ..ops.activation import (
    gelu,
    glu,
    hardshrink,
    logsigmoid,
    prelu,
    sigmoid,
    softplus,
    softshrink,
    softsign,
    tanhshrink,
)
from ..ops.adaptive_pooling import adaptive_avg_pool as _adaptive_avg_pool
from ..ops.affine import bilinear, linear
from ..ops.arguments import A_TENSOR
from ..ops.attention import scaled_dot_product_attention as _attention
from ..ops.convolution import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    fold,
    unfold,
)
from ..ops.cross_entropy import cross_entropy as _cross_entropy
from ..ops.cross_entropy import nll_loss as _nll_loss
from ..ops.ctc import ctc_loss
from ..ops.distances import cosine_similarity, normalize, pairwise_distance, pdist
from ..ops.dropout import alpha_dropout as _alpha_dropout
from ..ops.dropout import drop, keep_mask
from ..ops.embedding import embedding as _embedding
from ..ops.embedding import embedding_bag as _embedding_bag
from ..ops.embedding import one_hot, shorten
from ..ops.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    gaussian_nll_loss,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    poisson_nll_loss,
    reduction_of,
    smooth_l1_loss,
)
from ..ops.margin_losses import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from ..ops.max_pooling import adaptive_max_pool as _adaptive_max_pool
from ..ops.max_pooling import fractional_max_pool as _fractional_max_pool
from ..ops.max_pooling import max_pool as _max_pool
from ..ops.multihead import multi_head_attention_forward
from ..ops.normalization import local_response_norm
from ..ops.padding import pad
from ..ops.pooling import avg_pool as _avg_pool
from ..ops.pooling import lp_pool as _lp_pool
from ..ops.pooling import max_unpool as _max_unpool
from ..ops.resampling import (
    affine_grid,
    channel_shuffle,
    grid_sample,
    interpolate,
    pixel_shuffle,
    pixel_unshuffle,
)
from ..ops.running import batch_norm, instance_norm
from ..ops.trigonometry import tanh
from ..random import default_generator
from ..tensor import Tensor

# fmt: off
__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool2d", "adaptive_max_pool3d", "affine_grid", "alpha_dropout", "avg_pool1d",
    "avg_pool2d", "avg_pool3d", "batch_norm", "bilinear", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "celu_", "channel_shuffle", "conv1d", "conv2d",
    "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_embedding_loss",
    "cosine_similarity", "cross_entropy", "ctc_loss", "dropout", "dropout1d", "dropout2d",
    "dropout3d", "elu", "elu_", "embedding", "embedding_bag", "feature_alpha_dropout", "fold",
    "fractional_max_pool2d", "fractional_max_pool3d", "gaussian_nll_loss", "gelu", "glu",
    "grid_sample", "group_norm", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish",
    "hardtanh", "hardtanh_", "hinge_embedding_loss", "huber_loss", "instance_norm", "interpolate",
    "kl_div", "l1_loss", "layer_norm", "leaky_relu", "leaky_relu_", "linear",
    "linear_cross_entropy", "local_response_norm", "log_softmax", "logsigmoid", "lp_pool1d",
    "lp_pool2d", "lp_pool3d", "margin_ranking_loss", "max_pool1d", "max_pool2d", "max_pool3d",
    "max_unpool1d", "max_unpool2d", "max_unpool3d", "mish", "mse_loss",
    "multi_head_attention_forward", "multi_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "nll_loss", "normalize", "one_hot", "pad", "pairwise_distance",
    "pdist", "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss", "prelu", "relu", "relu6",
    "relu_", "rms_norm", "rrelu", "rrelu_", "scaled_dot_product_attention", "selu", "selu_",
    "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin", "softplus",
    "softshrink", "softsign", "tanh", "tanhshrink", "threshold", "threshold_",
    "triplet_margin_loss", "triplet_margin_with_distance_loss", "unfold", "upsample",
]
# fmt: on

# -- activations ----------------------------------------------------------------------------------


def _activate(record: Op, input: Tensor, inplace: bool, *args: Any) -> Tensor:
    return record.apply_inplace(input, *args) if inplace else record(input, *args)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(0, x)."""
    return _activate(_activation.relu, input, inplace)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(0, x), 6)."""
    return _activate(_activation.relu6, input, inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where it is positive, else `negative_slope` x."""
    return _activate(_activation.leaky_relu, input, inplace, negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where it is positive, else `alpha` (exp(x) − 1)."""
    return _activate(_activation.elu, input, inplace, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """`elu` scaled so that activations keep mean 0 and variance 1."""
    return _activate(_activation.selu, input, inplace)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where it is positive, else `alpha` (exp(x / alpha) − 1)."""
    return _activate(_activation.celu, input, inplace, alpha)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x σ(x), also called swish."""
    return _activate(_activation.silu, input, inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(softplus(x))."""
    return _activate(_activation.mish, input, inplace)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x limited to between `min_val` and `max_val`."""
    return _activate(_activation.hardtanh, input, inplace, min_val, max_val)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """x / 6 + ½ limited to between 0 and 1."""
    return _activate(_activation.hardsigmoid, input, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x times its `hardsigmoid`."""
    return _activate(_activation.hardswish, input, inplace)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it exceeds `threshold`, else `value`."""
    return _activate(_activation.threshold, input, inplace, threshold, value)


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """`leaky_relu` whose slope is drawn from U(lower, upper) for each number (Xu et al. 2015).

    In evaluation it is the mean of both.
    """
    if lower > upper:
        raise RuntimeError(f"rrelu: lower {lower} must not exceed upper {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    drawn = default_generator.numpy.uniform(lower, upper, input.shape)
    return _activate(_activation.leak, input, inplace, drawn.astype(input.array.dtype))


def relu_(input: Tensor) -> Tensor:
    """`relu`, in place."""
    return relu(input, inplace=True)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu`, in place."""
    return leaky_relu(input, negative_slope, inplace=True)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`elu`, in place."""
    return elu(input, alpha, inplace=True)


def selu_(input: Tensor) -> Tensor:
    """`selu`, in place."""
    return selu(input, inplace=True)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`celu`, in place."""
    return celu(input, alpha, inplace=True)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh`, in place."""
    return hardtanh(input, min_val, max_val, inplace=True)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """`threshold`, in place."""
    return _activate(_activation.threshold, input, True, threshold, value)


def rrelu_(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """`rrelu`, in place."""
    return rrelu(input, lower, upper, training, inplace=True)


def _dim_of(name: str, dim: int | None, ndim: int) -> int:
    """PyTorch's guess where no dim is given, with the same warning not to rely on it."""
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument",
        stacklevel=3,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """exp(xᵢ) / Σⱼ exp(xⱼ) along `dim`."""
    return _softmax.softmax(input, _dim_of("softmax", dim, input.ndim), dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """The softmax of −x along `dim`."""
    return _softmax.softmin(input, _dim_of("softmin", dim, input.ndim), dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """xᵢ − log Σⱼ exp(xⱼ) along `dim`."""
    return _softmax.log_softmax(input, _dim_of("log_softmax", dim, input.ndim), dtype)


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A random choice that has a gradient: softmax((x + Gumbel noise) / tau) (Jang et al. 2017).

    With `hard` the result is one-hot, and its gradient that of the soft one.
    """
    noise = default_generator.numpy.gumbel(size=logits.shape).astype(logits.array.dtype)
    soft = _softmax.softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    best = np.expand_dims(soft.array.argmax(dim), dim)
    chosen = np.zeros_like(soft.array)
    np.put_along_axis(chosen, best, 1, dim)
    return soft + (chosen - soft.array)


# -- dropout --------------------------------------------------------------------------------------


def _drop(input: Tensor, p: float, training: bool, inplace: bool, shape: Sequence[int]) -> Tensor:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not isinstance(training, bool):
        raise TypeError(
            f"dropout(): argument 'train' must be bool, not {type(training).__name__}; give the "
            "module's `training`"
        )
    if not training or p == 0:
        return input
    mask = keep_mask(tuple(shape), p)
    return _activate(drop, input, inplace, mask, 1 / (1 - p) if p < 1 else 0.0)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each number zeroed with probability `p`, the others times 1 / (1 − p)."""
    if not isinstance(input, Tensor):
        A_TENSOR.check("dropout", "input", input, 1)
    return _drop(input, p, training, inplace, input.shape)


def _drop_channels(
    name: str, dims: tuple[int, int], input: Tensor, p: float, training: bool, inplace: bool
) -> Tensor:
    if input.ndim not in dims:
        raise RuntimeError(
            f"{name}: Expected {dims[0]}D or {dims[1]}D input, (C, *) or (N, C, *), but received a "
            f"{input.ndim}D input of shape {tuple(input.shape)}"
        )
    lead = 1 if input.ndim == dims[0] else 2
    shape = (*input.shape[:lead], *(1,) * (input.ndim - lead))
    return _drop(input, p, training, inplace, shape)


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Whole channels of `(N, C, L)` or `(C, L)` zeroed with probability `p`."""
    return _drop_channels("dropout1d", (2, 3), input, p, training, inplace)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Whole channels of `(N, C, H, W)` zeroed with probability `p` (Tompson et al. 2015)."""
    lead = min(input.ndim, 2)
    shape = (*input.shape[:lead], *(1,) * (input.ndim - lead))
    return _drop(input, p, training, inplace, shape)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Whole channels of `(N, C, D, H, W)` or `(C, D, H, W)` zeroed with probability `p`."""
    return _drop_channels("dropout3d", (4, 5), input, p, training, inplace)


def _written(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    return REGISTRY["copy_"].apply_inplace(input, result) if inplace else result


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout that keeps mean 0 and variance 1, for `selu` (Klambauer et al. 2017)."""
    return _written(input, _alpha_dropout(input, p, training), inplace and training)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """`alpha_dropout` of whole channels."""
    return _written(input, _alpha_dropout(input, p, training, True), inplace and training)


# -- normalization --------------------------------------------------------------------------------


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int] | int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 over the trailing `normalized_shape`, then times weight, plus bias."""
    return _normalization.layer_norm(input, weight, bias, normalized_shape, eps)


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int] | int,
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """Mean square 1 over the trailing `normalized_shape`, then times weight."""
    return _normalization.rms_norm(input, weight, normalized_shape, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 over each of `num_groups` groups of channels of each sample."""
    return _normalization.group_norm(input, weight, bias, num_groups, eps)


# -- attention ------------------------------------------------------------------------------------


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query keyᵀ · scale + attn_mask) value; see the record of the same name."""
    keep = None
    if dropout_p > 0:
        others = () if enable_gqa else (key.shape[:-2], value.shape[:-2])
        lead = np.broadcast_shapes(query.shape[:-2], *others)
        drawn = keep_mask((*lead, query.shape[-2], key.shape[-2]), dropout_p)
        keep = drawn.astype(query.array.dtype)
        keep *= 1 / (1 - dropout_p) if dropout_p < 1 else 0
    return _attention(query, key, value, attn_mask, keep, is_causal, scale, enable_gqa)


# -- embedding ------------------------------------------------------------------------------------


def _row_of_padding(padding_idx: int | None, rows: int) -> int | None:
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise AssertionError(
            f"Padding_idx must be within num_embeddings: {padding_idx} is none of {rows} rows"
        )
    return None if padding_idx is None else padding_idx % rows


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight` that `input` names.

    With `max_norm`, rows that are used and longer than it are first shortened, in place.
    """
    padding_idx = _row_of_padding(padding_idx, len(weight))
    if max_norm is not None:
        shorten(weight, input, max_norm, norm_type)
    return _embedding(input, weight, padding_idx, scale_grad_by_freq)


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or max of the rows that each bag names.

    Bags are the rows of a 2-D `input`, or the pieces of a 1-D one that begin at `offsets`.
    `per_sample_weights` multiply rows in mode "sum"; `padding_idx` does not count.
    """
    padding_idx = _row_of_padding(padding_idx, len(weight))
    if max_norm is not None:
        shorten(weight, input, max_norm, norm_type)
    return _embedding_bag(
        input,
        weight,
        per_sample_weights,
        offsets,
        mode,
        include_last_offset,
        padding_idx,
        scale_grad_by_freq,
    )


# -- losses of logits -----------------------------------------------------------------------------


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The cross entropy of logits `(N, C, *)` with class numbers `(N, *)` or probabilities."""
    reduction = reduction_of(size_average, reduce, reduction)
    return _cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The negative of the log-probabilities `(N, C, *)` of the classes `(N, *)`."""
    reduction = reduction_of(size_average, reduce, reduction)
    return _nll_loss(input, target, weight, ignore_index, reduction)


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """The cross entropy of the logits `input` `linear_weight`ᵀ + `linear_bias`."""
    if input.ndim not in (1, 2) or linear_weight.ndim < 2:
        raise RuntimeError(
            "linear_cross_entropy: expected input (N, in_features) or (in_features,) and "
            f"linear_weight (C, *, in_features), got {tuple(input.shape)} and "
            f"{tuple(linear_weight.shape)}"
        )
    classes = linear_weight.shape[:-1]
    bias = None if linear_bias is None else linear_bias.reshape(-1)  # type: ignore[attr-defined]
    flat = linear(input, linear_weight.reshape(-1, linear_weight.shape[-1]), bias)  # type: ignore[attr-defined]
    logits = flat.reshape(*input.shape[:-1], *classes)
    ignored = -100 if ignore_index is None else ignore_index
    return _cross_entropy(logits, target, weight, ignored, reduction, label_smoothing)


# -- sizes ----------------------------------------------------------------------------------------


def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """The old name of `interpolate`."""
    return interpolate(input, size, scale_factor, mode, align_corners)


# -- pooling --------------------------------------------------------------------------------------

avg_pool1d, avg_pool2d, avg_pool3d = (_avg_pool[n] for n in (1, 2, 3))
lp_pool1d, lp_pool2d, lp_pool3d = (_lp_pool[n] for n in (1, 2, 3))
max_unpool1d, max_unpool2d, max_unpool3d = (_max_unpool[n] for n in (1, 2, 3))
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = (
    _adaptive_avg_pool[n] for n in (1, 2, 3)
)
max_pool1d, max_pool2d, max_pool3d = (_max_pool[n] for n in (1, 2, 3))
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = (
    _adaptive_max_pool[n] for n in (1, 2, 3)
)
fractional_max_pool2d, fractional_max_pool3d = (_fractional_max_pool[n] for n in (2, 3))
