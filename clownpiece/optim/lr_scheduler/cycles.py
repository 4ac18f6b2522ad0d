"""Schedules that go up as well as down: warm restarts, cycles, one cycle."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, checked, fields_of, one_each, restore_fields, set_rate

__all__ = ["CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR"]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine down to `eta_min` in `T_0` steps, then from the top; each time `T_mult` longer.

    `step(epoch)` takes fractions, for a schedule that moves within an epoch. Reference:
    Loshchilov and Hutter, *SGDR*, ICLR 2017.

    Raises:
        ValueError: `T_0` or `T_mult` is not an int of at least 1.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be an int of at least 1; got {value!r}")
        self.T_0 = self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go one step on, or to `epoch`, which may lie between two steps.

        Raises:
            ValueError: a negative `epoch`.
        """
        if epoch is not None and epoch < 0:
            raise ValueError(f"epoch must be at least 0; got {epoch}")
        super().step(epoch)

    def _advance(self, epoch: float | None = None) -> None:
        if epoch is None and not self._is_initial:
            # After a step to a fraction this one goes on from there.
            self.last_epoch += 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
        else:
            reached = self.last_epoch + 1 if epoch is None else epoch
            self.last_epoch = math.floor(reached)
            self.T_cur, self.T_i = self._place(reached)
        self._set(self.get_lr())

    def _place(self, reached: float) -> tuple[float, int]:
        """How far into its period a step lies, and the length of that period."""
        if self.T_mult == 1:
            return reached % self.T_0, self.T_0
        length = self.T_0
        while reached >= length:
            reached -= length
            length *= self.T_mult
        return reached, length


