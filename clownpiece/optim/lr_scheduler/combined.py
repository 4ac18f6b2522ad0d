"""Schedules made of schedules: one after the other, or all at once."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, set_rate
from .plateau import ReduceLROnPlateau

__all__ = ["ChainedScheduler", "SequentialLR"]


class _Combined(LRScheduler):
    """What both have in common: checked parts and their states."""

    _schedulers: Sequence[LRScheduler]

    def _take(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        name = type(self).__name__
        if not schedulers:
            raise ValueError(f"{name} expects at least one scheduler, but got no scheduler")
        for index, each in enumerate(schedulers):
            if not hasattr(each, "optimizer"):
                raise TypeError(
                    f"{name} expects schedulers, but the one at index {index} has no optimizer: "
                    f"{type(each).__name__}"
                )
            if isinstance(each, ReduceLROnPlateau):
                raise ValueError(
                    f"{name} does not support ReduceLROnPlateau, whose step needs a metric; got "
                    f"one at index {index}, so step it beside this one"
                )
            optimizer = optimizer or each.optimizer
            if each.optimizer is not optimizer:
                raise ValueError(
                    f"{name} expects all schedulers to belong to the same optimizer, but the one "
                    f"at index {index}, {type(each).__name__}, belongs to another"
                )
        assert optimizer is not None
        self.optimizer = optimizer
        self._schedulers = schedulers

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, with the states of the parts."""
        state = super().state_dict()
        state["_schedulers"] = [each.state_dict() for each in self._schedulers]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        super().load_state_dict(
            {name: value for name, value in state_dict.items() if name != "_schedulers"}
        )
        for each, state in zip(self._schedulers, state_dict["_schedulers"]):
            each.load_state_dict(state)


class SequentialLR(_Combined):
    """One schedule until the first of `milestones`, then the next, each from its own step 0.

    Raises:
        ValueError: not one milestone fewer than schedulers, another optimizer's scheduler, or
            a `ReduceLROnPlateau`.

    >>> import clownpiece as cp
    >>> from clownpiece.optim.lr_scheduler import ExponentialLR, LinearLR, SequentialLR
    >>> optimizer = cp.optim.SGD([cp.zeros(1, requires_grad=True)], lr=1.0)
    >>> warmup = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> decay = ExponentialLR(optimizer, gamma=0.5)
    >>> schedule = SequentialLR(optimizer, [warmup, decay], milestones=[2])
    >>> for _ in range(5):
    ...     print(optimizer.param_groups[0]["lr"], end=" ")
    ...     optimizer.step()
    ...     schedule.step()
    0.5 0.75 1.0 0.5 0.25
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        self._take(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "SequentialLR expects one milestone fewer than schedulers, the steps where the "
                f"next one takes over; got {len(schedulers)} schedulers and {len(milestones)} "
                "milestones"
            )
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        # All parts have made their first step; only the one whose turn it is should have.
        for group in optimizer.param_groups:
            set_rate(group, group["initial_lr"])
        _undo_first_step(self)
        self._begin_at(0)

    def _begin(self) -> None:
        # As in PyTorch, the first step of a sequence within a sequence counts.
        self.last_epoch += 1
        self._begin_at(self.last_epoch)

    def _begin_at(self, epoch: int) -> None:
        first = self._schedulers[bisect.bisect_right(self._milestones, epoch)]
        first._begin()
        self._last_lr = first.get_last_lr()

    def step(self, epoch: Any = None) -> None:
        """Go one step on with the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect.bisect_right(self._milestones, self.last_epoch)
        current = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            current._advance(0)
        else:
            current.step()
        self._last_lr = current.get_last_lr()


class ChainedScheduler(_Combined):
    """All schedules at once, each acting on what the one before it made of the learning rate.

    Raises:
        ValueError: no schedulers, another optimizer's scheduler, or a `ReduceLROnPlateau`.
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        self._take(schedulers, optimizer)
        self._last_lr = self._current()

    def _begin(self) -> None:
        for each in self._schedulers:
            each._begin()
        self._last_lr = self._current()

    def _advance(self, epoch: Any = None) -> None:
        for each in self._schedulers:
            each._advance(epoch)
        self._last_lr = self._current()

    def step(self, epoch: Any = None) -> None:
        """Step every schedule."""
        for each in self._schedulers:
            each.step(epoch)
        self._last_lr = self._current()


def _undo_first_step(schedule: LRScheduler) -> None:
    if isinstance(schedule, _Combined):
        for part in schedule._schedulers:
            _undo_first_step(part)
    else:
        schedule.last_epoch -= 1
