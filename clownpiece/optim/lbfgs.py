"""L-BFGS: steps along a curvature estimated from the last ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd.mode import enable_grad, no_grad
from ..tensor import Tensor, wrap
from .optimizer import Optimizer, ParamsT
from .options import check_at_least_zero, number

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    r"""Quasi-Newton descent in limited memory, for whole batches.

    The last `history_size` pairs of steps `s` and changes of the gradient `y` stand for the
    inverse Hessian; two loops over them turn the gradient into a direction. One call of `step`
    makes up to `max_iter` iterations and needs a closure that computes the loss with gradients.

    Args:
        params: tensors or named tensors; there is one group.
        lr: the length of a step, or of the first trial of the line search.
        max_iter: iterations in one call of `step`.
        max_eval: calls of the closure in one call of `step`, `1.25 · max_iter` by default.
        tolerance_grad: stop where no part of the gradient is larger.
        tolerance_change: stop where neither the loss nor a parameter changes more.
        history_size: how many pairs are kept.
        line_search_fn: None, or `"strong_wolfe"`.

    Raises:
        ValueError: more than one group, or an option that cannot be.

    Reference: Liu and Nocedal, *On the limited memory BFGS method for large scale optimization*,
    1989; Nocedal and Wright, *Numerical optimization*, chapters 3 and 7.

    >>> import clownpiece as cp
    >>> x = cp.tensor([3.0, -2.0], requires_grad=True)
    >>> optimizer = cp.optim.LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((x - 1) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> loss = optimizer.step(closure)
    >>> x
    tensor([1.0000, 1.0000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_at_least_zero({"learning rate": lr})
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(f"only 'strong_wolfe' is supported; got {line_search_fn!r}")
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError(
                "LBFGS doesn't support per-parameter options (parameter groups); got "
                f"{len(self.param_groups)} groups"
            )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Go on from where the parameters are; returns the loss there.

        Raises:
            TypeError: no closure.
        """
        if closure is None:
            raise TypeError("LBFGS.step needs a closure, a function that computes the loss anew")
        group = self.param_groups[0]
        state = self.state[group["params"][0]]
        with enable_grad():
            first_loss = closure()
        with no_grad():
            run = _Run(group, state, closure, float(first_loss))
            run.go()
        return first_loss


@dataclass
class _Trial:
    """A point on the line of search: how far, the loss, the gradient, its slope on the line."""

    t: float
    loss: float
    grad: np.ndarray
    slope: float


class _Run:
    """One call of `step`: the flat view of all parameters, and what is left of the budget."""

    def __init__(
        self,
        group: dict[str, Any],
        state: dict[str, Any],
        closure: Callable[[], Any],
        loss: float,
    ) -> None:
        self.group, self.state, self.closure = group, state, closure
        self.params: list[Tensor] = group["params"]
        self.loss = loss
        self.grad = self._gathered()
        self.evaluations = 1
        state["func_evals"] = state.get("func_evals", 0) + 1
        state.setdefault("n_iter", 0)

    def go(self) -> None:
        if self._flat_enough():
            return
        history = _History(self.state, self.group["history_size"])
        for iteration in range(1, self.group["max_iter"] + 1):
            self.state["n_iter"] += 1
            first = self.state["n_iter"] == 1
            direction = -self.grad if first else history.direction(self.grad)
            t = float(self.group["lr"])
            if first:
                t *= min(1.0, 1.0 / float(np.abs(self.grad).sum()))
            history.remember(direction, t, self.grad, self.loss)
            slope = float(self.grad @ direction)
            if slope > -self.group["tolerance_change"]:
                break
            loss_before = self.loss
            t = self._advance(direction, t, slope, last=iteration == self.group["max_iter"])
            history.t = t
            if self.evaluations >= self.group["max_eval"] or self._flat_enough():
                break
            small = self.group["tolerance_change"]
            if np.abs(direction).max() * t <= small or abs(self.loss - loss_before) < small:
                break
        history.save()

    def _advance(self, direction: np.ndarray, t: float, slope: float, last: bool) -> float:
        """Move along `direction`; returns how far."""
        if self.group["line_search_fn"] is None:
            self._move(direction, t)
            # The loss after the last step would only be needed for another one.
            if not last:
                self.loss, self.grad = self._evaluated()
                self._count(1)
            return t
        start = [param.array.copy() for param in self.params]

        def at(distance: float) -> _Trial:
            self._move(direction, distance)
            loss, grad = self._evaluated()
            for param, array in zip(self.params, start):
                param.array[...] = array
                param.bump_version()
            return _Trial(distance, loss, grad, float(grad @ direction))

        origin = _Trial(0.0, self.loss, self.grad, slope)
        budget = self.group["max_eval"] - self.evaluations
        longest = float(np.abs(direction).max())
        best, count = _strong_wolfe(at, origin, t, budget, self.group["tolerance_change"] / longest)
        self._move(direction, best.t)
        self.loss, self.grad = best.loss, best.grad
        self._count(count)
        return best.t

    def _flat_enough(self) -> bool:
        return bool(np.abs(self.grad).max() <= self.group["tolerance_grad"])

    def _count(self, evaluations: int) -> None:
        self.evaluations += evaluations
        self.state["func_evals"] += evaluations

    def _evaluated(self) -> tuple[float, np.ndarray]:
        with enable_grad():
            loss = float(self.closure())
        return loss, self._gathered()

    def _gathered(self) -> np.ndarray:
        return np.concatenate(
            [
                np.zeros(param.array.size, param.array.dtype)
                if param.grad is None
                else param.grad.array.reshape(-1)
                for param in self.params
            ]
        )

    def _move(self, direction: np.ndarray, t: float) -> None:
        start = 0
        for param in self.params:
            array = param.array
            array += t * direction[start : start + array.size].reshape(array.shape)
            start += array.size
            param.bump_version()


class _History:
    """The pairs `(s, y)`, kept in the optimizer's state in PyTorch's layout."""

    def __init__(self, state: dict[str, Any], size: int) -> None:
        self.state, self.size = state, size
        self.changes = [tensor.array for tensor in state.get("old_dirs") or []]
        self.steps = [tensor.array for tensor in state.get("old_stps") or []]
        self.curvatures = [float(number(each)) for each in state.get("ro") or []]
        self.scale = float(number(state.get("H_diag", 1)))
        self.t = float(number(state.get("t") or 0))
        known = state.get("d")
        self.last_direction = known.array if known is not None else None
        known = state.get("prev_flat_grad")
        self.last_grad = known.array if known is not None else None
        self.last_loss = state.get("prev_loss")

    def direction(self, grad: np.ndarray) -> np.ndarray:
        """Minus the inverse Hessian times the gradient, by the two-loop recursion."""
        assert self.last_grad is not None
        assert self.last_direction is not None
        change, step = grad - self.last_grad, self.last_direction * self.t
        curvature = float(change @ step)
        if curvature > 1e-10:
            self.changes.append(change)
            self.steps.append(step)
            self.curvatures.append(1 / curvature)
            # An old pair makes room.
            for part in (self.changes, self.steps, self.curvatures):
                del part[: -self.size]
            self.scale = curvature / float(change @ change)
        found = -grad
        parts = []
        pairs = list(zip(self.steps, self.changes, self.curvatures))
        for s, y, rho in reversed(pairs):
            parts.append(float(s @ found) * rho)
            found -= parts[-1] * y
        found *= self.scale
        for (s, y, rho), part in zip(pairs, reversed(parts)):
            found += (part - float(y @ found) * rho) * s
        return found

    def remember(self, direction: np.ndarray, t: float, grad: np.ndarray, loss: float) -> None:
        self.last_direction, self.t = direction, t
        self.last_grad, self.last_loss = grad.copy(), loss

    def save(self) -> None:
        assert self.last_direction is not None
        assert self.last_grad is not None
        self.state.update(
            d=wrap(self.last_direction),
            t=self.t,
            old_dirs=[wrap(each) for each in self.changes],
            old_stps=[wrap(each) for each in self.steps],
            ro=list(self.curvatures),
            H_diag=self.scale,
            prev_flat_grad=wrap(self.last_grad),
            prev_loss=self.last_loss,
        )


def _strong_wolfe(
    at: Callable[[float], _Trial],
    origin: _Trial,
    t: float,
    budget: int,
    closest: float,
    decrease: float = 1e-4,
    flatness: float = 0.9,
) -> tuple[_Trial, int]:
    """A point with enough decrease and a flat enough slope, and how many trials it took.

    First trials go outwards until they bracket such a point, then inwards until it is found, the
    bracket is narrower than `closest`, or the budget is used up.
    """

    def too_high(trial: _Trial) -> bool:
        return trial.loss > origin.loss + decrease * trial.t * origin.slope

    def flat(trial: _Trial) -> bool:
        return abs(trial.slope) <= -flatness * origin.slope

    previous, trial = origin, at(t)
    count = 0
    while count < budget:
        if too_high(trial) or (count > 1 and trial.loss >= previous.loss):
            break
        if flat(trial):
            return trial, count + 1
        if trial.slope >= 0:
            break
        bounds = (trial.t + 0.01 * (trial.t - previous.t), trial.t * 10)
        previous, trial = trial, at(_cubic_minimum(previous, trial, bounds))
        count += 1
    else:
        previous = origin

    low, high = (previous, trial) if previous.loss <= trial.loss else (trial, previous)
    stuck = False
    while count < budget and abs(high.t - low.t) >= closest:
        t, stuck = _inside(low, high, stuck)
        trial = at(t)
        count += 1
        if too_high(trial) or trial.loss >= low.loss:
            high = trial
            if high.loss < low.loss:
                low, high = high, low
            continue
        if flat(trial):
            return trial, count + 1
        if trial.slope * (high.t - low.t) >= 0:
            high = low
        low = trial
    return low, count + 1


def _inside(low: _Trial, high: _Trial, stuck: bool) -> tuple[float, bool]:
    """The next trial within the bracket, and whether it was close to an end of it again."""
    left, right = min(low.t, high.t), max(low.t, high.t)
    t = _cubic_minimum(low, high, (left, right))
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if stuck or t >= right or t <= left:
        return (right - margin if abs(t - right) < abs(t - left) else left + margin), False
    return t, True


def _cubic_minimum(a: _Trial, b: _Trial, bounds: tuple[float, float]) -> float:
    """The minimum of the cubic with the losses and slopes of both points, within `bounds`."""
    if a.t > b.t:
        a, b = b, a
    bend = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = bend * bend - a.slope * b.slope
    if not square >= 0:
        return (bounds[0] + bounds[1]) / 2
    root = math.sqrt(square)
    t = b.t - (b.t - a.t) * ((b.slope + root - bend) / (b.slope - a.slope + 2 * root))
    return min(max(t, bounds[0]), bounds[1])
