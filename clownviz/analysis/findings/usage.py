"""Checks of how a model is used: modes, losses, batches."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from ...look import format_number
from ...recording.tape import Operation, Tape
from ..trace import Trace, plain_name
from .finding import Finding, Thresholds

__all__ = ["batch_of_one", "eval_while_training", "squashed_twice", "training_mode_in_use"]

_DROPS = frozenset(
    {"drop", "dropout", "dropout1d", "dropout2d", "dropout3d"}
    | {"alpha_dropout", "feature_dropout", "feature_alpha_dropout"}
)


# -- losses ----------------------------------------------------------------------------------

_TAKES_LOGITS = {
    "cross_entropy": "F.cross_entropy",
    "cross_entropy_loss": "F.cross_entropy",
    "logit_loss": "F.binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits": "F.binary_cross_entropy_with_logits",
}
_TAKES_LOGS = {"nll_loss": "F.nll_loss", "nll_loss_nd": "F.nll_loss"}
_SQUASHES = frozenset({"softmax", "sigmoid"})


def squashed_twice(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """Probabilities are given to a loss that makes probabilities of its input itself."""
    said: set[tuple[str, str]] = set()
    for loss in tape.operations:
        name = plain_name(loss)
        takes = _TAKES_LOGITS.get(name) or _TAKES_LOGS.get(name)
        made = trace.source(loss.inputs[0]) if takes and loss.inputs else None
        before = plain_name(made) if made is not None else ""
        if name in _TAKES_LOGS and before not in _SQUASHES and (name, "") not in said:
            above = _above_zero(tape, trace, loss)
            if above is not None:
                said.add((name, ""))
                yield above
        if made is None or takes is None or (before, name) in said:
            continue
        if before not in _SQUASHES and not (before == "log_softmax" and name in _TAKES_LOGITS):
            continue
        said.add((before, name))
        path = trace.path_of(made)
        where = f"in {path or tape.model}" if path is not None else "outside of the model"
        harmless = before == "log_softmax" and takes == "F.cross_entropy"
        expects = "log-probabilities" if name in _TAKES_LOGS else "logits"
        yield Finding(
            "squashed_twice",
            "note" if harmless else "error",
            f"`{before}` before `{takes}`, which "
            + ("takes the log_softmax itself." if harmless else f"expects {expects}."),
            (f"{before} {where}, shape {tape.values[made.outputs[0]].shape}",),
            f"Use `F.log_softmax` before `{takes}`, or `F.cross_entropy` on the logits."
            if name in _TAKES_LOGS
            else f"Take away the {before}: `{takes}(logits, target)`.",
            path=path or "",
            step=trace.step_of(loss),
        )


def _above_zero(tape: Tape, trace: Trace, loss: Operation) -> Finding | None:
    """A loss of log-probabilities is given numbers that are none: no logarithm was taken."""
    for at in (loss.inputs[0], *(op.inputs[0] for op in trace.moves_before(loss.inputs[0]))):
        stats = tape.values[at].stats
        if stats is None or not stats.seen:
            continue
        if stats.max <= 1e-3:
            return None
        takes = _TAKES_LOGS[plain_name(loss)]
        return Finding(
            "squashed_twice",
            "error",
            f"`{takes}` is given numbers up to {format_number(stats.max)}, and expects "
            "log-probabilities, which are never above 0.",
            (f"shape {tape.values[at].shape}, mean {format_number(stats.mean)}",),
            "Use `F.cross_entropy` on the logits, or `F.log_softmax` before it.",
            step=trace.step_of(loss),
            numbers={"max": stats.max},
        )
    return None


# -- modes -----------------------------------------------------------------------------------


def training_mode_in_use(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """Dropout or batch statistics are at work while nobody trains: `eval()` was forgotten.

    That nobody trains is known where gradients were switched off for the run, and nothing that
    requires one is made of its output, as a discriminator makes of generated examples. Merely not
    having seen a backward is no proof: it may be still to come.
    """
    trained = trace.steps_with_backward() | {update.step for update in tape.updates}
    working: dict[int, list[Operation]] = {}
    for operation in filter(_is_active, tape.operations):
        working.setdefault(trace.step_of(operation), []).append(operation)
    for run in trace.runs:
        outputs = [v for v in trace.outputs(run) if v.dtype.startswith(("float", "bfloat"))]
        if run.step in trained or not outputs or any(v.requires_grad for v in outputs):
            continue
        if not any(p.trainable for p in trace.parameters()):
            continue
        active = working.get(run.step)
        if not active or trace.is_learned_from(outputs):
            continue
        what = "dropout" if plain_name(active[0]) in _DROPS else "batch normalization"
        path = trace.path_of(active[0]) or ""
        yield Finding(
            "training_mode_in_use",
            "warning",
            f"The model is in training mode although this run computes no gradients: {what} in "
            f"{path or tape.model} is at work.",
            (f"{len(active)} such operations in run {run.step}",),
            "Call `model.eval()` before predicting, and `model.train()` before training on; it is "
            "right only to renew running statistics or to draw many answers.",
            path=path,
            call=run.label,
            step=run.step,
            numbers={"operations": len(active)},
        )
        return


def eval_while_training(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """The optimizer steps while the whole model is in evaluation mode: `train()` was forgotten."""
    updated = {update.step for update in tape.updates}
    stepped = {run.step for run in trace.runs if run.training is False and run.step in updated}
    if not stepped:
        return
    frozen = [
        op
        for op in tape.operations
        if plain_name(op) == "batch_norm"
        and op.params.get("training") == "False"
        and trace.step_of(op) in stepped
    ]
    # Dropout that is switched off leaves no operation behind: it returns what it was given.
    silent = [
        call.path
        for step in sorted(stepped)
        for call in trace.forward[step]
        if tape.modules[call.path].family == "dropout"
        and "p=0.0" not in tape.modules[call.path].extra
        and tape.refs(call.outputs) == tape.refs(call.inputs)
    ]
    if not frozen and not silent:
        return
    path = (trace.path_of(frozen[0]) or "") if frozen else silent[0]
    yield Finding(
        "eval_while_training",
        "warning",
        f"The optimizer steps while the model is in evaluation mode: {path or tape.model} "
        + ("uses running statistics." if frozen else "drops nothing."),
        (f"{len(stepped)} of {len(updated)} runs with an optimizer step began in eval()",),
        "Call `model.train()` before training; after an evaluation it stays in `eval()`.",
        path=path,
        step=min(stepped),
        phase="update",
    )


def _is_active(operation: Operation) -> bool:
    name = plain_name(operation)
    if name == "batch_norm":
        return operation.params.get("training") == "True"
    return name in _DROPS and operation.params.get("training", "True") == "True"


# -- batches ---------------------------------------------------------------------------------


def batch_of_one(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """Batch normalization over a batch of one example, in training mode."""
    for operation in tape.operations:
        if plain_name(operation) != "batch_norm" or not _is_active(operation):
            continue
        shape = tape.values[operation.inputs[0]].shape
        if not shape or shape[0] != 1:
            continue
        values = prod(shape[2:])
        path = trace.path_of(operation) or tape.model
        yield Finding(
            "batch_of_one",
            "warning",
            f"Batch normalization in {path} sees a batch of one example.",
            (f"input {shape}: mean and deviation of {format_number(values)} values a channel",),
            "Give it more examples at once, call `model.eval()` to predict a single one, or use "
            "`nn.GroupNorm` or `nn.LayerNorm`.",
            path=path,
            step=trace.step_of(operation),
            numbers={"values": values},
        )
        return
