"""PyTorch's losses: cells of a loss, then their mean or sum."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .activation import logsigmoid
from .arguments import Array
from .composition import composition
from .exponential import exp, log
from .loss_cells import (
    absolute_error,
    huber_error,
    log_loss,
    logit_loss,
    relative_entropy,
    smooth_l1_error,
    squared_error,
)
from .reductions import mean, sum
from .samples import S, floats
from .selection import keep
from .shape import reshape

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "check_sizes",
    "gaussian_nll_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "poisson_nll_loss",
    "reduced",
    "reduction_of",
    "smooth_l1_loss",
]


def reduction_of(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, which `size_average` and `reduce` chose in old PyTorch code."""
    if size_average is None and reduce is None:
        return reduction
    averaged = "sum" if size_average is False else "mean"
    chosen = "none" if reduce is False else averaged
    warnings.warn(
        f"size_average and reduce are deprecated, please use reduction={chosen!r} instead",
        stacklevel=4,
    )
    return chosen


def reduced(cells: Any, reduction: str) -> Any:
    """The mean or the sum of a loss's cells, or the cells themselves."""
    if reduction == "mean":
        return mean(cells)
    if reduction == "sum":
        return sum(cells)
    if reduction == "none":
        return cells
    raise ValueError(f"{reduction} is not a valid value for reduction: 'none', 'mean' or 'sum'")


def _warn_of_sizes(name: str, x: Any, target: Any) -> None:
    if x.shape != target.shape:
        warnings.warn(
            f"{name}: the target's size {tuple(target.shape)} differs from the input's "
            f"{tuple(x.shape)}; they are broadcast, which is seldom what a loss should do",
            stacklevel=5,
        )


def _weighted(cells: Any, weight: Any, reduction: str) -> Any:
    """The reduction, the mean by weight."""
    if weight is None:
        return reduced(cells, reduction)
    total = reduced(cells * weight, "none" if reduction == "none" else "sum")
    return total / sum(weight) if reduction == "mean" else total


_PAIRS = [S((3, 4), (3, 4)), S((3, 4), (3, 4), reduction="none"), S((3,), (3,), reduction="sum")]


def _mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Array = None,
) -> Any:
    _warn_of_sizes("mse_loss", input, target)
    reduction = reduction_of(size_average, reduce, reduction)
    return _weighted(squared_error(input, target), weight, reduction)


mse_loss = composition(
    "mse_loss",
    _mse_loss,
    inputs="input target",
    latex=r"\overline{(x - t)^2}",
    doc="""The mean of the squared differences; with `weight` the weighted mean.

    >>> import clownpiece as cp
    >>> from clownpiece.nn import functional as F
    >>> F.mse_loss(cp.tensor([1.0, 2.0]), cp.tensor([1.0, 4.0]))
    tensor(2.)
    """,
    samples=_PAIRS,
    torch="nn.functional.mse_loss",
    expose="functional",
)


def _l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Array = None,
) -> Any:
    _warn_of_sizes("l1_loss", input, target)
    reduction = reduction_of(size_average, reduce, reduction)
    return _weighted(absolute_error(input, target), weight, reduction)


l1_loss = composition(
    "l1_loss",
    _l1_loss,
    inputs="input target",
    latex=r"\overline{|x - t|}",
    doc="The mean of the absolute differences; with `weight` the weighted mean.",
    samples=_PAIRS,
    torch="nn.functional.l1_loss",
    expose="functional",
)


def _smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    _warn_of_sizes("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta; got {beta}")
    reduction = reduction_of(size_average, reduce, reduction)
    return reduced(smooth_l1_error(input, target, beta), reduction)


smooth_l1_loss = composition(
    "smooth_l1_loss",
    _smooth_l1_loss,
    inputs="input target",
    latex=r"\overline{d^2 / 2\beta \text{ if } |d| < \beta \text{ else } |d| - \beta / 2}",
    doc="The mean absolute difference, squared below `beta` so that it has no corner.",
    samples=[*_PAIRS, S((3, 4), (3, 4), beta=0.3)],
    torch="nn.functional.smooth_l1_loss",
    expose="functional",
)


def _huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Array = None
) -> Any:
    _warn_of_sizes("huber_loss", input, target)
    if delta <= 0:
        raise RuntimeError(
            f"huber_loss does not support non-positive values for delta; got {delta}"
        )
    return _weighted(huber_error(input, target, delta), weight, reduction)


huber_loss = composition(
    "huber_loss",
    _huber_loss,
    inputs="input target",
    latex=r"\overline{d^2 / 2 \text{ if } |d| \le \delta \text{ else } \delta (|d| - \delta / 2)}",
    doc="Half the squared difference up to `delta`, from there on a straight line (Huber 1964).",
    samples=[*_PAIRS, S((3, 4), (3, 4), delta=0.3)],
    torch="nn.functional.huber_loss",
    expose="functional",
)


def check_sizes(name: str, x: Any, target: Any) -> None:
    """Raise ValueError unless input and target have one shape."""
    if tuple(x.shape) != tuple(target.shape):
        raise ValueError(
            f"{name}: Target size ({tuple(target.shape)}) must be the same as input size "
            f"({tuple(x.shape)})"
        )


def _binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Array = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    check_sizes("binary_cross_entropy", input, target)
    cells = log_loss(input, target)
    if weight is not None:
        cells = cells * weight
    return reduced(cells, reduction_of(size_average, reduce, reduction))


