"""A schedule that watches a metric."""

from __future__ import annotations

import math
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, checked, one_each, set_rate

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """`lr ← lr · factor` once a metric has not improved for more than `patience` steps.

    Args:
        optimizer: whose learning rates are set.
        mode: whether less (`"min"`) or more (`"max"`) is better.
        factor: less than 1.
        patience: how many steps without improvement are forgiven.
        threshold: the least change that counts as one.
        threshold_mode: whether `threshold` is a part of the best value (`"rel"`) or a
            difference (`"abs"`).
        cooldown: how many steps after a reduction are not counted.
        min_lr: no learning rate goes below it; one number, or one a group.
        eps: a smaller reduction than this is left out.

    Raises:
        ValueError: `factor`, `mode`, `threshold_mode` or the number of `min_lr` cannot be.

    >>> import clownpiece as cp
    >>> optimizer = cp.optim.SGD([cp.zeros(1, requires_grad=True)], lr=1.0)
    >>> schedule = cp.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in [3.0, 2.0, 2.0, 2.0, 2.0]:
    ...     schedule.step(loss)
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            raise ValueError(f"Factor should be < 1.0; got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode!r} is unknown; it is 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode!r} is unknown; it is 'rel' or 'abs'")
        self.optimizer = checked(optimizer, self)
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.eps = cooldown, eps
        self.min_lrs = one_each(min_lr, optimizer, "min_lr")
        self.last_epoch = 0
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = 0
        self.num_bad_epochs = 0
        self._last_lr = self._current()

    @property
    def in_cooldown(self) -> bool:
        """Whether steps are not counted because a reduction was just made."""
        return self.cooldown_counter > 0

    def is_better(self, value: float) -> bool:
        """Whether `value` improves on the best one by more than the threshold."""
        if self.threshold_mode == "abs":
            margin = self.threshold
            return value < self.best - margin if self.mode == "min" else value > self.best + margin
        if self.mode == "min":
            return value < self.best * (1 - self.threshold)
        return value > self.best * (1 + self.threshold)

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take note of the metric, a number or a tensor of one, and reduce if it is time to."""
        value = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(value):
            self.best = value
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._current()

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if len(set(self.min_lrs)) > 1:
                raise RuntimeError(
                    f"the optimizer has {len(groups)} parameter groups, but there were "
                    f"{len(self.min_lrs)} when ReduceLROnPlateau was made; set its min_lrs to a "
                    "list with one for each group"
                )
            self.min_lrs = self.min_lrs[:1] * len(groups)
        for group, lr, least in zip(groups, self._current(), self.min_lrs):
            reduced = max(lr * self.factor, least)
            if lr - reduced > self.eps:
                set_rate(group, reduced)
