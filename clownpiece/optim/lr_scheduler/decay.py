"""Schedules that go from the initial learning rate to a smaller one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, checked, fields_of, one_each, restore_fields

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "PolynomialLR",
    "StepLR",
]


class LambdaLR(LRScheduler):
    """The initial learning rate times `lr_lambda(t)`.

    Args:
        optimizer: whose learning rates are set.
        lr_lambda: a function of the step number, or one a group.
        last_epoch: the last step that was taken.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        self.lr_lambdas = one_each(lr_lambda, checked(optimizer, self), "lr_lambda")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        factors = [factor(self.last_epoch) for factor in self.lr_lambdas]
        return [base * factor for base, factor in zip(self.base_lrs, factors)]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and plain functions; callable objects give their fields."""
        state = super().state_dict()
        state["lr_lambdas"] = [fields_of(each) for each in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue; functions stay the ones given here."""
        super().load_state_dict(
            {name: value for name, value in state_dict.items() if name != "lr_lambdas"}
        )
        for function, fields in zip(self.lr_lambdas, state_dict["lr_lambdas"]):
            restore_fields(function, fields)


class MultiplicativeLR(LambdaLR):
    """Each step multiplies the learning rate by `lr_lambda(t)`."""

    def get_lr(self) -> list[float]:
        if self._is_initial:
            return self._current()
        factors = [factor(self.last_epoch) for factor in self.lr_lambdas]
        return [lr * factor for lr, factor in zip(self._current(), factors)]


class StepLR(LRScheduler):
    """`lr ← lr · gamma` every `step_size` steps.

    >>> import clownpiece as cp
    >>> optimizer = cp.optim.SGD([cp.zeros(1, requires_grad=True)], lr=1.0)
    >>> schedule = cp.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(5):
    ...     print(optimizer.param_groups[0]["lr"], end=" ")
    ...     optimizer.step()
    ...     schedule.step()
    1.0 1.0 0.5 0.5 0.25
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        on_edge = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return self._scaled(self.gamma if on_edge else 1.0)

    def _formula(self, base: float) -> float:
        return base * self.gamma ** (self.last_epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """`lr ← lr · gamma` at each of the steps in `milestones`."""

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones: dict[int, int] = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return self._scaled(self.gamma ** self.milestones.get(self.last_epoch, 0))

    def _formula(self, base: float) -> float:
        passed = [count for step, count in self.milestones.items() if step <= self.last_epoch]
        return base * self.gamma ** sum(passed)


class ConstantLR(LRScheduler):
    """The initial learning rate times `factor` for `total_iters` steps, then the whole of it."""

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"the constant factor must be between 0 and 1; got {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        return self._scaled(1 / self.factor if self.last_epoch == self.total_iters else 1.0)

    def _formula(self, base: float) -> float:
        return base * (self.factor if self.last_epoch < self.total_iters else 1)


class LinearLR(LRScheduler):
    """The learning rate times a factor that goes straight from `start_factor` to `end_factor`."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"start_factor must be more than 0 and at most 1; got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"end_factor must be between 0 and 1; got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._current()
        return self._scaled(self._factor(self.last_epoch) / self._factor(self.last_epoch - 1))

    def _factor(self, step: int) -> float:
        part = min(step, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * part

    def _formula(self, base: float) -> float:
        return base * self._factor(self.last_epoch)


class ExponentialLR(LRScheduler):
    """`lr ← lr · gamma` at every step.

    >>> import clownpiece as cp
    >>> optimizer = cp.optim.SGD([cp.zeros(1, requires_grad=True)], lr=1.0)
    >>> schedule = cp.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return self._scaled(1.0 if self._is_initial else self.gamma)

    def _formula(self, base: float) -> float:
        return base * self.gamma**self.last_epoch


class PolynomialLR(LRScheduler):
    """The learning rate times `(1 − t / total_iters)^power`, then zero."""

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._current()
        left = self.total_iters - self.last_epoch
        return self._scaled((left / (left + 1)) ** self.power)

    def _formula(self, base: float) -> float:
        part = min(self.last_epoch, self.total_iters) / self.total_iters
        return base * (1 - part) ** self.power


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the initial learning rate to `eta_min` in `T_max` steps, and up again.

    `lr(t) = eta_min + (lr₀ − eta_min) · (1 + cos(π t / T_max)) / 2`.

    Reference: Loshchilov and Hutter, *SGDR: stochastic gradient descent with warm restarts*,
    ICLR 2017.
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        current = self._current()
        if self._is_initial:
            return current
        step = self.last_epoch
        if (step - 1 - self.T_max) % (2 * self.T_max) == 0:
            # The last value was the lowest point, from which no ratio leads up again.
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [lr + (base - self.eta_min) * rise for lr, base in zip(current, self.base_lrs)]
        ratio = self._height(step) / self._height(step - 1)
        return [self.eta_min + (lr - self.eta_min) * ratio for lr in current]

    def _height(self, step: int) -> float:
        return (1 + math.cos(math.pi * step / self.T_max)) / 2

    def _formula(self, base: float) -> float:
        return self.eta_min + (base - self.eta_min) * self._height(self.last_epoch)
