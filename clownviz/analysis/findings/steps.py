"""Checks of the optimizer's steps: what it does not hold, old gradients, its learning rate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...look import format_number
from ...recording.tape import Tape
from ..progress import LayerProgress, layer_progress
from ..trace import Trace
from .finding import Finding, Thresholds, named

__all__ = ["empty_steps", "gradients_kept", "learning_rate", "not_optimized"]


def not_optimized(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """Trainable parameters that no optimizer holds."""
    if not tape.untrained:
        yield from _all_elsewhere(tape)
        return
    total = len(tape.trained) + len(tape.untrained)
    yield Finding(
        "not_optimized",
        "error",
        f"No optimizer holds {named(tape.untrained)}.",
        (f"{len(tape.untrained)} of {total} trainable parameters will never change",),
        "Make the optimizer from `model.parameters()` after the model is complete, or freeze them: "
        "`p.requires_grad_(False)`.",
        path=tape.untrained[0],
        phase="update",
        numbers={"parameters": len(tape.untrained)},
    )


def _all_elsewhere(tape: Tape) -> Iterator[Finding]:
    """The optimizer was made of another model: of a copy, or of this one before it was made anew.

    An optimizer of another model that is trained beside this one has gradients.
    """
    steps = sum(tape.steps_elsewhere.values())
    parameters = {p.id for info in tape.modules.values() for p in info.parameters if p.trainable}
    if tape.updates or steps < 2 or not tape.steps or not parameters:
        return
    name = max(tape.steps_elsewhere, key=lambda each: tape.steps_elsewhere[each])
    yield Finding(
        "not_optimized",
        "error",
        f"{name} holds no parameter of this {tape.model}, and has no gradient to step along.",
        (
            f"{steps} steps beside {len(tape.steps)} backward passes through the model, "
            f"and none of its {len(parameters)} trainable parameters can change",
        ),
        "Make the optimizer from `model.parameters()` of this very model: a copy, or a model that "
        "is made again, has parameters of its own.",
        phase="update",
        numbers={"parameters": len(parameters), "steps": steps},
    )


def gradients_kept(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """`zero_grad` is missing: each step adds to the gradients of those before it."""
    kept = [update for update in tape.updates if update.kept.any()]
    if not kept:
        return
    first = kept[0]
    paths = [path for path, old in zip(tape.trained, first.kept) if old]
    yield Finding(
        "gradients_kept",
        "error",
        f"Gradients of earlier steps are still there: {first.optimizer} steps along their sum.",
        (
            f"{len(kept)} of {len(tape.updates)} updates began with old gradients, "
            f"first update {first.number}, e.g. of {paths[0]}",
        ),
        "Call `optimizer.zero_grad()` before `loss.backward()`.",
        path=paths[0],
        phase="update",
        step=first.step,
        numbers={"updates": len(kept)},
    )


def empty_steps(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """The optimizer never finds a gradient: there was no backward, or it was set to zero again."""
    if len(tape.updates) < 2 or any((update.grad_norm > 0).any() for update in tape.updates):
        return
    if any(np.isnan(update.grad_norm).any() for update in tape.updates):
        return
    went_back = {step.number for step in tape.steps if "loss" in step.scalars}
    lost = any(update.step in went_back for update in tape.updates)
    first = tape.updates[0]
    yield Finding(
        "empty_steps",
        "error",
        f"{first.optimizer} steps without gradients: "
        + (
            "what backward has computed is gone before the step."
            if lost
            else "no backward has computed any."
        ),
        (f"{len(tape.updates)} updates, and no parameter had a gradient other than 0 in any",),
        "Call `optimizer.zero_grad()` before `loss.backward()`, not between it and the step."
        if lost
        else "Call `loss.backward()` before `optimizer.step()`.",
        phase="update",
        step=first.step,
        numbers={"updates": len(tape.updates)},
    )


def learning_rate(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """Steps that are too long (the loss rises with them) or too short to get anywhere."""
    if len(tape.updates) < limits.updates:
        return
    layers = [
        (layer, ratio)
        for layer in layer_progress(tape, matrices_only=True)
        if (ratio := _median(layer.update_ratio)) is not None
    ]
    if not layers:
        return
    ratio = float(np.median([ratio for _, ratio in layers]))
    # Weights that a wild first step has blown up make all later steps look small.
    peaks = [(layer, float(np.nanmax(layer.update_ratio))) for layer, _ in layers]
    peak = float(np.median([most for _, most in peaks]))
    trend = _loss_trend(tape)
    rises = trend is not None and not trend < limits.loss_rise
    if ratio > limits.wild_update or (peak > limits.large_update and rises):
        yield _rate(tape, "high", max(ratio, peak), trend, max(peaks, key=lambda each: each[1]))
    elif ratio < limits.small_update and _has_gradient(layers, limits):
        if trend is None or trend > limits.loss_fall:
            yield _rate(tape, "low", ratio, trend, min(layers, key=lambda each: each[1]))


def _rate(
    tape: Tape, how: str, ratio: float, trend: float | None, extreme: tuple[LayerProgress, float]
) -> Finding:
    rates = np.concatenate([update.rates for update in tape.updates])
    rates = rates[np.isfinite(rates)]
    rate = float(np.median(rates)) if rates.size else float("nan")
    layer, most = extreme
    told = () if trend is None else (f"the loss ends {format_number(trend)} times as high",)
    if how == "high":
        effective = float(layer.effective_rate[int(np.nanargmax(layer.update_ratio))])
    else:
        effective = _median(layer.effective_rate) or 0.0
    return Finding(
        "learning_rate",
        "error" if how == "high" else "warning",
        f"The learning rate {format_number(rate)} is too {how}: a step changes weights by "
        f"{format_number(ratio)} of their size.",
        (
            f"{'most' if how == 'high' else 'least'} in {layer.path or tape.model}: "
            f"‖Δw‖/‖w‖ {format_number(most)}, ‖Δw‖/‖g‖ {format_number(effective)}",
            *told,
        ),
        f"Try lr={format_number(rate * 1e-3 / ratio) if ratio else '1e-3'}, "
        "which changes them by about 0.001 a step.",
        path=layer.path,
        phase="update",
        numbers={"lr": rate, "update_ratio": ratio},
    )


def _median(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else None


def _has_gradient(layers: list[tuple[LayerProgress, float]], limits: Thresholds) -> bool:
    """Whether there is somewhere to go: near a minimum every step is short."""
    sizes = [
        float(np.nanmedian(layer.grad_norm / layer.weight_norm))
        for layer, _ in layers
        if np.isfinite(layer.grad_norm).any() and (layer.weight_norm > 0).any()
    ]
    return bool(sizes) and float(np.median(sizes)) > limits.useful_gradient


def _loss_trend(tape: Tape) -> float | None:
    """The median of the last third of the losses over where they began; None without them.

    A learning rate that is too high lifts the loss in the very first steps, so that they are no
    measure: where it began is the lowest of the first tenth.
    """
    losses = np.array([s.scalars["loss"] for s in tape.steps if "loss" in s.scalars])
    if losses.size < 3:
        return None
    first = float(losses[: max(1, losses.size // 10)].min())
    last = float(np.median(losses[-(losses.size // 3) :]))
    if not np.isfinite(last):
        return float("inf")
    return last / first if first > 0 and last >= 0 else None
