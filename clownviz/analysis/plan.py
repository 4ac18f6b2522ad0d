"""Which modules a diagram shows: what is opened, what is one card, what is drawn for many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..recording.tape import Tape
from .modules import Repeat, Row, rows

__all__ = ["Plan", "make_plan"]

MOST_SIBLINGS = 60


@dataclass(slots=True)
class Plan:
    """A drawing's level of detail.

    Attributes:
        closed: shown paths of modules that are one card, whatever they hold.
        shown: for every path the path that is drawn for it: its own, or that of the equal block
            that stands for it, or that of the card of those left out.
        blocks: for every path which runs it is folded into, outermost first, and which block of
            each run it is in.
        folds: the folded runs.
        left_out: shown path of a card that stands for several siblings, and how many.
    """

    closed: set[str]
    shown: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    folds: list[Repeat] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def multiplicity(self, path: str) -> int:
        """How many equal modules stand behind a path that is drawn."""
        count = 1
        for run, _ in self.blocks.get(path, ()):
            count *= self.folds[run].count
        return count


def make_plan(
    tape: Tape,
    table: list[Row] | None = None,
    *,
    depth: int | None = None,
    closed: Iterable[str] = (),
    fold: bool = True,
    unfolded: Iterable[str] = (),
    siblings: int = MOST_SIBLINGS,
) -> Plan:
    """The plan that opens everything down to `depth`, except what is `closed`.

    Args:
        table: the rows of the tape, if they are there already.
        fold: draw a run of equal blocks once.
        unfolded: paths of modules whose run is drawn in full all the same.
        siblings: of more children than this the middle ones become one card.
    """
    table = rows(tape) if table is None else table
    kept = set(unfolded)
    runs = [row.repeat for row in table if fold and row.repeat is not None]
    runs = [run for run in runs if not kept.intersection(run.members)]
    place = {
        path: (number, at // len(run.first), run.first[at % len(run.first)])
        for number, run in enumerate(runs)
        for at, path in enumerate(run.members)
    }
    plan = Plan(closed=set(closed), folds=runs)
    middle = _middles(table, place, plan, siblings)
    for row in table:
        path, parent = row.path, row.parent
        above = "" if parent is None else plan.shown[parent]
        own = f"{above}.{row.name}" if above else row.name
        inherited = () if parent is None else plan.blocks[parent]
        if path in place:
            run, block, first = place[path]
            plan.blocks[path] = (*inherited, (run, block))
            plan.shown[path] = own if first == path else plan.shown[first]
        else:
            plan.blocks[path] = inherited
            plan.shown[path] = middle.get(path, own)
        if depth is not None and row.depth >= depth:
            plan.closed.add(plan.shown[path])
    return plan


def _middles(
    table: list[Row], place: dict[str, tuple[int, int, str]], plan: Plan, siblings: int
) -> dict[str, str]:
    """For every module that is left out the path of the card that stands for it."""
    middle: dict[str, str] = {}
    for row in table:
        drawn = [path for path in row.children if path not in place or place[path][2] == path]
        if len(drawn) > siblings:
            half = siblings // 2
            out = drawn[half : 1 - half]
            middle.update(dict.fromkeys(out, out[0]))
            plan.closed.add(out[0])
            plan.left_out[out[0]] = len(out)
    return middle
