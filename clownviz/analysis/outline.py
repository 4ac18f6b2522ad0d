"""The tree as a person reads it: to a depth, repeated blocks once, never too long.

Every line says how much it adds to the model, so the lines of an outline always add up to the
whole, however much of the tree is folded away.
"""

from __future__ import annotations

from dataclasses import dataclass

from .modules import Row

__all__ = ["Line", "outline"]

MOST_LINES = 400
DEEPEST = 40
MOST_SIBLINGS = 60


@dataclass(slots=True)
class Line:
    """One line of an outline.

    Attributes:
        kind: "module"; "same" for the further blocks of a run; "more" for siblings left out.
        row: the module; of several the first.
        count: how many blocks or siblings the line stands for.
        closed: whether modules below this one are not shown.
        own, own_trainable, macs: what the line adds to the model's sums, with all it hides.
        guides: for each level whether the branch goes on below; the last is this line's own.
    """

    kind: str
    row: Row
    count: int
    closed: bool
    own: int
    own_trainable: int
    macs: int
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
    deepest = _readable_depth(table, fold) if depth is None else depth
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
    item: _Item, guides: tuple[bool, ...], opened: bool, sums: dict[str, tuple[int, int, int]]
) -> Line:
    row = item.rows[0]
    if opened:
        own, trainable, macs = row.own, row.own_trainable, row.own_macs
    else:
        own, trainable, macs = (sum(column) for column in zip(*(sums[r.path] for r in item.rows)))
    span = row.name if len(item.rows) == 1 else f"{row.name}…{item.rows[-1].name}"
    closed = bool(row.children) and not opened
    return Line(item.kind, row, item.count, closed, own, trainable, macs, guides, span)


def _sums(table: list[Row]) -> dict[str, tuple[int, int, int]]:
    sums = {row.path: [row.own, row.own_trainable, row.own_macs] for row in table}
    for row in reversed(table):
        if row.parent is not None:
            above = sums[row.parent]
            for at, value in enumerate(sums[row.path]):
                above[at] += value
    return {path: (own, trainable, macs) for path, (own, trainable, macs) in sums.items()}


def _items(children: list[Row], fold: bool) -> list[_Item]:
    """Children as lines: modules, after the first block of a run its rest, and what is too many."""
    items: list[_Item] = []
    at = 0
    while at < len(children):
        repeat = children[at].repeat if fold else None
        step = len(repeat.first) if repeat is not None else 1
        items += [_Item("module", [row]) for row in children[at : at + step]]
        if repeat is not None:
            rest = children[at + step : at + len(repeat.members)]
            items.append(_Item("same", rest, repeat.count - 1))
            step = len(repeat.members)
        at += step
    if len(items) > MOST_SIBLINGS:
        head, tail = items[: MOST_SIBLINGS - 10], items[-9:]
        middle = [row for item in items[len(head) : -len(tail)] for row in item.rows]
        items = [*head, _Item("more", middle, len(middle)), *tail]
    return items


def _readable_depth(table: list[Row], fold: bool) -> int:
    hidden: set[str] = set()
    at_depth: dict[int, int] = {}
    for row in table:
        if row.parent in hidden or (fold and row.like is not None):
            hidden.add(row.path)
            continue
        at_depth[row.depth] = at_depth.get(row.depth, 0) + 1
    total = 0
    for depth in sorted(at_depth):
        total += at_depth[depth]
        if depth > DEEPEST or (total > MOST_LINES and depth > 1):
            return depth - 1
    return max(at_depth, default=0)
