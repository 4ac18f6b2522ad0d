"""Cross entropy and the negative log-likelihood.

They are fused: a cross entropy put together of softmax and likelihood would store the softmax for
nothing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..kernels import loss as kernel
from .arguments import not_supported
from .record import op
from .reductions import sum
from .samples import S, drawn, floats, ints
from .selection import keep
from .shape import reshape
from .softmax import log_softmax

__all__ = ["cross_entropy", "nll_loss"]

IGNORED = -100


def _check_classes(name: str, x: Any, target: Any, weight: Any) -> None:
    """The shapes of class numbers: those of `x` without its class dimension."""
    if not x.ndim:
        raise RuntimeError(f"{name}: expected (C,), (N, C) or (N, C, *); got a tensor without dims")
    at = 1 if x.ndim > 1 else 0
    if target.ndim != x.ndim - 1 or target.shape != x.shape[:at] + x.shape[at + 1 :]:
        if at and target.ndim and len(target) != len(x):
            raise ValueError(
                f"Expected input batch_size ({len(x)}) to match target batch_size ({len(target)})."
            )
        raise RuntimeError(
            f"{name}: class numbers need the shape of the input {tuple(x.shape)} without its class "
            f"dimension {at}; got {tuple(target.shape)}"
        )
    if target.dtype.kind not in "iu":
        raise RuntimeError(
            f"{name}: expected class numbers of dtype int64, but got {target.dtype}; convert them "
            "with .long()"
        )
    _check_weight(name, weight, x.shape[at])


def _check_weight(name: str, weight: Any, classes: int) -> None:
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no "
            f"classes but got weight tensor of shape: {list(weight.shape)}"
        )


def _rows(x: Any) -> Any:
    """`(N, C, *)` or `(C,)` as rows of classes."""
    if x.ndim == 1:
        return x[None]
    return x if x.ndim == 2 else np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def _unrowed(rows: Any, shape: tuple[int, ...]) -> Any:
    """Rows of classes back in the shape of the input."""
    if len(shape) <= 2:
        return rows.reshape(shape)
    behind = rows.reshape(shape[0], *shape[2:], shape[1])
    return np.ascontiguousarray(np.moveaxis(behind, -1, 1))


def _valid(target: Any, classes: int, ignore_index: int) -> tuple[Any, Any]:
    """Flat class numbers with 0 in place of ignored ones, and which count (None: all do)."""
    flat = target.reshape(-1)
    counted = flat != ignore_index
    if counted.all():
        counted = None
    else:
        flat = np.where(counted, flat, 0)
    if flat.size and not 0 <= flat.min() <= flat.max() < classes:
        wrong = flat[(flat < 0) | (flat >= classes)][0]
        raise IndexError(
            f"Target {wrong} is out of bounds: with {classes} classes, class numbers are 0 to "
            f"{classes - 1}, or ignore_index={ignore_index}"
        )
    return flat, counted


def _total(flat: Any, counted: Any, weight: Any) -> Any:
    """What a mean divides by: the weights of the classes that count."""
    if weight is None:
        return len(flat) if counted is None else int(counted.sum())
    weights = weight[flat]
    return weights.sum() if counted is None else (weights * counted).sum()


def _reduced(losses: Any, shape: tuple[int, ...], reduction: str, total: Any) -> Any:
    if reduction == "none":
        return losses.reshape(shape)
    if reduction == "sum":
        return losses.sum(dtype=losses.dtype)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.divide(losses.sum(dtype=losses.dtype), total, dtype=losses.dtype)


def _row_gradients(g: Any, rows: int, counted: Any, reduction: str, total: Any) -> Any:
    """The gradient of each row's loss."""
    if reduction == "mean":
        with np.errstate(invalid="ignore", divide="ignore"):
            g = np.divide(g, total, dtype=g.dtype)
    g = np.broadcast_to(g, rows) if reduction != "none" else g.reshape(-1)
    return g if counted is None else g * counted


def _check_reduction(reduction: str) -> None:
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction: 'none', 'mean' or 'sum'")


