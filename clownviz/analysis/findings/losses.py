"""Checks of what a loss is made of."""

from __future__ import annotations

from collections.abc import Iterator

from ...recording.tape import Operation, Tape
from ..trace import Trace, plain_name
from .finding import Finding, Thresholds

__all__ = ["broadcast_loss"]

_ARITHMETIC = frozenset({"add", "sub", "mul", "div"})
_LOSSES = {
    "squared_error": "mse_loss",
    "absolute_error": "l1_loss",
    "smooth_l1_error": "smooth_l1_loss",
    "huber_error": "huber_loss",
    **{name: name for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")},
    **{name: name for name in ("poisson_nll_loss", "gaussian_nll_loss")},
}


def broadcast_loss(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """An output (N, 1) meets a target (N,), or the other way: the loss is one of N × N pairs.

    Pairs may be wanted: of outputs with each other, or of a column that was made for it.
    """
    lead: set[int] | None = None
    for operation in tape.operations:
        name = plain_name(operation)
        if operation.call is not None or (name not in _ARITHMETIC and name not in _LOSSES):
            continue
        column = _column(tape, operation)
        if column is None or not _by_accident(tape, trace, operation, column):
            continue
        if lead is None:
            scalars = [value for value in trace.made_by if not tape.values[value].shape]
            lead = trace.leading_to(scalars)
        if operation.outputs[0] in lead:
            yield _pairs(tape, trace, operation, column)
            return


def _column(tape: Tape, operation: Operation) -> int | None:
    """Which of the two operands is (N, 1), where the other is (N,) and N is more than 1."""
    shapes = [tape.values[value].shape for value in operation.inputs[:2]]
    if sorted(map(len, shapes)) != [1, 2]:
        return None
    at = 0 if len(shapes[0]) == 2 else 1
    return at if shapes[at] == (*shapes[1 - at], 1) and shapes[at][0] > 1 else None


def _by_accident(tape: Tape, trace: Trace, operation: Operation, column: int) -> bool:
    answers = [bool(trace.leading_to([v]) & trace.returned) for v in operation.inputs[:2]]
    if plain_name(operation) in _LOSSES:
        return any(answers)
    made_a_column = any(
        move.call is None and len(tape.values[move.inputs[0]].shape) != 2
        for move in trace.moves_before(operation.inputs[column])
    )
    return answers[0] != answers[1] and not made_a_column


def _pairs(tape: Tape, trace: Trace, operation: Operation, column: int) -> Finding:
    first, second = (tape.values[value].shape for value in operation.inputs[:2])
    size = max(first)
    name = plain_name(operation)
    from_model = bool(trace.leading_to([operation.inputs[column]]) & trace.returned)
    tall, flat = ("output", "target") if from_model else ("target", "output")
    return Finding(
        "broadcast_loss",
        "error",
        f"`{_LOSSES.get(name, name)}` of {first} and {second} is broadcast to {(size, size)}: "
        "every output meets every target.",
        (f"{size * size:,} pairs of {size:,} examples, in what the loss is made of",),
        f"Give both one shape: `{tall}.squeeze(1)`, or `{flat}.unsqueeze(1)`.",
        step=trace.step_of(operation),
        numbers={"examples": size},
    )
