"""The norms of gradients, updates and weights around one step of an optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .gate import Gate
from .statistics import sampled
from .tape import ABSENT

__all__ = ["ABSENT", "NonFinite", "Norms", "Probe", "flat", "norm"]

# Sums of squares in between are exact enough in float32; outside they lose digits or overflow.
_SAFE = (1e-30, 1e30)


def norm(numbers: np.ndarray) -> float:
    """Euclidean norm of a 1-D array, without under- or overflow; NaN and Inf come out as they are.

    >>> norm(np.array([3e-200, 4e-200])), norm(np.array([1.0, np.inf]))
    (5e-200, inf)
    """
    with np.errstate(all="ignore"):
        return _norm(numbers)


def _norm(numbers: np.ndarray) -> float:
    square = float(numbers.dot(numbers))
    if _SAFE[0] < square < _SAFE[1]:
        return math.sqrt(square)
    largest = float(np.abs(numbers).max(initial=0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    scaled = numbers.astype(np.float64) / largest
    return largest * math.sqrt(float(scaled.dot(scaled)))


@dataclass(frozen=True, slots=True)
class NonFinite:
    """The first time that something held NaN or Inf: `nan` and `inf` of its `size` numbers."""

    step: int
    path: str
    role: str
    nan: int
    inf: int
    size: int

    def __str__(self) -> str:
        if not self.path:
            return f"step {self.step}: {self.role} is {'NaN' if self.nan else 'infinite'}"
        parts = ((self.nan, "NaN"), (self.inf, "Inf"))
        found = " and ".join(f"{count} {name}" for count, name in parts if count)
        return f"step {self.step}: the {self.role} of {self.path} has {found} among {self.size}"


class Receiver(Protocol):
    """What a probe tells of every step, and asks before it."""

    parameters: tuple[str, ...]
    every: int
    count: int
    gate: Gate
    on_step: Callable[[], None] | None

    def finish_step(self, row: np.ndarray | None, rates: list[float]) -> None:
        """A step has ended."""

    def note(self, event: NonFinite) -> None:
        """Something is not finite."""

    def fail(self, error: Exception) -> None:
        """The probe cannot go on."""


class Norms:
    """Norms of gradients, updates and weights around one step of an optimizer.

    The row is ``[gradients | updates | weights]``, a number a parameter each; `ABSENT` where there
    is no gradient. The weights before the step are copied into one buffer that is used again and
    again, and become the update in place there.

    Args:
        parameters: what is measured, in this order.
        array: gives the array of a tensor.
        most: measure updates and weights by at most so many places of a parameter, spread evenly:
            their norm times √(size / most). Gradients are always measured as a whole.
        on_nonfinite: called with the index of a parameter, "gradient" or "weight", and its
            numbers, when not all of them are finite.
    """

    def __init__(
        self,
        parameters: list[Any],
        array: Callable[[Any], np.ndarray],
        on_nonfinite: Callable[[int, str, np.ndarray], None] = lambda *found: None,
        *,
        most: int | None = None,
    ) -> None:
        self.parameters = parameters
        self._array = array
        self._on_nonfinite = on_nonfinite
        self._most = most
        # What the norm of the places that are looked at is to be multiplied with.
        self._scales: list[float] = []
        self._sizes: list[int] = []
        self._before = np.empty(0, np.float32)
        self._parts: list[np.ndarray] = []
        self._row: np.ndarray | None = None

    def before(self, optimizer: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        """Remember the weights, measure the gradients."""
        with np.errstate(all="ignore"):
            row = np.empty(3 * len(self.parameters), np.float32)
            weights = [flat(self._array(parameter)) for parameter in self.parameters]
            if [weight.size for weight in weights] != self._sizes:
                self._lay_out(weights)
            np.concatenate([self._places(weight) for weight in weights], out=self._before)
            if not _has_closure(optimizer, args, kwargs):
                self._measure_gradients(row)
            self._row = row

    def after(self, optimizer: Any, args: tuple, kwargs: dict[str, Any]) -> np.ndarray | None:
        """Measure updates and weights; the row, or None if `before` was not told of this step."""
        row, self._row = self._row, None
        if row is not None:
            with np.errstate(all="ignore"):
                # A closure computes its gradients within the step.
                if _has_closure(optimizer, args, kwargs):
                    self._measure_gradients(row)
                self._measure_weights(row)
        return row

    def _lay_out(self, weights: list[np.ndarray]) -> None:
        """Make the buffer, as wide as the widest weight so that no update is lost in rounding."""
        self._sizes = [weight.size for weight in weights]
        seen = [self._places(weight).size for weight in weights]
        self._scales = [math.sqrt(size / max(1, part)) for size, part in zip(self._sizes, seen)]
        self._before = np.empty(sum(seen), np.result_type(np.float32, *weights))
        self._parts = np.split(self._before, np.cumsum(seen)[:-1])

    def _places(self, weight: np.ndarray) -> np.ndarray:
        return weight if self._most is None else sampled(weight, self._most)

    def _measure_gradients(self, row: np.ndarray) -> None:
        for index, parameter in enumerate(self.parameters):
            grad = parameter.grad
            if grad is None:
                row[index] = ABSENT
                continue
            numbers = flat(self._array(grad))
            row[index] = size = _norm(numbers)
            if not math.isfinite(size):
                self._on_nonfinite(index, "gradient", numbers)

    def _measure_weights(self, row: np.ndarray) -> None:
        count = len(self.parameters)
        measured = zip(self.parameters, self._parts, self._scales)
        for index, (parameter, update, scale) in enumerate(measured):
            numbers = self._places(flat(self._array(parameter)))
            np.subtract(numbers, update, out=update)
            row[count + index] = _norm(update) * scale
            row[2 * count + index] = size = _norm(numbers) * scale
            if not math.isfinite(size):
                self._on_nonfinite(index, "weight", numbers)


class Probe:
    """Hooks around an optimizer's step; they hand one row of `Norms` a step to a recorder."""

    def __init__(
        self, recorder: Receiver, parameters: list[Any], array: Callable[[Any], np.ndarray]
    ) -> None:
        self._recorder = recorder
        self._norms = Norms(parameters, array, self._note)
        self._handles: list[Any] = []

    def attach(self, optimizer: Any) -> None:
        """Set the hooks."""
        self._handles = [
            optimizer.register_step_pre_hook(self.before_step),
            optimizer.register_step_post_hook(self.after_step),
        ]

    def detach(self) -> None:
        """Take them away."""
        handles, self._handles = self._handles, []
        for handle in handles:
            handle.remove()

    @property
    def attached(self) -> bool:
        """Whether the hooks are set."""
        return bool(self._handles)

    def before_step(self, optimizer: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        """Measure what is there before the step, if it is the turn of this one."""
        if self._recorder.count % self._recorder.every:
            return
        try:
            self._norms.before(optimizer, args, kwargs)
        except Exception as error:  # whatever goes wrong here, the training is not to blame
            self._recorder.fail(error)

    def after_step(self, optimizer: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        """Measure what is there after it, end the step, and wait where the loop was paused."""
        recorder = self._recorder
        try:
            rates = []
            row = self._norms.after(optimizer, args, kwargs)
            if row is not None:
                rates = [float(group.get("lr", math.nan)) for group in optimizer.param_groups]
            recorder.finish_step(row, rates)
            if recorder.on_step is not None:
                recorder.on_step()
        except Exception as error:
            recorder.fail(error)
        recorder.gate.wait(recorder.on_step or (lambda: None))

    def _note(self, index: int, role: str, numbers: np.ndarray) -> None:
        nan, inf = int(np.isnan(numbers).sum()), int(np.isinf(numbers).sum())
        if nan or inf:
            recorder = self._recorder
            path = recorder.parameters[index]
            recorder.note(NonFinite(recorder.count + 1, path, role, nan, inf, numbers.size))


def _has_closure(optimizer: Any, args: tuple, kwargs: dict[str, Any]) -> bool:
    given = (*args, *kwargs.values())
    return any(callable(argument) and argument is not optimizer for argument in given)


def flat(array: np.ndarray) -> np.ndarray:
    """The numbers in one dimension, in a type that sums well; half precision would overflow."""
    return array.ravel() if array.itemsize > 2 else array.ravel().astype(np.float32)