def _nll(
    x: Any, target: Any, weight: Any, ignore_index: int = IGNORED, reduction: str = "mean"
) -> Any:
    _check_reduction(reduction)
    _check_classes("nll_loss", x, target, weight)
    rows = _rows(x)
    flat, counted = _valid(target, rows.shape[1], ignore_index)
    losses = -rows[np.arange(len(rows)), flat]
    if weight is not None:
        losses *= weight[flat]
    if counted is not None:
        losses *= counted
    return _reduced(losses, target.shape, reduction, _total(flat, counted, weight))


def _nll_slope(g: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str) -> Any:
    rows = _rows(x)
    flat, counted = _valid(target, rows.shape[1], ignore_index)
    each = _row_gradients(g, len(rows), counted, reduction, _total(flat, counted, weight))
    gx = np.zeros(rows.shape, x.dtype)
    gx[np.arange(len(rows)), flat] = -each if weight is None else -each * weight[flat]
    return _unrowed(gx, x.shape)


def _shares_of(
    x: Any, target: Any, weight: Any, ignore_index: int, smoothing: float
) -> tuple[Any, Any]:
    """The q of the cross entropy in the shape of `x`, as an array, and what a mean divides by."""
    number, scale = _as_array(target), _as_array(weight)
    classes = x.shape[1 if x.ndim > 1 else 0]
    flat, counted = _valid(number, classes, ignore_index)
    q = (1 - smoothing) * (flat[:, None] == np.arange(classes)) + smoothing / classes
    if counted is not None:
        q *= counted[:, None]
    if scale is not None:
        q = q * scale
    return _unrowed(q, tuple(x.shape)), _total(flat, counted, scale)


def _as_array(x: Any) -> Any:
    return x if x is None or isinstance(x, np.ndarray) else x.array


def _reduced_in_ops(losses: Any, reduction: str, total: Any) -> Any:
    if reduction == "none":
        return losses
    return sum(losses) if reduction == "sum" else sum(losses) / float(total)


def _nll_in_ops(
    x: Any, target: Any, weight: Any, ignore_index: int = IGNORED, reduction: str = "mean"
) -> Any:
    q, total = _shares_of(x, target, weight, ignore_index, 0.0)
    losses = sum(x * -q.astype(x.dtype.name), 1 if x.ndim > 1 else 0)
    return _reduced_in_ops(losses, reduction, total)


_CLASS_SAMPLES = [
    S((5, 4), ints((5,), 4), None),
    S((5, 4), ints((5,), 4), floats((4,), 0.2, 1), ignore_index=2),
    S((2, 4, 3), ints((2, 3), 4), None, reduction="sum"),
    S((4,), ints((), 4), None, reduction="none"),
]

nll_loss = op(
    "nll_loss",
    _nll,
    inputs="x target weight",
    grad={"x": _nll_slope},
    composed=_nll_in_ops,
    latex=r"-w_t \, x_t",
    doc="""The negative log-probability that `x` `(N, C, *)` gives to class `target` `(N, *)`.

    Args:
        weight: `(C,)`, how much each class counts, also in the mean.
        ignore_index: a class number that does not count.
        reduction: "mean" (by weight), "sum", or "none".
    """,
    flops=lambda target_shape: math.prod(target_shape),
    samples=_CLASS_SAMPLES,
    torch="nn.functional.nll_loss",
    expose="",
)


