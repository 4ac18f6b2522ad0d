"""PyTorch's losses with a margin: pairs, triplets, and one class against the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .activation import logsigmoid
from .arguments import Array
from .composition import composition
from .distances import pairwise_distance
from .exponential import sqrt
from .loss_cells import logit_loss
from .losses import reduced, reduction_of
from .places import gather
from .reductions import mean, sum
from .samples import S, drawn, floats, ints
from .selection import clamp_min, keep, minimum
from .shape import reshape

__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def _signs(*shape: int) -> Any:
    return drawn(shape, lambda rng: rng.integers(0, 2, shape) * 2 - 1)


def _hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    cells = keep(clamp_min(margin - input, 0), target != 1) + keep(input, target != -1)
    return reduced(cells, reduction_of(size_average, reduce, reduction))


hinge_embedding_loss = composition(
    "hinge_embedding_loss",
    _hinge_embedding_loss,
    inputs="input target",
    latex=r"\overline{x \text{ if } t = 1 \text{ else } \max(0, margin - x)}",
    doc="A distance to be small where the target is 1, and at least `margin` where it is -1.",
    samples=[S((3, 4), _signs(3, 4)), S((3, 4), _signs(3, 4), margin=0.3, reduction="none")],
    torch="nn.functional.hinge_embedding_loss",
    expose="functional",
)


def _margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"{tuple(input1.shape)}, {tuple(input2.shape)}, {tuple(target.shape)}"
        )
    cells = clamp_min(margin - target * (input1 - input2), 0)
    return reduced(cells, reduction_of(size_average, reduce, reduction))


margin_ranking_loss = composition(
    "margin_ranking_loss",
    _margin_ranking_loss,
    inputs="input1 input2 target",
    latex=r"\overline{\max(0, margin - t (x_1 - x_2))}",
    doc="`input1` shall exceed `input2` by `margin` where the target is 1, be less where it is -1.",
    samples=[S((4,), (4,), _signs(4)), S((4,), (4,), _signs(4), margin=0.5, reduction="sum")],
    torch="nn.functional.margin_ranking_loss",
    expose="functional",
)


def _cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    if input1.shape != input2.shape or target.ndim != input1.ndim - 1 or target.ndim > 1:
        raise RuntimeError(
            "cosine_embedding_loss: 0D target tensor expects 1D input tensors, 1D target tensor "
            f"expects 2D input tensors, but found inputs with sizes {tuple(input1.shape)}, "
            f"{tuple(input2.shape)} and target {tuple(target.shape)}"
        )
    tiny = 1e-12
    squares = (sum(input1 * input1, -1) + tiny) * (sum(input2 * input2, -1) + tiny)
    cosine = sum(input1 * input2, -1) / sqrt(squares)
    cells = keep(1 - cosine, target == 1) + keep(clamp_min(cosine - margin, 0), target == -1)
    return reduced(cells, reduction_of(size_average, reduce, reduction))


cosine_embedding_loss = composition(
    "cosine_embedding_loss",
    _cosine_embedding_loss,
    inputs="input1 input2 target",
    latex=r"\overline{1 - \cos \text{ if } t = 1 \text{ else } \max(0, \cos - margin)}",
    doc="Vectors to point the same way where the target is 1, and apart where it is -1.",
    samples=[S((4, 3), (4, 3), _signs(4)), S((4, 3), (4, 3), _signs(4), margin=0.2)],
    torch="nn.functional.cosine_embedding_loss",
    expose="functional",
)


def _soft_margin_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    cells = target * input
    if cells.shape != input.shape:
        raise RuntimeError(
            f"soft_margin_loss: the target of shape {tuple(target.shape)} doesn't match the input "
            f"of shape {tuple(input.shape)}: it may be broadcast to it, but not the other way"
        )
    return reduced(-logsigmoid(cells), reduction_of(size_average, reduce, reduction))


soft_margin_loss = composition(
    "soft_margin_loss",
    _soft_margin_loss,
    inputs="input target",
    latex=r"\overline{\ln(1 + e^{-t x})}",
    doc="The logistic loss for targets of 1 and -1.",
    samples=[S((3, 4), _signs(3, 4)), S((3, 4), _signs(3, 4), reduction="sum")],
    torch="nn.functional.soft_margin_loss",
    expose="functional",
)


def _multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Array = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    cells = logit_loss(input, target)
    if weight is not None:
        cells = cells * weight
    return reduced(mean(cells, -1), reduction_of(size_average, reduce, reduction))


multilabel_soft_margin_loss = composition(
    "multilabel_soft_margin_loss",
    _multilabel_soft_margin_loss,
    inputs="input target",
    latex=r"\overline{\ln(1 + e^x) - t x}",
    doc="Each class a yes or no of its own: the mean of their logistic losses, then over samples.",
    samples=[S((3, 4), floats((3, 4), 0, 1)), S((3, 4), floats((3, 4), 0, 1), reduction="none")],
    torch="nn.functional.multilabel_soft_margin_loss",
    expose="functional",
)


def _array(x: Any) -> np.ndarray:
    return x if isinstance(x, np.ndarray) else x.array


def _multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Array = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported; got {p}")
    numbers = _array(target)
    rows = reshape(input, (1, -1)) if input.ndim == 1 else input
    index = numbers.reshape(-1, 1)
    if len(index) != rows.shape[0]:
        raise RuntimeError(
            f"multi_margin_loss: inconsistent target size {tuple(numbers.shape)} for input "
            f"{tuple(input.shape)}; one class number for each row"
        )
    cells = clamp_min(margin - gather(rows, 1, index) + rows, 0)
    cells = keep(cells, np.arange(rows.shape[1]) != index)
    if p == 2:
        cells = cells * cells
    if weight is not None:
        cells = cells * reshape(_rows_of(weight, index), (-1, 1))
    losses = sum(cells, 1) / rows.shape[1]
    losses = reshape(losses, tuple(numbers.shape)) if reduction == "none" else losses
    return reduced(losses, reduction_of(size_average, reduce, reduction))


def _rows_of(weight: Any, index: np.ndarray) -> np.ndarray:
    return _array(weight)[index]


multi_margin_loss = composition(
    "multi_margin_loss",
    _multi_margin_loss,
    inputs="input target",
    latex=r"\tfrac1C \sum_{i \ne t} \max(0, margin - x_t + x_i)^p",
    doc="The hinge loss of several classes: that of the target shall lead each other by `margin`.",
    samples=[S((3, 4), ints((3,), 4)), S((3, 4), ints((3,), 4), p=2, reduction="none")],
    torch="nn.functional.multi_margin_loss",
    expose="functional",
)


def _multilabel_margin_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    if tuple(input.shape) != tuple(target.shape):
        raise RuntimeError(
            f"multilabel_margin_loss: inconsistent target size {tuple(target.shape)} for input of "
            f"size {tuple(input.shape)}"
        )
    classes = input.shape[-1]
    found = _array(target)
    if found.dtype.kind not in "iu" or (found.size and found.max() >= classes):
        raise RuntimeError(
            f"multilabel_margin_loss: 'target' is out of range: it holds whole numbers below "
            f"{classes}, or -1 where the list ends; got {found.dtype}"
        )
    rows, numbers = reshape(input, (-1, classes)), _array(target).reshape(-1, classes)
    named = np.logical_and.accumulate(numbers >= 0, 1)
    index = np.where(named, numbers, 0)
    wanted = np.zeros(numbers.shape, bool)
    np.logical_or.at(wanted, (np.arange(len(numbers))[:, None], index), named)
    picked = reshape(gather(rows, 1, index), (-1, classes, 1))
    cells = clamp_min(1 - picked + reshape(rows, (-1, 1, classes)), 0)
    losses = sum(keep(cells, named[:, :, None] & ~wanted[:, None, :]), (1, 2)) / classes
    if input.ndim == 1:
        losses = reshape(losses, ())
    return reduced(losses, reduction_of(size_average, reduce, reduction))


_LABELS = drawn((3, 4), lambda rng: np.array([[2, 0, -1, 1], [3, -1, 0, 0], [-1, 2, 1, 0]]))

multilabel_margin_loss = composition(
    "multilabel_margin_loss",
    _multilabel_margin_loss,
    inputs="input target",
    latex=r"\tfrac1C \sum_{j \in t} \sum_{i \notin t} \max(0, 1 - x_j + x_i)",
    doc="""Each class named in the target shall lead each that is not by 1.

    A row of the target holds class numbers, up to the first -1.
    """,
    samples=[S((3, 4), _LABELS), S((3, 4), _LABELS, reduction="none")],
    torch="nn.functional.multilabel_margin_loss",
    expose="functional",
)


def _triplet(
    distance: Callable[[Any, Any], Any],
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float,
    swap: bool,
    reduction: str,
) -> Any:
    if margin <= 0:
        raise ValueError(f"triplet loss: margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "triplet loss: The anchor, positive, and negative tensors are expected to have the "
            f"same number of dimensions, but got: anchor {anchor.ndim}D, positive "
            f"{positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(clamp_min(margin + near - far, 0), reduction)


def _triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    def distance(a: Any, b: Any) -> Any:
        return pairwise_distance(a, b, p, eps)

    reduction = reduction_of(size_average, reduce, reduction)
    return _triplet(distance, anchor, positive, negative, margin, swap, reduction)


triplet_margin_loss = composition(
    "triplet_margin_loss",
    _triplet_margin_loss,
    inputs="anchor positive negative",
    latex=r"\overline{\max(0, margin + d(a, p) - d(a, n))}",
    doc="""The positive shall be nearer to the anchor than the negative, by `margin`.

    `swap` takes the distance of positive and negative where that is smaller (Balntas et al. 2016).
    """,
    samples=[S((3, 4), (3, 4), (3, 4)), S((3, 4), (3, 4), (3, 4), swap=True, p=1, margin=3.0)],
    torch="nn.functional.triplet_margin_loss",
    expose="functional",
)


def _triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    distance = pairwise_distance if distance_function is None else distance_function
    if not callable(distance):
        raise TypeError(
            "triplet_margin_with_distance_loss(): argument 'distance_function' must be callable, "
            f"not {type(distance).__name__}"
        )
    return _triplet(distance, anchor, positive, negative, margin, swap, reduction)


triplet_margin_with_distance_loss = composition(
    "triplet_margin_with_distance_loss",
    _triplet_margin_with_distance_loss,
    inputs="anchor positive negative",
    latex=r"\overline{\max(0, margin + d(a, p) - d(a, n))}",
    doc="`triplet_margin_loss` with a distance of one's own, `distance_function(a, b)`.",
    samples=[S((3, 4), (3, 4), (3, 4))],
    torch="nn.functional.triplet_margin_with_distance_loss",
    expose="functional",
)
