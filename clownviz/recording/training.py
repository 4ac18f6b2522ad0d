"""What happens while a model trains: the recorder that an optimizer's step hooks feed.

>>> from clownviz.recording.training import Training
>>> loss = np.array([1, 2]), np.array([0.5, 0.25])
>>> [step.scalars for step in Training("Net", "SGD", scalars={"loss": loss}).to_steps()]
[{'loss': 0.5}, {'loss': 0.25}]
"""

from __future__ import annotations

import math
import threading
import warnings
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .backend import backend_of
from .gate import Gate
from .probe import ABSENT, NonFinite, Probe
from .series import Series
from .tape import Step

__all__ = ["ABSENT", "NonFinite", "Recorder", "Training", "update_ratio"]

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(slots=True)
class Training:
    """A run as it was recorded: NumPy, numbers and strings, without the model.

    Attributes:
        model, optimizer: class names.
        steps: how many optimizer steps were taken.
        scalars: name → (steps, values): what was logged, and the learning rates.
        parameters: paths of the trained parameters.
        norm_steps: the steps at which norms were measured, (R,).
        grad_norm, update_norm, weight_norm: (R, P) float32, one column a parameter; `ABSENT`
        where a
            parameter had no gradient. Gradients are seen before the step, weights after it.
        events: where NaN and Inf first appeared.
    """

    model: str
    optimizer: str
    steps: int = 0
    scalars: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    norm_steps: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    grad_norm: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    update_norm: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    weight_norm: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    events: tuple[NonFinite, ...] = ()

    @property
    def layers(self) -> tuple[str, ...]:
        """Paths of the modules that own parameters, in order; "" is the model itself."""
        return tuple(dict.fromkeys(path.rpartition(".")[0] for path in self.parameters))

    def layer_grad_norm(self) -> np.ndarray:
        """Norm of all gradients of a layer: (R, L)."""
        return self._by_layer(self.grad_norm).astype(np.float32)

    def layer_update_ratio(self) -> np.ndarray:
        """‖update‖ / ‖weights after it‖ of a layer, about 1e-3 in healthy training: (R, L)."""
        return update_ratio(self._by_layer(self.update_norm), self._by_layer(self.weight_norm))

    def _by_layer(self, norms: np.ndarray) -> np.ndarray:
        places = {layer: at for at, layer in enumerate(self.layers)}
        owners = np.array([places[path.rpartition(".")[0]] for path in self.parameters], np.intp)
        order = np.argsort(owners, kind="stable")
        starts = np.searchsorted(owners[order], np.arange(len(places)))
        if not starts.size:
            return np.empty((len(norms), 0))
        ordered = norms[:, order]
        absent = ordered == ABSENT
        squares = np.where(absent, 0.0, np.square(ordered, dtype=np.float64))
        out = np.sqrt(np.add.reduceat(squares, starts, axis=1))
        out[np.logical_and.reduceat(absent, starts, axis=1)] = ABSENT
        return out

    def to_steps(self) -> list[Step]:
        """One tape `Step` for every step at which anything was recorded, in order."""
        steps: dict[int, dict[str, float]] = {}
        for name, (numbers, values) in self.scalars.items():
            for number, value in zip(numbers.tolist(), values.tolist()):
                steps.setdefault(number, {})[name] = value
        ratio = update_ratio(self.update_norm, self.weight_norm)
        for row, number in enumerate(self.norm_steps.tolist()):
            scalars = steps.setdefault(number, {})
            for column, path in enumerate(self.parameters):
                if self.grad_norm[row, column] != ABSENT:
                    scalars[f"grad_norm/{path}"] = float(self.grad_norm[row, column])
                scalars[f"update_ratio/{path}"] = float(ratio[row, column])
        return [Step(number, steps[number]) for number in sorted(steps)]


