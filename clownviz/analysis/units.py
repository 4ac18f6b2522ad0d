"""Units that pass no gradient: dead ones of a ReLU, saturated ones of a tanh or a sigmoid.

A unit is a feature of a linear layer or a channel of a convolution. Where an activation is flat,
its derivative is (nearly) zero, and the weights below a unit that is flat for every example get
no gradient: a ReLU is flat where it gives 0, a tanh or a sigmoid near its limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..recording.statistics import Stats
from ..recording.tape import Call, Operation, Tape, Value
from .symbols import MOVES
from .trace import CONVOLUTIONS, Trace, plain_name

__all__ = ["RECTIFIERS", "SATURATING", "Activity", "activities", "unit_axis"]

RECTIFIERS = frozenset({"relu", "relu6", "clamp", "clamp_min"})
SATURATING = frozenset({"tanh", "sigmoid"})

MANY_RUNS = 8
"""Of so many runs only the later half is judged."""


@dataclass(slots=True)
class Activity:
    """How often the units of one activation were flat, over all captured steps.

    Attributes:
        operation: "relu", "tanh", …
        path: the module that ran it.
        label: that module's call, or the activation's place in it: `block` or `block (tanh 2)`.
        examples: how many values of each unit were looked at; of all units where `flat` is None.
        share: the share of all values that are flat.
        flat: that share unit by unit, (units,); None where the tape has only statistics.
        final: whether it is what the model returned, or what a loss read: it is then meant to
            reach its limits.
    """

    operation: str
    path: str
    label: str
    examples: int = 0
    share: float = 0.0
    flat: np.ndarray | None = None
    final: bool = False
    _seen: list[tuple[int, np.ndarray]] = field(default_factory=list, repr=False)

    @property
    def always_flat(self) -> int:
        """How many units were flat for every example."""
        return 0 if self.flat is None else int(np.count_nonzero(self.flat == 1))


def activities(
    tape: Tape, trace: Trace | None = None, *, limit: float = 0.97
) -> list[Activity]:
    """One `Activity` for each rectifier, tanh and sigmoid whose output the tape has looked at.

    Of `MANY_RUNS` the later half counts: units die, and saturate, while they train.

    Args:
        limit: a tanh beyond ±limit is flat, where its slope is below 1 − limit²; a sigmoid
            where 2y − 1 is.
    """
    trace = trace or Trace(tape)
    found: dict[tuple[str, int, str], Activity] = {}  # by call, place in it, and name
    stats: dict[tuple[str, int, str], list[Stats]] = {}
    order: dict[int | None, int] = {}
    for operation in tape.operations:
        name = plain_name(operation)
        if not _is_flat_somewhere(operation):
            continue
        number = order[operation.call] = order.get(operation.call, 0) + 1
        value = tape.values[operation.outputs[0]]
        if operation.call is None or (value.stats is None and value.array is None):
            continue
        if 0 in value.shape:
            continue
        call = tape.calls[operation.call]
        key = (call.label, number, name)
        activity = found.get(key)
        if activity is None:
            activity = found[key] = Activity(name, call.path, _label(tape, call, name, number))
        activity.final |= _is_final(trace, value)
        if value.array is not None:
            axis = unit_axis(trace, value.id, value.array.ndim)
            flat = _flatness(name, limit)(np.moveaxis(value.array, axis, 0))
            rows = flat.reshape(flat.shape[0], -1)
            activity._seen.append((rows.shape[1], rows.mean(axis=1, dtype=np.float64)))
        elif value.stats is not None:
            stats.setdefault(key, []).append(value.stats)
    for key, activity in found.items():
        _settle(activity, stats.get(key, []), limit)
    return list(found.values())


def _settle(activity: Activity, stats: list[Stats], limit: float) -> None:
    """Bring what the steps showed together; of many their later half."""
    for steps in (activity._seen, stats):
        if len(steps) >= MANY_RUNS:
            del steps[: len(steps) // 2]
    width = {share.size for _, share in activity._seen}
    if len(width) == 1:
        examples = np.array([count for count, _ in activity._seen], np.float64)
        shares = np.stack([share for _, share in activity._seen])
        activity.examples = int(examples.sum())
        activity.flat = examples @ shares / max(examples.sum(), 1)
        # Rounding must not make a unit that was always flat one that nearly was.
        activity.flat[(shares == 1).all(axis=0)] = 1.0
        activity.share = float(activity.flat.mean())
    elif stats:
        activity.examples = sum(each.seen for each in stats)
        flat = sum(each.seen * _flat_share(activity.operation, each, limit) for each in stats)
        activity.share = flat / max(activity.examples, 1)
    activity._seen.clear()


def _is_flat_somewhere(operation: Operation) -> bool:
    name = plain_name(operation)
    if name in ("clamp", "clamp_min"):
        return operation.params.get("min") in ("0", "0.0") and bool(operation.outputs)
    return name in RECTIFIERS | SATURATING and bool(operation.outputs)


def _flatness(name: str, limit: float) -> Callable[[np.ndarray], np.ndarray]:
    if name == "tanh":
        return lambda y: np.abs(y) > limit
    if name == "sigmoid":
        return lambda y: np.abs(2 * y - 1) > limit
    if name == "relu6":
        return lambda y: (y <= 0) | (y >= 6)
    return lambda y: y <= 0


def _flat_share(name: str, stats: Stats, limit: float) -> float:
    if name == "tanh":
        return 1 - stats.share_below(limit) + stats.share_below(-limit)
    if name == "sigmoid":
        edge = (1 - limit) / 2
        return 1 - stats.share_below(1 - edge) + stats.share_below(edge)
    return stats.zero_fraction


def _label(tape: Tape, call: Call, name: str, number: int) -> str:
    if not tape.modules[call.path].children and number == 1:
        return call.label
    return f"{call.label} ({name}{f' {number}' if number > 1 else ''})"


def unit_axis(trace: Trace, value: int, ndim: int) -> int:
    """The axis of the features of a Value: 1 behind a convolution, else the last."""
    if ndim < 3:
        return ndim - 1
    for each in trace.ancestors(value):
        name = plain_name(each)
        if name in CONVOLUTIONS or name == "batch_norm":
            return 1
        if name in ("linear", "matmul", "layer_norm"):
            return ndim - 1
    return 1 if ndim > 3 else ndim - 1


def _is_final(trace: Trace, value: Value) -> bool:
    """Whether a Value, or what only moves its numbers, leaves the model."""
    waiting = [value.id]
    while waiting:
        at = waiting.pop()
        if at in trace.returned:
            return True
        for reader in trace.read_by.get(at, ()):
            if reader.call is None:
                return True
            if plain_name(reader) in MOVES:
                waiting.extend(reader.outputs)
    return False
