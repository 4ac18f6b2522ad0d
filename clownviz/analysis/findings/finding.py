"""What a check says, and the numbers by which it decides."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ...recording.tape import Tape
from ..trace import Trace

__all__ = ["SEVERITIES", "Check", "Finding", "Thresholds", "named"]

SEVERITIES = ("error", "warning", "note")
"""An error makes the result wrong, a warning probably does, a note costs speed or accuracy."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a model or its training.

    Attributes:
        check: the name of the check that found it.
        severity: one of `SEVERITIES`.
        sentence: what is wrong.
        evidence: what was seen, with numbers, a line each.
        fix: what to type or to change.
        path: of the module or parameter; "" for the model itself or what is around it.
        call: label of the call; phase: "forward", "backward" or "update"; step: which run.
        numbers: the evidence as data.
    """

    check: str
    severity: str
    sentence: str
    evidence: tuple[str, ...]
    fix: str
    path: str = ""
    call: str = ""
    phase: str = "forward"
    step: int | None = None
    numbers: dict[str, float] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """The same as plain data; what is no number in it is None."""
        numbers = {k: v if math.isfinite(v) else None for k, v in self.numbers.items()}
        return {**asdict(self), "evidence": list(self.evidence), "numbers": numbers}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a check begins to speak; change one with `dataclasses.replace` or by name.

    Attributes:
        depth_layers, depth_change: gradients vanish or explode if their norms change by this
            factor along the model's layers, of which there must be so many.
        dead_share, dead_examples: so large a share of a layer's units that are 0 for every
            example, of which there must be so many.
        saturation_limit, saturated_share: so many of a layer's tanh values beyond ±limit.
        collapsed_share, collapsed_width: a layer's output has collapsed if its effective rank
            uses less than this share of the directions it could, which must be so many.
        large_update, small_update: ‖Δw‖/‖w‖ beyond which a step is too long or too short.
        wild_update: beyond it a step is too long whatever the loss says.
        useful_gradient: ‖g‖/‖w‖ below which a short step is no sign of a low learning rate.
        updates: so many optimizer steps before anything is said of the learning rate.
        loss_rise, loss_fall: the losses at the end over those at the beginning, as a factor.
        constant_output: outputs of different examples differ by less than this, relatively.
        input_size: root mean square of an input above which it is not normalized.
    """

    depth_layers: int = 4
    depth_change: float = 1e4
    dead_share: float = 0.5
    dead_examples: int = 16
    saturation_limit: float = 0.97
    saturated_share: float = 0.5
    collapsed_share: float = 0.02
    collapsed_width: int = 8
    large_update: float = 0.05
    small_update: float = 1e-5
    wild_update: float = 1.0
    useful_gradient: float = 1e-3
    updates: int = 5
    loss_rise: float = 1.05
    loss_fall: float = 0.98
    constant_output: float = 1e-6
    input_size: float = 10.0


def named(paths: Sequence[str]) -> str:
    """Up to three names, and how many more there are.

    >>> named(["a", "b"]), named(["a", "b", "c", "d"])
    ('a and b', 'a, b and 2 more')
    """
    names = list(paths) if len(paths) <= 3 else [*paths[:2], f"{len(paths) - 2} more"]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


Check = Callable[[Tape, Trace, Thresholds], Iterable[Finding]]
