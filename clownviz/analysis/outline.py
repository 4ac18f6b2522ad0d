"""The tree as a person reads it: to a depth, repeated blocks once, never too long.

Every line says how much it adds to the model, so the lines of an outline always add up to the
whole, however much of the tree is folded away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .modules import Row

__all__ = ["Added", "Line", "outline"]

MOST_LINES = 200
DEEPEST = 40
MOST_SIBLINGS = 60


class Added(NamedTuple):
    """What a line adds to the sums of the model."""

    params: int = 0
    trainable: int = 0
    bytes: int = 0
    macs: int = 0
    moved: int = 0
    activations: int = 0

    @property
    def frozen(self) -> int:
        """Parameters that are not trained."""
        return self.params - self.trainable


@dataclass(slots=True)
class Line:
    """One line of an outline.

    Attributes:
        kind: "module"; "same" for the further blocks of a run; "more" for siblings left out.
        row: the module; of several the first.
        count: how many blocks or siblings the line stands for.
        closed: whether modules below this one are not shown.
        added: what the line adds to the model's sums, with all it hides.
        guides: for each level whether the branch goes on below; the last is this line's own.
    """

    kind: str
    row: Row
    count: int
    closed: bool
    added: Added
    guides: tuple[bool, ...]
    span: str = ""

    @property
    def prefix(self) -> str:
        """The branches of the tree in front of the line."""
        if not self.guides:
            return ""
        *above, own = self.guides
        return "".join("│  " if goes_on else "   " for goes_on in above) + ("├─ " if own else "└─ ")


def outline(table: list[Row], *, depth: int | None = None, fold: bool = True) -> list[Line]:
    """The lines of a tree.

    Args:
        table: the rows of all modules, parents first.
        depth: how many levels below the model to show. None chooses the most that stays a
            readable length.
        fold: show a run of equal blocks once, then one line for the others.
    """
    by_path = {row.path: row for row in table}
    sums = _sums(table)
    deepest = _readable_depth(table, by_path, fold) if depth is None else depth
    lines: list[Line] = []
    waiting: list[tuple[_Item, tuple[bool, ...]]] = [(_Item("module", table[:1]), ())]
    while waiting:
        item, guides = waiting.pop()
        row = item.rows[0]
        opened = item.kind == "module" and row.depth < deepest and bool(row.children)
        lines.append(_line(item, guides, opened, sums))
        if opened:
            items = _items([by_path[path] for path in row.children], fold)
            last = len(items) - 1
            waiting += [(items[at], (*guides, at < last)) for at in range(last, -1, -1)]
    return lines


@dataclass(slots=True)
class _Item:
    """What becomes one line."""

    kind: str
    rows: list[Row]
    count: int = 1


def _line(
    item: _Item, guides: tuple[bool, ...], opened: bool, sums: dict[str, list[int]]
) -> Line:
    row = item.rows[0]
    added = _own(row) if opened else map(sum, zip(*(sums[row.path] for row in item.rows)))
    span = row.name if len(item.rows) == 1 else f"{row.name}…{item.rows[-1].name}"
    closed = bool(row.children) and not opened
    return Line(item.kind, row, item.count, closed, Added(*added), guides, span)


def _own(row: Row) -> list[int]:
    return [
        row.own,
        row.own_trainable,
        row.own_bytes,
        row.own_macs,
        row.own_moved,
        row.own_activations,
    ]


def _sums(table: list[Row]) -> dict[str, list[int]]:
    """What each module adds with all below it, in the order of `Added`."""
    sums = {row.path: _own(row) for row in table}
    for row in reversed(table):
        if row.parent is not None:
            above = sums[row.parent]
            for at, value in enumerate(sums[row.path]):
                above[at] += value
    return sums


def _items(children: list[Row], fold: bool) -> list[_Item]:
    """Children as lines: modules, after the first block of a run its rest, and what is too many."""
    spans: list[tuple[str, int, int, int]] = []  # the kind, from and to which child, how many
    at = 0
    while at < len(children):
        repeat = children[at].repeat if fold else None
        step = len(repeat.first) if repeat is not None else 1
        spans += [("module", place, place + 1, 1) for place in range(at, at + step)]
        if repeat is not None:
            end = at + len(repeat.members)
            spans.append(("same", at + step, end, repeat.count - 1))
            step = len(repeat.members)
        at += step
    if len(spans) > MOST_SIBLINGS:
        head, tail = spans[: MOST_SIBLINGS - 10], spans[-9:]
        start, end = head[-1][2], tail[0][1]
        spans = [*head, ("more", start, end, end - start), *tail]
    return [_Item(kind, children[start:end], count) for kind, start, end, count in spans]


def _readable_depth(table: list[Row], by_path: dict[str, Row], fold: bool) -> int:
    """The deepest level at which the outline still is a list that people read."""
    level, lines = table[:1], 1
    for depth in range(DEEPEST):
        below = [
            item for row in level for item in _items([by_path[path] for path in row.children], fold)
        ]
        lines += len(below)
        if not below or (lines > MOST_LINES and depth > 0):
            return depth
        level = [item.rows[0] for item in below if item.kind == "module"]
    return DEEPEST