class CyclicLR(LRScheduler):
    """Up and down between `base_lr` and `max_lr`, stepped after every batch.

    Args:
        optimizer: whose learning rates are set.
        base_lr, max_lr: the bounds, or one a group.
        step_size_up, step_size_down: how many steps a rise and a fall take.
        mode: `"triangular"` keeps the height, `"triangular2"` halves it each cycle, `"exp_range"`
            scales it by `gamma` to the number of steps.
        gamma: for `"exp_range"`.
        scale_fn: a height of your own, instead of `mode`.
        scale_mode: whether `scale_fn` is given the `"cycle"` or the number of `"iterations"`.
        cycle_momentum: move momentum (or `betas[0]`) the opposite way.
        base_momentum, max_momentum: its bounds.
        last_epoch: the last step that was taken.

    Reference: Smith, *Cyclical learning rates for training neural networks*, WACV 2017.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(
                f"mode is invalid and scale_fn is None: got mode={mode!r}, expected 'triangular', "
                "'triangular2' or 'exp_range'"
            )
        checked(optimizer, self)
        self.total_size = step_size_up + (step_size_down or step_size_up)
        self.step_ratio = step_size_up / self.total_size
        self.mode, self.gamma = mode, gamma
        by_iterations = mode == "exp_range" and scale_fn is None
        self._scale_fn_custom = scale_fn
        self.scale_mode = "iterations" if by_iterations else scale_mode
        self.max_lrs = one_each(max_lr, optimizer, "max_lr")
        self.cycle_momentum = cycle_momentum
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, one_each(base_lr, optimizer, "base_lr")):
                group["initial_lr"] = rate
                set_rate(group, rate)
        if cycle_momentum:
            self.use_beta1 = _moves_betas(optimizer)
            self.base_momentums = one_each(base_momentum, optimizer, "base_momentum")
            self.max_momentums = one_each(max_momentum, optimizer, "max_momentum")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        place = 1 + self.last_epoch / self.total_size - cycle
        height = (
            place / self.step_ratio
            if place <= self.step_ratio
            else (1 - place) / (1 - self.step_ratio)
        )
        height *= self._scale(cycle)
        if self.cycle_momentum:
            for group, low, high in zip(
                self.optimizer.param_groups, self.base_momentums, self.max_momentums
            ):
                _set_momentum(group, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs)]

    def _scale(self, cycle: int) -> float:
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.mode == "triangular2":
            return 1 / 2 ** (cycle - 1)
        return self.gamma**self.last_epoch if self.mode == "exp_range" else 1.0

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer; of `scale_fn` the fields, if it is an object with some."""
        return {**super().state_dict(), "_scale_fn_custom": fields_of(self._scale_fn_custom)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken, with one's own `scale_fn`."""
        own = self._scale_fn_custom
        super().load_state_dict({**state_dict, "_scale_fn_custom": own})
        restore_fields(own, state_dict["_scale_fn_custom"])


class OneCycleLR(LRScheduler):
    """One rise to `max_lr` and one long fall far below the start, stepped after every batch.

    Args:
        optimizer: whose learning rates are set.
        max_lr: the top, or one a group.
        total_steps: how many steps there will be, or give `epochs` and `steps_per_epoch`.
        pct_start: the part of the steps that the rise takes.
        anneal_strategy: `"cos"` or `"linear"`.
        cycle_momentum: move momentum (or `betas[0]`) the opposite way.
        base_momentum, max_momentum: its bounds.
        div_factor: the start is `max_lr / div_factor`.
        final_div_factor: the end is the start divided by this.
        three_phase: fall as long as the rise took, then to the end.
        last_epoch: the last step that was taken.

    Reference: Smith and Topin, *Super-convergence*, 2018.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        checked(optimizer, self)
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"expected pct_start between 0 and 1, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be 'cos' or 'linear', but got {anneal_strategy!r}"
            )
        self._anneal_func_type = anneal_strategy
        self.cycle_momentum = cycle_momentum
        top = pct_start * self.total_steps - 1
        self._schedule_phases = [_phase(top, "initial_lr", "max_lr")]
        if three_phase:
            self._schedule_phases.append(_phase(2 * top, "max_lr", "initial_lr"))
            self._schedule_phases.append(_phase(self.total_steps - 1, "initial_lr", "min_lr"))
        else:
            self._schedule_phases.append(_phase(self.total_steps - 1, "max_lr", "min_lr"))
        if last_epoch == -1:
            for group, high in zip(optimizer.param_groups, one_each(max_lr, optimizer, "max_lr")):
                group["initial_lr"] = high / div_factor
                group["max_lr"] = high
                group["min_lr"] = group["initial_lr"] / final_div_factor
        if cycle_momentum:
            self.use_beta1 = _moves_betas(optimizer)
            lows = one_each(base_momentum, optimizer, "base_momentum")
            highs = one_each(max_momentum, optimizer, "max_momentum")
            if last_epoch == -1:
                for group, low, high in zip(optimizer.param_groups, lows, highs):
                    group["base_momentum"], group["max_momentum"] = low, high
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        start, phases = 0.0, list(self._schedule_phases)
        while self.last_epoch > phases[0]["end_step"] and len(phases) > 1:
            start = phases.pop(0)["end_step"]
        phase = phases[0]
        part = (self.last_epoch - start) / (phase["end_step"] - start)

        def now(group: dict[str, Any], what: str) -> float:
            return self._between(group[phase[f"start_{what}"]], group[phase[f"end_{what}"]], part)

        groups = self.optimizer.param_groups
        for group in groups if self.cycle_momentum else ():
            _set_momentum(group, now(group, "momentum"))
        return [now(group, "lr") for group in groups]

    def _between(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "linear":
            return start + (end - start) * part
        return end + (start - end) * (1 + math.cos(math.pi * part)) / 2


def _phase(end: float, source: str, target: str) -> dict[str, Any]:
    """The last step of a phase, and between which of a group's numbers it leads."""
    momenta = {"max_lr": "base_momentum"}
    return {
        "end_step": end,
        "start_lr": source,
        "end_lr": target,
        "start_momentum": momenta.get(source, "max_momentum"),
        "end_momentum": momenta.get(target, "max_momentum"),
    }


def _total_steps(total: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total is None:
        if epochs is None or steps_per_epoch is None:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        total = epochs * steps_per_epoch
    if not isinstance(total, int) or total <= 0:
        raise ValueError(f"Expected positive integer total_steps, but got {total}")
    return total


def _moves_betas(optimizer: Optimizer) -> bool:
    """Whether its momentum is `betas[0]`; refuses an optimizer that has neither."""
    if not {"momentum", "betas"} & set(optimizer.defaults):
        raise ValueError(
            "optimizer must support momentum or beta1 with `cycle_momentum` option enabled; "
            f"{type(optimizer).__name__} has neither, so pass cycle_momentum=False"
        )
    return "betas" in optimizer.defaults


def _set_momentum(group: dict[str, Any], momentum: float) -> None:
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum
