"""Check of the room that representations take: layers whose features all say the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from ...look import format_number
from ...recording.tape import Call, Tape
from ..rank import FLOATS, capacities, features_of, rank_of
from ..trace import Trace
from .finding import Finding, Thresholds

__all__ = ["collapsed_rank"]

MOST = 128
"""Examples and features that are looked at: singular values of every layer must not take long."""


@dataclass(frozen=True, slots=True)
class _Room:
    """How many directions the output of a layer uses, and how many it could."""

    call: Call
    examples: int
    features: int
    effective: float
    possible: float


def collapsed_rank(tape: Tape, trace: Trace, limits: Thresholds) -> Iterator[Finding]:
    """The features of a layer move together: few directions are left of what it was given.

    A model that answers one of C classes needs no more than C − 1 directions before its last
    layer, and training rightly brings it there, so more than half of those are never too few.
    """
    run = next((run for run in reversed(trace.runs) if _kept(tape, run)), None)
    if run is None:
        return
    answers = [v.shape for v in trace.outputs(run) if v.dtype.startswith(FLOATS) and v.shape]
    needed = max((shape[1 if len(shape) > 3 else -1] for shape in answers), default=1) - 1
    rooms = list(_rooms(tape, trace, run.step, limits.collapsed_width))
    collapsed = [
        room
        for room in rooms
        if room.effective > 0
        and room.effective - 1 < limits.collapsed_share * (room.possible - 1)
        and room.effective - 1 < (min(needed, room.possible) - 1) / 2
    ]
    if not collapsed:
        return
    first = collapsed[0]
    rank = format_number(first.effective)
    yield Finding(
        "collapsed_rank",
        "warning",
        f"What {first.call.label} gives has collapsed: its {first.features} features move along "
        f"{rank} direction{'' if rank == '1' else 's'}.",
        (
            f"effective rank {rank} of {format_number(first.possible)} that are possible, over "
            f"{first.examples:,} examples",
            f"so it is in {len(collapsed)} of {len(rooms)} layers that could have "
            f"{limits.collapsed_width} or more",
        ),
        "Initialize its weights at random (`nn.init.kaiming_normal_`), never with one number for "
        "all; against a collapse in depth or in training, residual connections or a "
        "normalization.",
        path=first.call.path,
        call=first.call.label,
        step=run.step,
        numbers={"rank": first.effective, "possible": first.possible},
    )


def _kept(tape: Tape, run: Call) -> bool:
    return any(value.array is not None for value in tape.refs(run.outputs))


def _rooms(tape: Tape, trace: Trace, step: int, least: int) -> Iterator[_Room]:
    """Of each call that multiplies by a weight and has kept an output of so many directions."""
    shapes = {p.path: p.shape for info in tape.modules.values() for p in info.parameters}
    within = capacities(trace)
    for call in trace.forward.get(step, ()):
        values = tape.refs(call.outputs)
        if not values or not any(len(shapes.get(p, ())) > 1 for p in call.parameters):
            continue
        features = features_of(trace, values[0])
        if features is None or min(features.shape) < least or not np.isfinite(features).all():
            continue
        seen = features[:: max(1, len(features) // MOST)]
        different = len({row.tobytes() for row in seen}) - 1
        capacity = within.get(values[0].id, float(prod(values[0].shape[1:])))
        if min(different, capacity) < least:
            continue
        rank = rank_of(features - features.mean(axis=0), call.label, MOST)
        examples, width = features.shape
        possible = min(rank.full, different, capacity)
        yield _Room(call, examples, width, rank.effective, possible)
