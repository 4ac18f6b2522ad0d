"""What is wrong with a model or its training: `examine` asks every check in the table.

A check is a function of the tape and reads nothing else. It says nothing where it cannot know,
because a finding that is wrong once is not believed the next time.

>>> from clownpiece import nn, ones
>>> from clownviz.recording import run
>>> model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
>>> examine(run(model, 300 * ones(8, 4)))[0].sentence
'The input goes into 0 with values up to 300.'
"""

from __future__ import annotations

from collections.abc import Iterable

from ...recording.tape import Tape
from ..trace import Trace
from .collapse import collapsed_rank
from .finding import SEVERITIES, Check, Finding, Thresholds
from .flow import changing_gradient, detached_path, no_gradient
from .losses import broadcast_loss
from .steps import empty_steps, gradients_kept, learning_rate, not_optimized
from .structure import not_registered
from .usage import batch_of_one, eval_while_training, squashed_twice, training_mode_in_use
from .values import (
    constant_output,
    dead_units,
    not_finite,
    saturated_units,
    unnormalized_input,
)

__all__ = ["CHECKS", "SEVERITIES", "Check", "Finding", "Thresholds", "examine"]

CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        not_finite,
        not_registered,
        detached_path,
        not_optimized,
        empty_steps,
        gradients_kept,
        no_gradient,
        changing_gradient,
        dead_units,
        saturated_units,
        constant_output,
        collapsed_rank,
        squashed_twice,
        broadcast_loss,
        training_mode_in_use,
        eval_while_training,
        batch_of_one,
        learning_rate,
        unnormalized_input,
    )
}


def examine(
    tape: Tape,
    thresholds: Thresholds | None = None,
    checks: Iterable[str] | None = None,
) -> list[Finding]:
    """All findings on a tape, the most severe first.

    Args:
        thresholds: where the checks begin to speak.
        checks: names from `CHECKS`; None for all.

    Raises:
        ValueError: a check that is not known.
    """
    names = list(CHECKS if checks is None else checks)
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        raise ValueError(f"checks={unknown!r}: expected names from {', '.join(CHECKS)}")
    limits, trace = thresholds or Thresholds(), Trace(tape)
    found = [finding for name in names for finding in CHECKS[name](tape, trace, limits)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
