"""What differs between two models, tapes or checkpoints: `compare`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from ..analysis.compare import TOLERANCE
from ..analysis.compare import compare as differences
from ..recording.checkpoint import of_checkpoint, read_checkpoint
from ..recording.collector import collector_paused
from ..recording.keywords import keywords
from ..recording.tape import Tape
from ..views.compare import Compare
from .shown import Shown
from .tapes import refuse_to_run, tape_of

__all__ = ["compare"]


@collector_paused()
def compare(
    a: Any,
    b: Any,
    *inputs: Any,
    tolerance: float = TOLERANCE,
    gradients: bool | None = None,
    loss: Callable[[Any], Any] | None = None,
    kwargs: dict[str, Any] | None = None,
    **named: Any,
) -> Shown:
    """What differs between two models or checkpoints, and the first module where they diverge.

    Args:
        a, b: models, tapes, checkpoints such as `model.state_dict()`, or files with a checkpoint
            or a tape, in any mixture.
        inputs: what both models are called with; without any their structure and weights are
            compared.
        tolerance: relative difference up to which numbers count as the same.
        gradients: also run backward in both and compare the gradients; by default where an
            output requires one.
        loss: what to run it from, given a model's output; by default the sum of the output.
        named, kwargs: what they are called with by name; `kwargs` holds names that are options.

    >>> import clownpiece, clownviz, copy
    >>> from clownpiece import nn
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    >>> other = copy.deepcopy(model)
    >>> _ = nn.init.zeros_(other[2].weight)
    >>> print(clownviz.compare(model, other, clownpiece.ones(1, 4)).view.difference.forward.label)
    2
    """
    kwargs = keywords(compare, inputs, kwargs, named, a, b)
    options = {"gradients": gradients, "loss": loss}
    if all(isinstance(side, (Tape, Mapping, str, os.PathLike)) for side in (a, b)):
        refuse_to_run(inputs, kwargs, options)

    def look(side: Any) -> Tape:
        if isinstance(side, Tape):
            return side
        if isinstance(side, Mapping):
            return of_checkpoint(side)
        if isinstance(side, (str, os.PathLike)):
            return read_checkpoint(side)
        return tape_of(side, inputs, kwargs, keep="full", **options)

    first, second = look(a), look(b)
    return Shown(Compare(differences(first, second, tolerance=tolerance), first, second))
