"""Checks of the way back: gradients that vanish, explode, or never arrive."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ...look import format_number
from ...recording.tape import ABSENT, ParameterInfo, Tape
from ..progress import gradients_by_depth, layer_progress
from ..trace import Trace
from .finding import Finding, Thresholds, named

__all__ = ["changing_gradient", "detached_path", "no_gradient"]


def changing_gradient(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """Gradients that shrink or grow from layer to layer, on their way to the input."""
    norms = gradients_by_depth(tape) or [
        (layer.path, float(np.nanmedian(layer.grad_norm)))
        for layer in layer_progress(tape, matrices_only=True)
        if np.isfinite(layer.grad_norm).any()
    ]
    norms = [(label, norm) for label, norm in norms if norm > 0 and math.isfinite(norm)]
    if len(norms) < limits.depth_layers:
        return
    logs = np.log([norm for _, norm in norms])
    slope = float(np.polyfit(np.arange(len(logs)), logs, 1)[0])
    factor = math.exp(min(abs(slope) * (len(logs) - 1), 700.0))
    if factor < limits.depth_change:
        return
    vanishes = slope > 0
    (first, at_first), (last, at_last) = norms[0], norms[-1]
    again = first.partition("#")[0] in {label.partition("#")[0] for label, _ in norms[1:]}
    what, unit = (f"the first call of {first}", "call") if again else (first, "layer")
    yield Finding(
        "changing_gradient",
        "error" if factor > limits.depth_change**2 else "warning",
        f"The gradient {'vanishes' if vanishes else 'explodes'} on its way from {last} to {what}.",
        (
            f"‖gradient‖ {format_number(at_last)} at {last}, {format_number(at_first)} at {what}",
            f"a factor of {format_number(math.exp(-slope))} a {unit} over {len(norms)} {unit}s",
        ),
        _against(vanishes, again),
        path=first.partition("#")[0],
        call=first,
        phase="backward",
        numbers={"first": at_first, "last": at_last, "a layer": math.exp(-slope)},
    )


def _against(vanishes: bool, again: bool) -> str:
    if again:
        return (
            "Let the state pass: an LSTM or GRU whose forget gate begins open (a bias of 1), a "
            "shorter sequence, a loss at every step, or attention."
            if vanishes
            else "Clip with `nn.utils.clip_grad_norm_`, or begin with an orthogonal recurrent "
            "matrix (`nn.init.orthogonal_`)."
        )
    return (
        "Initialize for the activation (`nn.init.kaiming_normal_`, `nn.init.xavier_normal_`), "
    ) + (
        "use ReLU instead of sigmoid, residual connections or a normalization."
        if vanishes
        else "add a normalization, or clip with `nn.utils.clip_grad_norm_`."
    )


def no_gradient(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """Trainable parameters that took no part in what was run backward from."""
    unused, _ = _without_gradient(tape, trace)
    for path, parameters in _by_module(unused).items():
        used = any(trace.reads(p) for p in parameters)
        yield Finding(
            "no_gradient",
            "warning",
            f"No gradient reaches {named([p.path for p in parameters])}: "
            + ("what comes of them reaches no loss." if used else "no operation uses them."),
            (f"{len(parameters)} of the parameters of {path or tape.model} have .grad None",),
            "Use it in forward, or freeze it: `p.requires_grad_(False)`."
            if not used
            else "Add what it computes to the loss, or freeze it: `p.requires_grad_(False)`.",
            path=path,
            phase="backward",
            numbers={"parameters": len(parameters)},
        )


def detached_path(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """Parameters whose results reach the loss, but no gradient comes back: the graph was cut."""
    _, cut = _without_gradient(tape, trace)
    if not cut:
        return
    last, where = _where_cut(tape, trace, cut)
    names = named([p.path for p in cut])
    yield Finding(
        "detached_path",
        "error",
        f"The graph is cut behind {last}: no gradient comes back to {names}.",
        (
            f"{len(cut)} parameters help to make the loss and have .grad None",
            *([where] if where else []),
        ),
        "Take away the `.detach()`, `.data`, `.item()` or `no_grad()` behind it; to freeze it on "
        "purpose: `requires_grad_(False)`.",
        path=last,
        phase="backward",
        numbers={"parameters": len(cut)},
    )


def _without_gradient(
    tape: Tape, trace: Trace
) -> tuple[list[ParameterInfo], list[ParameterInfo]]:
    """Trainable parameters without a gradient, where a backward gave some to others.

    Returns:
        Those from which no loss was computed, and those from which one was.
    """
    without = _left_out(tape, [p for p in trace.parameters() if p.trainable])
    if not without:
        return [], []
    # Whatever has a gradient, or was made outside of the model with a graph, led to a backward.
    losses = {value.id for value in tape.values if value.gradient is not None}
    losses |= {
        value
        for value, operation in trace.made_by.items()
        if operation.call is None and tape.values[value].requires_grad
    }
    leading = trace.leading_to(losses)
    parts: tuple[list[ParameterInfo], list[ParameterInfo]] = ([], [])
    for parameter in without:
        parts[any(value in leading for value in trace.reads(parameter))].append(parameter)
    return parts


def _left_out(tape: Tape, parameters: list[ParameterInfo]) -> list[ParameterInfo]:
    if any(p.gradient is not None for p in parameters):
        return [p for p in parameters if p.gradient is None]
    if not tape.updates:
        return []
    norms = np.stack([update.grad_norm for update in tape.updates])
    absent = {path for path, none in zip(tape.trained, (norms == ABSENT).all(axis=0)) if none}
    return [p for p in parameters if p.path in absent] if len(absent) < len(tape.trained) else []


def _where_cut(tape: Tape, trace: Trace, cut: list[ParameterInfo]) -> tuple[str, str]:
    """The last module before the cut, and what reads its result with a graph again."""
    paths = {path for p in cut for path in trace.places(p)}
    calls = [call for step in sorted(trace.forward) for call in trace.forward[step]]
    before = [call for call in calls if paths.intersection(call.parameters)]
    if not before:
        return cut[-1].path.rpartition(".")[0], ""
    last = before[-1]
    after = next(
        (
            call
            for call in trace.forward[last.step]
            if call.began > last.ended and call.parameters and not paths & {*call.parameters}
        ),
        None,
    )
    where = f"the next layer, {after.label}, gets a gradient" if after is not None else ""
    return last.path or tape.model, where


def _by_module(parameters: list[ParameterInfo]) -> dict[str, list[ParameterInfo]]:
    modules: dict[str, list[ParameterInfo]] = {}
    for parameter in parameters:
        modules.setdefault(parameter.path.rpartition(".")[0], []).append(parameter)
    return modules
