"""What is wrong with a model or its training: `findings`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from ..analysis.findings import CHECKS, Thresholds, examine
from ..recording.collector import collector_paused
from ..recording.keywords import keywords
from ..views.findings import Findings
from .shown import Shown
from .tapes import tape_of

__all__ = ["findings"]

_THRESHOLDS = [field.name for field in dataclasses.fields(Thresholds)]


@collector_paused()
def findings(
    model: Any,
    *inputs: Any,
    loss: Callable[[Any], Any] | None = None,
    checks: Iterable[str] | None = None,
    kwargs: dict[str, Any] | None = None,
    **named: Any,
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
        named: where checks begin to speak, by the names in `clownviz.analysis.findings.Thresholds`;
            all else is what the model is called with by name.
        kwargs: what it is called with by name, where that is the name of an option or a threshold.

    Raises:
        TypeError: a name that is no threshold, and no argument of the model either.
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
    limits = Thresholds(**{name: named.pop(name) for name in _THRESHOLDS if name in named})
    kwargs = keywords(findings, inputs, kwargs, named, model, options=_THRESHOLDS)
    asked = list(CHECKS if checks is None else checks)
    tape = tape_of(model, inputs, kwargs, keep="full", gradients=loss is not None, loss=loss)
    return Shown(Findings(examine(tape, limits, asked), tape, len(asked)))
