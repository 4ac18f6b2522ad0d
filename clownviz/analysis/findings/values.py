"""Checks of the numbers that flow: NaN and Inf, flat units, constant outputs, raw inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ...look import format_count, format_number
from ...recording.statistics import Stats
from ...recording.tape import Call, Operation, Tape, Update, Value
from ..symbols import MOVES
from ..trace import CONVOLUTIONS, Trace, plain_name
from ..units import RECTIFIERS, Activity, activities
from .finding import Finding, Thresholds

__all__ = ["constant_output", "dead_units", "not_finite", "saturated_units", "unnormalized_input"]


# -- NaN and Inf -----------------------------------------------------------------------------


def not_finite(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """NaN or Inf, at the first module and in the first phase where it appeared."""
    first = next(_not_finite_parameters(tape), None)
    updates: dict[int, list[Update]] = {}
    for update in tape.updates:
        updates.setdefault(update.step, []).append(update)
    losses = {step.number: step.scalars.get("loss", 0.0) for step in tape.steps}
    for run in trace.runs if first is None else ():
        first = (
            next(_not_finite_inputs(tape, run), None)
            or next(_not_finite_outputs(tape, trace, run), None)
            or next(_not_finite_loss(run, losses.get(run.step, 0.0)), None)
            or next(_not_finite_gradients(tape, trace, run), None)
            or next(_not_finite_updates(tape, updates.get(run.step, ())), None)
        )
        if first is not None:
            break
    if first is not None:
        yield first


def _not_finite_parameters(tape: Tape) -> Iterator[Finding]:
    for info in tape.modules.values():
        for parameter in (*info.parameters, *info.buffers):
            stats = parameter.stats
            # A buffer may be a mask that is full of -Inf and means it.
            if stats is not None and _has_nan(stats, masks=True):
                yield Finding(
                    "not_finite",
                    "error",
                    f"Weights of {parameter.path} are {_kind(stats)} before the model runs.",
                    (_counted(stats),),
                    "Load or initialize them again; nothing computed from them is a number.",
                    path=parameter.path,
                    step=0,
                )


def _not_finite_inputs(tape: Tape, run: Call) -> Iterator[Finding]:
    for value in tape.refs(run.inputs):
        if value.stats is not None and _has_nan(value.stats, masks=True):
            yield Finding(
                "not_finite",
                "error",
                f"The model's input of shape {value.shape} holds {_kind(value.stats)}.",
                (_counted(value.stats),),
                "Clean the data: `x[~x.isfinite()] = 0`, or drop those examples.",
                call=run.label,
                step=run.step,
            )


def _not_finite_outputs(tape: Tape, trace: Trace, run: Call) -> Iterator[Finding]:
    for call in trace.forward[run.step]:
        for value in tape.refs(call.outputs):
            # Scores are masked with -Inf on purpose; what a model returns is not.
            if value.stats is None or not _has_nan(value.stats, masks=call is not run):
                continue
            given = [v.stats for v in tape.refs(call.inputs) if v.stats is not None]
            sizes = [max(abs(s.min), abs(s.max)) for s in given if s.seen]
            evidence = [_counted(value.stats)]
            if sizes:
                evidence.append(f"its inputs are finite, at most {format_number(max(sizes))}")
            made = trace.source(value.id)
            by = f" by `{plain_name(made)}`" if made is not None else ""
            yield Finding(
                "not_finite",
                "error",
                f"The first {_kind(value.stats)} is in the output of {_named(call)}, made{by}.",
                tuple(evidence),
                "Keep arguments in range: `x.clamp(min=1e-6)` before log, sqrt or a division; "
                "smaller weights or a normalization before exp.",
                path=call.path,
                call=call.label,
                step=call.step,
                numbers={"nan": value.stats.nan, "inf": value.stats.posinf + value.stats.neginf},
            )


def _not_finite_loss(run: Call, loss: float) -> Iterator[Finding]:
    if not np.isfinite(loss):
        yield Finding(
            "not_finite",
            "error",
            f"The loss is {format_number(loss)} although the model's output is finite.",
            (f"step {run.step}: loss {format_number(loss)}",),
            "Use a loss that takes logits (`F.cross_entropy`, "
            "`F.binary_cross_entropy_with_logits`) instead of a log of probabilities.",
            step=run.step,
            numbers={"loss": loss},
        )


def _not_finite_gradients(tape: Tape, trace: Trace, run: Call) -> Iterator[Finding]:
    for call in trace.backward.get(run.step, ()):
        for given, values in ((True, tape.refs(call.inputs)), (False, tape.refs(call.outputs))):
            for value in values:
                if value.stats is not None and _has_nan(value.stats):
                    where = "that comes back to" if given else "that leaves"
                    yield Finding(
                        "not_finite",
                        "error",
                        f"The first gradient with {_kind(value.stats)} is the one {where} "
                        f"{_named(call)}.",
                        (_counted(value.stats), "everything forward is finite"),
                        "Look for a derivative that is infinite: sqrt or norm at 0, a division by "
                        "a small number; add an epsilon inside.",
                        path=call.path,
                        call=call.label,
                        phase="backward",
                        step=call.step,
                    )


def _not_finite_updates(tape: Tape, updates: Iterable[Update]) -> Iterator[Finding]:
    for update in updates:
        if not np.isfinite(update.weight_norm).all():
            at = int(np.flatnonzero(~np.isfinite(update.weight_norm))[0])
            yield Finding(
                "not_finite",
                "error",
                f"{update.optimizer} makes {tape.trained[at]} NaN or infinite.",
                (f"update {update.number}, gradient norm {format_number(update.grad_norm[at])}",),
                "Lower the learning rate, or clip: "
                "`nn.utils.clip_grad_norm_(model.parameters(), 1.0)` before `optimizer.step()`.",
                path=tape.trained[at],
                phase="update",
                step=update.step,
            )


def _has_nan(stats: Stats, masks: bool = False) -> bool:
    return bool(stats.nan or stats.posinf or (stats.neginf and not masks))


def _kind(stats: Stats) -> str:
    return "NaN" if stats.nan else "Inf"


def _counted(stats: Stats) -> str:
    looked_at = stats.count if stats.exact else stats.seen + stats.nan + stats.posinf + stats.neginf
    parts = ((stats.nan, "NaN"), (stats.posinf, "+Inf"), (stats.neginf, "-Inf"))
    found = ", ".join(f"{format_count(count)} {name}" for count, name in parts if count)
    return f"{found} among {format_count(looked_at)} values"


# -- flat units ------------------------------------------------------------------------------


def dead_units(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """ReLU units that are 0 for every example: nothing below them can learn."""
    for activity in activities(tape, trace, limit=limits.saturation_limit):
        if activity.operation not in RECTIFIERS or activity.examples < limits.dead_examples:
            continue
        if activity.flat is not None:
            dead, units = activity.always_flat, activity.flat.size
            if dead <= limits.dead_share * units:
                continue
            what = f"{dead} of {units} units of {activity.label}"
            seen = f"0 for each of {format_count(activity.examples)} values a unit"
            share = dead / units
        elif activity.share > (1 + limits.dead_share) / 2 and activity.share > 0.95:
            share = activity.share
            what = f"{format_number(100 * share)}% of what {activity.label} gives"
            seen = f"0 in {format_count(activity.examples)} values looked at"
        else:
            continue
        yield Finding(
            "dead_units",
            "error" if share == 1 else "warning",
            f"{what} {'are' if activity.flat is not None else 'is'} dead.",
            (seen, "a unit that is always 0 passes no gradient to the weights before it"),
            "Lower the learning rate, initialize with `nn.init.kaiming_normal_` and zero biases, "
            "or use `nn.LeakyReLU`.",
            path=activity.path,
            call=activity.label,
            numbers={"share": share},
        )


def saturated_units(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """A hidden tanh or sigmoid that is mostly at its limits, where it has no slope."""
    for activity in activities(tape, trace, limit=limits.saturation_limit):
        if activity.operation in RECTIFIERS or activity.final:
            continue
        if activity.share > limits.saturated_share:
            yield _saturated(activity, limits)


def _saturated(activity: Activity, limits: Thresholds) -> Finding:
    limit = limits.saturation_limit
    tanh = activity.operation == "tanh"
    slope = format_number((1 - limit**2) / (1 if tanh else 4))
    beyond = f"{'|y|' if tanh else '|2y − 1|'} > {limit}, where the slope is below {slope}"
    return Finding(
        "saturated_units",
        "warning",
        f"{activity.share:.0%} of what {activity.label} gives is saturated.",
        (f"{beyond} in {format_count(activity.examples)} values looked at",)
        if activity.flat is None
        else (f"{beyond}; {activity.always_flat} of {activity.flat.size} units always",),
        "Smaller weights before it (`nn.init.xavier_normal_`), a normalization, "
        "or normalized inputs.",
        path=activity.path,
        call=activity.label,
        numbers={"share": activity.share},
    )


# -- inputs and outputs ----------------------------------------------------------------------


def constant_output(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """Every example gets the same answer."""
    said = set()
    for run in trace.runs:
        for place, value in enumerate(trace.outputs(run)):
            spread = _spread_over_batch(value)
            if spread is None or not spread <= limits.constant_output or place in said:
                continue
            if not _inputs_differ(trace.inputs(run)):
                continue
            said.add(place)
            first = _first_constant(tape, trace, run, limits)
            yield Finding(
                "constant_output",
                "error",
                f"The model gives the same output for all {value.shape[0]} examples.",
                (
                    f"relative spread over the batch {format_number(spread)}, shape {value.shape}",
                    f"{first} is the first module whose output does not depend on its input",
                ),
                f"Look at what goes into {first}, and at its weights: "
                f"`clownviz.explore(model, x)`.",
                path=first if first in tape.modules else "",
                call=run.label,
                step=run.step,
                numbers={"spread": spread},
            )


def _first_constant(tape: Tape, trace: Trace, run: Call, limits: Thresholds) -> str:
    """The first call whose output is the same for all examples."""
    for call in trace.forward[run.step]:
        spreads = [_spread_over_batch(value) for value in tape.refs(call.outputs)]
        if spreads and all(s is not None and s <= limits.constant_output for s in spreads):
            return call.label
    return run.label


def _spread_over_batch(value: Value) -> float | None:
    """How far examples differ, relative to their size; None where that cannot be said."""
    if not value.shape or value.shape[0] < 2 or value.stats is None or not value.stats.seen:
        return None
    if not value.dtype.startswith(("float", "bfloat")):
        return None
    array = value.array
    if array is not None and array.shape == value.shape:
        size = float(np.abs(array).max())
        return float(np.abs(array - array[:1]).max()) / size if size else 0.0
    return 0.0 if value.stats.min == value.stats.max else None


def _inputs_differ(values: list[Value]) -> bool:
    """Whether the examples of some input do; what was not kept is taken to."""
    for value in values:
        array = value.array
        if array is None or array.shape != value.shape or array.shape[:1] < (2,):
            if value.stats is None or value.stats.min != value.stats.max:
                return True
        elif (array != array[:1]).any():
            return True
    return False


def unnormalized_input(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """Large raw numbers, such as pixels up to 255, go straight into a layer with weights."""
    for run in trace.runs[:1]:
        for value in trace.inputs(run):
            stats = value.stats
            if stats is None or not stats.seen or stats.rms <= limits.input_size:
                continue
            layer = next(_weighted_readers(tape, trace, value.id), None)
            if layer is None:
                continue
            where = trace.path_of(layer) or "the model"
            yield Finding(
                "unnormalized_input",
                "warning",
                f"The input goes into {where} with values up to {format_number(stats.max)}.",
                (
                    f"mean {format_number(stats.mean)}, deviation {format_number(stats.std)}; "
                    "layers are initialized for mean 0 and deviation 1",
                ),
                "Normalize it: `x = (x - mean) / std` with both from the training data; "
                "pixels: `x / 255`.",
                path=where,
                call=run.label,
                step=run.step,
                numbers={"mean": stats.mean, "std": stats.std},
            )


def _weighted_readers(tape: Tape, trace: Trace, value: int) -> Iterator[Operation]:
    waiting = [value]
    while waiting:
        for operation in trace.read_by.get(waiting.pop(0), ()):
            name = plain_name(operation)
            if name in MOVES:
                waiting.extend(operation.outputs)
            elif name in CONVOLUTIONS or name in ("linear", "matmul", "mm", "addmm"):
                if any(tape.values[v].origin.startswith("parameter:") for v in operation.inputs):
                    yield operation


def _named(call: Call) -> str:
    return call.label if call.path else f"{call.label} itself"
