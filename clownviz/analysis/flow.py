"""How gradients and updates flow through the layers of a model, over any number of steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..recording.tape import ABSENT, ParameterInfo, Tape
from ..recording.training import Training, update_ratio

__all__ = ["Flow", "flow_of", "has_flow", "training_of"]


@dataclass(frozen=True, slots=True)
class Flow:
    """Norms of layers or parameters, in the order in which the forward reaches them.

    Attributes:
        model: its class name.
        paths: R of them.
        steps: numbers of the S measured steps.
        gradient: (S, R) gradient norms; `ABSENT` where there was none.
        ratio: (S, R) ‖Δw‖ / ‖w‖, `ABSENT` where nothing was stepped; None where no optimizer was
            seen.
    """

    model: str
    paths: list[str]
    steps: np.ndarray
    gradient: np.ndarray
    ratio: np.ndarray | None


def training_of(tape: Tape) -> Training:
    """What a tape knows of a training, as a watch would have recorded it."""
    scalars: dict[str, tuple[list[int], list[float]]] = {}
    for step in tape.steps:
        for name, value in step.scalars.items():
            numbers, values = scalars.setdefault(name, ([], []))
            numbers.append(step.number)
            values.append(value)
    curves = _rates(tape) | {n: (np.array(steps), np.array(v)) for n, (steps, v) in scalars.items()}
    rounds, norms = _rounds(tape)
    return Training(
        tape.model,
        tape.updates[0].optimizer if tape.updates else "",
        steps=len(rounds) or len(tape.steps),
        scalars=dict(sorted(curves.items(), key=lambda curve: curve[0].startswith("lr"))),
        parameters=tape.trained,
        norm_steps=np.array(rounds, np.int64),
        grad_norm=norms[:, 0],
        update_norm=norms[:, 1],
        weight_norm=norms[:, 2],
    )


def has_flow(source: Tape | Training) -> bool:
    """Whether gradients were measured of which there is a flow."""
    return len(_measured(source).norm_steps) > 0


def _measured(source: Tape | Training) -> Training:
    if not isinstance(source, Tape):
        return source
    return training_of(source) if source.updates else _of_one_backward(source)


def flow_of(source: Tape | Training, by: str = "layer") -> Flow:
    """The flow of a training, or of the one backward that a tape has seen.

    Args:
        by: "layer", the modules that own parameters, or "parameter".

    Raises:
        ValueError: no gradient was recorded, or `by` is neither.
    """
    if by not in ("layer", "parameter"):
        raise ValueError(f"by={by!r} is not known: expected layer or parameter")
    training, order, stepped = _measured(source), dict[str, int](), True
    if isinstance(source, Tape):
        order, stepped = _forward_order(source), bool(source.updates)
    if not len(training.norm_steps):
        raise ValueError(
            f"no gradient of {training.model} was recorded: capture with gradients=True, or watch "
            "a training"
        )
    if by == "layer":
        paths = list(training.layers)
        gradient, ratio = training.layer_grad_norm(), training.layer_update_ratio()
    else:
        paths = list(training.parameters)
        gradient = training.grad_norm
        ratio = update_ratio(training.update_norm, training.weight_norm)
    owners = [path if by == "layer" else path.rpartition(".")[0] for path in paths]
    places = sorted(range(len(paths)), key=lambda at: order.get(owners[at], len(order)))
    return Flow(
        training.model,
        [paths[at] for at in places],
        training.norm_steps,
        gradient[:, places],
        ratio[:, places] if stepped else None,
    )


def _rates(tape: Tape) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Learning rates by run, as a watch names them: one curve for parameters that share theirs."""
    if not tape.updates:
        return {}
    rates = np.stack([update.rates for update in tape.updates])
    runs = np.array([update.step for update in tape.updates])
    found: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
    for column in np.ascontiguousarray(rates.T):
        known = ~np.isnan(column)
        if known.any():
            found.setdefault(column.tobytes(), (runs[known], column[known].astype(np.float64)))
    return {f"lr/{at}" if at else "lr": curve for at, curve in enumerate(found.values())}


def _rounds(tape: Tape) -> tuple[list[int], np.ndarray]:
    """What optimizers did in turns, a round for each time that all of them have had theirs.

    Returns:
        The number of the last update of each of R rounds, and (R, 3, P) norms of gradients, updates
        and weights. What was not stepped in a round stays as it was in the one before.
    """
    numbers: list[int] = []
    rounds: list[np.ndarray] = []
    taken = np.zeros(len(tape.trained), bool)
    for update in tape.updates:
        held = ~np.isnan(update.rates) | (update.weight_norm != ABSENT)
        if not rounds or (taken & held).any():
            before = rounds[-1] if rounds else np.full((3, len(taken)), ABSENT, np.float32)
            rounds.append(before.copy())
            numbers.append(0)
            taken[:] = False
        norms = np.stack([update.grad_norm, update.update_norm, update.weight_norm])
        rounds[-1][:, held] = norms[:, held]
        numbers[-1] = update.number
        taken |= held
    return numbers, np.array(rounds, np.float32).reshape(len(rounds), 3, len(taken))


def _forward_order(tape: Tape) -> dict[str, int]:
    """When the forward first reached a module."""
    reached: dict[str, int] = {}
    for call in tape.calls:
        if call.phase == "forward":
            reached.setdefault(call.path, call.began)
    return {path: at for at, path in enumerate(sorted(reached, key=reached.__getitem__))}


def _of_one_backward(tape: Tape) -> Training:
    """The gradients that parameters have at the end of a run."""
    first: dict[int, ParameterInfo] = {}
    for info in tape.modules.values():
        for parameter in info.parameters:
            if parameter.trainable:
                first.setdefault(parameter.id, parameter)
    norms = [_norm(tape, parameter) for parameter in first.values()]
    found = any(norm != ABSENT for norm in norms)
    with np.errstate(over="ignore"):  # a norm beyond float32 is infinite there
        row = np.array([norms] if found else [], np.float32).reshape(int(found), len(first))
    return Training(
        tape.model,
        "",
        steps=int(found),
        parameters=tuple(parameter.path for parameter in first.values()),
        norm_steps=np.arange(1, 1 + int(found)),
        grad_norm=row,
        update_norm=np.zeros_like(row),
        weight_norm=np.ones_like(row),
    )


def _norm(tape: Tape, parameter: ParameterInfo) -> float:
    if parameter.gradient is None:
        return ABSENT
    value = tape.values[parameter.gradient]
    if value.array is not None and value.array.shape == value.shape:
        return float(np.linalg.norm(value.array.astype(np.float64)))
    stats = value.stats
    if stats is None:
        return ABSENT
    if stats.nan:
        return math.nan
    return math.inf if not stats.finite else stats.rms * math.sqrt(stats.count)
