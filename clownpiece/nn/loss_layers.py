"""Losses that contain the last linear layer of a model with very many classes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..creation import from_numpy
from ..ops.joining import cat
from ..tensor import Tensor
from . import functional as F
from .containers import ModuleList, Sequential
from .layers import Linear
from .module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss", "LinearCrossEntropyLoss"]


class LinearCrossEntropyLoss(Module):
    """A linear layer without bias, then `CrossEntropyLoss`.

    Args:
        in_features: size of each input.
        num_classes: C.
        out_features: further dimensions of the scores: (N, C, *out_features).
        bias: whether the linear layer has one.
        reduction, weight, ignore_index, label_smoothing: as in `CrossEntropyLoss`.
        options: only None, the plain way; PyTorch's chunks are about a GPU's memory.

    Shape: (N, in_features) and classes (N, *out_features), or (in_features,) and ().
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: None = None,
    ) -> None:
        super().__init__()
        if options is not None:
            raise ValueError(
                "LinearCrossEntropyLoss computes in one piece here; leave options=None"
            )
        self.in_features = in_features
        self.num_classes = num_classes
        self.out_features = tuple(out_features)
        self.reduction = reduction
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        rows = num_classes * math.prod(self.out_features)
        self.linear = Linear(in_features, rows, bias=bias, device=device, dtype=dtype)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        scores = self.linear(input).unflatten(-1, (self.num_classes, *self.out_features))
        return F.cross_entropy(
            scores,
            target,
            weight=self.weight,
            ignore_index=-100 if self.ignore_index is None else self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, "
            f"reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options=None"
        )


class AdaptiveOutput(NamedTuple):
    """The log-probability of each target, and the loss, minus their mean."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Softmax over very many classes, frequent ones first, rare ones in clusters.

    The head decides between the frequent classes and the clusters; within a cluster a smaller
    network decides, which is asked only for the targets that are in it.

    Grave et al., *Efficient softmax approximation for GPUs*, 2017.

    Args:
        in_features: size of each input.
        n_classes: how many classes, sorted by falling frequency.
        cutoffs: where the clusters begin: (10, 100) has classes 0–9 in the head, and the
            clusters 10–99 and 100 to the end.
        div_value: each cluster's network is smaller by this factor than the one before.
        head_bias: whether the head has a bias.

    Shape: (N, in_features) and (N,), or (in_features,) and ().
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        bounds = [0, *cutoffs, n_classes]
        whole = all(isinstance(cutoff, (int, np.integer)) for cutoff in cutoffs)
        if not cutoffs or not whole or any(a >= b for a, b in itertools.pairwise(bounds)):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an "
                f"increasing order, each between 1 and n_classes-1; got {cutoffs}"
            )
        place = {"device": device, "dtype": dtype}
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = cutoffs[0]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, **place)
        self.tail = ModuleList()
        for number, (low, high) in enumerate(itertools.pairwise(self.cutoffs), 1):
            hidden = int(in_features // div_value**number)
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, bias=False, **place),
                    Linear(hidden, high - low, bias=False, **place),
                )
            )

    def reset_parameters(self) -> None:
        """Draw the first values again."""
        self.head.reset_parameters()
        for small, wide in self.tail:
            small.reset_parameters()
            wide.reset_parameters()

    def forward(self, input_: Any, target_: Any) -> AdaptiveOutput:
        classes = target_.array
        self._check(input_, classes)
        if classes.ndim == 0:
            output, loss = self(input_.unsqueeze(0), target_.unsqueeze(0))
            return AdaptiveOutput(output.squeeze(0), loss)
        # Cluster 0 is the head's own list; a class in cluster i is found in column list + i - 1.
        cluster = np.searchsorted(self.cutoffs, classes, side="right")
        column = np.where(cluster == 0, classes, self.shortlist_size + cluster - 1)
        head = F.log_softmax(self.head(input_), dim=1)
        output = head.gather(1, from_numpy(column[:, None])).squeeze(1)
        for number, network in enumerate(self.tail, 1):
            rows = np.flatnonzero(cluster == number)
            if rows.size:
                at = from_numpy(rows)
                inside = F.log_softmax(network(input_[at]), dim=1)
                place = from_numpy(classes[rows, None] - self.cutoffs[number - 1])
                output = output.index_add(0, at, inside.gather(1, place).squeeze(1))
        return AdaptiveOutput(output, -output.mean())

    def _check(self, input: Tensor, classes: np.ndarray) -> None:
        if classes.ndim > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if input.ndim != classes.ndim + 1 or input.shape[:-1] != classes.shape:
            raise RuntimeError(
                "Input and target should have the same size in the batch dimension; "
                f"got shapes {tuple(input.shape)} and {classes.shape}"
            )
        if classes.size and not 0 <= classes.min() <= classes.max() < self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{classes.min()}, {classes.max()}] were found"
            )

    def log_prob(self, input: Any) -> Tensor:
        """The log-probabilities of all classes, (N, n_classes)."""
        head = F.log_softmax(self.head(input), dim=1)
        parts = [head[:, : self.shortlist_size]]
        for column, network in enumerate(self.tail, self.shortlist_size):
            parts.append(F.log_softmax(network(input), dim=1) + head[:, column : column + 1])
        return cat(parts, dim=1)

    def predict(self, input: Any) -> Tensor:
        """The most probable class of each input, (N,)."""
        return self.log_prob(input).argmax(dim=1)