binary_cross_entropy = composition(
    "binary_cross_entropy",
    _binary_cross_entropy,
    inputs="input target",
    latex=r"\overline{-t \ln x - (1 - t) \ln(1 - x)}",
    doc="""The cross entropy of probabilities `input` with `target`, both between 0 and 1.

    Logarithms end at -100. For logits, `binary_cross_entropy_with_logits` is more accurate.
    """,
    domain=(0, 1),
    samples=_PAIRS,
    torch="nn.functional.binary_cross_entropy",
    expose="functional",
)


def _binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Array = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Array = None,
) -> Any:
    check_sizes("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        cells = logit_loss(input, target)
    else:
        share = 1 + (pos_weight - 1) * target
        cells = (1 - target) * input - share * logsigmoid(input)
    if weight is not None:
        cells = cells * weight
    return reduced(cells, reduction_of(size_average, reduce, reduction))


_DOUBLED = np.full(4, 2, np.float32)

binary_cross_entropy_with_logits = composition(
    "binary_cross_entropy_with_logits",
    _binary_cross_entropy_with_logits,
    inputs="input target",
    latex=r"\overline{\ln(1 + e^x) - t x}",
    doc="""The cross entropy of logits with targets between 0 and 1.

    `pos_weight` is how much more a positive target counts than a negative one.
    """,
    samples=[
        S((3, 4), floats((3, 4), 0, 1)),
        S((3, 4), floats((3, 4), 0, 1), pos_weight=_DOUBLED, reduction="sum"),
    ],
    torch="nn.functional.binary_cross_entropy_with_logits",
    expose="functional",
)


def _kl_div(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    reduction = reduction_of(size_average, reduce, reduction)
    cells = relative_entropy(input, target, log_target)
    if reduction == "batchmean":
        return sum(cells) / cells.shape[0]
    return reduced(cells, reduction)


kl_div = composition(
    "kl_div",
    _kl_div,
    inputs="input target",
    latex=r"\overline{t (\ln t - x)}",
    doc="""The Kullback-Leibler divergence of a target from log-probabilities `input`.

    Its definition sums over classes: that is `reduction="batchmean"`; "mean" divides by the number
    of classes too. With `log_target` the target holds logarithms.
    """,
    samples=[
        S((3, 4), floats((3, 4), 0.1, 1), reduction="none"),
        S((3, 4), floats((3, 4), 0.1, 1), reduction="batchmean"),
        S((3, 4), (3, 4), log_target=True, reduction="sum"),
    ],
    torch="nn.functional.kl_div",
    expose="functional",
)


def _poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    cells = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        large = target > 1
        safe = keep(target, large) + keep(target * 0 + 1, ~large)
        cells = cells + keep(safe * log(safe) - safe + 0.5 * log(2 * math.pi * safe), large)
    return reduced(cells, reduction_of(size_average, reduce, reduction))


poisson_nll_loss = composition(
    "poisson_nll_loss",
    _poisson_nll_loss,
    inputs="input target",
    latex=r"\overline{e^x - t x}",
    doc="""The negative log-likelihood of counts under a Poisson distribution.

    `input` is its rate, or with `log_input` the logarithm of it; `full` adds Stirling's
    approximation of the term that does not depend on it.
    """,
    samples=[
        S((3, 4), floats((3, 4), 0, 5)),
        S(floats((3, 4), 0.5, 3), floats((3, 4), 2, 5), log_input=False, full=True),
    ],
    torch="nn.functional.poisson_nll_loss",
    expose="functional",
)


def _gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Any:
    if isinstance(var, (int, float)):
        var = input * 0 + var
    if tuple(var.shape) == tuple(input.shape[:-1]):
        var = reshape(var, (*var.shape, 1))
    elif tuple(var.shape) not in (tuple(input.shape), (*input.shape[:-1], 1)):
        raise ValueError(
            f"gaussian_nll_loss: var is of incorrect size {tuple(var.shape)}; it must be that of "
            f"the input {tuple(input.shape)}, with or without the last dimension"
        )
    given = var if isinstance(var, np.ndarray) else var.array
    if (given < 0).any():
        raise ValueError("gaussian_nll_loss: var has negative entry/entries")
    # The limit is a constant, so that a variance below it still gets a gradient.
    var = var + np.maximum(eps - given, 0).astype(given.dtype)
    cells = 0.5 * (log(var) + squared_error(input, target) / var)
    if full:
        cells = cells + 0.5 * math.log(2 * math.pi)
    return reduced(cells, reduction)


gaussian_nll_loss = composition(
    "gaussian_nll_loss",
    _gaussian_nll_loss,
    inputs="input target var",
    latex=r"\overline{\tfrac12 \left(\ln \sigma^2 + (x - t)^2 / \sigma^2\right)}",
    doc="""The negative log-likelihood of `target` under normals of mean `input`, variance `var`.

    `var` counts as at least `eps`; `full` adds the constant ½ ln 2π.
    """,
    samples=[
        S((3, 4), (3, 4), floats((3, 4), 0.2, 2)),
        S((3, 4), (3, 4), floats((3, 1), 0.2, 2), full=True),
    ],
    torch="nn.functional.gaussian_nll_loss",
    expose="functional",
)