def update_ratio(update: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """update / weight with 0 / 0 = 0: a parameter that is zero and stays zero has not moved.

    `ABSENT` where the update is: of what was not stepped.
    """
    with np.errstate(all="ignore"):
        ratio = np.asarray(update, np.float64) / weight
    ratio[update == 0] = 0
    ratio[update == ABSENT] = ABSENT
    return ratio.astype(np.float32)


# Recorders by optimizer, so that a cell that is run again replaces its own recorder only.
_RECORDERS: weakref.WeakKeyDictionary[Any, weakref.WeakSet[Recorder]] = weakref.WeakKeyDictionary()


class Recorder:
    """Watches `optimizer` train `model`, from hooks around the optimizer's step.

    It reads and never writes: weights, gradients, random state and the graph are as they would be
    without it. It keeps neither the model nor the optimizer nor any tensor alive. A second
    recorder of the same model and optimizer replaces the first; `close`, or the end of a `with`,
    removes the hooks and keeps what was recorded.

    Args:
        model: a Module (or PyTorch's): its `named_parameters()` give the names.
        optimizer: has `param_groups` and step hooks.
        every: measure norms at every so many steps; scalars are kept whenever they are logged.
        budget: most bytes for the norms; beyond it the record is thinned evenly.
        on_step: called in the training thread after every step, before the gate.

    Raises:
        TypeError: the optimizer has no step hooks, or the model no parameters.
        ValueError: the optimizer trains none of the model's parameters, or `every` is below 1.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        *,
        every: int = 1,
        budget: int = 64 * 2**20,
        on_step: Callable[[], None] | None = None,
    ) -> None:
        if not isinstance(every, int) or every < 1:
            raise ValueError(f"every={every!r}: expected a number of steps, 1 or more.")
        named = _trained(model, optimizer)
        self.model, self.optimizer = type(model).__name__, type(optimizer).__name__
        self.parameters = tuple(name for name, _ in named)
        self.every = every
        self.count = 0
        self.on_step = on_step
        self.on_close: Callable[[], None] | None = None
        self.gate = Gate()
        self.events: dict[tuple[str, str], NonFinite] = {}
        self.scalars: dict[str, Series] = {}
        width = 3 * len(named)
        self.norms = Series(width, limit=max(64, min(16_384, budget // (4 * width))))
        self.lock = threading.Lock()
        self._logged_first = False
        self._logged: set[str] = set()
        self._model = weakref.ref(model)
        self._attach(optimizer, [parameter for _, parameter in named], backend_of(model).array)

    def _attach(
        self, optimizer: Any, parameters: list[Any], array: Callable[[Any], np.ndarray]
    ) -> None:
        recorders = _RECORDERS.setdefault(optimizer, weakref.WeakSet())
        for older in list(recorders):
            if older._model() is self._model():
                older.close()
        recorders.add(self)
        # Only the optimizer's own hooks hold the probe, and with it the parameters.
        probe = Probe(self, parameters, array)
        probe.attach(optimizer)
        self._probe = weakref.ref(probe)

    # ------------------------------------------------------------------ what the loop says

    def log(self, **scalars: Any) -> None:
        """Record numbers by name at the current step: ``log(loss=loss, accuracy=0.93)``.

        A value is a number or anything with one element; a tensor's number is read and the tensor
        let go. Before the optimizer's first step the numbers belong to the step to come, and then
        so they do in the whole run; otherwise to the step just taken.
        """
        values = {name: _number(name, value) for name, value in scalars.items()}
        with self.lock:
            self._logged_first |= self.count == 0
            step = self.count + self._logged_first
            for name, value in values.items():
                self._logged.add(name)
                self._append(name, step, value)
                if not math.isfinite(value):
                    nan = math.isnan(value)
                    self.note(NonFinite(step, "", name, int(nan), int(not nan), 1))

    def __call__(self, loss: Any) -> Any:
        """Record `loss` and return it as it is: ``dash(criterion(y, t)).backward()``."""
        self.log(loss=loss)
        return loss

    def _append(self, name: str, step: int, value: float) -> None:
        series = self.scalars.get(name)
        if series is None:
            series = self.scalars[name] = Series(width=1)
        series.append(step, value)

    # ------------------------------------------------------------------ what the probe says

    def finish_step(self, row: np.ndarray | None, rates: list[float]) -> None:
        """End a step: keep the row of norms (if it was its turn) and the learning rates."""
        with self.lock:
            self.count += 1
            if row is not None:
                self.norms.append(self.count, row)
                for group, rate in enumerate(rates):
                    name = "lr" if group == 0 else f"lr/{group}"
                    if name not in self._logged:
                        self._append(name, self.count, rate)

    def note(self, event: NonFinite) -> None:
        """Keep the first event of its place."""
        self.events.setdefault((event.path, event.role), event)

    def fail(self, error: Exception) -> None:
        """Stop watching because of an error of ours; the training goes on."""
        self.close()
        told = f"{type(error).__name__}: {error}"
        warnings.warn(f"clownviz stopped watching at step {self.count}: {told}", stacklevel=2)

    # ------------------------------------------------------------------ life

    @property
    def closed(self) -> bool:
        """Whether the hooks are gone."""
        probe = self._probe()
        return probe is None or not probe.attached

    def close(self) -> None:
        """Remove the hooks and open the gate; what was recorded stays. May be called again."""
        self.gate.resume()
        probe = self._probe()
        if probe is None or not probe.attached:
            return
        probe.detach()
        if self.on_close is not None:
            self.on_close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def snapshot(self) -> Training:
        """All that was recorded until now, as copies."""
        with self.lock:
            parameters = len(self.parameters)
            rows = self.norms.rows
            scalars = {
                name: (series.steps, series.rows[:, 0]) for name, series in self.scalars.items()
            }
            return Training(
                self.model,
                self.optimizer,
                self.count,
                scalars,
                self.parameters,
                self.norms.steps,
                rows[:, :parameters],
                rows[:, parameters : 2 * parameters],
                rows[:, 2 * parameters :],
                tuple(self.events.values()),
            )


def _trained(model: Any, optimizer: Any) -> list[tuple[str, Any]]:
    """Names and tensors of the model's parameters, after a look at whether they can be watched."""
    if not hasattr(optimizer, "register_step_post_hook"):
        raise TypeError(
            f"watch(model, optimizer) got {type(optimizer).__name__} as its optimizer, which has no"
            " step hooks: expected an optimizer of clownpiece.optim (or torch.optim)."
        )
    if not hasattr(model, "named_parameters"):
        raise TypeError(
            f"watch(model, optimizer) got {type(model).__name__} as its model: expected a Module."
        )
    mine = {id(p) for group in optimizer.param_groups for p in group["params"]}
    named = [
        (name, p)
        for name, p in model.named_parameters()
        if p.is_floating_point() and (p.requires_grad or id(p) in mine)
    ]
    if not any(id(p) in mine for _, p in named):
        raise ValueError(
            f"this {type(optimizer).__name__} trains none of the {len(named)} parameters of this"
            f" {type(model).__name__}: make the optimizer again from model.parameters(),"
            " after the model was made."
        )
    return named


def _number(name: str, value: Any) -> float:
    try:
        number = float(value if isinstance(value, int | float) else value.item())
    except (AttributeError, RuntimeError, TypeError, ValueError):
        shape = getattr(value, "shape", None)
        given = type(value).__name__ if shape is None else f"{type(value).__name__} {tuple(shape)}"
        raise TypeError(
            f"log({name}=…) got a {given}: expected one number, such as {name}.mean()."
        ) from None
    if abs(number) > _LARGEST:  # false for NaN
        return math.copysign(math.inf, number)
    return number
