"""`LRScheduler`: counts steps and writes learning rates into an optimizer's groups.

Each schedule knows its next learning rate from the current one, so that several can act on one
optimizer, and where there is a formula also from the number of steps alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from ...autograd.mode import no_grad
from ...tensor import Tensor
from ..optimizer import Optimizer
from ..options import number

__all__ = ["LRScheduler", "checked", "fields_of", "one_each", "restore_fields", "set_rate"]


class LRScheduler:
    """The base of schedules.

    A schedule of your own defines `get_lr`, which reads `self.last_epoch` (0 at the start, one
    more with each step), `self.base_lrs` and the groups' current `lr`.

    Args:
        optimizer: whose learning rates are set.
        last_epoch: the last step that was taken; −1 starts anew, else the groups must have
            `initial_lr`, as they have after a load.

    Raises:
        TypeError: `optimizer` is none.
        KeyError: a continued schedule without `initial_lr` in the groups.

    >>> import clownpiece as cp
    >>> class Halve(cp.optim.lr_scheduler.LRScheduler):
    ...     def get_lr(self):
    ...         return [lr / 2**self.last_epoch for lr in self.base_lrs]
    >>> optimizer = cp.optim.SGD([cp.zeros(1, requires_grad=True)], lr=1.0)
    >>> schedule = Halve(optimizer)
    >>> optimizer.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    _last_lr: list[float]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked(optimizer, self)
        for index, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", number(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{index}] when resuming "
                    f"a schedule with last_epoch={last_epoch}; load the optimizer's state_dict "
                    "first, or start with last_epoch=-1"
                )
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._steps_at_start = optimizer.steps_taken
        self._begin()

    def get_lr(self) -> list[float]:
        """The learning rates that belong to `last_epoch`, one a group."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr()")

    def _formula(self, base: float) -> float:
        """The learning rate of `last_epoch` from the initial one alone, where that is possible."""
        raise NotImplementedError

    def get_last_lr(self) -> list[float]:
        """The learning rates that the schedule last set, one a group."""
        return self._last_lr

    def step(self, epoch: Any = None) -> None:
        """Go one step on, or to the step `epoch`."""
        if self._step_count == 1 and self.optimizer.steps_taken == self._steps_at_start:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in "
                "the opposite order, or the first value of the schedule is skipped",
                stacklevel=2,
            )
        self._step_count += 1
        self._advance(epoch)

    def _begin(self) -> None:
        """The step from −1 to 0, which finds the groups' own learning rates and may scale them."""
        self._step_count = 1
        self._is_initial = True
        self._advance()
        self._is_initial = False

    def _advance(self, epoch: Any = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        has_formula = type(self)._formula is not LRScheduler._formula
        if epoch is not None and has_formula:
            self._set([self._formula(base) for base in self.base_lrs])
        else:
            self._set(self.get_lr())

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates):
            set_rate(group, rate)
        self._last_lr = self._current()

    def _current(self) -> list[float]:
        return [number(group["lr"]) for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list[float]:
        return [lr * factor for lr in self._current()]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken; load the optimizer's own state as well."""
        self.__dict__.update(state_dict)


def set_rate(group: dict[str, Any], rate: float) -> None:
    """Give a group its learning rate: in place where it is a tensor, which others may hold."""
    if isinstance(group["lr"], Tensor):
        with no_grad():
            group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def checked(optimizer: Any, schedule: Any) -> Optimizer:
    """`optimizer`, if it is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"{type(optimizer).__name__} is not an Optimizer, which is what "
            f"{type(schedule).__name__} sets the learning rates of"
        )
    return optimizer


def one_each(values: Any, optimizer: Optimizer, name: str) -> list[Any]:
    """A value for each group, from one value or a list of them."""
    count = len(optimizer.param_groups)
    if not isinstance(values, (list, tuple)):
        return [values] * count
    if len(values) != count:
        raise ValueError(
            f"expected one {name} or {count}, one for each parameter group; got {len(values)}"
        )
    return list(values)


def fields_of(function: Any) -> dict[str, Any] | None:
    """The fields of a callable object, for a state; None for plain functions and none at all."""
    return None if function is None or hasattr(function, "__code__") else dict(function.__dict__)


def restore_fields(function: Any, fields: dict[str, Any] | None) -> None:
    """Give a callable object the fields that `fields_of` saved."""
    if fields is not None:
        function.__dict__.update(fields)
