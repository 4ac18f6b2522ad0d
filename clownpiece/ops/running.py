"""Normalization with running statistics, which move outside of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels.normalization import channel_statistics
from ..tensor import Tensor, wrap
from . import normalization

__all__ = ["batch_norm", "instance_norm"]


def _follow(
    running: tuple[Tensor | None, Tensor | None],
    found: tuple[np.ndarray, np.ndarray],
    momentum: float,
) -> None:
    """Move mean and variance towards what was found, outside of the graph: both, or neither."""
    pairs = [(each, new) for each, new in zip(running, found) if each is not None]
    for each, new in pairs:
        if each.array.shape != new.shape:
            raise RuntimeError(
                f"running statistics should contain {new.size} elements, one a channel, "
                f"not {each.array.size}"
            )
        if each.array.dtype != new.dtype:
            raise RuntimeError(
                f"running statistics are {each.dtype}, but the input is {new.dtype}; convert "
                "one of them with .to()"
            )
    for each, new in pairs:
        # Not a change that the version counts, in PyTorch too; what was saved is a copy.
        each.array *= 1 - momentum
        each.array += momentum * new


def _saved_for(running: Tensor | None, statistic: np.ndarray) -> Any:
    """The statistic that is computed with, to be saved with the version of the running one.

    A change in place of the running one is refused in a later backward, as in PyTorch, even where
    the gradient reads those of the batch.
    """
    if running is None:
        return statistic
    saved = wrap(statistic)
    saved._version_cell = running._shared_version()
    return saved


def _several(name: str, size: Sequence[int], cells: int) -> None:
    if cells == 1:
        raise ValueError(
            f"{name}: Expected more than 1 value per channel when training, got input size "
            f"{list(size)}; one value has no variance"
        )


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel by its mean and variance: the batch's in `training`, else the running ones.

    In training, running statistics move by `momentum` towards those of the batch, with the
    unbiased variance, and outside of the graph.

    Raises:
        ValueError: in training there is one value a channel, which has no variance.
        RuntimeError: no running statistics outside of training; sizes that do not fit.
    """
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "batch_norm: Expected running_mean and running_var to be defined when "
                "training=False"
            )
        mean, var = running_mean.array.copy(), running_var.array.copy()
        mean, var = _saved_for(running_mean, mean), _saved_for(running_var, var)
        return normalization.batch_norm(input, weight, bias, mean, var, False, eps)
    if input.ndim < 2:
        raise RuntimeError(
            f"batch_norm: expected at least 2 dimensions (N, C, *); got {input.ndim}"
        )
    cells = input.array.size // max(1, input.shape[1])
    _several("batch_norm", input.shape, cells)
    mean, var = channel_statistics(input.array)
    # What cannot be normalized leaves the running statistics as they were.
    saved_mean, saved_var = _saved_for(running_mean, mean), _saved_for(running_var, var)
    result = normalization.batch_norm(input, weight, bias, saved_mean, saved_var, True, eps)
    unbiased = var * (cells / max(1, cells - 1))
    _follow((running_mean, running_var), (mean, unbiased), momentum)
    return result


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of each sample by its own mean and variance (Ulyanov et al. 2016)."""
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    samples, channels = input.shape[:2]
    cells = input.array.size // max(1, samples * channels)
    _several("instance_norm", input.shape, cells)
    if running_mean is not None or running_var is not None:
        mean, var = channel_statistics(input.array.reshape(1, samples * channels, -1))
        found = np.stack([mean, var * (cells / max(1, cells - 1))])
        mean, unbiased = found.reshape(2, samples, channels).mean(1)
        _follow((running_mean, running_var), (mean, unbiased), momentum)
    return normalization.group_norm(input, weight, bias, channels, eps)
