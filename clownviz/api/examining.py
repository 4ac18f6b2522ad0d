"""What is wrong with a model or its training: `findings`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from ..analysis.findings import CHECKS, Thresholds, examine
from ..views.findings import Findings
from .shown import Shown
from .tapes import tape_of

__all__ = ["findings"]


def findings(
    model: Any,
    *inputs: Any,
    loss: Callable[[Any], Any] | None = None,
    checks: Iterable[str] | None = None,
    kwargs: dict[str, Any] | None = None,
    **thresholds: float,
) -> Shown:
    """What is wrong with a model or its training, the evidence for it, and what to type.

    Dead units, collapsed layers, gradients that vanish or never arrive, NaN at its first module,
    softmax before cross-entropy, a forgotten `eval()` or `zero_grad()`, learning rates and more:
    `clownviz.analysis.findings.CHECKS` is the table of them. What is not on the tape is not
    judged: give a loss for what concerns gradients, and the tape of a capture around some training
    steps for what concerns the optimizer.

    Args:
        model: a Module, or the tape of a run or of a training, which is only read.
        inputs: what the model is called with.
        loss: what to run backward from, given the model's output.
        checks: names of the checks to ask; by default all.
        kwargs: keyword arguments for the model.
        thresholds: where checks begin to speak, by name: see
            `clownviz.analysis.findings.Thresholds`.

    Raises:
        TypeError: a threshold that is not known.
        ValueError: a check that is not known.

    >>> import clownpiece, clownviz
    >>> from clownpiece import nn
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> print(clownviz.findings(model, 300 * clownpiece.ones(2, 4), checks=["unnormalized_input"]))
    Sequential: 1 warning
    looked at: 1 run, no backward, no optimizer step
    <BLANKLINE>
    ▲ The input goes into 0 with values up to 300.
        mean 300, deviation 0; layers are initialized for mean 0 and deviation 1
      → Normalize it: `x = (x - mean) / std` with both from the training data; pixels: `x / 255`.
    """
    asked = list(CHECKS if checks is None else checks)
    limits = _limits(thresholds)
    tape = tape_of(model, inputs, kwargs, keep="full", gradients=loss is not None, loss=loss)
    return Shown(Findings(examine(tape, limits, asked), tape, len(asked)))


def _limits(thresholds: dict[str, float]) -> Thresholds:
    known = [field.name for field in dataclasses.fields(Thresholds)]
    unknown = [name for name in thresholds if name not in known]
    if unknown:
        raise TypeError(
            f"findings got {', '.join(unknown)}=…: expected thresholds named {', '.join(known)}; "
            "what the model is called with by name goes into kwargs={…}"
        )
    return Thresholds(**thresholds)  # type: ignore[arg-type]