def _cross_entropy(
    x: Any,
    target: Any,
    weight: Any,
    ignore_index: int = IGNORED,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    _check_reduction(reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if target.dtype.kind == "f":
        _check_probabilities(x, target, weight, ignore_index)
        rows = _rows(x)
        losses = kernel.probability_losses(rows, _rows(target), weight, label_smoothing)
        shape = x.shape[:1] + x.shape[2:] if x.ndim > 1 else ()
        return _reduced(losses, shape, reduction, len(rows))
    _check_classes("cross_entropy", x, target, weight)
    if x.dtype.kind != "f":
        raise not_supported("cross_entropy", [x])
    rows = _rows(x)
    flat, counted = _valid(target, rows.shape[1], ignore_index)
    losses = kernel.index_losses(rows, flat, weight, label_smoothing)
    if counted is not None:
        losses = keep.forward(losses, counted)
    return _reduced(losses, target.shape, reduction, _total(flat, counted, weight))


def _check_probabilities(x: Any, target: Any, weight: Any, ignore_index: int) -> None:
    if target.shape != x.shape:
        raise RuntimeError(
            f"cross_entropy: probabilities (floating targets) need the shape of the input "
            f"{tuple(x.shape)}; got {tuple(target.shape)}: for class numbers use .long()"
        )
    if ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    _check_weight("cross_entropy", weight, x.shape[1 if x.ndim > 1 else 0])


def _cross_entropy_slope(
    g: Any,
    x: Any,
    target: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    rows = _rows(x)
    if target.dtype.kind == "f":
        each = _row_gradients(g, len(rows), None, reduction, len(rows))
        gx = kernel.probability_losses_backward(each, rows, _rows(target), weight, label_smoothing)
        return _unrowed(gx, x.shape)
    flat, counted = _valid(target, rows.shape[1], ignore_index)
    each = _row_gradients(g, len(rows), counted, reduction, _total(flat, counted, weight))
    gx = kernel.index_losses_backward(each, rows, flat, weight, label_smoothing)
    if counted is not None:
        gx = keep.forward(gx, counted[:, None])
    return _unrowed(gx, x.shape)


def _cross_entropy_target_slope(
    g: Any, x: Any, target: Any, weight: Any, reduction: str, label_smoothing: float
) -> Any:
    rows = _rows(x)
    each = _row_gradients(g, len(rows), None, reduction, len(rows))
    return _unrowed(kernel.probability_slopes(each, rows, weight, label_smoothing), x.shape)


def _cross_entropy_in_ops(
    x: Any,
    target: Any,
    weight: Any,
    ignore_index: int = IGNORED,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    at = 1 if x.ndim > 1 else 0
    logs = log_softmax(x, at)
    if _as_array(target).dtype.kind != "f":
        q, total = _shares_of(x, target, weight, ignore_index, label_smoothing)
        return _reduced_in_ops(sum(logs * -q.astype(x.dtype.name), at), reduction, total)
    q = (1 - label_smoothing) * target + label_smoothing / x.shape[at]
    if weight is not None:
        q = q * reshape(weight, (-1,) + (1,) * (x.ndim - at - 1))
    losses = -sum(logs * q, at)
    return _reduced_in_ops(losses, reduction, math.prod(losses.shape))


def _probabilities(*shape: int) -> Any:
    return drawn(shape, lambda rng: rng.dirichlet(np.ones(shape[-1]), shape[:-1]))


cross_entropy = op(
    "cross_entropy",
    _cross_entropy,
    inputs="x target weight",
    grad={"x": _cross_entropy_slope, "target": _cross_entropy_target_slope},
    composed=_cross_entropy_in_ops,
    latex=r"-w_t \ln \frac{e^{x_t}}{\sum_c e^{x_c}}",
    doc="""How many nats the softmax of logits `x` `(N, C, *)` needs to tell the target.

    Args:
        target: class numbers `(N, *)`, or probabilities in the shape of `x`.
        weight: `(C,)`, how much each class counts; for class numbers also in the mean.
        ignore_index: a class number that does not count.
        reduction: "mean", "sum", or "none".
        label_smoothing: the part of the target that is spread evenly over all classes.

    Raises:
        IndexError: a class number that is not one.
        ValueError: input and target differ in their batch size.
        RuntimeError: other shapes or dtypes that do not fit.

    >>> import clownpiece as cp
    >>> from clownpiece.nn import functional as F
    >>> F.cross_entropy(cp.zeros(2, 4), cp.tensor([1, 3]))
    tensor(1.3863)
    """,
    flops=lambda x_shape: 5 * math.prod(x_shape),
    samples=[
        *_CLASS_SAMPLES,
        S((5, 4), ints((5,), 4), floats((4,), 0.2, 1), label_smoothing=0.1),
        S((5, 4), _probabilities(5, 4), None, label_smoothing=0.1),
        S((2, 4, 3), _probabilities(2, 4, 3), None),
    ],
    torch="nn.functional.cross_entropy",
    expose="",
)
