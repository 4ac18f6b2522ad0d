"""A measured comparison: ours and a reference, in turns, the best round of each.

The best of several rounds is what the code costs when nothing else runs; in turns, so that a
machine that slows down slows both. What is not the same at each call is told by its median. One
BLAS thread, as in the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

ROUNDS = 7
ROUND_SECONDS = 0.05


@dataclass(frozen=True)
class Case:
    """`what` is timed against `reference`, which is called `against` in the table.

    What takes seconds is given fewer `rounds`, and each of them is one call; so is each of many
    rounds of which the median is wanted, because the calls differ. What our calls have left to be
    done is done in the end by `rest`, and its time shared among them.
    """

    what: str
    ours: Callable[[], Any]
    reference: Callable[[], Any]
    against: str
    rounds: int = ROUNDS
    of_rounds: Callable[[list[float]], float] = min
    rest: Callable[[], Any] | None = None


@dataclass(frozen=True)
class Result:
    """Seconds a call for one case."""

    case: Case
    ours: float
    reference: float

    @property
    def ratio(self) -> float:
        """How many times the reference's time we take."""
        return self.ours / self.reference


def measure(case: Case) -> Result:
    """Time both sides of a case."""
    sides = (case.ours, case.reference)
    calls = [_calls_a_round(side) if case.rounds == ROUNDS else 1 for side in sides]
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(case.rounds):
        for index, side in enumerate(sides):
            taken[index].append(_round(side, calls[index]))
    ours, reference = map(case.of_rounds, taken)
    if case.rest is not None:
        ours += _round(case.rest, 1) / (case.rounds * calls[0])
    return Result(case, ours, reference)


def _calls_a_round(function: Callable[[], Any]) -> int:
    function()  # the first call may import, allocate or fill a cache
    return max(1, int(ROUND_SECONDS / max(_round(function, 1), 1e-7)))


def _round(function: Callable[[], Any], calls: int) -> float:
    start = perf_counter()
    for _ in range(calls):
        function()
    return (perf_counter() - start) / calls


def seconds(value: float) -> str:
    """`0.00012` is `120 µs`: three digits and a unit."""
    units = ((1.0, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns"))
    factor, unit = next((pair for pair in units if value * pair[0] >= 1), units[-1])
    return f"{value * factor:.3g} {unit}"
